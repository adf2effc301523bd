"""Images of two platforms side by side: what is noise, and what is a difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.regeneration.pixel_noise import FALSE_ALARM_LEVEL, FRAMES_MIN, compare_blocks


class TestNoise:
    def test_false_alarms_are_as_rare_as_stated(self) -> None:
        """With heavy, uneven noise: p-values are at most as often small as they say, and no alarm is raised."""
        random = np.random.Generator(np.random.Philox(11))
        p_values = []
        for _ in range(120):
            scale = random.lognormal(0, 1, (FRAMES_MIN, 48))
            one, other = (random.standard_t(3, (FRAMES_MIN, 48)) * scale for _ in range(2))
            found = compare_blocks(one.tolist(), other.tolist())
            p_values.append(found.p_value)
            assert not found.differs or found.p_value <= FALSE_ALARM_LEVEL
        for level in (0.05, 0.2, 0.5):
            share = np.mean(np.array(p_values) <= level)
            assert share <= level + 3 * np.sqrt(level * (1 - level) / len(p_values))
        assert np.mean(p_values) == pytest.approx(0.5, abs=0.08), "and it is not blind either"

    def test_a_small_shift_of_one_block_is_found_in_noise(self) -> None:
        random = np.random.Generator(np.random.Philox(12))
        one, other = random.normal(100, 0.5, (16, 48)), random.normal(100, 0.5, (16, 48))
        other[:, 7] += 1.5
        assert compare_blocks(one.tolist(), other.tolist()).differs

    def test_a_shift_of_rounding_is_no_difference(self) -> None:
        one = np.full((16, 48), 100.0)
        found = compare_blocks(one.tolist(), (one + 0.4).tolist())
        assert found.p_value <= FALSE_ALARM_LEVEL
        assert not found.differs

    def test_few_frames_decide_nothing(self) -> None:
        one = np.full((FRAMES_MIN - 1, 48), 100.0)
        assert not compare_blocks(one.tolist(), (one + 50).tolist()).decided

    @given(st.integers(0, 2**32))
    def test_it_does_not_matter_which_came_first(self, seed: int) -> None:
        random = np.random.Generator(np.random.Philox(seed))
        one, other = random.normal(0, 1, (5, 48)), random.normal(0, 1, (5, 48))
        assert compare_blocks(one.tolist(), other.tolist()) == compare_blocks(other.tolist(), one.tolist())
