"""Tests of means, their intervals, correction for many, and power: pure functions of numbers.

Samples are the scores of repeated trainings. Only distributions come from scipy; the formulas stand here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, stats

Alternative = Literal["greater", "less", "two_sided"]
"""What is shown of the first sample's mean against the second's, if the null hypothesis is refused."""

UNITS_MAX = 1e5
"""Standard errors up to which a detectable difference is looked for."""


@dataclass(frozen=True)
class MeanInterval:
    """A mean with its interval."""

    mean: float
    low: float
    high: float
    confidence: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class MeanTest:
    """A test of the difference of two means."""

    difference: float
    """First less second."""
    standard_error: float
    degrees_of_freedom: float
    statistic: float
    p_value: float
    low: float
    high: float
    """Two-sided interval of the difference."""
    confidence: float
    alternative: Alternative


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> MeanInterval | None:
    """Student's interval of a mean; none of fewer than two values."""
    if len(values) < 2:
        return None
    mean = float(np.mean(values))
    half = _half_width(float(np.std(values, ddof=1)) / math.sqrt(len(values)), len(values) - 1, confidence)
    return MeanInterval(mean, mean - half, mean + half, confidence)


def welch(
    first: Sequence[float],
    second: Sequence[float],
    alternative: Alternative = "two_sided",
    confidence: float = 0.95,
) -> MeanTest | None:
    """Welch's test of two independent samples of unequal variance.

    None where a sample has fewer than two values, or neither varies.
    """
    if min(len(first), len(second)) < 2:
        return None
    parts = [float(np.var(values, ddof=1)) / len(values) for values in (first, second)]
    if not _varies(first) and not _varies(second):
        return None
    # Divided by the larger first: the squares of tiny variances would vanish.
    largest = max(parts)
    scaled = [part / largest for part in parts]
    degrees = sum(scaled) ** 2 / sum(
        part**2 / (len(values) - 1) for part, values in zip(scaled, (first, second), strict=True)
    )
    difference = float(np.mean(first) - np.mean(second))
    return _test(difference, math.sqrt(sum(parts)), degrees, alternative, confidence)


def paired(
    first: Sequence[float],
    second: Sequence[float],
    alternative: Alternative = "two_sided",
    confidence: float = 0.95,
) -> MeanTest | None:
    """Student's test of paired samples, such as runs that share seed and images.

    None of fewer than two pairs, or where all differences are the same.

    Raises:
        ValueError: The samples are not of one length.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} values are no pairs")
    differences = np.subtract(first, second)
    if len(differences) < 2 or not _varies(differences):
        return None
    error = float(np.std(differences, ddof=1)) / math.sqrt(len(differences))
    return _test(float(np.mean(differences)), error, len(differences) - 1, alternative, confidence)


def averaged(tests: Sequence[MeanTest]) -> MeanTest:
    """The test of the mean of several differences, each found by an independent test; every one weighs the same.

    Degrees of freedom by Welch and Satterthwaite.

    Args:
        tests: At least one, all with the same alternative and confidence.
    """
    parts = [test.standard_error**2 for test in tests]
    largest = max(parts)
    scaled = [part / largest for part in parts]
    degrees = sum(scaled) ** 2 / sum(
        part**2 / test.degrees_of_freedom for part, test in zip(scaled, tests, strict=True)
    )
    difference = float(np.mean([test.difference for test in tests]))
    error = math.sqrt(sum(parts)) / len(tests)
    return _test(difference, error, degrees, tests[0].alternative, tests[0].confidence)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p-values corrected for their number by Holm's step-down method; those that are none are not counted.

    A hypothesis whose corrected p-value is at most alpha can be refused with a chance of at most alpha that any true
    one of all is.
    """
    known = sorted((value, place) for place, value in enumerate(p_values) if value is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (value, place) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * value))
        corrected[place] = largest
    return corrected


def welch_power(
    difference: float,
    deviations: tuple[float, float],
    counts: tuple[int, int],
    alpha: float = 0.05,
    alternative: Alternative = "two_sided",
) -> float:
    """Chance that Welch's test finds a true difference of the means (first less second), of normal samples.

    By the noncentral t distribution with the degrees of freedom of the given deviations. Say what difference matters
    before looking: the power at the difference that was observed says no more than its p-value.

    Args:
        difference: True difference.
        deviations: Standard deviation of each; one must be positive.
        counts: Values in each sample, at least 2.
        alpha: Level of the test.
        alternative: Of the test.
    """
    parts = [deviation**2 / count for deviation, count in zip(deviations, counts, strict=True)]
    largest = max(parts)
    scaled = [part / largest for part in parts]
    degrees = sum(scaled) ** 2 / sum(part**2 / (count - 1) for part, count in zip(scaled, counts, strict=True))
    return _power(difference / math.sqrt(sum(parts)), degrees, alpha, alternative)


def paired_power(
    difference: float, deviation: float, pairs: int, alpha: float = 0.05, alternative: Alternative = "two_sided"
) -> float:
    """Chance that the paired test finds a true mean difference; `deviation` is that of the differences."""
    return _power(difference / (deviation / math.sqrt(pairs)), pairs - 1, alpha, alternative)


def detectable_difference(
    deviations: tuple[float, float],
    counts: tuple[int, int],
    alpha: float = 0.05,
    power: float = 0.8,
    alternative: Alternative = "greater",
) -> float:
    """Smallest difference, without its sign, that a Welch test of so many values finds with this power.

    Infinite where none does that can be computed.
    """
    unit = math.sqrt(sum(deviation**2 / count for deviation, count in zip(deviations, counts, strict=True)))
    sign = -1 if alternative == "less" else 1
    return _smallest(unit, lambda by: welch_power(sign * by, deviations, counts, alpha, alternative), power)


def detectable_paired_difference(
    deviation: float, pairs: int, alpha: float = 0.05, power: float = 0.8, alternative: Alternative = "greater"
) -> float:
    """Smallest difference, without its sign, that a paired test finds with this power; infinite where none does.

    Args:
        deviation: Standard deviation of the differences.
        pairs: Their number, at least 2.
        alpha: Level of the test.
        power: Chance to find it.
        alternative: Of the test.
    """
    sign = -1 if alternative == "less" else 1
    unit = deviation / math.sqrt(pairs)
    return _smallest(unit, lambda by: paired_power(sign * by, deviation, pairs, alpha, alternative), power)


def _smallest(unit: float, power_of: Callable[[float], float], power: float) -> float:
    """The difference at which a test has this power, by bisection in multiples of its standard error.

    Infinite where no difference that can be computed has it: two values at a level far below 0.05.
    """
    most = 8.0
    while not power_of(most * unit) >= power:  # also where the noncentral distribution has no figure
        most *= 2
        if most > UNITS_MAX:
            return math.inf
    return unit * float(optimize.brentq(lambda units: power_of(units * unit) - power, 0.0, most, xtol=1e-4))


def _power(shift: float, degrees: float, alpha: float, alternative: Alternative) -> float:
    match alternative:
        case "greater":
            return float(stats.nct.sf(stats.t.isf(alpha, degrees), degrees, shift))
        case "less":
            return float(stats.nct.sf(stats.t.isf(alpha, degrees), degrees, -shift))
        case "two_sided":
            bound = stats.t.isf(alpha / 2, degrees)
            return float(stats.nct.sf(bound, degrees, shift) + stats.nct.sf(bound, degrees, -shift))


def _test(difference: float, error: float, degrees: float, alternative: Alternative, confidence: float) -> MeanTest:
    statistic = difference / error
    match alternative:
        case "greater":
            p_value = stats.t.sf(statistic, degrees)
        case "less":
            p_value = stats.t.cdf(statistic, degrees)
        case "two_sided":
            p_value = 2 * stats.t.sf(abs(statistic), degrees)
    half = _half_width(error, degrees, confidence)
    return MeanTest(
        difference=difference,
        standard_error=error,
        degrees_of_freedom=degrees,
        statistic=statistic,
        p_value=float(p_value),
        low=difference - half,
        high=difference + half,
        confidence=confidence,
        alternative=alternative,
    )


def _half_width(error: float, degrees: float, confidence: float) -> float:
    return float(stats.t.isf((1 - confidence) / 2, degrees)) * error


def _varies(values: Sequence[float] | np.ndarray) -> bool:
    """Whether values differ by more than their rounding, so that a variance is a number to divide by."""
    spread = float(np.ptp(values))
    return spread > 1e-12 * max(1e-300, float(np.max(np.abs(values)))) and float(np.var(values)) > 0
