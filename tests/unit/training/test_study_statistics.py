"""A thousand simulated tables against scipy and statsmodels, and how often tests and intervals err as they really do.

The figures of the slow tests stand in docs/study-reports.md.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower, TTestPower

from tests.study_simulations import (
    BMW_RULE,
    break_coverage,
    exchange_coverage,
    levels,
    null_tables,
    stopped,
)
from training.statistics.mean_tests import averaged, holm, paired, paired_power, welch, welch_power

SIDES = {"greater": "larger", "less": "smaller", "two_sided": "two-sided"}


@pytest.mark.parametrize("tables", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_tables_are_tested_as_by_scipy_and_statsmodels(tables):
    for number, (baseline, cells) in enumerate(null_tables(tables)):
        ours = [welch(cell, baseline, "greater").p_value for cell in cells]
        theirs = stats.ttest_ind(np.array(cells), baseline, axis=1, equal_var=False, alternative="greater").pvalue
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
        pairs = [paired(cell, baseline, "greater").p_value for cell in cells]
        theirs = stats.ttest_rel(np.array(cells), baseline, axis=1, alternative="greater").pvalue
        np.testing.assert_allclose(pairs, theirs, rtol=1e-9)
        if number % 10 == 0:  # statsmodels takes a twentieth of a second for it
            np.testing.assert_allclose(holm(ours), multipletests(ours, method="holm")[1], rtol=1e-12)


@given(st.floats(0.1, 1.2), st.integers(2, 12), st.sampled_from(sorted(SIDES)))
@settings(max_examples=30, deadline=None)
def test_power_is_that_of_statsmodels(effect, count, side):
    difference = -effect if side == "less" else effect
    ours = welch_power(difference, (1.0, 1.0), (count, count), 0.05, side)
    theirs = TTestIndPower().power(difference, count, 0.05, alternative=SIDES[side])
    assert ours == pytest.approx(theirs, abs=1e-6)
    ours = paired_power(difference, 1.0, count, 0.05, side)
    assert ours == pytest.approx(TTestPower().power(difference, count, 0.05, alternative=SIDES[side]), abs=1e-6)


def test_the_average_of_tests_is_the_test_itself_of_one_and_narrower_of_several():
    draws = np.random.default_rng(3)
    one = welch(draws.normal(0.6, 0.02, 5), draws.normal(0.5, 0.03, 5))
    assert dataclasses.asdict(averaged([one])) == pytest.approx(dataclasses.asdict(one))
    several = averaged([one] * 4)
    assert several.difference == pytest.approx(one.difference)
    assert several.standard_error == pytest.approx(one.standard_error / 2)
    assert several.degrees_of_freedom == pytest.approx(4 * one.degrees_of_freedom)


@pytest.mark.slow
def test_tests_refuse_as_often_as_they_say():
    found = levels()
    assert found["welch"] == pytest.approx(0.05, abs=0.012)
    assert found["paired"] == pytest.approx(0.05, abs=0.012)
    assert found["holm"] <= 0.05 + 0.015
    assert found["uncorrected"] > 0.1


@pytest.mark.slow
def test_adaptive_repeats_cover_as_the_report_says_and_keep_the_level_of_tests():
    plain, corrected = (stopped(rule, 0.05) for rule in (BMW_RULE, dataclasses.replace(BMW_RULE, corrected=True)))
    assert plain["coverage"] == pytest.approx(0.933, abs=0.024)
    assert corrected["coverage"] == pytest.approx(0.950, abs=0.021)
    assert corrected["repeats"] > plain["repeats"]
    assert 0.03 < plain["level"] < 0.09  # the test does not allow for the stopping


@pytest.mark.slow
def test_intervals_of_exchange_rate_and_break_point_cover_about_as_often_as_they_say():
    assert 0.93 < exchange_coverage(300) <= 1
    found = break_coverage(150)
    assert found["coverage"] > 0.93
    assert found["wrong breaks"] < 0.05
