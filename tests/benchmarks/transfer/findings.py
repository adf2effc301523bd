"""What the runs of a transfer study say: means, deviations, one-sided tests, and how flat the curves are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contracts.run import CurvePoint, RunResult
from tests.benchmarks.transfer.cells import Cell, Count
from training.statistics.mean_tests import welch

QUARTERS = 4


@dataclass(frozen=True)
class Finding:
    """A finished run."""

    cell: Cell
    repeat: int
    run: str
    result: RunResult


@dataclass(frozen=True)
class CellSummary:
    """All repeats of a cell."""

    cell: Cell
    repeats: int
    mean: float
    """Of the mean over classes of dataset IoU."""
    standard_deviation: float | None
    """Of a sample; none of a single run."""
    class_iou: dict[str, float | None]
    """Mean over the repeats; none where a class occurs in no truth and no prediction."""
    validation_mean: float
    """Of the kept checkpoints on the photographs that chose them."""


@dataclass(frozen=True)
class Comparison:
    """With synthetic images against without, at one number of photographs."""

    photographs: Count
    synthetic: int
    difference: float
    """Of the means."""
    p_value: float | None
    """One-sided Welch test of mean(with) > mean(without); none where it can't be taken."""


@dataclass(frozen=True)
class Flatness:
    """How a cell's validation curve runs: its mean over each quarter of the steps, mean over the repeats."""

    cell: Cell
    quarters: tuple[float | None, ...]
    """Mean over the evaluations in the quarter; none where there are none."""

    @property
    def last_gain(self) -> float | None:
        """Of the last quarter over the one before."""
        before, last = self.quarters[-2:]
        return None if before is None or last is None else last - before


def summarize(findings: Sequence[Finding]) -> list[CellSummary]:
    """A summary of each cell, in the order in which the cells first come."""
    summaries = []
    for cell in dict.fromkeys(finding.cell for finding in findings):
        results = [finding.result for finding in findings if finding.cell == cell]
        scores = [result.test.mean_dataset_iou for result in results]
        names = results[0].test.dataset_iou
        summaries.append(
            CellSummary(
                cell=cell,
                repeats=len(results),
                mean=float(np.mean(scores)),
                standard_deviation=float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
                class_iou={name: _mean([result.test.dataset_iou[name] for result in results]) for name in names},
                validation_mean=float(np.mean([result.validation.mean_dataset_iou for result in results])),
            )
        )
    return summaries


def compare(findings: Sequence[Finding]) -> list[Comparison]:
    """Every cell with synthetic images against the one of as many photographs without, where both have runs."""
    scores: dict[Cell, list[float]] = {}
    for finding in findings:
        scores.setdefault(finding.cell, []).append(finding.result.test.mean_dataset_iou)
    comparisons = []
    for cell, values in scores.items():
        alone = scores.get(Cell(cell.photographs, 0))
        if cell.synthetic and alone is not None:
            difference = float(np.mean(values) - np.mean(alone))
            test = welch(values, alone, "greater")
            p_value = None if test is None else test.p_value
            comparisons.append(Comparison(cell.photographs, cell.synthetic, difference, p_value))
    return comparisons


def flatness(findings: Sequence[Finding]) -> list[Flatness]:
    """Of each cell, in the order in which the cells first come."""
    found = []
    for cell in dict.fromkeys(finding.cell for finding in findings):
        each = [quarter_means(f.result.curve, f.result.steps) for f in findings if f.cell == cell]
        found.append(Flatness(cell, tuple(_mean(column) for column in zip(*each, strict=True))))
    return found


def quarter_means(curve: Sequence[CurvePoint], steps: int) -> tuple[float | None, ...]:
    """Mean validation score over the evaluations in each quarter of the steps (its end belongs to a quarter)."""
    quarters: list[list[float]] = [[] for _ in range(QUARTERS)]
    for point in curve:
        quarters[min(QUARTERS - 1, max(0, (point.step * QUARTERS - 1) // steps))].append(point.validation_mean_iou)
    return tuple(_mean(values) for values in quarters)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
