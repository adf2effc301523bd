"""The camera's traces are in the colour image alone, and a squeeze is in everything."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from contracts.camera import Camera
from contracts.frame_spec import FrameSpec
from contracts.ids import digest_of
from contracts.sensor import SensorEffects
from tests.player_frames import LOOK_ALONG_X, street_frame
from tests.player_rendering import picture, renderer
from unity_bridge.quality.edges import edge_agreement
from unity_bridge.scenes.composition import intrinsics


def rendered(spec: FrameSpec, assets: Path, folder: Path) -> dict[str, object]:
    """The sidecar of a frame as written."""
    folder.mkdir()
    renderer().render(spec, digest_of(b"spec"), assets, folder)
    return json.loads((folder / "sidecar.json").read_bytes())


@pytest.mark.parametrize(
    "effects",
    [
        {"vignetting_stops": 1.5},
        {"defocus_sigma_px": 1.0},
        {"motion_blur_px": 4.0, "motion_blur_angle_deg": 30.0},
        {"iso_gain": 16.0},
        {"contrast": 1.6},
        {"sharpening_amount": 1.0},
        {"jpeg_quality": 40},
    ],
    ids=lambda effects: next(iter(effects)),
)
def test_an_effect_changes_the_colour_file_and_no_other(effects: dict[str, float], tmp_path: Path) -> None:
    scene = street_frame(size=(48, 48), samples=4)
    assets = scene.write_assets(tmp_path / "assets")
    sensor = SensorEffects.model_validate(effects)
    plain = rendered(scene.spec, assets, tmp_path / "plain")
    seen = rendered(scene.spec.model_copy(update={"sensor": sensor}), assets, tmp_path / "seen")
    assert {role for role in plain["files"] if plain["files"][role] != seen["files"][role]} == {"image"}
    assert SensorEffects.model_validate(seen["sensor"]) == sensor
    assert (seen["instances"], seen["camera"]) == (plain["instances"], plain["camera"])


def test_the_same_spec_has_the_same_noise(tmp_path: Path) -> None:
    scene = street_frame(size=(32, 32), samples=1)
    assets = scene.write_assets(tmp_path / "assets")
    spec = scene.spec.model_copy(update={"sensor": SensorEffects(iso_gain=16)})
    first, again = (rendered(spec, assets, tmp_path / name)["files"] for name in ("first", "again"))
    assert first == again


def test_a_squeeze_is_in_picture_masks_and_depth_alike(tmp_path: Path) -> None:
    """Seen through a camera of 4:3 and scaled to a square, and through a squeezed square camera, is the same."""

    def seen_by(width: int, squeeze: float):  # type: ignore[no-untyped-def]
        camera = Camera(
            width_px=width,
            height_px=96,
            K=intrinsics(width, 96, 80.0, squeeze=squeeze),
            world_from_camera=LOOK_ALONG_X,
        )
        return picture(street_frame(samples=32, camera=camera), tmp_path)

    wide, wide_masks = seen_by(128, 1.0)
    image, masks = seen_by(96, 0.75)
    # Columns whose centres lie within a third of a pixel of each other: every fourth of the wide picture.
    columns = np.arange(1, 96, 3)
    partners = (columns * 4) // 3
    agree = masks.labels[:, columns] == wide_masks.labels[:, partners]
    assert agree.mean() > 0.97
    difference = np.abs(image[:, columns].astype(float) - wide[:, partners])
    assert np.median(difference) < 6
    found = edge_agreement(image, masks.labels, masks.instances)
    assert found.judged
    assert found.score < 0
