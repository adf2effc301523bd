"""Heat maps of mean, gain and p as in [BMW] figure 2."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import Colormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from training.report.curves import INK
from training.report.pages import score, signed
from training.report.study.cells import Layout
from training.report.study.differences import Difference
from training.report.study.findings import Findings
from training.report.study.wording import percent, probability, shown_value

WRITTEN_MAX = 400
"""Cells of a map in which figures are written; more are colours beside a scale."""
LABEL_CHARACTERS = 16


@dataclass(frozen=True)
class Square:
    """One cell of a map: what colours it, and what stands in it."""

    value: float | None
    text: str
    small: str = ""
    is_framed: bool = False


Squares = Mapping[tuple[str, str], Square]
"""By row and column value."""


def mean_map(findings: Findings, layout: Layout, panel: dict[str, str]) -> Figure:
    """Mean score of each cell, with half the width of its interval and the number of repeats."""
    squares = {}
    for place, key in _places(findings, layout, panel).items():
        cell = findings.means.get(key)
        if cell is None:
            squares[place] = Square(None, findings.cells.by_key[key].state)
            continue
        spread = "" if cell.interval is None else f"±{cell.interval.half_width:.3f}"
        squares[place] = Square(cell.mean, score(cell.mean), f"{spread} ({len(cell.values)})".strip())
    values = [cell.mean for cell in findings.means.values()]
    return _map(layout, squares, "viridis", Normalize(min(values), max(values) + 1e-9))


def gain_map(findings: Findings, layout: Layout, panel: dict[str, str], number: int) -> Figure:
    """Difference of each cell to the one that it is compared with, in percent of that one's score."""
    found = {each.key: each for each in findings.differences if each.comparison == number}

    def square(each: Difference) -> Square:
        text = signed(each.difference) if each.percent is None else percent(each.percent)
        value = each.difference if each.percent is None else each.percent
        return Square(value, text, "" if each.percent is None else signed(each.difference), each.is_shown)

    squares = _compared(findings, layout, panel, found, square)
    values = [each.difference if each.percent is None else each.percent for each in found.values()]
    largest = max((abs(value) for value in values), default=0) or 1.0
    return _map(layout, squares, "PRGn", Normalize(-largest, largest))


def p_map(findings: Findings, layout: Layout, panel: dict[str, str], number: int) -> Figure:
    """p-value of each cell against the one that it is compared with; those that show a difference are framed."""
    found = {each.key: each for each in findings.differences if each.comparison == number}

    def square(each: Difference) -> Square:
        if each.p_corrected is None:
            return Square(None, "not tested")
        return Square(math.log10(max(each.p_corrected, 1e-6)), probability(each.p_corrected), "", each.is_shown)

    squares = _compared(findings, layout, panel, found, square)
    return _map(layout, squares, "YlGn_r", Normalize(-6, 0.6))


def _places(findings: Findings, layout: Layout, panel: dict[str, str]) -> dict[tuple[str, str], tuple[str, ...]]:
    cells = findings.cells
    return {
        (cells.value(cell.key, layout.rows) if layout.rows else "", cells.value(cell.key, layout.columns)): cell.key
        for cell in cells.ordered
        if cells.is_in(cell.key, panel)
    }


def _compared(
    findings: Findings,
    layout: Layout,
    panel: dict[str, str],
    found: Mapping[tuple[str, ...], Difference],
    square: Callable[[Difference], Square],
) -> Squares:
    squares = {}
    against = {each.against for each in found.values()}
    for place, key in _places(findings, layout, panel).items():
        if key in found:
            squares[place] = square(found[key])
        elif key in against:
            squares[place] = Square(None, "baseline")
        elif key in findings.means:
            squares[place] = Square(None, "no baseline")
        else:
            squares[place] = Square(None, findings.cells.by_key[key].state)
    return squares


def _map(layout: Layout, squares: Squares, colors: str, norm: Normalize) -> Figure:
    rows = list(layout.rows.values) if layout.rows else [""]
    columns = list(layout.columns.values)
    is_written = len(rows) * len(columns) <= WRITTEN_MAX
    labels = [_wrapped(shown_value(layout.columns, value)) for value in columns]
    label_width = max(len(line) for label in labels for line in label.split("\n"))
    width = (
        max(0.8, 0.085 * min(label_width, 2 * LABEL_CHARACTERS) + 0.1) if is_written else max(0.06, 8 / len(columns))
    )
    height = 0.5 if is_written else max(0.06, 6 / len(rows))
    row_labels = [_wrapped(shown_value(layout.rows, value), 28) if layout.rows else "" for value in rows]
    left = 0.5 + 0.075 * max(len(line) for label in row_labels for line in label.split("\n"))
    lines = max(label.count("\n") for label in labels) + 1
    figure = Figure(figsize=(left + width * len(columns) + 0.2, height * len(rows) + 0.45 + 0.16 * lines))
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    cmap = matplotlib.colormaps[colors]
    grid = np.full((len(rows), len(columns)), np.nan)
    for (row, column), square in squares.items():
        if square.value is not None:
            grid[rows.index(row), columns.index(column)] = square.value
    mesh = axes.pcolormesh(np.ma.masked_invalid(grid), cmap=cmap, norm=norm, edgecolors="none")
    for (row, column), square in squares.items():
        _draw(axes, columns.index(column), rows.index(row), square, cmap, norm, is_written)
    axes.set_xlim(0, len(columns))
    axes.set_ylim(len(rows), 0)
    _ticks(axes.xaxis, labels, 1 if is_written else (0.085 * label_width + 0.1) / width)
    _ticks(axes.yaxis, row_labels, 0.16 / height)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(textwrap.fill(layout.columns.shown_title, 60), color=INK, fontsize=10)
    if layout.rows:
        axes.set_ylabel(textwrap.fill(layout.rows.shown_title, max(16, 5 * len(rows))), color=INK, fontsize=10)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.set_facecolor("none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    if not is_written:
        bar = figure.colorbar(mesh, ax=axes)
        bar.ax.tick_params(colors=INK, labelsize=9)
        bar.outline.set_edgecolor(INK)
    return figure


def _draw(axes: Axes, column: int, row: int, square: Square, cmap: Colormap, norm: Normalize, is_written: bool) -> None:
    if square.value is None:
        axes.add_patch(
            Rectangle(
                (column + 0.03, row + 0.04), 0.94, 0.92, facecolor="none", edgecolor=INK, linewidth=0.5, alpha=0.5
            )
        )
        ink = INK
    else:
        ink = _readable_on(cmap(norm(square.value)))
    if square.is_framed:
        axes.add_patch(
            Rectangle((column + 0.04, row + 0.06), 0.92, 0.88, facecolor="none", edgecolor=ink, linewidth=1.8)
        )
    if not is_written:
        return
    middle = (column + 0.5, row + (0.36 if square.small else 0.5))
    weight = "bold" if square.is_framed else "normal"
    size = 9 if square.value is not None else 7.5
    axes.text(*middle, square.text, ha="center", va="center", color=ink, fontsize=size, fontweight=weight)
    if square.small:
        axes.text(column + 0.5, row + 0.72, square.small, ha="center", va="center", color=ink, fontsize=7)


def _readable_on(color: Sequence[float]) -> str:
    """Black or white, whichever has more contrast (WCAG 2.1, relative luminance)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(color[:3])]
    return "#111111" if np.dot([0.2126, 0.7152, 0.0722], linear) > 0.18 else "#ffffff"


def _ticks(axis: Axis, labels: Sequence[str], cells_each: float) -> None:
    """All labels, or as many as can be read: one for each so many cells."""
    step = max(1, math.ceil(cells_each))
    axis.set_ticks([place + 0.5 for place in range(0, len(labels), step)], labels[::step])


def _wrapped(text: str, characters: int = LABEL_CHARACTERS) -> str:
    return textwrap.fill(text, characters, break_on_hyphens=False) or " "
