"""Two sets of labelled images side by side, as one picture of plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes

from tests.benchmarks.transfer.distribution import APPEARANCE, VIEWS, FloatArray, SetMeasures, view_table

PHOTOGRAPHS_COLOR, SYNTHETIC_COLOR = "#0072b2", "#d55e00"
BINS = 24


def draw(photographs: SetMeasures, synthetic: SetMeasures, classes: Sequence[str], name: str, path: Path) -> None:
    """Draw areas, locations, appearance, numbers of classes, shares of images and views.

    Args:
        photographs: One set.
        synthetic: The other.
        classes: Names of the classes.
        name: What the synthetic set is called.
        path: PNG to write.
    """
    columns = max(len(classes), 5)
    figure = pyplot.figure(figsize=(3.3 * columns, 14.5), layout="constrained")
    grid = figure.add_gridspec(5, columns * 2, height_ratios=[1, 1.15, 1.15, 1, 1])
    for number, label in enumerate(classes):
        place = slice(2 * number, 2 * number + 2)
        axis = figure.add_subplot(grid[0, place])
        areas = [each.area[each.present[:, number], number] for each in (photographs, synthetic)]
        _histogram(axis, areas[0], areas[1], f"{label}: area when present", legend=number == 0)
        for row, (measures, what) in enumerate(((photographs, "photographs"), (synthetic, "synthetic")), start=1):
            _heat(figure.add_subplot(grid[row, place]), measures, number, f"{label}: where in {what}")
    for number, label in enumerate(APPEARANCE):
        axis = figure.add_subplot(grid[3, 2 * number : 2 * number + 2])
        _histogram(axis, photographs.appearance[:, number], synthetic.appearance[:, number], label)
    axis = figure.add_subplot(grid[3, 8:10])
    counts = [
        np.bincount(each.present.sum(axis=1), minlength=len(classes) + 1) / len(each)
        for each in (photographs, synthetic)
    ]
    _bars(axis, counts[0], counts[1], [str(count) for count in range(len(classes) + 1)], "classes in an image")
    axis = figure.add_subplot(grid[4, :columns])
    _bars(axis, photographs.present.mean(axis=0), synthetic.present.mean(axis=0), classes, "share of images with class")
    seen, seen_synthetic = view_table(photographs.views), view_table(synthetic.views)
    if len(seen) and len(seen_synthetic):
        axis = figure.add_subplot(grid[4, columns:])
        _bars(axis, seen.mean(axis=0), seen_synthetic.mean(axis=0), VIEWS, "share of images by view")
    figure.suptitle(f"{len(photographs)} photographs to learn from, {len(synthetic)} images of {name}")
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def _histogram(axis: Axes, one: FloatArray, other: FloatArray, title: str, *, legend: bool = False) -> None:
    both = np.concatenate([one, other])
    if len(both) == 0:
        axis.set_axis_off()
        return
    edges = np.linspace(both.min(), max(np.quantile(both, 0.99), both.min() + 1e-6), BINS + 1)
    for values, color, label in ((one, PHOTOGRAPHS_COLOR, "photographs"), (other, SYNTHETIC_COLOR, "synthetic")):
        if len(values):
            weights = np.full(len(values), 1 / len(values))
            inside = np.minimum(values, edges[-1])  # the last bin holds the few beyond
            axis.hist(inside, edges, weights=weights, color=color, alpha=0.5, label=label)
            axis.axvline(float(values.mean()), color=color, linewidth=1.5)
    axis.set_title(title, fontsize=10)
    axis.set_yticks([])
    if legend:
        axis.legend(fontsize=9)


def _heat(axis: Axes, measures: SetMeasures, number: int, title: str) -> None:
    present = measures.present[:, number]
    axis.set_title(title, fontsize=10)
    axis.set_xticks([])
    axis.set_yticks([])
    if present.any():
        axis.imshow(measures.location[present, number].mean(axis=0), vmin=0, vmax=0.12, cmap="magma")


def _bars(axis: Axes, one: FloatArray, other: FloatArray, labels: Sequence[str], title: str) -> None:
    places = np.arange(len(labels))
    axis.bar(places - 0.2, one, 0.4, color=PHOTOGRAPHS_COLOR, label="photographs")
    axis.bar(places + 0.2, other, 0.4, color=SYNTHETIC_COLOR, label="synthetic")
    axis.set_xticks(places, labels, fontsize=9)
    axis.set_title(title, fontsize=10)
