"""The figures of a study's report: which there are, which a study can have, and their captions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.figure import Figure

from contracts.errors import ConfigurationError, nearest
from contracts.study import Comparison
from contracts.study_table import TableAxis
from training.report.curves import as_svg
from training.report.study import heat_maps, lines
from training.report.study.cells import against, amount_of, value_text
from training.report.study.findings import Findings
from training.report.study.wording import SIDES, TESTS, listed

PIXELS_PER_INCH = 96
PANELS_MAX = 12
"""Panels of one figure that are drawn; tables hold all."""


@dataclass(frozen=True)
class Plot:
    """One picture."""

    name: str
    """Of its file."""
    title: str
    width_px: int
    svg: str


@dataclass(frozen=True)
class PlotGroup:
    """A figure, with a picture for each panel."""

    name: str
    title: str
    caption: str
    plots: tuple[Plot, ...]
    left_out: int
    """Panels that are not drawn."""


@dataclass(frozen=True)
class Panels:
    """A figure before it is drawn: its panels, and how to draw one."""

    title: str
    caption: str
    panels: Sequence[tuple[str, Any]]
    """What each shows in words, and what it is drawn from."""
    draw: Callable[[Any], Figure]


def _mean_heatmap(findings: Findings, metric: str) -> list[Panels]:
    layout = findings.cells.layout(findings.comparisons[0] if findings.comparisons else None)
    if layout.rows is None:
        return []
    caption = f"{metric}, ± half the width of the 95 % interval of the mean, and in brackets the number of repeats."
    return [Panels("Mean", caption, _in_words(findings, layout.others), partial(heat_maps.mean_map, findings, layout))]


def _gain_heatmap(findings: Findings, metric: str) -> list[Panels]:
    caption = (
        "In percent of the score compared with, and below it the difference. Framed: shown at p ≤ 0.05{correction}."
    )
    return _compared(findings, heat_maps.gain_map, "Gain over", caption)


def _p_heatmap(findings: Findings, metric: str) -> list[Panels]:
    return _compared(findings, heat_maps.p_map, "p against", "{test}, {side}{correction}. Framed: p ≤ 0.05.")


def _ratio_curves(findings: Findings, metric: str) -> list[Panels]:
    cells = findings.cells
    real, synthetic = cells.by_role("real_images"), cells.by_role("synthetic_images")
    if real is None or synthetic is None:
        return []
    caption = (
        "Mean over the repeats with its 95 % interval; a diamond where more synthetic images stopped helping, if that"
        " could be told. What is too long for the picture is cut off. Cells without real images have no ratio."
    )

    def draw_panel(panel: dict[str, str]) -> Figure:
        return lines.ratio_curves(findings, panel, metric)

    panels = _in_words(findings, cells.but(real, synthetic))
    return [Panels("By ratio of synthetic to real images", caption, panels, draw_panel)]


def _box_plots(findings: Findings, metric: str) -> list[Panels]:
    return [_boxes(findings, metric, comparison) for comparison in findings.comparisons or (None,)]


def _boxes(findings: Findings, metric: str, comparison: Comparison | None) -> Panels:
    layout = findings.cells.layout(comparison)
    chosen = lines.chosen_columns(findings, layout, against(comparison) if comparison else None)
    caption = (
        "Every point is a training. Boxes: middle half and median; whiskers: lowest and highest. Of fewer than five, a"
        " line at the mean."
    )
    left_out = sum(value not in chosen for value in layout.columns.values)
    if left_out:
        caption += (
            f" Of {layout.columns.shown_title}, {listed(chosen)}, the highest over all rows; {left_out} more are in"
            " the tables."
        )

    def draw_panel(panel: dict[str, str]) -> Figure:
        return lines.box_plots(findings, layout, panel, metric, chosen)

    return Panels(f"Repeats by {layout.columns.shown_title}", caption, _in_words(findings, layout.others), draw_panel)


def _learning_curves(findings: Findings, metric: str) -> list[Panels]:
    caption = "Mean over the repeats with its 95 % interval; what is too long for the picture is cut off."
    synthetic = findings.cells.by_role("synthetic_images")
    if synthetic is not None:
        caption += (
            " The dashed curve is what exchange rates are read from: a power law or a logarithm, by least squares."
            + _left_out(synthetic.values)
        )
    if synthetic is None:
        count = lines.LINES_MAX
        groups = [findings.curves[start : start + count] for start in range(0, len(findings.curves), count)]
        panels = [("", group) for group in groups]
    else:
        panels = [(findings.cells.text(curve.panel), (curve,)) for curve in findings.curves]
    return [Panels("Learning curves", caption, panels, lambda curves: lines.learning_curves(findings, curves, metric))]


def _exchange_rate(findings: Findings, metric: str) -> list[Panels]:
    groups = [list(group) for _, group in itertools.groupby(findings.worths, key=lambda worth: worth.panel)]
    caption = (
        "To the right of a row's mark, synthetic images replaced real ones. Bars: 95 % intervals. An arrow: beyond what"
        " was measured, and nothing is said of how far. No dot: can't be told."
    )
    synthetic = findings.cells.by_role("synthetic_images")
    if synthetic is not None:
        caption += _left_out([value for value in synthetic.values if amount_of(synthetic, value) > 0])
    panels = [(findings.cells.text(group[0].panel), group) for group in groups]
    return [Panels("What the mixes score like", caption, panels, partial(lines.exchange_rates, findings))]


def _training_curves(findings: Findings, metric: str) -> list[Panels]:
    layout = findings.cells.layout(findings.comparisons[0] if findings.comparisons else None)
    panels = [
        (text, panel)
        for text, panel in _in_words(findings, findings.cells.but(layout.columns))
        if any(findings.cells.is_in(training.key, panel) for training in findings.trainings)
    ]
    caption = (
        "Mean dataset IoU on the validation images, not the test images, over the steps: thin every repeat, thick their"
        " mean."
    )
    return [Panels("Over the steps", caption, panels, partial(lines.training_curves, findings, layout))]


def _left_out(amounts: Sequence[str]) -> str:
    left_out = len(amounts) - lines.LINES_MAX
    return f" {left_out} more amounts are in the tables." if left_out > 0 else ""


def _compared(findings: Findings, draw: Callable[..., Figure], title: str, caption: str) -> list[Panels]:
    return [
        _compared_by(findings, draw, title, caption, number, comparison)
        for number, comparison in enumerate(findings.comparisons)
    ]


def _compared_by(
    findings: Findings, draw: Callable[..., Figure], title: str, caption: str, number: int, comparison: Comparison
) -> Panels:
    layout = findings.cells.layout(comparison)
    keys = [each.key for each in findings.differences if each.comparison == number]
    words = caption.format(
        test=TESTS[comparison.test],
        side=SIDES[comparison.alternative],
        correction=" after Holm's correction over all cells" if comparison.correction == "holm" else ", uncorrected",
    )
    panels = [
        (text, panel)
        for text, panel in _in_words(findings, layout.others)
        if any(findings.cells.is_in(key, panel) for key in keys)
    ]
    axis = findings.cells.table.axis(comparison.each)
    name = f"{title} {value_text(axis, against(comparison))}"
    return Panels(name, words, panels, lambda panel: draw(findings, layout, panel, number))


def _in_words(findings: Findings, others: Sequence[TableAxis]) -> list[tuple[str, dict[str, str]]]:
    return [(findings.cells.text(panel), panel) for panel in findings.cells.panels(others)]


FIGURES: dict[str, Callable[[Findings, str], list[Panels]]] = {
    "mean_heatmap": _mean_heatmap,
    "gain_heatmap": _gain_heatmap,
    "p_heatmap": _p_heatmap,
    "box_plots": _box_plots,
    "ratio_curves": _ratio_curves,
    "learning_curves": _learning_curves,
    "exchange_rate": _exchange_rate,
    "training_curves": _training_curves,
}
TABLES = ("break_point", "worst_slices")
"""Parts of the report that are tables only."""


def check_names(names: Sequence[str]) -> None:
    """Refuse figures that there are not.

    Raises:
        ConfigurationError: With the nearest that there is.
    """
    known = [*FIGURES, *TABLES]
    for name in names:
        if name not in known:
            raise ConfigurationError(
                f"report.figures: no figure '{name}'", code="unknown_figure", hint=nearest(name, known)
            )


def draw(findings: Findings, metric: str, names: Sequence[str]) -> list[PlotGroup]:
    """Every figure that the study asks for and has the data of.

    Args:
        findings: Of the study.
        metric: What the scores are.
        names: Figures asked for; none is all.
    """
    groups = []
    for name, figure_of in FIGURES.items():
        if (names and name not in names) or not findings.means:
            continue
        for number, figure in enumerate(figure_of(findings, metric)):
            plots = tuple(
                _plot(name, number, place if len(figure.panels) > 1 else None, text, figure.draw(panel))
                for place, (text, panel) in enumerate(figure.panels[:PANELS_MAX])
            )
            if plots:
                left_out = max(0, len(figure.panels) - PANELS_MAX)
                groups.append(PlotGroup(name, figure.title, figure.caption, plots, left_out))
    return groups


def _plot(name: str, number: int, panel: int | None, text: str, figure: Figure) -> Plot:
    file_name = name + (f"-{number + 1}" if number else "") + ("" if panel is None else f"-panel-{panel + 1}")
    return Plot(file_name, text, round(PIXELS_PER_INCH * figure.get_figwidth()), as_svg(figure))
