"""Colours of a frame: a named colour varied a little by a detail seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from contracts.frame_spec import LinearRgb


def detail_stream(values: Mapping[str, Any], *stream: int) -> np.random.Generator:
    """A stream of a randomizer's detail seed; its number keeps it apart from the others."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([int(values["detail_seed"]), *stream])))


def shade(color: Sequence[float], values: Mapping[str, Any], stream: int) -> LinearRgb:
    """The colour a little lighter or darker and shifted in hue, from the detail seed."""
    random = detail_stream(values, 100 + stream)
    factors = np.exp(random.normal(0, 0.16)) * np.exp(random.normal(0, 0.05, 3))
    red, green, blue = np.round(np.clip(np.asarray(color) * factors, 0.006, 0.85), 5)
    return (float(red), float(green), float(blue))


def tinted(color: Sequence[float], factors: Sequence[float]) -> LinearRgb:
    """A colour times factors, held to 0..1."""
    red, green, blue = np.round(np.clip(np.asarray(color) * np.asarray(factors), 0, 1), 5)
    return (float(red), float(green), float(blue))
