"""Repeating until an interval is narrow: what that does to the interval, and a rule that allows for it. Pure.

[BMW] trains 7 to 30 networks a cell, until the 95 % interval of the mean is narrower than 5 % of the mean. Such a rule
looks after every repeat and stops when the spread happens to look small, so its interval covers the true mean less
often than it says (only in the limit of ever narrower intervals does it: Chow and Robbins, 1965). The corrected rule
takes at each look the confidence with which it covers as often as it says whatever the spread of the scores is. Both
follow from simulation of normal scores, whose looks depend on the spread alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy import stats

from training.statistics.mean_tests import MeanInterval, mean_interval
from training.statistics.resampling import FloatArray
from training.streams import stream

PATHS_MAX = 20_000
DRAWS_MAX = 4_000_000
SPREADS = 14
"""Standard deviations over the mean among which the worst coverage is looked for."""
BISECTIONS = 9


@dataclass(frozen=True)
class StoppingRule:
    """Repeat until the interval of the mean is narrow."""

    confidence: float
    half_width_of_mean: float
    """Half width of the interval over the mean, at which to stop."""
    at_least: int
    at_most: int
    corrected: bool = False
    """Whether each look's interval allows for the others."""

    @property
    def first_look(self) -> int:
        """Repeats before the first look: an interval takes two."""
        return max(2, self.at_least)

    @property
    def last_look(self) -> int:
        return max(self.first_look, self.at_most)

    @property
    def confidence_of_a_look(self) -> float:
        """Nominal confidence of each look's interval."""
        return _corrected_confidence(replace(self, corrected=False)) if self.corrected else self.confidence

    def interval(self, values: Sequence[float]) -> MeanInterval | None:
        """Student's interval of a mean at a look; none of fewer than two values."""
        return mean_interval(values, self.confidence_of_a_look)

    def is_met(self, values: Sequence[float]) -> bool:
        """Whether so many repeats are enough."""
        found = self.interval(values)
        if len(values) < self.first_look or found is None:
            return False
        return found.half_width <= self.half_width_of_mean * abs(found.mean)


@dataclass(frozen=True)
class StoppedCoverage:
    """How a rule works for scores of one mean and deviation."""

    coverage: float
    """Share of studies whose last interval holds the true mean."""
    repeats: float
    """Mean number of repeats."""
    exhausted: float
    """Share of studies that came to the largest number of repeats with the interval still too wide."""


def stopped_coverage(rule: StoppingRule, mean: float, deviation: float) -> StoppedCoverage:
    """How often the interval really covers, for normal scores.

    Args:
        rule: When to stop.
        mean: True mean; not 0.
        deviation: True standard deviation, 0 or more.
    """
    if deviation == 0:
        return StoppedCoverage(1.0, float(rule.first_look), 0.0)
    return _stopped(rule, rule.confidence_of_a_look, deviation / abs(mean))


def worst_coverage(rule: StoppingRule) -> float:
    """The lowest coverage for any spread of the scores."""
    return _worst(rule, rule.confidence_of_a_look)


@lru_cache(maxsize=32)
def _corrected_confidence(rule: StoppingRule) -> float:
    """The least confidence of a look with which the lowest coverage is the rule's confidence, by bisection."""
    low, high = rule.confidence, 1 - (1 - rule.confidence) / 10
    if _worst(rule, low) >= rule.confidence:
        return low
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _worst(rule, middle) < rule.confidence else (low, middle)
    return high


@lru_cache(maxsize=256)
def _worst(rule: StoppingRule, confidence: float) -> float:
    # Spreads with which the looks, from first to last, are about where the rule stops: others stop at one of the ends.
    ends = [
        rule.half_width_of_mean * math.sqrt(count) / float(stats.t.isf((1 - confidence) / 2, count - 1))
        for count in (rule.first_look, rule.last_look)
    ]
    spreads = np.geomspace(ends[0] / 1.2, ends[1] * 1.2, SPREADS).tolist()
    return min(_stopped(rule, confidence, spread).coverage for spread in spreads)


def _stopped(rule: StoppingRule, confidence: float, spread: float) -> StoppedCoverage:
    means, deviations, counts = _paths(rule.first_look, rule.last_look)
    factors = stats.t.isf((1 - confidence) / 2, counts - 1) / np.sqrt(counts)
    halves = factors * deviations * spread
    narrow = halves <= rule.half_width_of_mean * np.abs(1 + spread * means)
    ended = np.where(narrow.any(axis=1), narrow.argmax(axis=1), len(counts) - 1)
    rows = np.arange(len(means))
    covered = np.abs(spread * means[rows, ended]) <= halves[rows, ended]
    return StoppedCoverage(float(covered.mean()), float(counts[ended].mean()), float((~narrow.any(axis=1)).mean()))


@lru_cache(maxsize=4)
def _paths(first: int, last: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Running means and deviations of standard normal scores, each (paths, looks), and the repeats of each look."""
    draws = stream(0, "optional stopping").standard_normal((min(PATHS_MAX, DRAWS_MAX // last), last))
    counts = np.arange(1, last + 1, dtype=np.float64)
    means = np.cumsum(draws, axis=1) / counts
    squares = np.cumsum(draws**2, axis=1) - counts * means**2
    kept = slice(first - 1, None)
    deviations = np.sqrt(np.maximum(squares[:, kept], 1e-300) / (counts[kept] - 1))
    return means[:, kept], deviations, counts[kept]
