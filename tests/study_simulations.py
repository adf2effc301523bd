"""Statistics of studies on simulated tables whose truth is known: levels of tests, coverage of intervals."""

from __future__ import annotations

import math

import numpy as np

from training.statistics.break_point import break_point
from training.statistics.learning_curve import exchange_rate
from training.statistics.mean_tests import holm, paired, welch
from training.statistics.stopping import StoppingRule
from training.streams import stream

TABLES = 1000
BMW_RULE = StoppingRule(confidence=0.95, half_width_of_mean=0.025, at_least=7, at_most=30)
ALPHA = 0.05


def null_tables(tables: int, cells: int = 6, repeats: int = 7) -> list[tuple[np.ndarray, list[np.ndarray]]]:
    """Tables in which nothing differs: scores of a baseline, and of cells with other deviations but the same mean."""
    draws = stream(0, "null tables")
    deviations = np.geomspace(0.01, 0.04, cells)
    return [
        (draws.normal(0.6, 0.02, repeats), [draws.normal(0.6, deviation, repeats) for deviation in deviations])
        for _ in range(tables)
    ]


def levels(tables: int = TABLES) -> dict[str, float]:
    """Shares of refused hypotheses where all are true: should be 5 % of single tests and of tables after correction."""
    single: dict[str, list[bool]] = {"welch": [], "paired": []}
    any_of_table: dict[str, list[bool]] = {"holm": [], "uncorrected": []}
    for baseline, cells in null_tables(tables):
        p_values = [welch(cell, baseline, "greater").p_value for cell in cells]
        single["welch"] += [p_value <= ALPHA for p_value in p_values]
        single["paired"] += [paired(cell, baseline, "greater").p_value <= ALPHA for cell in cells]
        any_of_table["uncorrected"].append(min(p_values) <= ALPHA)
        any_of_table["holm"].append(min(p for p in holm(p_values) if p is not None) <= ALPHA)
    return {name: float(np.mean(refused)) for name, refused in (single | any_of_table).items()}


def repeated(rule: StoppingRule, deviation: float, draws: np.random.Generator, mean: float = 0.6) -> np.ndarray:
    """Scores of one cell, repeated until the rule is met."""
    values = draws.normal(mean, deviation, rule.at_most)
    for count in range(rule.first_look, rule.at_most):
        if rule.is_met(values[:count]):
            return values[:count]
    return values


def stopped(rule: StoppingRule, spread: float, tables: int = TABLES) -> dict[str, float]:
    """Coverage of the last interval, level of Welch's one-sided test of two such cells, and mean number of repeats."""
    draws = stream(0, "stopped cells", str(spread), str(rule.corrected))
    held, refused, counts = [], [], []
    for _ in range(tables):
        one, other = (repeated(rule, 0.6 * spread, draws) for _ in range(2))
        found = rule.interval(one)
        held.append(found.low <= 0.6 <= found.high)
        refused.append(welch(one, other, "greater").p_value <= ALPHA)
        counts.append(len(one))
    return {
        "coverage": float(np.mean(held)),
        "level": float(np.mean(refused)),
        "repeats": float(np.mean(counts)),
    }


def exchange_coverage(tables: int = TABLES, repeats: int = 7) -> float:
    """Share of intervals of the exchange rate that hold the truth: 40 real images more, beside 16."""
    draws = stream(0, "exchange tables")

    def true_score(images: float) -> float:
        return 0.9 - 1.2 * images**-0.4

    held = []
    for _ in range(tables):
        real = {n: draws.normal(true_score(n), 0.02, repeats).tolist() for n in (16, 32, 64, 128, 263)}
        found = exchange_rate(real, draws.normal(true_score(56), 0.02, repeats).tolist())
        held.append(found.low.value <= 56 <= found.high.value)
    return float(np.mean(held))


def break_coverage(tables: int = TABLES, repeats: int = 7) -> dict[str, float]:
    """Share of intervals of the break-point that hold the truth, of scores that rise up to 512 images and then fall.

    And the share of tables in which scores rise throughout, for which a break is told with an interval that ends before
    the largest amount.
    """
    draws = stream(0, "break tables")
    amounts = (0, 64, 128, 256, 512, 1024, 2048, 4096)

    def true_score(images: float, is_rising: bool) -> float:
        across = math.log2(1 + images / 64)
        top = math.log2(1 + 512 / 64)
        return 0.5 + 0.04 * across if is_rising or across < top else 0.5 + 0.04 * top - 0.02 * (across - top)

    held, wrong = [], []
    for _ in range(tables):
        for is_rising in (False, True):
            scores = {n: draws.normal(true_score(n, is_rising), 0.02, repeats).tolist() for n in amounts}
            found = break_point(scores)
            if is_rising:
                wrong.append(found.high.where != "above")
            else:
                held.append(found.low.value <= 512 <= found.high.value)
    return {"coverage": float(np.mean(held)), "wrong breaks": float(np.mean(wrong))}
