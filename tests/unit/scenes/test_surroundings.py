"""Surroundings: environments are light of mean luminance 1, files are readable by others, textures lie in range."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError, IntegrityError
from unity_bridge.scenes.surroundings import scenery
from unity_bridge.scenes.surroundings.environments import ENVIRONMENTS, environment_image
from unity_bridge.scenes.surroundings.radiance import encode_radiance
from unity_bridge.scenes.surroundings.textures import (
    GROUNDS,
    WALLS,
    ground_texture,
    muted_color,
    noise,
    png_of,
    wall_texture,
)


def random(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind", ENVIRONMENTS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_environments_have_mean_luminance_one_and_repeat(kind: str, seed: int) -> None:
    image = environment_image(kind, random(seed))
    assert image.shape == (384, 768, 3)
    assert image.dtype == np.float32
    elevation = np.pi / 2 - (np.arange(384) + 0.5) / 384 * np.pi
    luminance = image @ np.array([0.2126, 0.7152, 0.0722])
    assert np.average(luminance.mean(axis=1), weights=np.cos(elevation)) == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_array_equal(image, environment_image(kind, random(seed)))
    assert not np.array_equal(image, environment_image(kind, random(seed + 10)))


def test_the_sky_is_above() -> None:
    brighter = [
        environment_image("sky", random(seed))[:60].mean() > environment_image("sky", random(seed))[-60:].mean()
        for seed in range(8)
    ]
    assert all(brighter)


def test_the_busy_environment_is_busy_everywhere() -> None:
    image = environment_image("busy", random(3)).mean(axis=2)
    blocks = image.reshape(8, 48, 8, 96).std(axis=(1, 3)) / image.reshape(8, 48, 8, 96).mean(axis=(1, 3))
    assert (blocks > 0.05).mean() > 0.9


@pytest.mark.parametrize("width", [8, 200, 512])
def test_another_program_reads_the_radiance_file(width: int) -> None:
    image = (random().random((7, width, 3)) ** 6 * 900).astype(np.float32)
    image[0, :2] = 0.0
    read = cv2.imdecode(np.frombuffer(encode_radiance(image), np.uint8), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert (np.abs(read - image) <= image.max(axis=2, keepdims=True) / 120 + 1e-6).all()


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4, 3)), np.zeros((4, 16)), np.full((4, 16, 3), -1.0), np.full((4, 16, 3), np.nan)]
)
def test_what_is_no_light_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(IntegrityError):
        encode_radiance(bad.astype(np.float32))


@pytest.mark.parametrize("kind", GROUNDS)
def test_grounds_are_reflectances(kind: str) -> None:
    image = ground_texture(kind, random())
    assert image.shape == (256, 256, 3)
    assert 0 <= image.min() <= image.max() <= 0.9
    decoded = cv2.imdecode(np.frombuffer(png_of(image), np.uint8), cv2.IMREAD_COLOR)[..., ::-1] / 255.0
    linear = np.where(decoded <= 0.04045, decoded / 12.92, ((decoded + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(linear, image, atol=0.006)


@pytest.mark.parametrize("kind", WALLS)
@pytest.mark.parametrize("seed", range(4))
def test_walls_are_reflectances(kind: str, seed: int) -> None:
    image = wall_texture(kind, random(seed))
    assert 0 < image.min() <= image.max() <= 0.9
    assert image.std() > 0.005


@given(st.integers(0, 2**32), st.floats(0, 0.4), st.floats(0.4, 1))
def test_muted_colors_keep_their_level(seed: int, low: float, high: float) -> None:
    color = muted_color(random(seed), low, high)
    assert low - 1e-6 <= color.max() <= high + 1e-6
    assert color.min() >= 0


def test_most_muted_colors_are_nearly_grey() -> None:
    colors = np.array([muted_color(random(seed), 0.3, 0.6) for seed in range(300)])
    saturation = 1 - colors.min(axis=1) / colors.max(axis=1)
    assert np.median(saturation) < 0.15
    assert saturation.max() > 0.3


@pytest.mark.parametrize("tile_m", [scenery.WALL_TILE_M, (20.0, 5.0)])
def test_a_walls_picture_covers_its_tile_from_the_ground_up(tile_m: tuple[float, float]) -> None:
    face = scenery.wall(20.0, 5.0, tile_m).part("face")
    assert face.uvs is not None
    across, up = np.ptp(face.vertices[:, 1]), np.ptp(face.vertices[:, 2])
    np.testing.assert_allclose(np.ptp(face.uvs, axis=0), [across / tile_m[0], up / tile_m[1]], rtol=1e-5)
    np.testing.assert_allclose(face.uvs[face.vertices[:, 2] == 0, 1], 1.0)


def test_noise_repeats_at_its_borders() -> None:
    field = noise(random(), 64, 128, 4)
    assert np.abs(field[:, 0] - field[:, -1]).mean() < 2.5 * np.abs(np.diff(field, axis=1)).mean()


def test_unknown_kinds_name_the_nearest() -> None:
    for make, word in ((environment_image, "stduio"), (ground_texture, "asfalt"), (wall_texture, "brick")):
        with pytest.raises(ConfigurationError, match=r"studio|asphalt|bricks"):
            make(word, random())


def test_everything_stands_within_one_box() -> None:
    low, high = scenery.ground().bounds
    assert high[2] == scenery.SCENE_TOP_M
    for kind in scenery.CLUTTER:
        for seed in range(5):
            bounds = scenery.clutter(kind, random(seed)).bounds
            assert bounds[0, 2] >= -1e-6
            assert bounds[1, 2] < high[2]
    assert scenery.wall(30, 8).bounds[1, 2] < high[2]
    assert (low[:2] < -80).all()
