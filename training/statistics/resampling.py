"""Drawing the means of repeated trainings, and amounts that lie within what was measured or beyond it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from training.streams import stream

FloatArray = npt.NDArray[np.float64]
RESAMPLES = 1000


@dataclass(frozen=True)
class Amount:
    """A number of images; where it lies outside what was measured, the bound that it lies beyond."""

    value: float
    where: Literal["below", "within", "above"]

    def __str__(self) -> str:
        sign = {"below": "< ", "within": "", "above": "> "}[self.where]
        return f"{sign}{self.value:.0f}"


def amount_of(value: float, smallest: float, largest: float) -> Amount:
    """An amount, of which anything outside the measured ones is known as that only; -inf and inf are outside."""
    if value < smallest:
        return Amount(smallest, "below")
    if value > largest:
        return Amount(largest, "above")
    return Amount(value, "within")


def drawn_means(samples: Sequence[Sequence[float]], *name: str) -> FloatArray:
    """Means that the samples leave possible, (RESAMPLES, samples): the same for one name.

    Each is drawn from Student's t distribution about the sample's mean, whose quantiles are the interval of that mean.
    (Drawing the values again with repetition, the usual bootstrap, is too narrow for a handful of trainings.) A sample
    of one value has the deviation of the others pooled.

    Args:
        samples: One of them, at least, of two values or more.
        name: Of the stream.
    """
    draws = stream(0, "resample", *name)
    arrays = [np.asarray(values, dtype=np.float64) for values in samples]
    free = sum(len(values) - 1 for values in arrays)
    pooled = float(np.sqrt(sum(((values - values.mean()) ** 2).sum() for values in arrays) / free))
    means = []
    for values in arrays:
        deviation, degrees = (float(values.std(ddof=1)), len(values) - 1) if len(values) > 1 else (pooled, free)
        means.append(values.mean() + deviation / np.sqrt(len(values)) * draws.standard_t(degrees, size=RESAMPLES))
    return np.stack(means, axis=1)


def ends(values: FloatArray, confidence: float) -> tuple[float, float]:
    """The middle part of values, of which some may be infinite."""
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2], method="nearest")
    return float(low), float(high)


def means_of(samples: Sequence[Sequence[float]]) -> FloatArray:
    return np.array([np.mean(values) for values in samples], dtype=np.float64)


def counts_of(samples: Sequence[Sequence[float]]) -> FloatArray:
    return np.array([len(values) for values in samples], dtype=np.float64)
