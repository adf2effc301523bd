"""Boundaries of classes, and how many of their pixels lie near the other map's: what the boundary F-score is made of.

Csurka et al. (2013), "What is a good evaluation measure for semantic segmentation?": a boundary pixel is matched where
the other map has a boundary pixel of the same class within a tolerance of 0.75 % of the image's diagonal.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from contracts.frame_spec import IGNORE_ID

ByteArray = npt.NDArray[np.uint8]
TOLERANCE_OF_DIAGONAL = 0.0075
PREDICTED, PREDICTED_MATCHED, TRUE, TRUE_MATCHED = range(4)
"""Columns of a class's counts."""


def tolerance_px(height: int, width: int) -> int:
    """Largest distance of a match, in whole pixels, at least one."""
    return max(1, round(TOLERANCE_OF_DIAGONAL * float(np.hypot(height, width))))


def edges(labels: ByteArray) -> npt.NDArray[np.bool_]:
    """Pixels with one of the four neighbours of another id; 255 is no id, and the image's border no boundary.

    Args:
        labels: (B, H, W) uint8.
    """
    found = np.zeros(labels.shape, dtype=bool)
    for here, there in (
        (labels[:, 1:], labels[:, :-1]),
        (labels[:, :, 1:], labels[:, :, :-1]),
    ):
        differs = (here != there) & (here != IGNORE_ID) & (there != IGNORE_ID)
        if here.shape[1] != labels.shape[1]:
            found[:, 1:] |= differs
            found[:, :-1] |= differs
        else:
            found[:, :, 1:] |= differs
            found[:, :, :-1] |= differs
    return found


def boundary_counts(
    predictions: ByteArray, targets: ByteArray, classes: int, within_px: int | None = None
) -> npt.NDArray[np.int64]:
    """Boundary pixels of each image and class, and those of them that are matched.

    Args:
        predictions: (B, H, W) uint8 class ids.
        targets: (B, H, W) uint8 class ids, 255 ignore; what is predicted there, and boundaries to it, don't count.
        classes: Ids from 1 to this.
        within_px: Tolerance; none is 0.75 % of the diagonal.

    Returns:
        (B, classes, 4) int64: predicted, of those matched, true, of those matched.
    """
    height, width = targets.shape[1:]
    radius = tolerance_px(height, width) if within_px is None else within_px
    rows, columns = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disc = (rows**2 + columns**2 <= radius**2).astype(np.uint8)
    predicted = np.where(targets == IGNORE_ID, IGNORE_ID, predictions).astype(np.uint8)
    of_both = [np.where(edges(labels), labels, 0) for labels in (predicted, targets)]
    counts = np.zeros((len(targets), classes, 4), dtype=np.int64)
    for image in range(len(targets)):
        for number in range(1, classes + 1):
            mine, theirs = ((labels[image] == number).astype(np.uint8) for labels in of_both)
            counts[image, number - 1] = (
                mine.sum(),
                (mine & cv2.dilate(theirs, disc)).sum() if mine.any() and theirs.any() else 0,
                theirs.sum(),
                (theirs & cv2.dilate(mine, disc)).sum() if mine.any() and theirs.any() else 0,
            )
    return counts


def f_scores(counts: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Harmonic mean of the matched shares of predicted and true boundary pixels: (..., 4) to (...).

    NaN where neither map has a boundary; 0 where one has none, or nothing is matched.
    """
    totals = np.asarray(counts, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = totals[..., PREDICTED_MATCHED] / totals[..., PREDICTED]
        recall = totals[..., TRUE_MATCHED] / totals[..., TRUE]
        score = np.nan_to_num(2 * precision * recall / (precision + recall))
    return np.where(totals[..., PREDICTED] + totals[..., TRUE] > 0, score, np.nan)
