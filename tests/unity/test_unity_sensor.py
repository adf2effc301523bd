"""What lens, sensor and camera leave in a picture, in C#, held against the embedded player's."""

from __future__ import annotations

import base64
import json
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.camera import Camera
from contracts.sensor import SensorEffects
from tests.player_frames import street_frame
from tests.unity.mono_core import MonoCore
from unity_bridge.embedded.sensor import expose, noise_variance, process

SIZE_PX = (70, 50)
LENS = [-0.2, 0.05, 0.001, -0.002, 0.0]


def spec_with(effects: dict[str, Any], size_px: tuple[int, int] = SIZE_PX) -> dict[str, Any]:
    """A spec whose camera has a lens, with these effects."""
    spec = json.loads(street_frame(size=size_px).text)
    spec["camera"]["distortion"] = LENS
    return spec | {"sensor": SensorEffects(**effects).model_dump(mode="json")}


def light(size_px: tuple[int, int] = SIZE_PX) -> NDArray[np.float32]:
    """(H, W, 3) linear light: smooth, with edges and glints."""
    rng = np.random.default_rng(2)
    image = cv2.resize(rng.random((6, 8, 3), np.float32), size_px, interpolation=cv2.INTER_CUBIC).clip(0)
    image[10:20, 15:40] = (0.9, 0.2, 0.05)
    image[rng.random(image.shape[:2]) < 0.01] = 4.0
    return np.ascontiguousarray(image, np.float32)


def encoded(size_px: tuple[int, int] = SIZE_PX) -> NDArray[np.uint8]:
    return np.rint(light(size_px).clip(0, 1) * 255).astype(np.uint8)


@pytest.mark.parametrize(
    "effects",
    [
        {},
        {"vignetting_stops": 2.5},
        {"defocus_sigma_px": 0.3},
        {"defocus_sigma_px": 1.7},
        {"motion_blur_px": 3.4, "motion_blur_angle_deg": 33.0},
        {"motion_blur_px": 0.8, "motion_blur_angle_deg": -90.0},
        {"monochrome": True},
        {"vignetting_stops": 0.4, "defocus_sigma_px": 0.6, "motion_blur_px": 1.5, "monochrome": True},
    ],
    ids=lambda effects: "+".join(effects) or "none",
)
def test_light_is_exposed_as_by_the_embedded_player(core: MonoCore, effects: dict[str, Any]) -> None:
    spec = spec_with(effects)
    there = expose(light(), Camera.model_validate(spec["camera"]), SensorEffects(**effects), 0)
    answer = core.ask("expose", json.dumps(spec), light().tobytes())
    here = np.frombuffer(base64.b64decode(answer), "<f4").reshape(there.shape)
    assert np.abs(here - there).max() < 2e-5


@pytest.mark.parametrize("monochrome", [False, True])
def test_noise_has_the_variance_of_the_embedded_player_and_is_repeated_by_its_seed(
    core: MonoCore, monochrome: bool
) -> None:
    size_px = (300, 200)
    effects = {"iso_gain": 8.0, "full_well_electrons": 20000.0, "read_noise_electrons": 5.0, "monochrome": monochrome}
    spec = spec_with(effects, size_px)
    flat = np.full((200, 300, 3), 0.3, np.float32)
    flat[:100] = 0.0
    draws = []
    for seed in (4, 4, 5):
        spec["render"]["seed"] = seed
        answer = core.ask("expose", json.dumps(spec), flat.tobytes())
        draws.append(np.frombuffer(base64.b64decode(answer), "<f4").reshape(flat.shape) - flat)
    assert np.array_equal(draws[0], draws[1])
    assert abs(np.corrcoef(draws[0].ravel(), draws[2].ravel())[0, 1]) < 0.02
    for half in (slice(0, 100), slice(100, 200)):
        wanted = float(noise_variance(flat[half][:1, :1], SensorEffects(**effects)).ravel()[0])
        noise = draws[0][half]
        assert noise.var() == pytest.approx(wanted, rel=0.03)
        assert abs(noise.mean()) < 4 * np.sqrt(wanted / (noise.size / 3))
        assert np.abs(np.diff(noise, axis=2)).max() == 0 if monochrome else np.ptp(np.diff(noise, axis=2)) > 0


@pytest.mark.parametrize(
    "effects",
    [
        {"contrast": 1.6},
        {"contrast": 0.6},
        {"sharpening_amount": 1.2, "sharpening_sigma_px": 0.8},
        {"contrast": 1.2, "sharpening_amount": 0.4, "sharpening_sigma_px": 3.0},
    ],
    ids=lambda effects: "+".join(effects),
)
def test_pictures_are_processed_as_by_the_embedded_player(core: MonoCore, effects: dict[str, Any]) -> None:
    there = process(encoded(), SensorEffects(**effects))
    answer = core.ask("process", json.dumps(spec_with(effects)), encoded().tobytes())
    here = np.frombuffer(base64.b64decode(answer), np.uint8).reshape(there.shape)
    assert np.abs(here.astype(int) - there).max() <= 1
    assert (here != there).mean() < 0.01


@pytest.mark.parametrize("quality", [30, 60, 85, 95, 99])
@pytest.mark.parametrize("size_px", [(64, 48), (70, 50), (35, 33)], ids=str)
def test_jpeg_leaves_what_it_leaves_of_the_embedded_players_pictures(
    core: MonoCore, quality: int, size_px: tuple[int, int]
) -> None:
    """The codec reckons with whole numbers, this one with fractions: a coefficient at the edge of a step falls to
    either side of it, so pictures differ by little, seldom and evenly."""
    there = process(encoded(size_px), SensorEffects(jpeg_quality=quality)).astype(int)
    answer = core.ask("process", json.dumps(spec_with({"jpeg_quality": quality}, size_px)), encoded(size_px).tobytes())
    here = np.frombuffer(base64.b64decode(answer), np.uint8).reshape(there.shape).astype(int)
    apart = np.abs(here - there)
    lost = np.abs(encoded(size_px).astype(int) - there).mean()
    assert apart.mean() < min(0.7, 0.2 * lost)
    assert np.quantile(apart, 0.99) <= 10
    assert np.abs((here - there).mean(axis=(0, 1))).max() < 0.12
