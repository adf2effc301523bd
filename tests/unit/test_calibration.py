"""Calibration files: both forms, what they become in a generator and in a frame, and what is refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import generator_configs
from contracts.calibration import Calibration, read_calibration
from contracts.errors import BeltlineError, ConfigurationError, NotFoundError
from contracts.generator import load_generator, resolve_generator
from unity_bridge.sampling import sample_frame
from unity_bridge.scenes.families import compose

SHIPPED = Path(str(generator_configs.__file__)).parent
OWN = {
    "size": [1280, 960],
    "K": [[900.0, 0, 652.3], [0, 903.5, 471.8], [0, 0, 1]],
    "distortion": [-0.31, 0.11, 0.0007, -0.0012, 0.01],
}
ROS = {
    "image_width": 1280,
    "image_height": 960,
    "camera_name": "cabin",
    "camera_matrix": {"rows": 3, "cols": 3, "data": [900.0, 0.0, 652.3, 0.0, 903.5, 471.8, 0.0, 0.0, 1.0]},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [-0.31, 0.11, 0.0007, -0.0012, 0.01]},
}
POSE = [[0, 0, 1, 2.5], [-1, 0, 0, 0.1], [0, -1, 0, 0.9], [0, 0, 0, 1]]


def written(path: Path, value: object) -> Path:
    path.write_text(yaml.safe_dump(value, default_flow_style=None))
    return path


def generator(folder: Path, calibration: object, *, size: tuple[int, int] = (64, 48), base: str = "exterior") -> Path:
    camera = {"size": list(size), "calibration": calibration}
    return written(
        folder / "calibrated.yaml", {"schema_version": 1, "name": "calibrated", "extends": base, "camera": camera}
    )


def test_both_forms_of_a_file_say_the_same(tmp_path: Path) -> None:
    own = read_calibration(written(tmp_path / "own.yaml", OWN))
    assert own == read_calibration(written(tmp_path / "ros.yaml", ROS))
    assert own.size == (1280, 960)


@given(
    st.tuples(st.floats(-0.5, 0.5), st.floats(-0.4, 0.4), st.floats(1, 5)),
    st.sampled_from([(1280, 960), (320, 240), (64, 48), (2560, 1920)]),
)
def test_a_point_lands_where_opencv_puts_it_in_the_picture_scaled(
    point: tuple[float, float, float], size: tuple[int, int]
) -> None:
    calibration = Calibration.model_validate(OWN, strict=False)
    zero = np.zeros(3)
    pixels, _ = cv2.projectPoints(
        np.array([point]), zero, zero, np.array(calibration.K), np.array(calibration.distortion)
    )
    ours, _ = cv2.projectPoints(
        np.array([point]), zero, zero, np.array(calibration.intrinsics_for(size)), np.array(calibration.distortion)
    )
    # OpenCV's pixel 0 has its centre at 0, ours at 0.5.
    assert np.allclose(ours.ravel(), (pixels.ravel() + 0.5) * size[0] / 1280, atol=1e-6)


def test_corners_and_centres_differ_by_half_a_pixel() -> None:
    center = Calibration.model_validate(OWN, strict=False)
    corner = center.model_copy(update={"pixel_origin": "corner"})
    difference = np.array(center.intrinsics_for((1280, 960))) - np.array(corner.intrinsics_for((1280, 960)))
    assert difference.tolist() == [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]]


def test_the_digest_is_of_the_values_and_not_of_the_files_place(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        written(folder / f"{name}.yaml", OWN)
        digests.add(load_generator(str(generator(folder, f"{name}.yaml")), SHIPPED).digest())
    inline = load_generator(str(generator(tmp_path, OWN)), SHIPPED)
    assert digests == {inline.digest()}
    assert (
        inline.digest() != load_generator(str(generator(tmp_path, {**OWN, "pixel_origin": "corner"})), SHIPPED).digest()
    )


def test_a_calibration_is_inherited_from_where_its_file_lies(tmp_path: Path) -> None:
    written(tmp_path / "camera.yaml", ROS)
    generator(tmp_path, "camera.yaml")
    heir = {"schema_version": 1, "name": "heir", "extends": "calibrated", "camera": {"size": [32, 24]}}
    found = load_generator(str(written(tmp_path / "heir.yaml", heir)), SHIPPED)
    assert found.camera.calibration == read_calibration(tmp_path / "camera.yaml")


@pytest.mark.parametrize("base", ["exterior", "belt-g3"])
@pytest.mark.parametrize("pose", [None, POSE])
def test_every_frame_has_the_calibrated_camera(tmp_path: Path, base: str, pose: list[list[float]] | None) -> None:
    stated = OWN if pose is None else {**OWN, "world_from_camera": pose}
    path = generator(tmp_path, stated, base=base)
    calibrated = load_generator(str(path), SHIPPED, overrides=_without_occupant(base))
    plain = load_generator(base, SHIPPED, size=(64, 48), overrides=_without_occupant(base))
    frame, without = (compose(sample_frame(item, 1, 0)).spec.camera for item in (calibrated, plain))
    assert calibrated.camera.calibration is not None
    assert calibrated.camera.calibration.intrinsics_for((64, 48)) == frame.K
    assert frame.distortion == calibrated.camera.calibration.distortion
    assert frame.world_from_camera != without.world_from_camera or base == "belt-g3"
    if pose is not None:
        assert [list(row) for row in frame.world_from_camera] == pose


def _without_occupant(base: str) -> dict[str, object]:
    return {"randomizers.occupancy.of": {"belted": 1e-9, "unbelted": 1e-9, "empty": 1}} if base == "belt-g3" else {}


def test_a_calibration_changes_no_draw(tmp_path: Path) -> None:
    calibrated = load_generator(str(generator(tmp_path, OWN)), SHIPPED)
    plain = load_generator("exterior", SHIPPED)
    assert sample_frame(calibrated, 3, 5).values == sample_frame(plain, 3, 5).values


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({**OWN, "K": [[900.0, 1.5, 650], [0, 900, 480], [0, 0, 1]]}, "K"),
        ({**OWN, "K": [[-900.0, 0, 650], [0, 900, 480], [0, 0, 1]]}, "K"),
        ({**OWN, "size": [1280, 1]}, "size"),
        ({**OWN, "world_from_camera": [[2, 0, 0, 0], *POSE[1:]]}, "no rotation"),
        ({**OWN, "focal": 3}, "unknown field 'focal'"),
        ({**ROS, "distortion_model": "rational_polynomial"}, "rational_polynomial"),
        ({**ROS, "camera_matrix": {"data": [1, 2, 3]}}, "camera_matrix.data"),
        ({**ROS, "image_width": None}, "size"),
        ([1, 2], "camera.yaml"),
    ],
)
def test_what_is_no_calibration_is_refused_with_its_place(tmp_path: Path, stated: object, said: str) -> None:
    written(tmp_path / "camera.yaml", stated)
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_generator(str(generator(tmp_path, "camera.yaml")), SHIPPED)
    assert "camera.yaml" in caught.value.message


def test_a_missing_file_and_another_shape_of_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"none\.yaml"):
        load_generator(str(generator(tmp_path, "none.yaml")), SHIPPED)
    with pytest.raises(ConfigurationError, match="64x64 is not the calibration's 1280x960 scaled; 64x48 would be"):
        load_generator(str(generator(tmp_path, OWN, size=(64, 64))), SHIPPED)


def test_a_request_gives_the_values_and_no_path() -> None:
    request = {"schema_version": 1, "name": "mine", "extends": "exterior", "camera": {"size": [64, 48]}}
    with pytest.raises(BeltlineError, match="calibration"):
        resolve_generator({**request, "camera": {"size": [64, 48], "calibration": "/etc/passwd"}}, SHIPPED)
    given_values = resolve_generator({**request, "camera": {"size": [64, 48], "calibration": OWN}}, SHIPPED)
    assert given_values.camera.calibration is not None
