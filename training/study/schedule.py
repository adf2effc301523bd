"""Which run of a study comes next, and when a cell has been repeated enough. Pure: told of starts and ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from contracts.study import Repeats
from training.statistics.stopping import StoppingRule


@dataclass
class _Progress:
    """Repeats of one cell."""

    scores: dict[int, float | None] = field(default_factory=dict)
    """By repeat that ended; none where it gave no score."""
    running: set[int] = field(default_factory=set)
    closed: str | None = None
    """Why no further repeat is begun."""
    judged: tuple[int, bool] = (-1, False)
    """Number of repeats that were looked at last, and whether they were enough."""


class Schedule:
    """Repeats of all cells: first every cell's planned ones, whole repeats at a time, so that a study that is stopped
    is even; then one at a time of every cell whose interval is still too wide.

    Args:
        cells: Number of cells.
        repeats: Of the study.
    """

    def __init__(self, cells: int, repeats: Repeats) -> None:
        self._repeats = repeats
        self._rule = stopping_rule(repeats)
        self._cells = [_Progress() for _ in range(cells)]

    def next(self) -> tuple[int, int] | None:
        """Cell and repeat to begin now; none where nothing can be begun before something that runs has ended."""
        found: tuple[int, int] | None = None
        for number in range(len(self._cells)):
            repeat = self._following(number)
            if repeat is not None and (found is None or repeat < found[1]):
                found = number, repeat
        return found

    def start(self, cell: int, repeat: int) -> None:
        """A repeat was begun."""
        self._cells[cell].running.add(repeat)

    def release(self, cell: int, repeat: int) -> None:
        """A repeat was broken off and may be begun again."""
        self._cells[cell].running.discard(repeat)

    def end(self, cell: int, repeat: int, score: float | None) -> None:
        """A repeat has ended; without a score where it failed, or its score can't be taken."""
        self._cells[cell].running.discard(repeat)
        self._cells[cell].scores[repeat] = score

    def close(self, cell: int, reason: str) -> None:
        """No further repeat of a cell is to be begun."""
        self._cells[cell].closed = reason

    def has_ended(self, cell: int, repeat: int) -> bool:
        """Whether a repeat has ended."""
        return repeat in self._cells[cell].scores

    def closed(self, cell: int) -> str | None:
        """Why a cell gets no further repeat, where it was closed."""
        return self._cells[cell].closed

    def scores(self, cell: int) -> list[float]:
        """Scores of a cell so far, in the order of its repeats."""
        found = self._cells[cell].scores
        return [score for repeat in sorted(found) if (score := found[repeat]) is not None]

    def is_done(self) -> bool:
        """Whether nothing runs and nothing is left to begin."""
        return self.next() is None and not any(cell.running for cell in self._cells)

    def remaining(self) -> tuple[int, int]:
        """Fewest and most repeats that are still to be begun or ended."""
        least = most = 0
        for number, cell in enumerate(self._cells):
            if cell.closed is not None:
                least += len(cell.running)
                most += len(cell.running)
                continue
            enough = not cell.running and self._is_enough(number)
            least += max(len(cell.running), self._repeats.planned - len(cell.scores))
            most += 0 if enough else self._repeats.at_most - len(cell.scores)
        return least, most

    def _following(self, number: int) -> int | None:
        cell = self._cells[number]
        taken = len(cell.scores) + len(cell.running)
        if cell.closed is not None or taken >= self._repeats.at_most:
            return None
        waiting = (repeat for repeat in range(taken + 1) if repeat not in cell.scores and repeat not in cell.running)
        repeat = next(waiting)
        if repeat < self._repeats.planned:
            return repeat
        return None if cell.running or self._is_enough(number) else repeat

    def _is_enough(self, number: int) -> bool:
        cell = self._cells[number]
        if len(cell.scores) < self._repeats.planned:
            return False
        if self._rule is None or len(cell.scores) >= self._repeats.at_most:
            return True
        if cell.judged[0] != len(cell.scores):
            scores = self.scores(number)
            # Repeats without a score say nothing of the mean: where there are many of them, more would not help.
            cell.judged = len(cell.scores), self._rule.is_met(scores) or len(scores) < len(cell.scores) / 2
        return cell.judged[1]


def stopping_rule(repeats: Repeats) -> StoppingRule | None:
    """When a cell has been repeated enough; none where the number of repeats is fixed."""
    until = repeats.until
    if until is None:
        return None
    return StoppingRule(
        confidence=until.confidence,
        half_width_of_mean=until.half_width_of_mean,
        at_least=repeats.at_least,
        at_most=repeats.at_most,
        corrected=until.rule == "corrected",
    )
