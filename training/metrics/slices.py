"""Parts of a set of images by what is known of each: brightness, visible area, viewpoint, what a generator drew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.frame import FrameRecord

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IMAGES_MIN = 5
"""Of a slice, and of the images outside it."""
WORDS_MAX = 12
"""Different words of a parameter that makes slices."""
VIEWPOINT = ("azimuth_deg", "elevation_deg", "distance_m", "pitch_deg", "yaw_deg")
"""Fields of a camera's randomizer that make slices."""


@dataclass(frozen=True)
class Slice:
    """Some of the images."""

    of: str
    """What the slice goes by."""
    part: str
    """Its value, or range of values."""
    members: BoolArray
    """(N,)."""


def slices_of(records: Sequence[FrameRecord], brightness: FloatArray, area: FloatArray) -> list[Slice]:
    """All slices of a set of images that hold enough of them.

    Args:
        records: Of the images.
        brightness: Mean of each image's grey values, 0 to 1, (N,).
        area: Share of each image that is of any class in truth, (N,).
    """
    found = [*_thirds("brightness", brightness), *_thirds("visible area", area)]
    for name in sorted({name for record in records for name in record.parameters}):
        values = [record.parameters.get(name) for record in records]
        randomizer, _, field = name.partition(".")
        if all(isinstance(value, str) for value in values) and len(set(values)) <= WORDS_MAX:
            words = np.array(values)
            found += [Slice(name, str(word), words == word) for word in np.unique(words)]
        elif randomizer.startswith("camera") and field in VIEWPOINT and all(map(_is_number, values)):
            found += _thirds(name, np.array(values, dtype=np.float64))
    return [part for part in found if IMAGES_MIN <= int(part.members.sum()) <= len(records) - IMAGES_MIN]


def groups_of(records: Sequence[FrameRecord]) -> list[Slice]:
    """A slice of each group, where some group holds more than one image."""
    names = [record.group for record in records]
    known = sorted({name for name in names if name is not None})
    if len(known) < 2 or len(known) == len(names):
        return []
    table = np.array([name or "" for name in names])
    return [Slice("group", name, table == name) for name in known]


def _thirds(of: str, values: FloatArray) -> list[Slice]:
    """Lowest, middle and highest third by value; equal values stay together, so that parts may be fewer."""
    low, high = np.quantile(values, [1 / 3, 2 / 3], method="nearest")
    parts = (values <= low, (values > low) & (values <= high), values > high)
    return [
        Slice(of, f"{values[members].min():.3g} to {values[members].max():.3g}", members)
        for members in parts
        if members.any()
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
