"""Distributions are drawn as they are written: each against its own cumulative distribution."""

from typing import Annotated

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from contracts.distributions import (
    Integers,
    LogUniform,
    Normal,
    NormalParameters,
    NumberChoice,
    NumberDistribution,
    Uniform,
    Within,
    WordChoice,
)
from contracts.document import Document, validate
from contracts.errors import ConfigurationError
from unity_bridge.sampling import draw, stream

DRAWS = 4000
SIGNIFICANCE = 1e-4


def drawn(distribution, count=DRAWS):
    return [draw(distribution, stream(7, index, 0, "test")) for index in range(count)]


@pytest.mark.parametrize(
    ("distribution", "law"),
    [
        (Uniform(uniform=(-3.0, 5.0)), stats.uniform(-3, 8)),
        (LogUniform(log_uniform=(0.1, 100.0)), stats.loguniform(0.1, 100)),
        (
            Normal(normal=NormalParameters(mean=10.0, standard_deviation=2.0, range=(7.0, 11.0))),
            stats.truncnorm(-1.5, 0.5, 10, 2),
        ),
        (Normal(normal=NormalParameters(mean=1.0, standard_deviation=0.5)), stats.truncnorm(-3, 3, 1, 0.5)),
        (
            Normal(normal=NormalParameters(mean=0.0, standard_deviation=1.0, range=(3.0, 5.0))),
            stats.truncnorm(3, 5),
        ),
    ],
)
def test_continuous_draws_follow_their_distribution(distribution, law):
    assert stats.kstest(drawn(distribution), law.cdf).pvalue > SIGNIFICANCE


def test_integers_are_all_alike_likely_with_both_ends():
    values = drawn(Integers(integers=(2, 6)))
    counts = [values.count(number) for number in range(2, 7)]
    assert sum(counts) == DRAWS
    assert stats.chisquare(counts).pvalue > SIGNIFICANCE


def test_number_choice_is_even():
    numbers = [1.0, 2.5, -4.0]
    values = drawn(NumberChoice(choice=numbers))
    assert stats.chisquare([values.count(number) for number in numbers]).pvalue > SIGNIFICANCE


def test_word_choice_follows_its_weights_and_never_draws_weight_zero():
    values = drawn(WordChoice(choice={"a": 3.0, "b": 1.0, "never": 0.0}))
    assert "never" not in values
    assert stats.chisquare([values.count("a"), values.count("b")], [DRAWS * 0.75, DRAWS * 0.25]).pvalue > SIGNIFICANCE


def test_word_order_does_not_matter():
    one = WordChoice(choice={"a": 3.0, "b": 1.0, "c": 2.0})
    other = WordChoice(choice={"c": 2.0, "a": 3.0, "b": 1.0})
    assert drawn(one, 200) == drawn(other, 200)


@given(
    st.floats(-1e6, 1e6),
    st.floats(1e-3, 1e3),
    st.floats(-5, 5),
    st.floats(0, 5),
    st.integers(0, 2**63 - 1),
)
def test_truncated_normal_stays_in_its_range(mean, deviation, start, width, seed):
    low = mean + start * deviation
    bounds = (low, low + width * deviation)
    value = draw(
        Normal(normal=NormalParameters(mean=mean, standard_deviation=deviation, range=bounds)), stream(seed, 0, 0, "x")
    )
    assert bounds[0] <= value <= bounds[1]


@given(st.floats(1e-6, 1e6), st.floats(1, 1e6), st.integers(0, 2**63 - 1))
def test_log_uniform_stays_in_its_range(low, ratio, seed):
    value = draw(LogUniform(log_uniform=(low, low * ratio)), stream(seed, 0, 0, "x"))
    assert low <= value <= low * ratio


class _Bounded(Document):
    angle: Annotated[NumberDistribution, Within(0, 90)]


@pytest.mark.parametrize(
    "value",
    [
        91,
        -1,
        "45",
        True,
        {"uniform": [0, 91]},
        {"uniform": [50, 40]},
        {"uniform": ["1", 2]},
        {"uniform": [1, 2, 3]},
        {"uniform": [1, 2], "choice": [1]},
        {"unifrom": [1, 2]},
        {"normal": {"mean": 45, "standard_deviation": 0}},
        {"normal": {"mean": 45, "standard_deviation": 20}},
        {"normal": {"mean": 45, "standard_deviation": 1, "range": [80, 85]}},
        {"log_uniform": [0, 3]},
        {"integers": [0, 90.5]},
        {"choice": []},
        {"choice": [1, 100]},
        {},
        None,
        [1, 2],
    ],
)
def test_what_is_no_distribution_within_bounds_is_refused(value):
    with pytest.raises(ConfigurationError):
        validate(_Bounded, {"angle": value})


@pytest.mark.parametrize("value", [0, 90.0, {"uniform": [0, 90]}, {"integers": [1, 2]}, {"choice": [3, 4.5]}])
def test_what_lies_within_bounds_is_taken(value):
    number = draw(validate(_Bounded, {"angle": value}).angle, np.random.default_rng(0))
    assert 0 <= number <= 90
