"""What amounts of images say: learning curves, exchange rates, break-points. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contracts.study_table import TableAxis
from training.report.study.cells import Cell, Cells, Key, amount_of
from training.report.study.differences import CONFIDENCE
from training.statistics.break_point import BreakPoint, break_point
from training.statistics.learning_curve import ExchangeRate, LearningCurve, exchange_rate, fit


@dataclass(frozen=True)
class Worth:
    """What the synthetic images of a cell were worth in real ones."""

    key: Key
    panel: dict[str, str]
    real: float
    synthetic: float
    mean: float
    rate: ExchangeRate

    @property
    def is_unknown(self) -> bool:
        """Whether the interval spans all that was measured, so that nothing can be told."""
        low, high = self.rate.low, self.rate.high
        return low is not None and high is not None and low.where == "below" and high.where == "above"


@dataclass(frozen=True)
class Curve:
    """Scores by number of real images alone."""

    panel: dict[str, str]
    scores: dict[int, tuple[float, ...]]
    fitted: LearningCurve


@dataclass(frozen=True)
class Break:
    """Where more synthetic images stopped helping, beside one amount of real ones."""

    panel: dict[str, str]
    row: str
    """Amount of real images as shown; empty where the study does not vary it."""
    amounts: int
    found: BreakPoint

    @property
    def is_unknown(self) -> bool:
        """Whether the interval spans all that was measured, so that nothing can be told."""
        low, high = self.found.low, self.found.high
        if low is None or high is None:
            return False
        return (low.where == "below" or round(low.value) == 0) and high.where == "above"


def amounts_of(cells: Cells) -> tuple[tuple[Curve, ...], tuple[Worth, ...], tuple[Break, ...]]:
    """Learning curves, exchange rates and break-points, in each panel of the axes that count no images."""
    real, synthetic = cells.by_role("real_images"), cells.by_role("synthetic_images")
    curves: list[Curve] = []
    worths: list[Worth] = []
    breaks: list[Break] = []
    for panel in cells.panels(cells.but(real, synthetic)):
        here = [cell for cell in cells.scored if cells.is_in(cell.key, panel)]
        if synthetic is not None:
            breaks += _breaks(cells, panel, here, real, synthetic)
        if real is None:
            continue
        alone = {
            round(cells.amount(cell.key, real)): cell.values
            for cell in here
            if cells.amount(cell.key, real) > 0 and (synthetic is None or cells.amount(cell.key, synthetic) == 0)
        }
        if len(alone) < 2:
            continue
        curves.append(Curve(panel, alone, fit(alone)))
        for cell in here if synthetic is not None else ():
            if synthetic is None or cells.amount(cell.key, synthetic) == 0:
                continue
            worths.append(
                Worth(
                    cell.key,
                    panel,
                    cells.amount(cell.key, real),
                    cells.amount(cell.key, synthetic),
                    float(np.mean(cell.values)),
                    exchange_rate(alone, cell.values, CONFIDENCE),
                )
            )
    return tuple(curves), tuple(worths), tuple(breaks)


def _breaks(
    cells: Cells, panel: dict[str, str], here: Sequence[Cell], real: TableAxis | None, synthetic: TableAxis
) -> list[Break]:
    found = []
    for row in real.values if real is not None else ("",):
        scores = {
            round(cells.amount(cell.key, synthetic)): cell.values
            for cell in here
            if real is None or (cells.value(cell.key, real) == row and amount_of(real, row) > 0)
        }
        broken = break_point(scores, CONFIDENCE)
        if broken is not None:
            found.append(Break(panel, row, len(scores), broken))
    return found
