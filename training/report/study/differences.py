"""Cells of a study against each other: tests, their correction for many, and their power. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contracts.study import Comparison
from training.report.study.cells import Cell, Cells, Key, against
from training.statistics.mean_tests import (
    MeanTest,
    averaged,
    detectable_difference,
    detectable_paired_difference,
    holm,
    paired,
    welch,
    welch_power,
)

ALPHA = 0.05
POWER = 0.8
CONFIDENCE = 0.95
GAINS = (0.01, 0.02, 0.05, 0.1)
"""True differences for which the power of what was run is told."""


@dataclass(frozen=True)
class Difference:
    """One cell against another."""

    comparison: int
    """Which of the study's questions."""
    key: Key
    against: Key
    counts: tuple[int, int]
    difference: float
    percent: float | None
    """Of the other's mean; none where that is 0."""
    low: float | None
    high: float | None
    """Two-sided interval by the test that was asked for."""
    p_value: float | None
    """By the test that was asked for; none where it can't be taken."""
    p_corrected: float | None
    p_welch: float | None
    p_paired: float | None
    detectable: float | None
    """Smallest true difference that this test would have found with 80 % power, before correction."""
    detectable_corrected: float | None
    """The same at the level that Holm's method asks of the first refusal."""
    power: tuple[float, ...] | None
    """To find true differences of GAINS."""

    @property
    def is_shown(self) -> bool:
        return self.p_corrected is not None and self.p_corrected <= ALPHA


@dataclass(frozen=True)
class Pooled:
    """One value of an axis against another, averaged over the cells that differ in nothing else."""

    comparison: int
    value: str
    cells: int
    """Pairs of cells that are averaged over."""
    difference: float
    low: float
    high: float
    p_value: float
    p_corrected: float

    @property
    def is_shown(self) -> bool:
        return self.p_corrected <= ALPHA


def pooled_of(cells: Cells, number: int, comparison: Comparison) -> list[Pooled]:
    """Each value of an axis against the comparison's, on the average over all other axes; none of one cell alone.

    Welch's tests are averaged as independent ones. For the paired test, each repeat gives one mean difference over the
    cells, as cells of one repeat share seed and images.

    Args:
        cells: The table.
        number: Place of the comparison among the study's.
        comparison: What is compared, and how; Holm's correction is for all values together.
    """
    axis = cells.table.axis(comparison.each)
    other_value = {axis.name: against(comparison)}
    found: list[tuple[str, int, MeanTest]] = []
    for value in axis.values:
        pairs = [
            (cell, cells.by_key[other])
            for cell in cells.scored
            if cells.value(cell.key, axis) == value
            and (other := cells.replaced(cell.key, other_value)) != cell.key
            and cells.scores(other)
        ]
        test = _average(pairs, comparison)
        if test is not None and len(pairs) > 1:
            found.append((value, len(pairs), test))
    p_values: list[float | None] = [test.p_value for _, _, test in found]
    corrected = holm(p_values) if comparison.correction == "holm" else p_values
    return [
        Pooled(number, value, count, test.difference, test.low, test.high, test.p_value, p_corrected or 0.0)
        for (value, count, test), p_corrected in zip(found, corrected, strict=True)
    ]


def _average(pairs: Sequence[tuple[Cell, Cell]], comparison: Comparison) -> MeanTest | None:
    """The test of the mean difference over pairs of cells; none where a pair can't be tested."""
    if not pairs:
        return None
    if comparison.test == "welch":
        tests = [welch(cell.values, other.values, comparison.alternative, CONFIDENCE) for cell, other in pairs]
        known = [test for test in tests if test is not None]
        return averaged(known) if len(known) == len(tests) else None
    shared = sorted(set.intersection(*(cell.scores.keys() & other.scores.keys() for cell, other in pairs)))
    firsts = [float(np.mean([cell.scores[repeat] for cell, _ in pairs])) for repeat in shared]
    seconds = [float(np.mean([other.scores[repeat] for _, other in pairs])) for repeat in shared]
    return paired(firsts, seconds, comparison.alternative, CONFIDENCE)


def differences_of(cells: Cells, number: int, comparison: Comparison) -> list[Difference]:
    """Every cell against the one with the comparison's value, where both have scores.

    Args:
        cells: The table.
        number: Place of the comparison among the study's.
        comparison: What is compared, and how; Holm's correction is for all its tests together.
    """
    baseline = {comparison.each: against(comparison)}
    pairs = []
    for cell in cells.scored:
        other = cells.by_key.get(cells.replaced(cell.key, baseline))
        if other is not None and other.key != cell.key and other.scores:
            pairs.append((cell, other))
    tests = [_tests(cell, other, comparison) for cell, other in pairs]
    asked = [by_welch if comparison.test == "welch" else by_pairs for by_welch, by_pairs in tests]
    p_values = [test.p_value if test else None for test in asked]
    corrected = holm(p_values) if comparison.correction == "holm" else p_values
    count = sum(value is not None for value in p_values) if comparison.correction == "holm" else 1
    found = []
    for (cell, other), (by_welch, by_pairs), test, p_corrected in zip(pairs, tests, asked, corrected, strict=True):
        difference = test.difference if test else float(np.mean(cell.values) - np.mean(other.values))
        base = float(np.mean(other.values))
        found.append(
            Difference(
                comparison=number,
                key=cell.key,
                against=other.key,
                counts=(len(cell.values), len(other.values)),
                difference=difference,
                percent=100 * difference / base if base else None,
                low=test.low if test else None,
                high=test.high if test else None,
                p_value=test.p_value if test else None,
                p_corrected=p_corrected,
                p_welch=by_welch.p_value if by_welch else None,
                p_paired=by_pairs.p_value if by_pairs else None,
                detectable=_detectable(cell, other, comparison, ALPHA) if test else None,
                detectable_corrected=_detectable(cell, other, comparison, ALPHA / count) if test else None,
                power=_powers(cell, other, comparison) if by_welch else None,
            )
        )
    return found


def _tests(cell: Cell, other: Cell, comparison: Comparison) -> tuple[MeanTest | None, MeanTest | None]:
    """Welch's test, and the paired one over the repeats that both have."""
    shared = sorted(cell.scores.keys() & other.scores.keys())
    return (
        welch(cell.values, other.values, comparison.alternative, CONFIDENCE),
        paired(
            [cell.scores[repeat] for repeat in shared],
            [other.scores[repeat] for repeat in shared],
            comparison.alternative,
            CONFIDENCE,
        ),
    )


def _detectable(cell: Cell, other: Cell, comparison: Comparison, alpha: float) -> float:
    if comparison.test == "paired_t":
        shared = cell.scores.keys() & other.scores.keys()
        deviation = float(np.std([cell.scores[repeat] - other.scores[repeat] for repeat in shared], ddof=1))
        return detectable_paired_difference(deviation, len(shared), alpha, POWER, comparison.alternative)
    deviations, counts = _spread(cell, other)
    return detectable_difference(deviations, counts, alpha, POWER, comparison.alternative)


def _powers(cell: Cell, other: Cell, comparison: Comparison) -> tuple[float, ...]:
    deviations, counts = _spread(cell, other)
    sign = -1 if comparison.alternative == "less" else 1
    return tuple(welch_power(sign * gain, deviations, counts, ALPHA, comparison.alternative) for gain in GAINS)


def _spread(cell: Cell, other: Cell) -> tuple[tuple[float, float], tuple[int, int]]:
    deviations = (float(np.std(cell.values, ddof=1)), float(np.std(other.values, ddof=1)))
    return deviations, (len(cell.values), len(other.values))
