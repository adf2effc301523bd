"""Pictures of an explanation: maps as heat over a darkened image, what a model predicts as a line around it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from training.tasks.task import ByteArray

_HEAT = cv2.COLORMAP_INFERNO
_BASE_SHARE = 0.5
"""Of the image's grey, left where a map is 0."""
_CLIPPED_SHARE = 0.005
"""Of pixels that a map shows as its highest: gradients have a few that dwarf all others."""
_LINE = (120, 230, 255)


def strength(values: npt.NDArray[np.floating], *, clip: bool) -> npt.NDArray[np.float32]:
    """A map's numbers from 0 to 1.

    Args:
        values: (H, W), at least 0.
        clip: Whether the highest few are shown alike; else the largest is 1.
    """
    top = float(np.quantile(values, 1 - _CLIPPED_SHARE)) if clip else 0.0
    top = top or float(values.max())
    scaled = values / top if top > 0 else np.zeros_like(values)
    return np.asarray(scaled.clip(0, 1), dtype=np.float32)


def heat_over(
    image: ByteArray, shares: npt.NDArray[np.float32], predicted: npt.NDArray[np.bool_], scale: int
) -> ByteArray:
    """A map over an image, and a line around what is predicted.

    Args:
        image: (H, W, 3) uint8 sRGB.
        shares: (H, W) float32, 0 to 1.
        predicted: (H, W) bool.
        scale: How many times larger it is drawn.

    Returns:
        (H * scale, W * scale, 3) uint8 sRGB.
    """
    height, width = predicted.shape
    size = (width * scale, height * scale)
    grey = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), cv2.COLOR_RGB2GRAY)
    large = cv2.resize(shares, size, interpolation=cv2.INTER_NEAREST)[..., None]
    drawn = grey[..., None] * (_BASE_SHARE * (1 - large)) + heat(large[..., 0]) * np.sqrt(large)
    inside = cv2.resize(predicted.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    drawn[cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0] = _LINE
    return np.asarray(drawn.clip(0, 255), dtype=np.uint8)


def heat(shares: npt.NDArray[np.float32]) -> ByteArray:
    """Colours, (H, W, 3) uint8 sRGB, of shares from 0 to 1, (H, W): dark, red, yellow, light."""
    levels = np.asarray(np.rint(shares * 255), dtype=np.uint8)
    return np.asarray(cv2.applyColorMap(levels, _HEAT)[..., ::-1])


def png(picture: ByteArray) -> bytes:
    """A picture (H, W, 3) uint8 sRGB as PNG."""
    _, data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
    return data.tobytes()
