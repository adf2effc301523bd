"""What more real images are worth, and how many of them the synthetic ones replaced. Pure.

The score with n real images alone is taken to be a - b n^-c (a power law, as learning curves are; Hestness et al.,
2017), or a + b log n where two amounts were measured, or where that fits better; b is never negative. Nothing is said
beyond the amounts measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.statistics.resampling import (
    Amount,
    FloatArray,
    amount_of,
    counts_of,
    drawn_means,
    ends,
    means_of,
)

EXPONENTS = np.concatenate([[0.0], np.geomspace(0.02, 3.0, 120)])
"""Tried for c; 0 stands for the logarithm."""


@dataclass(frozen=True)
class LearningCurve:
    """Score by number of real images, between the smallest and the largest amount measured."""

    level: float
    slope: float
    exponent: float
    smallest: int
    largest: int

    def __call__(self, images: float) -> float:
        """The score.

        Raises:
            ValueError: So many images were not measured.
        """
        if not self.smallest <= images <= self.largest:
            raise ValueError(f"{images} images lie outside the measured {self.smallest} to {self.largest}")
        return self.level + self.slope * float(_across(np.array([images]), self.exponent)[0])

    def images_for(self, score: float) -> Amount:
        """Real images that give a score."""
        return amount_of(_inverse(self, score), self.smallest, self.largest)


@dataclass(frozen=True)
class ExchangeRate:
    """Real images alone that score like some real and some synthetic ones."""

    equivalent: Amount
    low: Amount | None
    high: Amount | None
    """Interval; none where no amount was repeated."""
    confidence: float


def fit(real: Mapping[int, Sequence[float]]) -> LearningCurve:
    """The curve nearest to scores by number of real images, by least squares.

    Args:
        real: Scores of repeated trainings on real images alone; what was reached with 0 images is left out.

    Raises:
        ValueError: Fewer than two amounts.
    """
    amounts, samples = _amounts(real)
    return _fits(amounts, counts_of(samples), means_of(samples)[None])[0]


def exchange_rate(
    real: Mapping[int, Sequence[float]], mixed: Sequence[float], confidence: float = 0.95
) -> ExchangeRate:
    """How many real images alone would score like a mix; less those in the mix, that is what the synthetic replaced.

    The interval draws means that the trainings of each amount and of the mix leave possible, and fits anew.

    Args:
        real: Scores of repeated trainings on real images alone, by their number.
        mixed: Scores of repeated trainings on the mix.
        confidence: Of the interval.

    Raises:
        ValueError: Fewer than two amounts.
    """
    amounts, samples = _amounts(real)
    curve = fit(real)
    low = high = None
    if any(len(values) > 1 for values in [*samples, mixed]):
        means = drawn_means([*samples, mixed], "exchange rate")
        curves = _fits(amounts, counts_of(samples), means[:, :-1])
        found = [_beyond(_inverse(one, score), one) for one, score in zip(curves, means[:, -1].tolist(), strict=True)]
        low, high = (amount_of(end, curve.smallest, curve.largest) for end in ends(np.array(found), confidence))
    return ExchangeRate(curve.images_for(float(np.mean(mixed))), low, high, confidence)


def _amounts(real: Mapping[int, Sequence[float]]) -> tuple[FloatArray, list[Sequence[float]]]:
    amounts = sorted(amount for amount, values in real.items() if amount > 0 and len(values))
    if len(amounts) < 2:
        raise ValueError("a learning curve needs two amounts of real images or more")
    return np.array(amounts, dtype=np.float64), [real[int(amount)] for amount in amounts]


def _across(amounts: FloatArray, exponent: float) -> FloatArray:
    """What the score is linear in."""
    return np.asarray(np.log(amounts) if exponent == 0 else -(amounts**-exponent))


def _fits(amounts: FloatArray, counts: FloatArray, means: FloatArray) -> list[LearningCurve]:
    """The best curve of each row of means, (R, amounts): for each exponent a straight line, of all of them the best."""
    exponents = EXPONENTS[:1] if len(amounts) == 2 else EXPONENTS
    share = counts / counts.sum()
    centre = means @ share
    best_gain = np.full(len(means), -1.0)
    best = np.zeros((len(means), 3))
    for exponent in exponents:
        across = _across(amounts, exponent)
        shifted = across - across @ share
        along = (means - centre[:, None]) @ (shifted * share)
        spread = float((shifted**2) @ share)
        slope = np.maximum(along / spread, 0.0)
        gain = slope * along  # what the line takes off the squares; none where it would fall
        better = gain > best_gain
        best_gain = np.where(better, gain, best_gain)
        level = centre - slope * float(across @ share)
        best[better] = np.stack([level, slope, np.full(len(means), exponent)], axis=1)[better]
    smallest, largest = int(amounts[0]), int(amounts[-1])
    return [LearningCurve(level, slope, exponent, smallest, largest) for level, slope, exponent in best.tolist()]


def _inverse(curve: LearningCurve, score: float) -> float:
    """Images that give a score; infinite where none would."""
    if curve.slope <= 0:
        return math.inf if score > curve.level else -math.inf
    across = (score - curve.level) / curve.slope
    if curve.exponent == 0:
        return math.exp(min(across, 700.0))
    return math.inf if across >= 0 else float((-across) ** (-1 / curve.exponent))


def _beyond(value: float, curve: LearningCurve) -> float:
    return -math.inf if value < curve.smallest else math.inf if value > curve.largest else value
