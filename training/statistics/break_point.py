"""Where more synthetic images stop helping. Pure.

The score is taken to rise along a straight line over the logarithm of the amount up to the break, and from there to
stay or to fall along another. A curve that merely bends gets a break inside its bend: look at it beside the number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.statistics.resampling import Amount, FloatArray, amount_of, counts_of, drawn_means, ends, means_of

AMOUNTS_MIN = 4
"""Fewer can't tell a break from a straight line."""
PLACES = 200


@dataclass(frozen=True)
class BreakPoint:
    """An amount beyond which more does not help: `> largest` where it still does, `< smallest` where it never did."""

    amount: Amount
    low: Amount | None
    high: Amount | None
    """Interval; none where no amount was repeated."""
    confidence: float


def break_point(scores: Mapping[int, Sequence[float]], confidence: float = 0.95) -> BreakPoint | None:
    """The break of scores by amount of synthetic images, beside one amount of real ones.

    The interval draws means that the trainings of each amount leave possible, and fits anew.

    Args:
        scores: Of repeated trainings, by number of synthetic images; 0 is an amount too.
        confidence: Of the interval.

    Returns:
        The break; none of fewer than four amounts.
    """
    amounts = sorted(amount for amount, values in scores.items() if len(values))
    if len(amounts) < AMOUNTS_MIN:
        return None
    samples = [scores[amount] for amount in amounts]
    unit = next(amount for amount in amounts if amount > 0)
    across = np.log2(1 + np.array(amounts, dtype=np.float64) / unit)
    places = np.unique(np.concatenate([np.linspace(across[0], across[-1], PLACES), across]))

    def found(means: FloatArray) -> FloatArray:
        chosen, rises = _best_places(across, counts_of(samples), means, places)
        images = (2 ** places[chosen] - 1) * unit
        return np.where(~rises, -math.inf, np.where(chosen == len(places) - 1, math.inf, images))

    low = high = None
    if any(len(values) > 1 for values in samples):
        drawn = ends(found(drawn_means(samples, "break point")), confidence)
        low, high = (amount_of(end, amounts[0], amounts[-1]) for end in drawn)
    (value,) = found(means_of(samples)[None]).tolist()
    return BreakPoint(amount_of(value, amounts[0], amounts[-1]), low, high, confidence)


def _best_places(
    across: FloatArray, counts: FloatArray, means: FloatArray, places: FloatArray
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The place of the break of each row of means, (R, amounts), and whether it rises before: by least squares.

    Of places that fit alike, the first.
    """
    share = counts / counts.sum()
    centred = means - (means @ share)[:, None]
    gains = np.zeros((len(places), len(means)))
    rises = np.zeros((len(places), len(means)), dtype=bool)

    def take(row: int, gain: FloatArray, is_rising: bool) -> None:
        better = gain > gains[row]
        gains[row], rises[row] = np.where(better, gain, gains[row]), np.where(better, is_rising, rises[row])

    for row, place in enumerate(places):
        rising, falling = np.minimum(across, place), -np.maximum(across - place, 0.0)
        rising, falling = rising - rising @ share, falling - falling @ share
        along = [centred @ (part * share) for part in (rising, falling)]
        squares = [float((part**2) @ share) for part in (rising, falling)]
        # One slope alone, the other 0; then both, where both come out with the right sign.
        for one, square, is_rising in zip(along, squares, (True, False), strict=True):
            if square > 1e-12:
                take(row, np.maximum(one, 0.0) ** 2 / square, is_rising)
        mixed = float((rising * falling) @ share)
        determinant = squares[0] * squares[1] - mixed**2
        if determinant > 1e-9 * squares[0] * squares[1] > 0:
            up = (along[0] * squares[1] - along[1] * mixed) / determinant
            down = (along[1] * squares[0] - along[0] * mixed) / determinant
            take(row, np.where((up > 0) & (down >= 0), up * along[0] + down * along[1], 0.0), True)
    tolerance = 1e-9 * np.maximum((centred**2) @ share, 1e-300)
    chosen = np.argmax(gains >= gains.max(axis=0) - tolerance, axis=0)
    return chosen, rises[chosen, np.arange(len(means))]
