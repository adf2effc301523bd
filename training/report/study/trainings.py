"""Validation scores over the steps of a study's runs, and whether more steps would have helped. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contracts.study_table import ValidationPoint
from training.report.study.cells import Cell, Key

QUARTERS = 4
FLAT_GAIN = 0.01
"""Mean IoU that the last quarter of the steps may gain over the one before, for a curve to be called flat."""


@dataclass(frozen=True)
class Training:
    """How the runs of a cell went: the mean over its repeats of the mean score in each quarter of the steps."""

    key: Key
    quarters: tuple[float | None, ...]
    """None where a quarter has no evaluation."""
    curves: tuple[tuple[ValidationPoint, ...], ...]
    """Of each repeat."""

    @property
    def last_gain(self) -> float | None:
        """Of the last quarter over the one before."""
        before, last = self.quarters[-2:]
        return None if before is None or last is None else last - before

    @property
    def is_flat(self) -> bool | None:
        """Whether more steps would hardly have helped; not whether the network is any good. None: not known."""
        gain = self.last_gain
        return None if gain is None else gain <= FLAT_GAIN


def trainings_of(cells: Sequence[Cell]) -> tuple[Training, ...]:
    """Of all cells that have a curve, in their order."""
    found = []
    for cell in cells:
        curves = tuple(run.validation_curve for run in cell.runs if run.validation_curve)
        if curves:
            each = [quarter_means(curve) for curve in curves]
            found.append(Training(cell.key, tuple(_mean(column) for column in zip(*each, strict=True)), curves))
    return tuple(found)


def quarter_means(curve: Sequence[ValidationPoint]) -> tuple[float | None, ...]:
    """Mean score of the evaluations in each quarter of the steps up to the last one; a quarter holds its end."""
    steps = max(1, curve[-1].step)
    quarters: list[list[float]] = [[] for _ in range(QUARTERS)]
    for point in curve:
        quarters[min(QUARTERS - 1, max(0, (point.step * QUARTERS - 1) // steps))].append(point.mean_dataset_iou)
    return tuple(_mean(scores) for scores in quarters)


def mean_curve(curves: Sequence[Sequence[ValidationPoint]]) -> list[tuple[int, float]]:
    """Steps at which every repeat has a score, with the mean of these."""
    each = [{point.step: point.mean_dataset_iou for point in curve} for curve in curves]
    shared = sorted(set.intersection(*(set(scores) for scores in each)))
    return [(step, float(np.mean([scores[step] for scores in each]))) for step in shared]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
