"""Training curves and calibration as SVG that sits inside a page."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from contracts.run import CurvePoint
from contracts.scores import Calibration

INK = "#808080"
"""Readable on white and on black."""
COLORS = ("#3b82c4", "#e07b39", "#2a9d6f", "#b0569b", "#a38a1a", "#7a6ff0")


def run_curves(curve: Sequence[CurvePoint], best_step: int) -> str:
    """Loss and validation score of one run over its steps, as an `<svg>` element."""
    figure, (loss, score) = _figure()
    steps = [point.step for point in curve]
    loss.plot(steps, [point.train_loss for point in curve], color=COLORS[0], label="training", **_marks(curve))
    loss.plot(steps, [point.validation_loss for point in curve], color=COLORS[1], label="validation", **_marks(curve))
    score.plot(steps, [point.validation_mean_iou for point in curve], color=COLORS[1], **_marks(curve))
    best = [point.validation_mean_iou for point in curve if point.step == best_step]
    if best:
        score.plot([best_step], best, "o", color=COLORS[1], markersize=8, fillstyle="none")
        score.annotate(
            f"kept: step {best_step}", (best_step, best[0]), xytext=(0, 9), textcoords="offset points", ha="right",
            color=INK, fontsize=9,
        )  # fmt: skip
    for axes in (loss, score):
        for before, after in itertools.pairwise(curve):
            if before.stage != after.stage:
                axes.axvline(before.step, color=INK, linewidth=0.8, linestyle=":")
                axes.annotate(
                    after.stage, (before.step, 1), xycoords=("data", "axes fraction"), xytext=(4, -10),
                    textcoords="offset points", color=INK, fontsize=9,
                )  # fmt: skip
    _legend(loss)
    _from_zero(loss, score)
    return as_svg(figure)


def compared_curves(curves: Mapping[str, Sequence[CurvePoint]]) -> str:
    """Training loss and validation score of several runs over their steps, as an `<svg>` element."""
    figure, (loss, score) = _figure("training loss")
    for index, (name, curve) in enumerate(curves.items()):
        steps = [point.step for point in curve]
        color = COLORS[index % len(COLORS)]
        loss.plot(steps, [point.train_loss for point in curve], color=color, label=name, **_marks(curve))
        score.plot(steps, [point.validation_mean_iou for point in curve], color=color, label=name, **_marks(curve))
    _legend(score)
    _from_zero(loss, score)
    return as_svg(figure)


def reliability(calibration: Calibration) -> str:
    """How often pixels are right over how confident the network is there, as an `<svg>` element."""
    figure = Figure(figsize=(10, 3.3), layout="constrained")
    right, pixels = figure.subplots(1, 2)
    confidence = [row.confidence for row in calibration.bins]
    lowest = min([0.5, *confidence])
    right.plot([lowest, 1], [lowest, 1], color=INK, linewidth=0.8, linestyle=":", label="as often right as sure")
    right.plot(confidence, [row.accuracy for row in calibration.bins], "o-", color=COLORS[0], label="this network")
    right.set_ylim(0, 1.02)
    total = sum(row.pixels for row in calibration.bins)
    shares = [100 * row.pixels / total for row in calibration.bins]
    pixels.bar(confidence, shares, width=0.04, color=COLORS[0])
    for axes, title in ((right, "share of pixels that are right"), (pixels, "share of pixels, %")):
        dress(axes, title, "confidence")
        axes.set_xlim(lowest - 0.03, 1.03)
    right.legend(frameon=False, labelcolor=INK, fontsize=9, loc="lower right")
    return as_svg(figure)


def _figure(loss_title: str = "loss") -> tuple[Figure, tuple[Axes, Axes]]:
    figure = Figure(figsize=(10, 3.3), layout="constrained")
    loss, score = figure.subplots(1, 2)
    for axes, title in ((loss, loss_title), (score, "mean dataset IoU, validation")):
        dress(axes, title, "optimizer step")
        axes.margins(x=0.02, y=0.12)
    return figure, (loss, score)


def dress(axes: Axes, title: str, across: str) -> None:
    """Titles, ticks and grid that can be read on white and on black."""
    axes.set_title(title, loc="left", color=INK, fontsize=11)
    axes.set_xlabel(across, color=INK)
    axes.tick_params(colors=INK, labelsize=9)
    axes.set_facecolor("none")
    axes.grid(axis="y", color=INK, alpha=0.25, linewidth=0.6)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(INK)


def _from_zero(*all_axes: Axes) -> None:
    """Heights that can be compared by eye; small changes near the end must not look large."""
    for axes in all_axes:
        axes.set_ylim(bottom=0)


def _marks(curve: Sequence[CurvePoint]) -> dict[str, Any]:
    return {"linewidth": 1.8, "marker": "o" if len(curve) <= 30 else "", "markersize": 3.5}


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, labelcolor=INK, fontsize=9)


def as_svg(figure: Figure) -> str:
    """A figure as an `<svg>` element."""
    buffer = io.StringIO()
    # Text stays text, in the page's font; the salt makes the same curves the same bytes.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "beltline", "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
