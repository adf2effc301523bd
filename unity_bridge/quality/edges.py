"""Whether the edges of the colour image lie where the masks say: the test for stale, ghosted or shifted images.

Along the borders of the masks the colour image has more contrast than beside them. So the mean contrast across all
border pixel pairs is compared with the same mean when the borders are moved by a few pixels in every direction. If it
is clearly higher at an offset of two pixels or more than in place, the image and the masks do not belong together.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

REACH_PX = 4
"""Largest offset that is tried."""
SAME_PLACE_PX = 1
"""Offsets up to this are the same place: the colour image is filtered over about a pixel."""
BORDER_BLOCKS_MIN = 14
"""Blocks with border below which there is too little to judge: a lone belt along a dark pillar lies beside a clearer
edge than its own."""
CONTRAST_MIN = 4.0
"""Mean contrast, of 255, below which neither place has an edge that could be judged."""
_CLIP = 64.0
"""Contrast counts up to this, so that a few glints don't decide."""
_BLOCK_PX = 8
"""Side of blocks whose pairs are taken as one sample: neighbouring border pixels are far from independent."""


@dataclass(frozen=True)
class EdgeAgreement:
    """How far the borders of the masks are from the edges of the image."""

    judged: bool
    """False where there is too little border, or too little contrast anywhere near it."""
    score: float
    """How clearly another place fits better than this one, in standard errors; at most 0 where this place is best."""
    offset_px: tuple[int, int]
    """Right and down, from the masks' borders to the best place that isn't theirs."""
    contrast_ratio: float = 1.0
    """Mean contrast of the image on the borders of the masks over that farther than a pixel from them."""


def _largest_change(differences: NDArray[np.int16]) -> NDArray[np.float32]:
    """(H, W) of (H, W, 3) differences: the largest of the three, up to `_CLIP`."""
    red, green, blue = (np.abs(differences[..., channel]) for channel in range(3))
    return np.minimum(np.maximum(np.maximum(red, green), blue), _CLIP).astype(np.float32)


def edge_agreement(image: NDArray[np.uint8], *ids: NDArray[np.integer]) -> EdgeAgreement:
    """Compare the borders of id images with the edges of a colour image.

    Args:
        image: (H, W, 3) uint8.
        ids: (H, W) each; a border is where any of them changes.
    """
    colors = image.astype(np.int16)
    contrast_x = _largest_change(np.diff(colors, axis=1))
    contrast_y = _largest_change(np.diff(colors, axis=0))
    border_x = np.any([np.diff(values.astype(np.int32), axis=1) != 0 for values in ids], axis=0)
    border_y = np.any([np.diff(values.astype(np.int32), axis=0) != 0 for values in ids], axis=0)
    r = REACH_PX
    rows_x, columns_x = _inside(border_x, r)
    rows_y, columns_y = _inside(border_y, r)
    count = len(rows_x) + len(rows_y)
    rows, columns = np.concatenate([rows_x, rows_y]), np.concatenate([columns_x, columns_y])
    blocks = (rows // _BLOCK_PX) * (image.shape[1] // _BLOCK_PX + 1) + columns // _BLOCK_PX
    named_blocks, block_of = np.unique(blocks, return_inverse=True)
    if len(named_blocks) < BORDER_BLOCKS_MIN:
        return EdgeAgreement(False, 0.0, (0, 0))
    samples = np.zeros((2 * r + 1, 2 * r + 1, len(named_blocks)))
    for dy in range(-r, r + 1):
        for dx in range(-r, r + 1):
            contrast = np.concatenate(
                [contrast_x[rows_x + dy, columns_x + dx], contrast_y[rows_y + dy, columns_y + dx]]
            )
            samples[dy + r, dx + r] = np.bincount(block_of, contrast, samples.shape[2])
    sizes = np.bincount(block_of, minlength=samples.shape[2])
    means = samples.sum(axis=2) / count
    near = slice(r - SAME_PLACE_PX, r + SAME_PLACE_PX + 1)
    near_best = np.unravel_index(int(means[near, near].argmax()), (2 * SAME_PLACE_PX + 1,) * 2)
    here = (int(near_best[0]) + r - SAME_PLACE_PX, int(near_best[1]) + r - SAME_PLACE_PX)
    elsewhere = means.copy()
    elsewhere[near, near] = -1
    there = np.unravel_index(int(elsewhere.argmax()), means.shape)
    if max(means[here], means[there]) < CONTRAST_MIN:
        return EdgeAgreement(False, 0.0, (0, 0))
    difference = samples[there] - samples[here]
    gain = float(difference.sum() / count)
    spread = difference - gain * sizes
    error = float(np.sqrt((spread**2).sum())) / count + 1e-6  # ratio estimator over blocks
    away = np.concatenate([contrast_x[_far_from(border_x)], contrast_y[_far_from(border_y)]])
    ratio = float(means[here] / max(float(away.mean()), 1e-3)) if len(away) else 1.0
    return EdgeAgreement(True, gain / error, (int(there[1]) - r, int(there[0]) - r), ratio)


def _far_from(border: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return cv2.dilate(border.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0


def _inside(border: NDArray[np.bool_], reach: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Border places from which every offset stays in the image."""
    inner = np.zeros_like(border)
    if min(border.shape) > 2 * reach:
        inner[reach:-reach, reach:-reach] = border[reach:-reach, reach:-reach]
    rows, columns = np.nonzero(inner)
    return rows, columns
