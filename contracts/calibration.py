"""A real camera's calibration, which synthetic images take over: intrinsics, distortion, and where the camera stands.

Files come in our own form, or in the one that ROS' `camera_calibration` writes (`camera_info`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from contracts.camera import Matrix3, Matrix4, SidePx
from contracts.document import Document, read_file, read_yaml, validate
from contracts.errors import ConfigurationError

Zero = Annotated[float, Field(ge=0, le=0)]
One = Annotated[float, Field(ge=1, le=1)]
Focal = Annotated[float, Field(gt=0)]
Intrinsics = tuple[tuple[Focal, Zero, float], tuple[Zero, Focal, float], tuple[Zero, Zero, One]]

_ROTATION_TOLERANCE = 1e-4
"""Of each element of R R^T: files are written with few digits."""


class Calibration(Document):
    """What a calibration of a camera found."""

    size: tuple[SidePx, SidePx]
    """Width and height in pixels of the pictures that it was calibrated with."""
    K: Intrinsics
    """Rows of the intrinsic matrix in pixels of those pictures, without skew."""
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    """Brown-Conrady, as OpenCV orders it: k1, k2, p1, p2, k3."""
    pixel_origin: Literal["center", "corner"] = "center"
    """Where pixel coordinates begin: in the centre of the top left pixel, as with OpenCV and ROS, or in its corner."""
    world_from_camera: Matrix4 | None = None
    """Rows of the camera's pose in the scene's frame, metres (camera: x right, y down, z forward); where there is none,
    the generator's randomizers place the camera."""

    @model_validator(mode="after")
    def _rigid(self) -> Calibration:
        if self.world_from_camera is not None and not _is_rigid(self.world_from_camera):
            raise ValueError("world_from_camera is no rotation and translation, with 0, 0, 0, 1 as the last row")
        return self

    @property
    def horizontal_fov_deg(self) -> float:
        """Angle between the left and the right edge of the undistorted picture."""
        (focal_px, _, center_px), _, _ = self._corner_intrinsics()
        left, right = math.atan(center_px / focal_px), math.atan((self.size[0] - center_px) / focal_px)
        return math.degrees(left + right)

    @property
    def squeeze(self) -> float:
        """Focal length across over focal length down, in pixels."""
        return self.K[0][0] / self.K[1][1]

    def fits(self, size: tuple[int, int]) -> bool:
        """Whether pictures of a size are those of the calibration scaled, to the pixel."""
        return abs(size[1] - size[0] * self.size[1] / self.size[0]) <= 1

    def intrinsics_for(self, size: tuple[int, int]) -> Matrix3:
        """Rows of the intrinsic matrix for pictures of another size; pixel coordinates begin in the corner."""
        across, down = size[0] / self.size[0], size[1] / self.size[1]
        (fx, _, cx), (_, fy, cy), _ = self._corner_intrinsics()
        return ((fx * across, 0.0, cx * across), (0.0, fy * down, cy * down), (0.0, 0.0, 1.0))

    def _corner_intrinsics(self) -> Matrix3:
        (fx, _, cx), (_, fy, cy), _ = self.K
        shift = 0.5 if self.pixel_origin == "center" else 0.0
        return ((fx, 0.0, cx + shift), (0.0, fy, cy + shift), (0.0, 0.0, 1.0))


def read_calibration(path: Path) -> Calibration:
    """Read a calibration file, in either form.

    Raises:
        NotFoundError: There is no such file.
        ConfigurationError: It is not a calibration; every fault with line and field.
    """
    value, lines = read_yaml(read_file(path), str(path))
    if isinstance(value, Mapping) and "camera_matrix" in value:
        return validate(Calibration, _of_camera_info(value, str(path)), source=str(path))
    return validate(Calibration, value, source=str(path), lines=lines)


def _of_camera_info(value: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Our form of a ROS `camera_info` file."""
    model = value.get("distortion_model", "plumb_bob")
    if model != "plumb_bob":
        raise ConfigurationError(
            f"{source}: distortion_model: '{model}' is not known here",
            hint="calibrate with plumb_bob, which has k1, k2, p1, p2, k3",
        )
    numbers = _data(value, "camera_matrix", 9, source)
    return {
        "size": [value.get("image_width"), value.get("image_height")],
        "K": [numbers[0:3], numbers[3:6], numbers[6:9]],
        "distortion": _data(value, "distortion_coefficients", 5, source),
    }


def _data(value: Mapping[str, Any], name: str, count: int, source: str) -> list[Any]:
    matrix = value.get(name)
    data = matrix.get("data") if isinstance(matrix, Mapping) else None
    if not isinstance(data, list) or len(data) != count:
        raise ConfigurationError(
            f"{source}: {name}.data: a list of {count} numbers is needed", hint="as ROS' camera_calibration writes it"
        )
    return data


def _is_rigid(pose: Matrix4) -> bool:
    rows = [row[:3] for row in pose[:3]]
    dots = [[sum(a * b for a, b in zip(first, second, strict=True)) for second in rows] for first in rows]
    square = all(abs(dots[i][j] - (i == j)) < _ROTATION_TOLERANCE for i in range(3) for j in range(3))
    (a, b, c), (d, e, f), (g, h, i) = rows
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return square and determinant > 0 and pose[3] == (0.0, 0.0, 0.0, 1.0)
