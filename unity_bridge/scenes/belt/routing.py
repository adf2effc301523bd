"""Where a three-point belt runs: front passenger of a left-hand-drive car, vehicle frame at the seat's H-point.

The belt comes from the D-ring at the B-pillar (right, y < 0) over the right shoulder and the chest to the tongue at the
left hip, and from there over the pelvis to the outboard anchor. Not worn, it hangs from the D-ring to the anchor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.errors import RenderError
from unity_bridge.scenes.belt.drape import Strip, elastic_band, resample, tight_strip, widen
from unity_bridge.scenes.belt.surface import DrapeSurface

Float64 = NDArray[np.float64]

_MARGIN_M = 0.003


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
    its face and its plate point to.
    """

    strips: tuple[Strip, ...]
    tongue: Float64
    tongue_outward: Float64
    tongue_along: Float64


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


def _outside(surface: DrapeSurface, place: Float64, outward: Float64, gap_m: float) -> Float64:
    """The place moved outward until it is `gap_m` clear of the body; at most 15 cm."""
    for step in range(31):
        moved = place + outward * (0.005 * step)
        height, _ = surface.clearance(moved[None])
        if height[0] >= gap_m:
            return moved
    return place + outward * 0.15


def route_worn(
    surface: DrapeSurface, neck: Float64, shoulder: Float64, anchorage: Anchorage, shoulder_share: float
) -> BeltRoute:
    """A belt worn as it should be: over the shoulder and low over the pelvis.

    Args:
        surface: The clothed trunk.
        neck: (3,) root of the neck.
        shoulder: (3,) right shoulder joint.
        anchorage: Points of the belt.
        shoulder_share: Where it crosses the shoulder, 0 at the neck, 1 at the joint.
    """
    left = np.array([0.0, 1.0, 0.0])
    tongue = _outside(surface, np.array(anchorage.tongue), left, 0.02)
    outboard = _outside(surface, np.array(anchorage.outboard), -left, 0.016)
    d_ring = np.array(anchorage.d_ring)
    crest = shoulder_crossing(surface, neck, shoulder, shoulder_share)
    _, up = surface.clearance(crest[None])
    crest = crest + up[0] * _MARGIN_M

    behind = elastic_band(surface, [d_ring, (d_ring + crest) / 2 + np.array([0, 0, 0.03]), crest], _MARGIN_M, rounds=30)
    chest = (crest + tongue) / 2 + np.array([0.32, 0.0, 0.05])
    front = elastic_band(
        surface,
        [crest, crest + np.array([0.12, 0.01, 0.03]), chest, tongue + np.array([0.12, 0.02, 0.08]), tongue],
        _MARGIN_M,
    )
    # Friction lets go of the sharpest bend only: a few free steps around the crest.
    line = np.concatenate([behind, front[1:]])
    corner = len(behind) - 1
    window = slice(max(corner - 9, 1), corner + 10)
    for _ in range(40):
        line[window] += 0.5 * (
            (line[window.start - 1 : window.stop - 1] + line[window.start + 1 : window.stop + 1]) / 2 - line[window]
        )
        height, normal = surface.clearance(line[window])
        line[window] += normal * np.maximum(_MARGIN_M - height, 0.0)[:, None]
    line = resample(line, len(line))
    face = np.array([0.35, 0.8, 0.45]) / np.linalg.norm([0.35, 0.8, 0.45])
    shoulder_strip = widen(surface, line, (np.array([0.25, 0.65, 0.72]), face))

    # The first guess passes in front of the belly, whatever its girth.
    belly = surface.points[(np.abs(surface.points[:, 1]) < 0.05) & (np.abs(surface.points[:, 2] - 0.17) < 0.08)]
    front_of_pelvis = np.array([max(0.2, float(belly[:, 0].max(initial=0.0)) + 0.04), 0.0, 0.16])
    lap_strip = tight_strip(
        surface,
        [
            tongue,
            tongue + np.array([0.1, 0.03, 0.08]),
            front_of_pelvis + 0.16 * left,
            front_of_pelvis - 0.16 * left,
            outboard + np.array([0.12, -0.03, 0.12]),
            outboard,
        ],
        (face, np.array([0.3, -0.85, 0.4])),
    )
    return BeltRoute((shoulder_strip, lap_strip), tongue, face, np.array([-0.22, 0.02, -0.97]))


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
    return BeltRoute((Strip(centres, across, outward),), centres[place], outward[place], along[place])
