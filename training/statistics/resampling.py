"""Drawing repeated trainings again, and amounts that lie within what was measured or beyond it. Pure."""

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


def resampled_means(samples: Sequence[Sequence[float]], *name: str) -> FloatArray:
    """Means of samples whose values are drawn again with repetition, (RESAMPLES, samples): the same for one name."""
    draws = stream(0, "resample", *name)
    means = [
        np.asarray(values, dtype=np.float64)[draws.integers(len(values), size=(RESAMPLES, len(values)))].mean(axis=1)
        for values in samples
    ]
    return np.stack(means, axis=1)


def ends(values: FloatArray, confidence: float) -> tuple[float, float]:
    """The middle part of values, of which some may be infinite."""
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2], method="nearest")
    return float(low), float(high)


def means_of(samples: Sequence[Sequence[float]]) -> FloatArray:
    return np.array([np.mean(values) for values in samples], dtype=np.float64)


def counts_of(samples: Sequence[Sequence[float]]) -> FloatArray:
    return np.array([len(values) for values in samples], dtype=np.float64)
