"""Repeating until an interval is narrow: its coverage as it really is, and the corrected rule."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from training.statistics.mean_tests import (
    detectable_difference,
    detectable_paired_difference,
    paired_power,
    welch_power,
)
from training.statistics.stopping import StoppingRule, stopped_coverage, worst_coverage
from training.streams import stream

BMW = StoppingRule(confidence=0.95, half_width_of_mean=0.025, at_least=7, at_most=30)
CORRECTED = dataclasses.replace(BMW, corrected=True)
SIDES = st.sampled_from(["greater", "less", "two_sided"])


def repeated(rule, mean, deviation, draws):
    """Scores of one cell, as a study would take them: one after another, until the rule is met."""
    values = []
    while len(values) < rule.at_most:
        values.append(float(draws.normal(mean, deviation)))
        if len(values) >= rule.at_least and rule.is_met(values):
            break
    return values


@pytest.mark.parametrize(("deviation", "rule"), [(0.03, BMW), (0.03, CORRECTED), (0.021, BMW)])
def test_coverage_is_that_of_cells_repeated_one_by_one(deviation, rule):
    draws = stream(0, "test of coverage", str(deviation), str(rule.corrected))
    held, counts = [], []
    for _ in range(500):
        values = repeated(rule, 0.6, deviation, draws)
        found = rule.interval(values)
        held.append(found.low <= 0.6 <= found.high)
        counts.append(len(values))
    said = stopped_coverage(rule, 0.6, deviation)
    assert np.mean(held) == pytest.approx(said.coverage, abs=4 * math.sqrt(0.05 / 500))
    assert np.mean(counts) == pytest.approx(said.repeats, abs=4 * float(np.std(counts)) / math.sqrt(500))


def test_the_rule_of_the_paper_covers_less_often_than_it_says_and_the_corrected_one_as_often():
    assert worst_coverage(BMW) == pytest.approx(0.932, abs=0.004)
    assert 0.95 <= worst_coverage(CORRECTED) < 0.953
    assert 0.95 < CORRECTED.confidence_of_a_look < 0.98


def test_fixed_repeats_and_scores_that_do_not_vary_need_no_correction():
    fixed = StoppingRule(0.95, 0.025, 5, 5)
    assert worst_coverage(fixed) == pytest.approx(0.95, abs=0.006)
    assert dataclasses.replace(fixed, corrected=True).confidence_of_a_look < 0.955
    assert stopped_coverage(BMW, 0.5, 0.0).coverage == 1
    assert stopped_coverage(BMW, 0.5, 0.0).repeats == BMW.at_least


@given(st.floats(0.001, 0.5), st.floats(0.1, 100))
@settings(max_examples=15, deadline=None)
def test_coverage_depends_on_the_spread_alone(spread, scale):
    for mean in (scale, -scale):
        found = stopped_coverage(BMW, mean, scale * spread)
        assert found.coverage == pytest.approx(stopped_coverage(BMW, 1.0, spread).coverage, abs=1e-3)


def test_a_rule_is_met_when_the_interval_is_narrow_and_not_before_the_first_look():
    values = [0.60, 0.61, 0.59, 0.60, 0.61, 0.60]
    assert not BMW.is_met(values)
    assert BMW.is_met([*values, 0.60])
    assert not BMW.is_met([0.1, 0.9] * 4)
    low, high = stats.t.interval(0.95, 5, np.mean(values), stats.sem(values))
    assert (BMW.interval(values).low, BMW.interval(values).high) == pytest.approx((low, high))
    assert CORRECTED.interval(values).half_width > BMW.interval(values).half_width
    assert BMW.interval([0.5]) is None


@given(st.floats(0.001, 0.1), st.floats(0.001, 0.1), st.integers(2, 20), st.integers(2, 20), SIDES)
@settings(max_examples=25, deadline=None)
def test_the_detectable_difference_has_the_power_asked_for(one, other, first, second, side):
    assume(0.05 < one / other < 20)
    sign = -1 if side == "less" else 1
    found = detectable_difference((one, other), (first, second), 0.05, 0.8, side)
    assert welch_power(sign * found, (one, other), (first, second), 0.05, side) == pytest.approx(0.8, abs=1e-3)
    found = detectable_paired_difference(one, first, 0.05, 0.8, side)
    assert paired_power(sign * found, one, first, 0.05, side) == pytest.approx(0.8, abs=1e-3)


def test_two_values_find_only_huge_differences_at_a_level_corrected_for_many():
    found = [detectable_difference((0.01, 0.01), (2, 2), 0.05 / many, 0.8, "two_sided") for many in (1, 100, 10_000)]
    assert 0.05 < found[0] < found[1] < found[2]
    assert welch_power(found[2], (0.01, 0.01), (2, 2), 0.05 / 10_000) == pytest.approx(0.8, abs=1e-3)
    assert detectable_difference((0.01, 1e-9), (2, 2), 1e-12) == math.inf
