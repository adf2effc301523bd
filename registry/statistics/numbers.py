"""Summaries of numbers and words that come one by one."""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.statistics import ChoiceSummary, Histogram, NumberSummary

BINS = 20
_WORDS_MAX = 50
_WORDS_KEPT = 1000
"""More different words than this are no choice: further ones are counted together."""


@dataclass
class Moments:
    """Count, extremes, mean and variance of a stream (Welford, Technometrics 4(3), 1962)."""

    count: int = 0
    minimum: float = math.inf
    maximum: float = -math.inf
    mean: float = 0.0
    _squares: float = 0.0

    def add(self, value: float) -> None:
        """Add a value."""
        self.count += 1
        self.minimum, self.maximum = min(self.minimum, value), max(self.maximum, value)
        before = value - self.mean
        self.mean += before / self.count
        self._squares += before * (value - self.mean)

    @property
    def standard_deviation(self) -> float:
        """Of the sample, with n - 1; 0 for one value."""
        return math.sqrt(self._squares / (self.count - 1)) if self.count > 1 else 0.0


@dataclass
class Numbers:
    """Moments and a histogram between known edges; what lies outside counts in the nearest bin."""

    edges: Sequence[float]
    moments: Moments = field(default_factory=Moments)
    counts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.edges) - 1)

    def add(self, value: float) -> None:
        """Add a value."""
        self.moments.add(value)
        place = bisect.bisect_right(self.edges, value) - 1
        self.counts[min(max(place, 0), len(self.counts) - 1)] += 1

    def summary(self) -> NumberSummary | None:
        """None without a value."""
        moments = self.moments
        if not moments.count:
            return None
        return NumberSummary(
            count=moments.count,
            minimum=moments.minimum,
            maximum=moments.maximum,
            mean=moments.mean,
            standard_deviation=moments.standard_deviation,
            histogram=Histogram(edges=tuple(self.edges), counts=tuple(self.counts)),
        )


@dataclass
class Words:
    """Counts of words."""

    counts: Counter[str] = field(default_factory=Counter)
    other: int = 0

    def add(self, word: str) -> None:
        """Count a word."""
        if word in self.counts or len(self.counts) < _WORDS_KEPT:
            self.counts[word] += 1
        else:
            self.other += 1

    def summary(self) -> ChoiceSummary:
        """The most frequent words; of equally frequent ones the first in the alphabet."""
        ordered = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return ChoiceSummary(
            counts=dict(ordered[:_WORDS_MAX]), other=self.other + sum(count for _, count in ordered[_WORDS_MAX:])
        )


def even_edges(minimum: float, maximum: float, bins: int = BINS) -> list[float]:
    """Edges of bins of one width; a single value gets a bin around it."""
    if not maximum > minimum:
        minimum, maximum = minimum - 0.5, maximum + 0.5
    return [minimum + (maximum - minimum) * step / bins for step in range(bins)] + [maximum]


def decade_edges(first: int, last: int, bins_per_decade: int) -> list[float]:
    """Edges from 10**first to 10**last, each a constant factor above the one before."""
    return [10 ** (first + step / bins_per_decade) for step in range((last - first) * bins_per_decade + 1)]
