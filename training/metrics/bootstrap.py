"""Intervals by drawing whole groups again, with repetition: images of one group are no independent evidence.

The percentile interval of Efron; with few groups (under about ten) it is too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from training.streams import stream

FloatArray = npt.NDArray[np.float64]
RESAMPLES = 1000
CONFIDENCE = 0.95


def group_numbers(groups: Sequence[str | None]) -> npt.NDArray[np.int64]:
    """Number of each image's group, (N,), from 0; an image without a group is one of its own."""
    numbers: dict[str, int] = {}
    names = [f"group {group}" if group is not None else f"image {place}" for place, group in enumerate(groups)]
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def resamples(groups: int) -> FloatArray:
    """How often each group is drawn, (RESAMPLES, groups): the same for every run on the same number of groups."""
    draws = stream(0, "bootstrap", groups)
    return draws.multinomial(groups, np.full(groups, 1 / groups), size=RESAMPLES).astype(np.float64)


def group_sums(table: npt.NDArray[np.int64] | FloatArray, numbers: npt.NDArray[np.int64]) -> FloatArray:
    """Sums over the images of each group: (N, ...) to (groups, ...)."""
    sums = np.zeros((int(numbers.max()) + 1, *table.shape[1:]))
    np.add.at(sums, numbers, table)
    return sums


def resampled(sums: FloatArray, draws: FloatArray) -> FloatArray:
    """Sums over the groups of each resample: (groups, ...) to (RESAMPLES, ...)."""
    return (draws @ sums.reshape(len(sums), -1)).reshape(len(draws), *sums.shape[1:])


def interval(values: FloatArray) -> tuple[float, float] | None:
    """The middle 95 % of a score over resamples; none where half of them or more have no score."""
    known = values[np.isfinite(values)]
    if len(known) <= len(values) / 2:
        return None
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def intervals(
    table: npt.NDArray[np.int64] | FloatArray,
    numbers: npt.NDArray[np.int64],
    score: Callable[[FloatArray], FloatArray],
) -> list[tuple[float, float] | None]:
    """Intervals of scores of a table's sum over images.

    Args:
        table: (N, ...), summed over images.
        numbers: Group of each image, (N,).
        score: From (R, ...) sums to (R, K) scores.

    Returns:
        One of each of the K scores; all none where there is one group only.
    """
    draws = resamples(int(numbers.max()) + 1)
    scores = score(resampled(group_sums(table, numbers), draws))
    if draws.shape[1] < 2:
        return [None] * scores.shape[1]
    return [interval(column) for column in scores.T]
