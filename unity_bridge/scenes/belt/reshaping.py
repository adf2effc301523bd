"""Webbing that is longer than tight, or turned over: made from a tight line or strip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.belt.drape import (
    SECTION_SPACING_M,
    WEBBING_THICKNESS_M,
    WEBBING_WIDTH_M,
    Strip,
    lifted_exactly,
    resample,
)
from unity_bridge.scenes.belt.surface import Obstacle

Float64 = NDArray[np.float64]

_LARGEST_BOW_M = 0.25
_MARGIN_M = 0.004
_SETTLING_ROUNDS = 24
_OUT_SHARE, _DOWN_SHARE = 0.6, 0.8  # a bow stands off the body and falls
_HALF_TURN_M = 0.11
_TURNED_M = 0.09
_NARROWEST = 0.55
"""Of its width; between two half turns webbing is pulled into folds."""


def _length(line: Float64) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def slackened(
    surface: Obstacle, line: Float64, first: int, extra_m: float, over: Obstacle, falls: bool = True
) -> Float64:
    """A line with extra length in a bow between one of its points and its end.

    Args:
        surface: The body.
        line: (N, 3) a tight line.
        first: Index of the point from which it is slack.
        extra_m: Added length.
        over: What lies over the line and presses the bow down, such as arms.
        falls: Whether the bow hangs, as on the chest; on the lap it stands.

    Returns:
        (M, 3) points about `SECTION_SPACING_M` apart, outside the body.
    """
    slack = line[first:]
    _, normal = surface.clearance(slack)
    # One direction for all: webbing bends across its faces only, so that a bow lies in a plane.
    out = normal.mean(axis=0)
    out /= max(float(np.linalg.norm(out)), 1e-9)
    direction = _OUT_SHARE * out + np.array([0.0, 0.0, -_DOWN_SHARE]) if falls else out
    direction /= np.linalg.norm(direction)
    bump = np.sin(np.pi * np.linspace(0.0, 1.0, len(slack)) ** 1.15)  # hangs lower than its middle
    wanted, low, high = _length(slack) + extra_m, 0.0, _LARGEST_BOW_M
    for _ in range(30):
        middle = (low + high) / 2
        if _length(slack + direction * (bump * middle)[:, None]) < wanted:
            low = middle
        else:
            high = middle
    bowed = slack + direction * (bump * low)[:, None]
    for _ in range(_SETTLING_ROUNDS):
        bowed[1:-1] = 0.25 * bowed[:-2] + 0.5 * bowed[1:-1] + 0.25 * bowed[2:]
        height, normal = surface.clearance(bowed[1:-1])
        under, _ = over.clearance(bowed[1:-1])
        pressed = np.clip(_MARGIN_M - under, 0.0, 0.01)
        bowed[1:-1] -= normal * np.minimum(pressed, np.maximum(height - _MARGIN_M, 0.0))[:, None]
        bowed[1:-1] += normal * np.clip(_MARGIN_M - height, 0.0, 0.01)[:, None]
    whole = np.concatenate([line[:first], bowed])
    return resample(whole, max(16, int(np.ceil(_length(whole) / SECTION_SPACING_M)) + 1))


def turned_over(surface: Obstacle, strip: Strip, first: int, at: float) -> Strip:
    """Webbing that makes half a turn, runs with its back outward for a stretch, and makes the other half.

    Args:
        surface: The body.
        strip: Webbing that lies flat.
        first: Index of the section from which it may turn.
        at: Where it begins to, 0 as early and 1 as late as there is room.

    Returns:
        A strip whose edges stay off the body: on edge, it stands on it.
    """
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(strip.centres, axis=0), axis=1))])
    needed = 2 * _HALF_TURN_M + _TURNED_M
    begin = way[first] + 0.03 + at * max(way[-1] - way[first] - needed - 0.08, 0.0)

    def half_turn(start_m: float) -> Float64:
        share = np.clip((way - start_m) / _HALF_TURN_M, 0.0, 1.0)
        return np.pi * share * share * (3 - 2 * share)

    angle = half_turn(begin) + half_turn(begin + _HALF_TURN_M + _TURNED_M)
    sine, cosine = np.sin(angle)[:, None], np.cos(angle)[:, None]
    width = WEBBING_WIDTH_M * (1 - (1 - _NARROWEST) * sine[:, 0] ** 2)
    lift = np.abs(sine[:, 0]) * width / 2 + (1 - cosine[:, 0]) / 2 * WEBBING_THICKNESS_M
    turned = Strip(
        strip.centres + strip.outward * lift[:, None],
        cosine * strip.across + sine * strip.outward,
        cosine * strip.outward - sine * strip.across,
        width,
    )
    return lifted_exactly(surface, turned, direction=strip.outward)
