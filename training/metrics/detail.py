"""Everything that is said of a test set's segmentation beside IoU: made of one table an image, so that any part of the
set can be scored by itself and groups can be drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.frame import FrameRecord
from contracts.scores import (
    CalibrationScores,
    ClassIntervals,
    ClassScore,
    PartScore,
    ScoreIntervals,
    SegmentationScores,
)
from training.metrics import bootstrap, calibration
from training.metrics.boundary import f_scores
from training.metrics.slices import Slice, groups_of, slices_of

FloatArray = npt.NDArray[np.float64]
TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = range(3)
"""Columns of a class's counts."""


@dataclass(frozen=True)
class Evidence:
    """What the scores are made of, an image a row."""

    counts: npt.NDArray[np.int64]
    """(N, C, 3): true positive, false positive, false negative pixels."""
    boundary: npt.NDArray[np.int64]
    """(N, C, 4), of `boundary_counts`."""
    calibration: FloatArray
    """(N, 2, BINS, 3), of `calibration_table`."""
    brightness: FloatArray
    """(N,) mean of the grey values, 0 to 1."""
    area: FloatArray
    """(N,) share of the image that is of any class in truth."""


def joined(parts: Sequence[Evidence]) -> Evidence:
    """Evidence of several batches as one."""
    return Evidence(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("counts", "boundary", "calibration", "brightness", "area")
        )
    )


def class_iou(counts: FloatArray) -> FloatArray:
    """(..., C, 3) to (..., C): over all pixels; NaN where neither truth nor prediction has any."""
    return _ratio(counts[..., TRUE_POSITIVE], counts.sum(axis=-1))


def class_dice(counts: FloatArray) -> FloatArray:
    """(..., C, 3) to (..., C): twice the shared pixels over those of both; NaN where there are none."""
    return _ratio(2 * counts[..., TRUE_POSITIVE], counts.sum(axis=-1) + counts[..., TRUE_POSITIVE])


def mean_over_occurring(values: FloatArray, occurs: npt.NDArray[np.bool_]) -> FloatArray:
    """Mean over classes, (..., C) to (...), of those that occur and have a value; NaN where none does."""
    chosen = occurs & np.isfinite(values)
    return _ratio(np.where(chosen, values, 0.0).sum(axis=-1), chosen.sum(axis=-1))


def with_detail(
    scores: SegmentationScores, evidence: Evidence, image_scores: FloatArray, records: Sequence[FrameRecord]
) -> SegmentationScores:
    """Scores with all that the evidence says beside.

    Args:
        scores: As from the counts alone.
        evidence: Of the same images.
        image_scores: Mean IoU of each image, (N,).
        records: Of the images.
    """
    names = list(scores.classes)
    numbers = bootstrap.group_numbers([record.group for record in records])
    occurs = _occurs(evidence.counts.sum(axis=0))
    boundary_f = f_scores(evidence.boundary.sum(axis=0))
    classes: dict[str, ClassScore] = {
        name: scores.classes[name].model_copy(update={"boundary_f": _or_none(value)})
        for name, value in zip(names, boundary_f, strict=True)
    }
    sums = evidence.calibration.sum(axis=0)
    return scores.model_copy(
        update={
            "classes": classes,
            "mean_boundary_f": _or_none(mean_over_occurring(boundary_f, occurs)),
            "calibration": CalibrationScores(
                all=calibration.calibration(sums[calibration.ALL]),
                classes=calibration.calibration(sums[calibration.CLASSES]),
            ),
            "intervals": _intervals(names, evidence, image_scores, numbers, records),
            "groups": tuple(_part_score(part, evidence, image_scores, None) for part in groups_of(records)),
            "slices": tuple(
                _part_score(part, evidence, image_scores, numbers)
                for part in slices_of(records, evidence.brightness, evidence.area)
            ),
        }
    )


def _intervals(
    names: Sequence[str],
    evidence: Evidence,
    image_scores: FloatArray,
    numbers: npt.NDArray[np.int64],
    records: Sequence[FrameRecord],
) -> ScoreIntervals:
    def regions(counts: FloatArray) -> FloatArray:
        iou, dice, occurs = class_iou(counts), class_dice(counts), _occurs(counts)
        means = [mean_over_occurring(values, occurs)[:, None] for values in (iou, dice)]
        return np.concatenate([*means, iou, dice], axis=1)

    def boundaries(table: FloatArray) -> FloatArray:
        values = f_scores(table[..., :4])
        return np.concatenate([mean_over_occurring(values, table[..., 4] > 0)[:, None], values], axis=1)

    def mean(table: FloatArray) -> FloatArray:
        return table[:, :1] / table[:, 1:]

    truth_px = evidence.counts[..., TRUE_POSITIVE] + evidence.counts[..., FALSE_NEGATIVE]
    by_region = bootstrap.intervals(evidence.counts, numbers, regions)
    by_boundary = bootstrap.intervals(
        np.concatenate([evidence.boundary, truth_px[..., None]], axis=-1), numbers, boundaries
    )
    by_image = bootstrap.intervals(np.stack([image_scores, np.ones(len(image_scores))], axis=1), numbers, mean)
    iou, dice = by_region[2 : 2 + len(names)], by_region[2 + len(names) :]
    return ScoreIntervals(
        confidence=bootstrap.CONFIDENCE,
        resamples=bootstrap.RESAMPLES,
        groups=int(numbers.max()) + 1,
        grouped=any(record.group is not None for record in records),
        mean_dataset_iou=by_region[0],
        mean_image_iou=by_image[0],
        mean_dice=by_region[1],
        mean_boundary_f=by_boundary[0],
        classes={
            name: ClassIntervals(iou=iou[place], dice=dice[place], boundary_f=by_boundary[1 + place])
            for place, name in enumerate(names)
        },
    )


def _part_score(
    part: Slice, evidence: Evidence, image_scores: FloatArray, numbers: npt.NDArray[np.int64] | None
) -> PartScore:
    """A part beside the other images, over the classes that occur in both."""
    inside = part.members[:, None, None]
    table = np.stack([evidence.counts * inside, evidence.counts * ~inside], axis=1)

    def difference(sums: FloatArray) -> FloatArray:
        shared = _occurs(sums[..., 0, :, :]) & _occurs(sums[..., 1, :, :])
        mine, others = (mean_over_occurring(class_iou(sums[..., side, :, :]), shared) for side in (0, 1))
        return np.asarray(mine - others)

    own = evidence.counts[part.members].sum(axis=0)
    interval = None
    if numbers is not None:
        (interval,) = bootstrap.intervals(table, numbers, lambda sums: difference(sums)[:, None])
    return PartScore(
        of=part.of,
        part=part.part,
        images=int(part.members.sum()),
        mean_dataset_iou=_or_none(mean_over_occurring(class_iou(own), _occurs(own))),
        mean_image_iou=float(image_scores[part.members].mean()),
        difference=_or_none(difference(table.sum(axis=0))),
        difference_interval=interval,
    )


def _occurs(counts: npt.NDArray[np.int64] | FloatArray) -> npt.NDArray[np.bool_]:
    return np.asarray(counts[..., TRUE_POSITIVE] + counts[..., FALSE_NEGATIVE] > 0)


def _ratio(part: FloatArray, whole: npt.NDArray[np.int64] | FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan), dtype=np.float64)


def _or_none(value: FloatArray | float) -> float | None:
    return float(value) if np.isfinite(value) else None
