"""Curves and boxes: ratios as in [BMW] figure 4, repeats as in figure 3, learning, training, exchange rates."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from contracts.study_table import TableAxis
from training.report.curves import INK, dress
from training.report.pages import count
from training.report.study.amounts import Curve, Worth
from training.report.study.cells import Layout, amount_of
from training.report.study.findings import CellFinding, Findings
from training.report.study.trainings import mean_curve
from training.report.study.wording import shown_value

ORDERED = LinearSegmentedColormap.from_list("ordered", ["#4f74d9", "#2a9d8f", "#d9a02b", "#d0503a"])
"""From few to many, readable on white and on black."""
LINES_MAX = 6
LABELS_MAX = 40
POINTS_ALONE = 5
"""Repeats from which a box is drawn; fewer are points only."""
LABEL_CHARACTERS = 18


def ratio_curves(findings: Findings, panel: dict[str, str], metric: str) -> Figure:
    """Score over synthetic images for each real one, a line for each number of real images; on the left real alone."""
    cells = findings.cells
    real, synthetic = cells.by_role("real_images"), cells.by_role("synthetic_images")
    figure, axes = _plot(8.6, 4.2)
    rows = [value for value in real.values if amount_of(real, value) > 0]
    points = {
        row: [
            (cells.amount(key, synthetic) / cells.amount(key, real), mean)
            for key, mean in _means_in(findings, panel)
            if cells.value(key, real) == row
        ]
        for row in rows
    }
    ratios = [ratio for found in points.values() for ratio, _ in found if ratio > 0]
    lowest = min(ratios, default=1.0)
    alone = lowest / 4
    for number, row in enumerate(rows):
        _line(axes, [(x or alone, mean) for x, mean in points[row]], _color(number, len(rows)), _label(real, row))
        _mark_break(axes, findings, panel, row, amount_of(real, row), points[row], _color(number, len(rows)))
    axes.set_xscale("log", base=2)
    axes.set_xlim(alone / 1.4, max(ratios, default=2.0) * 1.4)
    _frame(axes, [mean.mean for found in points.values() for _, mean in found])
    axes.axvline(lowest / 2, color=INK, linewidth=0.6, linestyle=":")
    dress(axes, metric, "synthetic images for each real one")
    ticks = [alone, *_powers_of_two(lowest, max(ratios, default=1.0))]
    axes.set_xticks(ticks, ["real\nonly", *(_ratio_text(tick) for tick in ticks[1:])])
    axes.xaxis.set_minor_locator(NullLocator())
    _legend(axes, real.shown_title)
    return figure


def learning_curves(findings: Findings, curves: Sequence[Curve], metric: str) -> Figure:
    """Score over real images: a line for each number of synthetic ones, with the curve fitted to real images alone.

    Args:
        findings: Of the study.
        curves: One; or several of a study that varies no synthetic images, a line each.
        metric: Title.
    """
    cells = findings.cells
    real, synthetic = cells.by_role("real_images"), cells.by_role("synthetic_images")
    figure, axes = _plot(8.6, 4.2)
    lines: list[tuple[str, dict[str, str]]] = [
        (textwrap.fill(cells.text(curve.panel), 30) or "real images alone", curve.panel) for curve in curves
    ]
    if synthetic is not None:
        panel = curves[0].panel
        lines = [(_label(synthetic, value), {**panel, synthetic.name: value}) for value in _some(synthetic.values)]
    means: list[float] = []
    for number, (label, panel) in enumerate(lines):
        found = [(cells.amount(key, real), mean) for key, mean in _means_in(findings, panel)]
        _line(axes, [(amount, mean) for amount, mean in found if amount > 0], _color(number, len(lines)), label)
        means += [mean.mean for amount, mean in found if amount > 0]
    for curve in curves if len(curves) == 1 else ():
        across = np.geomspace(curve.fitted.smallest, curve.fitted.largest, 100)
        across[-1] = curve.fitted.largest
        axes.plot(
            across, [curve.fitted(float(x)) for x in across], color=INK, linewidth=1.4, linestyle="--", zorder=1,
            label="fitted to real images alone",
        )  # fmt: skip
    axes.set_xscale("log", base=2)
    _frame(axes, means)
    dress(axes, metric, real.shown_title)
    _amount_ticks(axes, sorted(amount_of(real, value) for value in real.values if amount_of(real, value) > 0))
    _legend(axes, synthetic.shown_title if synthetic else "")
    return figure


def training_curves(findings: Findings, layout: Layout, panel: dict[str, str]) -> Figure:
    """Validation score over the steps, a colour for each column: thin every repeat, thick their mean.

    Args:
        findings: Of the study.
        layout: Its columns are the lines.
        panel: Values of all other axes.
    """
    cells = findings.cells
    found = {
        cells.value(training.key, layout.columns): training.curves
        for training in findings.trainings
        if cells.is_in(training.key, panel)
    }
    figure, axes = _plot(8.6, 3.4)
    shown = _some(layout.columns.values)
    for number, value in enumerate(shown):
        if value not in found:  # but its colour is kept, so that all panels have the same
            continue
        color = _color(number, len(shown))
        for curve in found[value]:
            steps, scores = [point.step for point in curve], [point.mean_dataset_iou for point in curve]
            axes.plot(steps, scores, color=color, linewidth=0.7, alpha=0.5)
        mean = mean_curve(found[value])
        label = _label(layout.columns, value)
        axes.plot([step for step, _ in mean], [score for _, score in mean], color=color, linewidth=2.2, label=label)
    axes.margins(x=0.02)
    axes.set_ylim(bottom=0)
    dress(axes, "mean dataset IoU, validation", "optimizer step")
    _legend(axes, layout.columns.shown_title)
    return figure


def exchange_rates(findings: Findings, worths: Sequence[Worth]) -> Figure:
    """Real images alone that score like each mix, with intervals; the ticks are the real images in the mix."""
    cells = findings.cells
    real, synthetic = cells.by_role("real_images"), cells.by_role("synthetic_images")
    rows = [value for value in real.values if any(cells.value(worth.key, real) == value for worth in worths)]
    columns = [value for value in synthetic.values if any(cells.value(w.key, synthetic) == value for w in worths)]
    shown = _some(columns)
    curve = next(curve for curve in findings.curves if curve.panel == worths[0].panel)
    smallest, largest = float(curve.fitted.smallest), float(curve.fitted.largest)
    band = 0.8 / len(shown)
    figure, axes = _plot(8.6, max(2.2, 0.8 + len(rows) * max(0.36, 0.13 * len(shown))))
    for worth in worths:
        column, row = cells.value(worth.key, synthetic), cells.value(worth.key, real)
        if column not in shown:
            continue
        height = rows.index(row) + (shown.index(column) - (len(shown) - 1) / 2) * band
        color = _color(shown.index(column), len(shown))
        rate = worth.rate
        if rate.low is not None and rate.high is not None:
            axes.plot([rate.low.value, rate.high.value], [height, height], color=color, linewidth=1.6)
            for end, marker in ((rate.low, "<"), (rate.high, ">")):
                if end.where not in ("within", rate.equivalent.where):
                    axes.plot([end.value], [height], marker, color=color, markersize=5)
        if not worth.is_unknown:
            marker = {"below": "<", "within": "o", "above": ">"}[rate.equivalent.where]
            axes.plot([rate.equivalent.value], [height], marker, color=color, markersize=6.5)
    for number, row in enumerate(rows):
        amount = amount_of(real, row)
        if smallest <= amount <= largest:
            axes.plot([amount, amount], [number - 0.46, number + 0.46], color=INK, linewidth=1.4)
    for number, column in enumerate(shown):
        axes.plot([], [], "o-", color=_color(number, len(shown)), label=_label(synthetic, column))
    axes.plot([], [], color=INK, linewidth=1.4, label="real images in the mix")
    axes.set_xscale("log", base=2)
    axes.set_xlim(smallest / 1.15, largest * 1.15)
    dress(axes, "", "real images alone that score alike, as far as measured")
    axes.grid(axis="x", color=INK, alpha=0.25, linewidth=0.6)
    axes.grid(axis="y", visible=False)
    _amount_ticks(axes, sorted(curve.scores))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [_label(real, row) for row in rows])
    axes.set_ylabel(f"{real.shown_title} in the mix", color=INK)
    _legend(axes, synthetic.shown_title)
    return figure


def box_plots(findings: Findings, layout: Layout, panel: dict[str, str], metric: str, chosen: Sequence[str]) -> Figure:
    """Scores of the repeats: boxes of the middle half with median and whiskers to the ends, and every repeat a point.

    Args:
        findings: Of the study.
        layout: Rows are the groups across the page, columns the boxes in each.
        panel: Values of the other axes.
        metric: Title.
        chosen: Values of the columns that are drawn.
    """
    cells = findings.cells
    by_place = {
        (cells.value(key, layout.rows) if layout.rows else "", cells.value(key, layout.columns)): mean
        for key, mean in _means_in(findings, panel)
    }
    if layout.rows is None:  # every value a group of one box
        groups, boxes = list(chosen), [""]
        by_place = {(column, ""): mean for (_, column), mean in by_place.items()}
        title = layout.columns.shown_title
    else:
        groups, boxes, title = list(layout.rows.values), list(chosen), layout.rows.shown_title
    groups = [group for group in groups if any((group, box) in by_place for box in boxes)]
    figure, axes = _plot(max(6.0, min(14.0, 1.6 + 0.42 * len(groups) * (len(boxes) + 0.6))), 4.2)
    band = 0.8 / len(boxes)
    for number, box in enumerate(boxes):
        color = _color(number, len(boxes)) if len(boxes) > 1 else "#3b82c4"
        for place, group in enumerate(groups):
            found = by_place.get((group, box))
            if found is None:
                continue
            across = place + (number - (len(boxes) - 1) / 2) * band
            _box(axes, across, band, found.values, color)
        if box:
            axes.plot([], [], "s", color=color, label=_label(layout.columns, box))
    dress(axes, metric, textwrap.fill(title, 80))
    group_axis = layout.rows or layout.columns
    labels = [
        textwrap.fill(shown_value(group_axis, group), LABEL_CHARACTERS, break_on_hyphens=False) for group in groups
    ]
    long = max(len(line) for label in labels for line in label.split("\n")) * len(groups) > 12 * figure.get_figwidth()
    step = -(-len(groups) // LABELS_MAX)
    axes.set_xticks(
        range(0, len(groups), step), labels[::step], rotation=40 if long else 0, ha="right" if long else "center",
        rotation_mode="anchor" if long else "default",
    )  # fmt: skip
    axes.set_xlim(-0.6, len(groups) - 0.4)
    if boxes != [""]:
        _legend(axes, layout.columns.shown_title)
    return figure


def chosen_columns(findings: Findings, layout: Layout, baseline: str | None) -> list[str]:
    """Columns whose repeats are drawn: all of few; else the baseline, and the one of the highest mean over all rows."""
    cells = findings.cells
    columns = [
        value for value in layout.columns.values if any(cells.value(k, layout.columns) == value for k in findings.means)
    ]
    if len(columns) <= 4 or layout.rows is None:
        return columns
    first = baseline if baseline in columns else columns[0]

    def gain(column: str) -> float:
        pairs = [
            (findings.means[key].mean, findings.means[other].mean)
            for key in findings.means
            if cells.value(key, layout.columns) == column
            and (other := cells.replaced(key, {layout.columns.name: first})) in findings.means
        ]
        return float(np.mean([one - two for one, two in pairs])) if pairs else -np.inf

    best = max((column for column in columns if column != first), key=gain)
    return [first, best]


def _box(axes: Axes, across: float, band: float, values: Sequence[float], color) -> None:
    if len(values) >= POINTS_ALONE:
        axes.boxplot(
            [values], positions=[across], widths=band * 0.72, whis=(0, 100), manage_ticks=False, showfliers=False,
            boxprops={"color": color}, whiskerprops={"color": color}, capprops={"color": color},
            medianprops={"color": color, "linewidth": 2.2},
        )  # fmt: skip
    else:
        middle = float(np.mean(values))
        axes.plot([across - band * 0.3, across + band * 0.3], [middle, middle], color=color, linewidth=2.2)
    # Side by side in the order of the repeats, so that equal scores stay apart.
    shifts = np.linspace(-0.22, 0.22, len(values)) * band if len(values) > 1 else [0.0]
    axes.plot(np.add(across, shifts), values, "o", color=color, markersize=2.6, alpha=0.75, markeredgewidth=0)


def _plot(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _means_in(findings: Findings, panel: dict[str, str]) -> list[tuple[tuple[str, ...], CellFinding]]:
    return [(key, mean) for key, mean in findings.means.items() if findings.cells.is_in(key, panel)]


def _line(axes: Axes, found: Sequence[tuple[float, CellFinding]], color, label: str) -> None:
    if not found:
        return
    found = sorted(found, key=lambda point: point[0])
    across = [x for x, _ in found]
    axes.plot(across, [mean.mean for _, mean in found], "o-", color=color, linewidth=1.5, markersize=3.6, label=label)
    bars = [(x, mean.interval) for x, mean in found if mean.interval is not None]
    axes.vlines(
        [x for x, _ in bars], [i.low for _, i in bars], [i.high for _, i in bars], color=color, linewidth=0.9, alpha=0.7
    )


def _frame(axes: Axes, means: Sequence[float]) -> None:
    """Cut off what is below 0, as no score is, and intervals so wide that the means could not be told apart."""
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, 0.0), min(high, 2 * max(means, default=0.0) or high))


def _mark_break(axes: Axes, findings: Findings, panel: dict[str, str], row: str, amount: float, found, color) -> None:
    """A diamond on a line where more synthetic images stopped helping, where that could be told."""
    known = sorted((np.log2(x), mean.mean) for x, mean in found if x > 0)
    for each in findings.breaks:
        at = each.found.amount
        if (each.panel, each.row) != (panel, row) or each.is_unknown or at.where != "within" or at.value <= 0:
            continue
        across = np.log2(at.value / amount)
        if known[0][0] <= across:
            height = np.interp(across, [x for x, _ in known], [score for _, score in known])
            axes.plot([2**across], [height], "D", color=color, markersize=9, fillstyle="none")


def _color(number: int, total: int):
    return ORDERED(number / max(1, total - 1))


def _some(values: Sequence[str]) -> list[str]:
    """All of a few values, else the first, the last, and some between."""
    if len(values) <= LINES_MAX:
        return list(values)
    return [values[round(place)] for place in np.linspace(0, len(values) - 1, LINES_MAX)]


def _label(axis: TableAxis, value: str) -> str:
    return textwrap.fill(shown_value(axis, value), 26, break_on_hyphens=False)


def _legend(axes: Axes, title: str) -> None:
    found = axes.legend(
        frameon=False, labelcolor=INK, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5),
        title=textwrap.fill(title, 26) or None, title_fontsize=9, alignment="left",
    )  # fmt: skip
    found.get_title().set_color(INK)


def _amount_ticks(axes: Axes, amounts: Sequence[float]) -> None:
    """A tick at each amount that was measured, but for those that would run into the one before."""
    kept: list[float] = []
    for amount in amounts:
        if not kept or amount / kept[-1] > 1.3:
            kept.append(amount)
    axes.set_xticks(kept, [count(round(amount)) for amount in kept])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(round(value))))


def _powers_of_two(lowest: float, highest: float) -> list[float]:
    powers = range(int(np.ceil(np.log2(lowest) - 1e-9)), int(np.floor(np.log2(highest) + 1e-9)) + 1)
    step = max(1, -(-len(powers) // 10))
    return [2.0**power for power in powers][::step]


def _ratio_text(value: float) -> str:
    return count(round(value)) if value >= 1 else f"1/{round(1 / value)}"
