"""The cells of a study: the scores of their repeats, and how the axes are laid out on a page."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from contracts.errors import ConfigurationError, nearest
from contracts.study import Comparison, shown
from contracts.study_table import StudyRun, StudyTable, TableAxis

TITLE_CHARACTERS = 30
"""Longer titles of axes are not repeated beside each value."""
Key = tuple[str, ...]
"""Values of all axes as shown, in the order of the axes."""


@dataclass
class Cell:
    """Runs of one cell of the table."""

    key: Key
    scores: dict[int, float] = field(default_factory=dict)
    """By repeat."""
    runs: list[StudyRun] = field(default_factory=list)

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(self.scores[repeat] for repeat in sorted(self.scores))

    @property
    def state(self) -> str:
        """What to say of a cell without scores."""
        states = {run.state for run in self.runs}
        return "failed" if "failed" in states else "not run"


@dataclass(frozen=True)
class Layout:
    """Which axes run down and across a page; the others make panels."""

    rows: TableAxis | None
    columns: TableAxis
    others: tuple[TableAxis, ...]


class Cells:
    """All cells of a table, for one metric.

    Args:
        table: The results.
        metric: Dotted path of the score.

    Raises:
        ConfigurationError: Runs have scores, but none has this one.
    """

    def __init__(self, table: StudyTable, metric: str) -> None:
        self.table = table
        self.metric = metric
        self.axes = table.axes
        self.by_key: dict[Key, Cell] = {}
        for run in table.runs:
            key = tuple(run.cell[axis.name] for axis in table.axes)
            cell = self.by_key.setdefault(key, Cell(key))
            cell.runs.append(run)
            score = run.scores.get(metric)
            if score is not None:
                cell.scores[run.repeat] = score
        known = sorted({path for run in table.runs for path in run.scores})
        if known and metric not in known:
            raise ConfigurationError(
                f"report.metric: no run of study '{table.study}' has the score '{metric}'",
                code="unknown_metric",
                hint=nearest(metric, known),
            )
        # In the order of the study, whatever order the runs came in.
        places = [{value: place for place, value in enumerate(axis.values)} for axis in table.axes]
        self.ordered = sorted(
            self.by_key.values(), key=lambda cell: [place[value] for place, value in zip(places, cell.key, strict=True)]
        )

    @property
    def scored(self) -> list[Cell]:
        return [cell for cell in self.ordered if cell.scores]

    @property
    def without_score(self) -> list[StudyRun]:
        """Runs that say nothing: failed, not run, or without this score."""
        return [run for run in self.table.runs if run.scores.get(self.metric) is None]

    def value(self, key: Key, axis: TableAxis) -> str:
        return key[self._place(axis.name)]

    def amount(self, key: Key, axis: TableAxis) -> float:
        """The number that the value of an axis stands for."""
        return amount_of(axis, self.value(key, axis))

    def replaced(self, key: Key, values: dict[str, str]) -> Key:
        """The cell with other values on some axes."""
        return tuple(values.get(axis.name, old) for axis, old in zip(self.axes, key, strict=True))

    def scores(self, key: Key) -> tuple[float, ...]:
        cell = self.by_key.get(key)
        return cell.values if cell else ()

    def by_role(self, role: str) -> TableAxis | None:
        return next((axis for axis in self.axes if axis.role == role), None)

    def but(self, *axes: TableAxis | None) -> tuple[TableAxis, ...]:
        """All axes except these."""
        left_out = {axis.name for axis in axes if axis is not None}
        return tuple(axis for axis in self.axes if axis.name not in left_out)

    def panels(self, others: Sequence[TableAxis]) -> Iterator[dict[str, str]]:
        """Every combination of values of these axes under which any run stands; one empty one of no axes."""
        for values in itertools.product(*(axis.values for axis in others)):
            panel = dict(zip((axis.name for axis in others), values, strict=True))
            if any(self.is_in(cell.key, panel) for cell in self.ordered):
                yield panel

    def is_in(self, key: Key, panel: dict[str, str]) -> bool:
        return all(key[self._place(name)] == value for name, value in panel.items())

    def key_of(self, values: dict[str, str]) -> Key:
        return tuple(values[axis.name] for axis in self.axes)

    def text(self, values: dict[str, str]) -> str:
        """Values of axes in words, such as `16 real images, resnet34`."""
        return ", ".join(value_text(axis, values[axis.name]) for axis in self.axes if axis.name in values)

    def layout(self, comparison: Comparison | None) -> Layout:
        """What runs across is what is compared, or the synthetic images; down run the real images, or another axis."""
        real, synthetic = self.by_role("real_images"), self.by_role("synthetic_images")
        columns = self.table.axis(comparison.each) if comparison else (synthetic or self.axes[-1])
        left = self.but(columns)
        # The longest of the others, so that there are few panels.
        rows = real if real in left else max(left, key=lambda axis: len(axis.values), default=None)
        return Layout(rows, columns, self.but(columns, rows))

    def _place(self, name: str) -> int:
        return next(place for place, axis in enumerate(self.axes) if axis.name == name)


def amount_of(axis: TableAxis, value: str) -> float:
    """The number that a value stands for; that of an amount of images is always there."""
    amount = axis.amounts[axis.values.index(value)]
    if amount is None:
        raise ValueError(f"axis '{axis.name}': {value} stands for no number")
    return amount


def against(comparison: Comparison) -> str:
    """The value that others are compared with, as shown."""
    return next(shown(value) for value in comparison.against.values())


def value_text(axis: TableAxis, value: str) -> str:
    """A value with what it is a value of, such as `16 real images` or `encoder resnet34`."""
    if axis.role != "other":
        amount = f"{amount_of(axis, value):.0f}"
        return f"{value} {axis.shown_title}" if value == amount else f"{value} {amount} {axis.shown_title}"
    return f"{axis.shown_title} {value}" if len(axis.shown_title) <= TITLE_CHARACTERS else f"“{value}”"
