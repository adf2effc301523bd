"""The calibrated camera: intrinsics, distortion, pose."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.document import Document
from contracts.errors import ConfigurationError

MINIMUM_SIDE_PX = 16
MAXIMUM_SIDE_PX = 8192

SidePx = Annotated[int, Field(ge=MINIMUM_SIDE_PX, le=MAXIMUM_SIDE_PX)]
"""A side of an image in pixels."""

SizeText = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$")]
"""`WxH`: width and height of an image in pixels."""

Vector3 = tuple[float, float, float]
Matrix3 = tuple[Vector3, Vector3, Vector3]
Vector4 = tuple[float, float, float, float]
Matrix4 = tuple[Vector4, Vector4, Vector4, Vector4]


class Camera(Document):
    """A pinhole camera with Brown-Conrady distortion (OpenCV's convention: x right, y down, z forward)."""

    width_px: SidePx
    """Image width."""
    height_px: SidePx
    """Image height."""
    K: Matrix3
    """Rows of the intrinsic matrix in pixels; the origin is the corner of the top left pixel, so that its centre is
    (0.5, 0.5)."""
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    """k1, k2, p1, p2, k3."""
    world_from_camera: Matrix4
    """Rows of the pose: camera coordinates to world coordinates, in metres."""


class Exposure(Document):
    """How scene light becomes pixel values: luminance x white balance / (1.2 x 2^ev100), tone mapped, sRGB encoded."""

    ev100: Annotated[float, Field(ge=-10, le=25)]
    """Exposure value at ISO 100: a luminance of 1.2 x 2^ev100 cd/m2 saturates a linear sensor (ISO 12232)."""
    white_balance_gains: tuple[
        Annotated[float, Field(gt=0, le=16)], Annotated[float, Field(gt=0, le=16)], Annotated[float, Field(gt=0, le=16)]
    ] = (1.0, 1.0, 1.0)
    """Multipliers of linear red, green and blue."""


def size_of(text: SizeText | None) -> tuple[SidePx, SidePx] | None:
    """Width and height in pixels; none where none are said.

    Raises:
        ConfigurationError: No image of that size can be rendered (`invalid_size`).
    """
    if text is None:
        return None
    width, height = (int(side) for side in text.split("x"))
    if not all(MINIMUM_SIDE_PX <= side <= MAXIMUM_SIDE_PX for side in (width, height)):
        raise ConfigurationError(
            f"size: {text} can't be rendered",
            code="invalid_size",
            hint=f"each side has {MINIMUM_SIDE_PX} to {MAXIMUM_SIDE_PX} pixels",
        )
    return width, height
