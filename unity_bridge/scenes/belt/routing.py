"""Where a three-point belt runs: front passenger of a left-hand-drive car, vehicle frame at the seat's H-point.

The belt comes from the D-ring at the B-pillar (right, y < 0) over the right shoulder and the chest to the tongue at the
left hip, and from there over the pelvis to the outboard anchor. Not worn, it hangs from the D-ring to the anchor. How
else it may be worn is in `wearing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.errors import RenderError
from unity_bridge.scenes.belt.drape import Strip, elastic_band, resample, tight_strip
from unity_bridge.scenes.belt.surface import DrapeSurface, Obstacle, Union

Float64 = NDArray[np.float64]

LEFT = np.array([0.0, 1.0, 0.0])
TONGUE_OUTWARD = np.array([0.35, 0.8, 0.45]) / np.linalg.norm([0.35, 0.8, 0.45])
"""What the latched tongue's face points to."""
TONGUE_ALONG = np.array([-0.22, 0.02, -0.97])
"""Where its plate points."""
_ANCHOR_OUTWARD = np.array([0.3, -0.85, 0.4])
_FREE_SECTIONS = 9  # around a station that friction holds
_FREE_ROUNDS = 40


@dataclass(frozen=True)
class Anchorage:
    """Points of the belt in the vehicle frame, metres.

    d_ring: slot at the pillar. tongue: slot of the latched tongue beside the left hip. outboard: end beside the seat.
    """

    d_ring: tuple[float, float, float] = (-0.33, -0.365, 0.66)
    tongue: tuple[float, float, float] = (-0.04, 0.235, 0.035)
    outboard: tuple[float, float, float] = (-0.15, -0.285, -0.06)


@dataclass(frozen=True, eq=False)
class BeltRoute:
    """The strips of a belt, and where its tongue is.

    strips: webbing, in order from the D-ring. tongue: (3,) its slot; tongue_outward, tongue_along: (3,) directions that
    its face and its plate point to. stations: what it passes, in order from the D-ring.
    """

    strips: tuple[Strip, ...]
    tongue: Float64
    tongue_outward: Float64
    tongue_along: Float64
    stations: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Wearer:
    """An occupant as a belt meets it: clothed trunk and arms; neck, shoulder, elbow: (3,) joints, the right ones."""

    trunk: DrapeSurface
    left_arm: DrapeSurface
    right_arm: DrapeSurface
    neck: Float64
    shoulder: Float64
    elbow: Float64


def shoulder_crossing(surface: DrapeSurface, neck: Float64, shoulder: Float64, share: float) -> Float64:
    """The crest of the clothed shoulder.

    Args:
        surface: The clothed trunk.
        neck: (3,) root of the neck.
        shoulder: (3,) shoulder joint.
        share: Of the way from the neck to the joint.

    Raises:
        RenderError: The surface has no shoulder there.
    """
    place = neck + share * (shoulder - neck)
    side = (shoulder - neck) / np.linalg.norm(shoulder - neck)
    offset = surface.points - place
    along = offset @ side
    near = (np.abs(along) < 0.012) & (np.linalg.norm(offset - along[:, None] * side, axis=1) < 0.14)
    if not near.any():
        raise RenderError(
            "the belt finds no shoulder to lie on", code="belt_no_shoulder", hint="check the body and its pose"
        )
    candidates = surface.points[near]
    # Highest above a plane that falls a little forward: where webbing from behind and above first meets the shoulder.
    return candidates[(candidates @ np.array([-0.25, 0.0, 1.0])).argmax()]


def beside(surface: DrapeSurface, place: Float64, outward: Float64, gap_m: float) -> Float64:
    """The place moved outward until it is `gap_m` clear of the body; at most 15 cm."""
    for step in range(31):
        moved = place + outward * (0.005 * step)
        height, _ = surface.clearance(moved[None])
        if height[0] >= gap_m:
            return moved
    return place + outward * 0.15


def joined_line(
    surface: Obstacle,
    before: Sequence[Float64],
    station: Float64,
    after: Sequence[Float64],
    margin_m: float,
    over: Obstacle | None = None,
) -> tuple[Float64, int]:
    """Two tight lines that meet at a station, where friction holds the webbing.

    Args:
        surface: The obstacle.
        before: First guess from the D-ring to the station, without the station.
        station: (3,) on the surface or `margin_m` above it.
        after: First guess from the station to the end, without the station.
        margin_m: Distance kept.
        over: What lies over the line after the station.

    Returns:
        (N, 3) evenly spaced points, and the index of the station.
    """
    _, up = surface.clearance(station[None])
    station = station + up[0] * margin_m
    behind = elastic_band(surface, [*before, station], margin_m, rounds=30)
    front = elastic_band(surface, [station, *after], margin_m, over=over)
    # Friction lets go of the sharpest bend only: a few free steps around the station.
    line = np.concatenate([behind, front[1:]])
    corner = len(behind) - 1
    window = slice(max(corner - _FREE_SECTIONS, 1), min(corner + _FREE_SECTIONS + 1, len(line) - 1))
    for _ in range(_FREE_ROUNDS):
        line[window] += 0.5 * (
            (line[window.start - 1 : window.stop - 1] + line[window.start + 1 : window.stop + 1]) / 2 - line[window]
        )
        height, normal = surface.clearance(line[window])
        line[window] += normal * np.maximum(margin_m - height, 0.0)[:, None]
    return resample(line, len(line)), corner


def ends(wearer: Wearer, anchorage: Anchorage) -> tuple[Float64, Float64]:
    """Where tongue and outboard end are, clear of the body's sides: (3,) and (3,)."""
    tongue = beside(wearer.trunk, np.array(anchorage.tongue), LEFT, 0.02)
    return tongue, beside(wearer.trunk, np.array(anchorage.outboard), -LEFT, 0.016)


def lap_strip(wearer: Wearer, tongue: Float64, outboard: Float64) -> Strip:
    """The lap part, low over the pelvis, from tongue to outboard end; arms lie over it."""
    # The first guess passes in front of the belly, whatever its girth.
    points = wearer.trunk.points
    belly = points[(np.abs(points[:, 1]) < 0.05) & (np.abs(points[:, 2] - 0.17) < 0.08)]
    front_of_pelvis = np.array([max(0.2, float(belly[:, 0].max(initial=0.0)) + 0.04), 0.0, 0.16])
    return tight_strip(
        wearer.trunk,
        [
            tongue,
            tongue + np.array([0.1, 0.03, 0.08]),
            front_of_pelvis + 0.16 * LEFT,
            front_of_pelvis - 0.16 * LEFT,
            outboard + np.array([0.12, -0.03, 0.12]),
            outboard,
        ],
        (TONGUE_OUTWARD, _ANCHOR_OUTWARD),
        over=Union((wearer.left_arm, wearer.right_arm)),
    )


def route_stowed(anchorage: Anchorage, slack_m: float = 0.015) -> BeltRoute:
    """A belt that is not worn: it hangs from the D-ring to the outboard anchor, bowed a little inward.

    anchorage: points of the belt; slack_m: how far its middle hangs off the straight line.
    """
    start, end = np.array(anchorage.d_ring), np.array(anchorage.outboard)
    share = np.linspace(0, 1, int(np.ceil(np.linalg.norm(end - start) / 0.012)) + 1)[:, None]
    bow = np.sin(np.pi * share) * slack_m
    centres = start + share * (end - start) + bow * np.array([0.3, 0.95, 0.0])
    along = np.gradient(centres, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    # The face turns from the cabin at the pillar to a little forward at the anchor.
    outward = np.array([0.1, 1.0, 0.1]) * (1 - share) + np.array([0.45, 0.85, 0.2]) * share
    across = np.cross(along, outward)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    outward = np.cross(across, along)
    place = int(0.6 * len(centres))
    return BeltRoute(
        (Strip(centres, across, outward),), centres[place], outward[place], along[place], ("d_ring", "outboard")
    )


def deepest_m(strip: Strip, surface: Obstacle, points: int = 17) -> float:
    """How far webbing reaches into an obstacle at its deepest, both sides and between sections; 0 where it does not."""
    sides = strip.both_sides(points)
    sides = np.concatenate([sides, (sides[:, 1:] + sides[:, :-1]) / 2], axis=1)
    height, _ = surface.signed_distance(sides.reshape(-1, 3))
    return max(0.0, -float(height.min()))
