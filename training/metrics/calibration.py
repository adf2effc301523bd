"""How far a network's confidence is from how often it is right (Guo et al., 2017, "On calibration of modern neural
networks").

A pixel's confidence is the probability of what is predicted there: of the class, or of background, which is 1 minus the
highest probability where each class has its own, and then never below one half. The expected calibration error is the
mean, over equal bins of the confidence, weighted by their pixels, of the distance between mean confidence and share of
right pixels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID
from contracts.scores import Calibration, CalibrationBin

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
BINS = 20
"""From 0 to 1; where each class has its own probability, the lower half stays empty."""
PIXELS, RIGHT, CONFIDENCE = range(3)
"""Columns of a bin: its pixels, those of them that are right, the sum of their confidences."""
ALL, CLASSES = range(2)
"""Which pixels: all counted ones, and those of them where a class is predicted. (Choosing by the truth too would leave
out background that is rightly predicted, and make every network look too sure.)"""


def calibration_table(
    confidence: FloatArray, predictions: npt.NDArray[np.uint8], targets: npt.NDArray[np.uint8]
) -> FloatArray:
    """Bins of each image.

    Args:
        confidence: (B, H, W), from 0 to 1.
        predictions: (B, H, W) uint8 class ids.
        targets: (B, H, W) uint8 class ids, 255 ignore.

    Returns:
        (B, 2, BINS, 3) float64: which pixels, bin, column.
    """
    place = np.clip((confidence * BINS).astype(np.int64), 0, BINS - 1)
    is_right = predictions == targets
    counted = targets != IGNORE_ID
    of_class = counted & (predictions != BACKGROUND_ID)
    found = np.zeros((len(targets), 2, BINS, 3))
    for image in range(len(targets)):
        for row, chosen in ((ALL, counted[image]), (CLASSES, of_class[image])):
            bins = place[image][chosen]
            for column, values in (
                (PIXELS, None),
                (RIGHT, is_right[image][chosen].astype(np.float64)),
                (CONFIDENCE, confidence[image][chosen]),
            ):
                found[image, row, :, column] = np.bincount(bins, values, minlength=BINS)
    return found


def calibration(table: FloatArray) -> Calibration | None:
    """The error and its bins, from (BINS, 3) summed over images; none without a pixel."""
    pixels = table[:, PIXELS].sum()
    if not pixels:
        return None
    bins = [
        CalibrationBin(
            pixels=int(row[PIXELS]),
            confidence=float(row[CONFIDENCE] / row[PIXELS]),
            accuracy=float(row[RIGHT] / row[PIXELS]),
        )
        for row in table
        if row[PIXELS]
    ]
    error = float(np.abs(table[:, RIGHT] - table[:, CONFIDENCE]).sum() / pixels)
    return Calibration(error=error, bins=tuple(bins))
