"""Tests, intervals, power, learning curves and breaks against scipy, simulation, and laws they must keep."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from training.statistics import learning_curve
from training.statistics.break_point import break_point
from training.statistics.learning_curve import exchange_rate
from training.statistics.mean_tests import (
    detectable_difference,
    holm,
    mean_interval,
    paired,
    paired_power,
    welch,
    welch_power,
)
from training.statistics.resampling import drawn_means

SIDES = {"greater": "greater", "less": "less", "two_sided": "two-sided"}
scores = st.integers(0, 1000).map(lambda value: value / 1000)
samples = st.lists(scores, min_size=2, max_size=12)
sides = st.sampled_from(sorted(SIDES))


@pytest.mark.filterwarnings("ignore:Precision loss")  # scipy's, where one sample does not vary
@given(samples, samples, sides, st.floats(0.5, 0.999))
@settings(max_examples=100)
def test_welch_is_that_of_scipy(first, second, side, confidence):
    assume(len(set(first)) > 1 or len(set(second)) > 1)
    ours = welch(first, second, side, confidence)
    theirs = stats.ttest_ind(first, second, equal_var=False, alternative=SIDES[side])
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)
    assert ours.degrees_of_freedom == pytest.approx(theirs.df, rel=1e-6)
    two_sided = stats.ttest_ind(first, second, equal_var=False).confidence_interval(confidence)
    assert (ours.low, ours.high) == pytest.approx((two_sided.low, two_sided.high), rel=1e-6, abs=1e-9)


@pytest.mark.filterwarnings("ignore:Precision loss")
@given(st.lists(st.tuples(scores, scores), min_size=2, max_size=12), sides)
@settings(max_examples=100)
def test_the_paired_test_is_that_of_scipy(pairs, side):
    first, second = (list(values) for values in zip(*pairs, strict=True))
    assume(len({round(one - other, 6) for one, other in pairs}) > 1)
    ours = paired(first, second, side)
    theirs = stats.ttest_rel(first, second, alternative=SIDES[side])
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)
    assert ours.difference == pytest.approx(np.mean(first) - np.mean(second))


@given(samples)
@settings(max_examples=60)
def test_the_interval_of_a_mean_is_that_of_scipy(values):
    assume(len(set(values)) > 1)
    found = mean_interval(values)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.half_width == pytest.approx((high - low) / 2)


def test_what_can_not_be_tested_is_none():
    assert mean_interval([0.5]) is None
    assert welch([0.5], [0.1, 0.2]) is None
    assert welch([0.5, 0.5], [0.1, 0.1]) is None
    assert paired([0.5, 0.6], [0.4, 0.5]) is None  # the same difference twice, but for rounding
    with pytest.raises(ValueError, match="2 and 3 values are no pairs"):
        paired([0.5, 0.4], [0.1, 0.2, 0.3])


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=8))
@settings(max_examples=100)
def test_holm_is_the_closed_test_of_bonferroni(p_values):
    """Corrected p: the largest, over all sets that a hypothesis is in, of the set's size times its least p."""
    found = holm(p_values)
    known = [place for place, value in enumerate(p_values) if value is not None]
    for place, value in enumerate(found):
        if place not in known:
            assert value is None
            continue
        others = [other for other in known if other != place]
        sets = [(place, *chosen) for size in range(len(others) + 1) for chosen in itertools.combinations(others, size)]
        expected = max(min(1.0, len(one) * min(p_values[member] for member in one)) for one in sets)
        assert value == pytest.approx(expected)


@pytest.mark.parametrize("side", sorted(SIDES))
def test_power_is_how_often_the_test_finds_the_difference(side):
    draws = np.random.Generator(np.random.Philox(key=1))
    first, second = draws.normal(0.55, 0.05, (4000, 7)), draws.normal(0.5, 0.03, (4000, 9))
    if side == "less":
        first, second = 1 - first, 1 - second
    sign = -1 if side == "less" else 1
    p_values = stats.ttest_ind(first, second, axis=1, equal_var=False, alternative=SIDES[side]).pvalue
    power = welch_power(sign * 0.05, (0.05, 0.03), (7, 9), alternative=side)
    assert np.mean(p_values < 0.05) == pytest.approx(power, abs=0.03)
    found = stats.ttest_1samp(first, 0.5, axis=1, alternative=SIDES[side]).pvalue
    shift = float(0.45 if side == "less" else 0.55) - 0.5
    assert np.mean(found < 0.05) == pytest.approx(paired_power(shift, 0.05, 7, alternative=side), abs=0.03)


def test_without_a_difference_the_power_is_the_level():
    for side in SIDES:
        assert welch_power(0.0, (0.1, 0.2), (5, 9), 0.05, side) == pytest.approx(0.05, abs=1e-6)


def test_the_detectable_difference_has_the_power_asked():
    found = detectable_difference((0.05, 0.03), (7, 9), power=0.8)
    assert welch_power(found, (0.05, 0.03), (7, 9), alternative="greater") == pytest.approx(0.8, abs=1e-3)


def test_the_level_of_welch_holds_over_a_thousand_tables():
    draws = np.random.Generator(np.random.Philox(key=2))
    refused = sum(
        welch(draws.normal(0.5, 0.02, 7), draws.normal(0.5, 0.06, 12), "greater").p_value < 0.05 for _ in range(1000)
    )
    assert 0.03 <= refused / 1000 <= 0.07


def power_law(images: float) -> float:
    return 0.8 - 1.5 * images**-0.5


AMOUNTS = (16, 32, 64, 128, 256)


def noisy(draws: np.random.Generator, repeats: int, deviation: float) -> dict[int, list[float]]:
    return {n: [power_law(n) + float(draws.normal(0, deviation)) for _ in range(repeats)] for n in AMOUNTS}


@given(st.floats(16, 256))
@settings(max_examples=40)
def test_a_power_law_is_found_and_inverted(images):
    curve = learning_curve.fit({n: [power_law(n)] for n in AMOUNTS})
    assert curve(images) == pytest.approx(power_law(images), abs=2e-3)
    back = curve.images_for(curve(images))
    at_an_end = any(images == pytest.approx(end, rel=1e-12) for end in (16, 256))  # where rounding may step over it
    assert back.where == "within" or at_an_end
    assert back.value == pytest.approx(images, rel=1e-6)


def test_two_amounts_make_a_straight_line_over_the_logarithm():
    curve = learning_curve.fit({10: [0.2], 1000: [0.6]})
    assert curve(100) == pytest.approx(0.4)
    assert str(curve.images_for(0.5)) == str(round(10**2.5))


def test_nothing_is_said_beyond_what_was_measured():
    curve = learning_curve.fit({n: [power_law(n)] for n in AMOUNTS})
    assert str(curve.images_for(0.9)) == "> 256"
    assert str(curve.images_for(0.1)) == "< 16"
    for images in (15, 257):
        with pytest.raises(ValueError, match="outside the measured 16 to 256"):
            curve(images)


def test_the_curve_never_falls():
    curve = learning_curve.fit({16: [0.6, 0.62], 64: [0.5, 0.51], 256: [0.4, 0.42]})
    assert curve.slope == 0
    assert curve.images_for(0.9).where == "above"
    assert curve.images_for(0.1).where == "below"


def test_a_curve_of_one_amount_is_refused_and_none_at_all_is_no_amount():
    with pytest.raises(ValueError, match="two amounts"):
        learning_curve.fit({0: [0.1], 16: [0.3]})


def test_the_exchange_rate_covers_the_truth_about_as_often_as_it_says():
    draws = np.random.Generator(np.random.Philox(key=3))
    held = 0
    for _ in range(60):
        mixed = [power_law(90) + float(draws.normal(0, 0.02)) for _ in range(8)]
        found = exchange_rate(noisy(draws, 8, 0.02), mixed)
        low = -math.inf if found.low.where == "below" else found.low.value
        high = math.inf if found.high.where == "above" else found.high.value
        assert low <= found.equivalent.value <= high
        held += low <= 90 <= high
    assert held >= 50


def test_a_mix_better_than_all_real_images_is_beyond_them_with_its_interval():
    draws = np.random.Generator(np.random.Philox(key=4))
    found = exchange_rate(noisy(draws, 5, 0.01), [0.9, 0.91, 0.92])
    assert [str(found.low), str(found.equivalent), str(found.high)] == ["> 256"] * 3


def test_without_repeats_there_is_no_interval():
    assert exchange_rate({16: [0.3], 64: [0.5]}, [0.4]).low is None
    assert break_point({0: [0.1], 16: [0.2], 32: [0.3], 64: [0.3]}).high is None


def hinge(images: int, at: float = 256.0, after: float = 0.0) -> float:
    across, break_across = math.log2(1 + images / 16), math.log2(1 + at / 16)
    return 0.3 + 0.05 * min(across, break_across) - after * max(across - break_across, 0)


SYNTHETIC = (0, 16, 64, 256, 1024, 4096)


@pytest.mark.parametrize("after", [0.0, 0.03])
def test_a_break_is_found_where_it_is(after):
    found = break_point({n: [hinge(n, after=after)] for n in SYNTHETIC})
    assert found.amount.where == "within"
    assert found.amount.value == pytest.approx(256, rel=0.02)


def test_what_still_helps_or_never_did_has_its_break_beyond():
    assert str(break_point({n: [hinge(n, at=1e9)] for n in SYNTHETIC}).amount) == "> 4096"
    assert str(break_point({n: [0.4] for n in SYNTHETIC}).amount) == "< 0"
    assert str(break_point({n: [0.4 - n / 1e5] for n in SYNTHETIC}).amount) == "< 0"
    assert break_point({0: [0.1], 16: [0.2], 32: [0.2]}) is None


def test_the_interval_of_the_break_covers_the_truth_about_as_often_as_it_says():
    draws = np.random.Generator(np.random.Philox(key=5))
    held = 0
    for _ in range(30):
        found = break_point({n: [hinge(n) + float(draws.normal(0, 0.01)) for _ in range(7)] for n in SYNTHETIC})
        low = -math.inf if found.low.where == "below" else found.low.value
        high = math.inf if found.high.where == "above" else found.high.value
        held += low <= 256 <= high
    assert held >= 25


@given(st.lists(samples.filter(lambda values: len(set(values)) > 1), min_size=1, max_size=3))
@settings(max_examples=15, deadline=None)
def test_means_are_drawn_about_those_of_the_samples_as_far_as_their_intervals_reach(several):
    drawn = drawn_means(several, "test")
    for column, values in enumerate(several):
        found = mean_interval(values, 0.8)
        low, high = np.quantile(drawn[:, column], [0.1, 0.9])
        assert low == pytest.approx(found.low, abs=0.25 * found.half_width)
        assert high == pytest.approx(found.high, abs=0.25 * found.half_width)


def test_a_sample_of_one_has_the_spread_of_the_others():
    drawn = drawn_means([[0.5], [0.6, 0.64, 0.62]], "test")
    assert np.median(drawn[:, 0]) == pytest.approx(0.5, abs=0.005)
    ratio = np.subtract(*np.quantile(drawn, [0.9, 0.1], axis=0))
    assert ratio[0] / ratio[1] == pytest.approx(math.sqrt(3), rel=0.15)
