"""What a table of runs says: means, tests, power, exchange rates, break-points, coverage, worst parts. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contracts.study import Comparison, Repeats, StudyReport
from contracts.study_table import StudyTable
from training.report.study.amounts import Break, Curve, Worth, amounts_of
from training.report.study.cells import Cell, Cells, Key, against
from training.report.study.differences import CONFIDENCE, Difference, Pooled, differences_of, pooled_of
from training.report.study.trainings import Training, trainings_of
from training.statistics.mean_tests import MeanInterval, mean_interval
from training.statistics.stopping import StoppedCoverage, StoppingRule, stopped_coverage, worst_coverage


@dataclass(frozen=True)
class CellFinding:
    """Scores of one cell."""

    key: Key
    values: tuple[float, ...]
    mean: float
    deviation: float | None
    """Standard deviation; none of one repeat."""
    interval: MeanInterval | None
    seconds: float | None
    """Mean time of a run."""


@dataclass(frozen=True)
class Stopped:
    """The rule that ended the repeats of a cell."""

    key: Key
    repeats: int
    plain: MeanInterval | None
    is_plain_met: bool
    corrected: MeanInterval | None
    is_corrected_met: bool
    coverage: StoppedCoverage | None
    """Of the rule that was used, for normal scores of this cell's mean and deviation."""


@dataclass(frozen=True)
class Stopping:
    """The rule of the study beside the one corrected for optional stopping."""

    plain: StoppingRule
    corrected: StoppingRule
    used_corrected: bool
    worst_plain: float
    worst_corrected: float
    cells: tuple[Stopped, ...]


@dataclass(frozen=True)
class WorstPart:
    """A group or slice of the test set, in the best cell, and in the cell that it is compared with."""

    of: str
    part: str
    images: int
    difference: float
    """Mean over repeats: to the other images."""
    score: float | None
    runs: int
    score_against: float | None


@dataclass(frozen=True)
class Findings:
    """All of it."""

    cells: Cells
    comparisons: tuple[Comparison, ...]
    means: dict[Key, CellFinding]
    differences: tuple[Difference, ...]
    pooled: tuple[Pooled, ...]
    curves: tuple[Curve, ...]
    worths: tuple[Worth, ...]
    breaks: tuple[Break, ...]
    stopping: Stopping | None
    best: Key | None
    worst_parts: tuple[WorstPart, ...]
    worst_parts_against: Key | None
    trainings: tuple[Training, ...]


def find(table: StudyTable, questions: StudyReport, repeats: Repeats) -> Findings:
    """What a table says.

    Args:
        table: The results.
        questions: Metric and comparisons.
        repeats: How the study repeated.

    Raises:
        ConfigurationError: No run has the metric, though runs have scores.
    """
    cells = Cells(table, questions.metric)
    means = {cell.key: _mean_of(cell) for cell in cells.scored}
    differences: list[Difference] = []
    pooled: list[Pooled] = []
    for number, comparison in enumerate(questions.comparisons):
        differences += differences_of(cells, number, comparison)
        pooled += pooled_of(cells, number, comparison)
    curves, worths, breaks = amounts_of(cells)
    best = max(means, key=lambda key: means[key].mean, default=None)
    parts, against = _worst_parts(cells, best, questions.comparisons)
    return Findings(
        cells=cells,
        comparisons=questions.comparisons,
        means=means,
        differences=tuple(differences),
        pooled=tuple(pooled),
        curves=curves,
        worths=worths,
        breaks=breaks,
        stopping=_stopping(cells, repeats),
        best=best,
        worst_parts=parts,
        worst_parts_against=against,
        trainings=trainings_of(cells.ordered),
    )


def _mean_of(cell: Cell) -> CellFinding:
    values = cell.values
    seconds = [run.seconds for run in cell.runs if run.seconds is not None and run.repeat in cell.scores]
    return CellFinding(
        cell.key,
        values,
        float(np.mean(values)),
        float(np.std(values, ddof=1)) if len(values) > 1 else None,
        mean_interval(values, CONFIDENCE),
        float(np.mean(seconds)) if seconds else None,
    )


def _stopping(cells: Cells, repeats: Repeats) -> Stopping | None:
    until = repeats.until
    if until is None:
        return None
    plain = StoppingRule(until.confidence, until.half_width_of_mean, repeats.at_least, repeats.at_most)
    corrected = StoppingRule(until.confidence, until.half_width_of_mean, repeats.at_least, repeats.at_most, True)
    used_corrected = until.rule == "corrected"
    used = corrected if used_corrected else plain
    rows = []
    for cell in cells.scored:
        values = cell.values
        mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
        rows.append(
            Stopped(
                cell.key,
                len(values),
                plain.interval(values),
                plain.is_met(values),
                corrected.interval(values),
                corrected.is_met(values),
                stopped_coverage(used, mean, deviation) if mean != 0 and math.isfinite(deviation) else None,
            )
        )
    return Stopping(plain, corrected, used_corrected, worst_coverage(plain), worst_coverage(corrected), tuple(rows))


def _worst_parts(
    cells: Cells, best: Key | None, comparisons: Sequence[Comparison]
) -> tuple[tuple[WorstPart, ...], Key | None]:
    """Parts of the test set on which the best cell is worse than on the other images, the worst first."""
    if best is None:
        return (), None
    baseline = None
    if comparisons:
        other = cells.replaced(best, {comparisons[0].each: against(comparisons[0])})
        baseline = other if other != best and cells.scores(other) else None
    scores_against = _part_scores(cells, baseline) if baseline else {}
    found = []
    for (of, part), runs in _part_scores(cells, best).items():
        differences = [difference for _, _, difference in runs if difference is not None]
        if differences and float(np.mean(differences)) < 0:
            before = [score for _, score, _ in scores_against.get((of, part), ()) if score is not None]
            scores = [score for _, score, _ in runs if score is not None]
            found.append(
                WorstPart(
                    of,
                    part,
                    runs[0][0],
                    float(np.mean(differences)),
                    float(np.mean(scores)) if scores else None,
                    len(runs),
                    float(np.mean(before)) if before else None,
                )
            )
    return tuple(sorted(found, key=lambda part: (part.difference, part.of, part.part))), baseline


def _part_scores(cells: Cells, key: Key) -> dict[tuple[str, str], list[tuple[int, float | None, float | None]]]:
    """By part: images, mean dataset IoU and difference to the other images, of each run."""
    found: dict[tuple[str, str], list[tuple[int, float | None, float | None]]] = {}
    for run in cells.by_key[key].runs:
        for part in run.parts:
            found.setdefault((part.of, part.part), []).append((part.images, part.mean_dataset_iou, part.difference))
    return found
