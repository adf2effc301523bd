"""Whether two renderings of the same frames differ by more than noise: an exact randomization test.

Where the platform differs, a path tracer's noise does too, and images can't be compared byte by byte. If nothing else
differs, both renderings of a frame are draws of one distribution, so that the sign of their difference is a coin's, for
each frame independently of the others. The test looks at the means of all blocks and channels at once: its statistic is
the largest of |sum d| / sqrt(sum d²) over them, d being the differences of the frames, and its p-value is the share of
all 2^n assignments of signs that reach the one observed (Fisher 1935, the randomization test; Westfall and Young 1993,
the largest statistic over many). So the chance of a false alarm is at most `FALSE_ALARM_LEVEL`, whatever the noise is.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FALSE_ALARM_LEVEL = 0.001
"""Chance that noise alone is called a difference, at most."""
FRAMES_MIN = 11
"""Frames below which no p-value can be as small: a statistic without sign has at least two assignments of 2^n."""
FRAMES_MAX = 16
"""Frames that are looked at: all their assignments of signs are counted."""
SHIFT_MIN = 0.5
"""Levels of 255 that a block's mean must have moved by; less is no difference that matters, such as of rounding."""


@dataclass(frozen=True)
class NoiseTest:
    """What the test found."""

    frames: int
    p_value: float
    """Chance of a difference as large from noise alone."""
    shift: float
    """Largest mean difference of a block, in levels of 255."""

    @property
    def decided(self) -> bool:
        """Whether there were frames enough to tell."""
        return self.frames >= FRAMES_MIN

    @property
    def differs(self) -> bool:
        """Whether the renderings differ by more than noise."""
        return self.decided and self.p_value <= FALSE_ALARM_LEVEL and self.shift > SHIFT_MIN


def compare_blocks(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> NoiseTest:
    """Compare the block means of the same frames, rendered twice.

    Args:
        one: Block means by frame; (N, B), 0 to 255. Frames beyond `FRAMES_MAX` are left out.
        other: The same of the other rendering.
    """
    difference = (np.asarray(one, np.float64) - np.asarray(other, np.float64))[:FRAMES_MAX]
    frames = len(difference)
    shift = float(np.abs(difference.mean(axis=0)).max()) if frames else 0.0
    spread = np.sqrt((difference**2).sum(axis=0))
    scaled = difference[:, spread > 0] / spread[spread > 0]
    if scaled.size == 0:
        return NoiseTest(frames, 1.0, shift)
    observed = np.abs(scaled.sum(axis=0)).max()
    reached = np.abs(_signs(frames) @ scaled).max(axis=1) >= observed * (1 - 1e-12)
    return NoiseTest(frames, float(reached.mean()), shift)


@functools.cache
def _signs(frames: int) -> npt.NDArray[np.float64]:
    """Assignments of signs (2^(n-1), n): of two opposites, which reach the same, the one that starts with +."""
    rest = itertools.product((1.0, -1.0), repeat=frames - 1)
    return np.array([(1.0, *signs) for signs in rest])
