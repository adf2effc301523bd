"""The fast way to canonical JSON gives the bytes of the general one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import canonical_json
from registry import canonical_lines
from registry.canonical_lines import canonical_line

numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e-3, 1e-3),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.sampled_from([0.0, -0.0, 4.0, 1e-7, 1e-4, 0.0001000000001, 1e16, 2.0**53, 1e21, 5e-324, 1.7976931348623157e308]),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=6), values, max_size=6))
def test_any_value_gives_the_same_bytes(value: dict[str, object]) -> None:
    assert canonical_line(value) == canonical_json(value)


@given(numbers)
def test_any_number_gives_the_same_bytes(number: float) -> None:
    assert canonical_line({"n": number}) == canonical_json({"n": number})


@pytest.mark.parametrize("number", [math.nan, -math.inf, 2**53 + 1])
def test_what_has_no_canonical_form_is_refused_as_ever(number: float) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical_json({"n": number})
    with pytest.raises(ValueError, match=r"."):
        canonical_line({"n": number})


def test_usual_records_take_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonical_lines, "canonical_json", None)
    record = {"parameters": {"light.exposure_ev": -0.25, "body": "säule", "wheels": 4.0}, "camera": None, "on": True}
    expected = '{"camera":null,"on":true,"parameters":{"body":"säule","light.exposure_ev":-0.25,"wheels":4}}'
    assert canonical_line(record) == expected.encode()
