"""How a belt is worn: each wearing state as a line solved over the body, and webbing along it.

Every state but `unbelted` has the lap part over the pelvis; they differ in where the shoulder part runs. The webbing
lies on the trunk and, slid off the shoulder, on the upper arm; other arms lie over it. What finds no way is an error:
the frame is then drawn anew, never drawn wrongly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.errors import RenderError
from unity_bridge.scenes.belt.drape import Strip, elastic_band, widen
from unity_bridge.scenes.belt.reshaping import slackened, turned_over
from unity_bridge.scenes.belt.routing import (
    TONGUE_ALONG,
    TONGUE_OUTWARD,
    Anchorage,
    BeltRoute,
    Wearer,
    deepest_m,
    ends,
    joined_line,
    lap_strip,
    route_stowed,
    shoulder_crossing,
)
from unity_bridge.scenes.belt.surface import DrapeSurface, Union

Float64 = NDArray[np.float64]

DEEPEST_M = 0.001
"""Webbing that sinks deeper than this into body or clothes is refused."""
SHARPEST_TURN_DEG = 50.0
"""Between sections 6 mm apart; sharper is a kink, and refused."""
_MARGINS_M = (0.003, 0.008, 0.014, 0.006)
_HIGHEST_BELOW_SHOULDER_M = 0.12  # the armpit, where webbing passes under the arm
_LONGEST_SHOULDER_PART_M = 1.9
_LAP_SHARE_OF_SLACK = 0.3
_OVER_THE_SHOULDER = np.array([0.25, 0.65, 0.72])  # what the webbing's outer side faces at the D-ring, by its way
_OFF_THE_SHOULDER = np.array([0.5, -0.2, 0.85])
_BEHIND_THE_ARM = np.array([0.55, 0.6, 0.58])
_BEHIND_THE_BACK = np.array([-0.55, -0.6, -0.58])


@dataclass(frozen=True)
class Wearing:
    """What is told of how a belt is worn.

    state: of `BELT_STATES`. shoulder_share: where it crosses the shoulder, 0 at the neck, 1 at the joint. slack_m: bow
    of a belt that is not worn. extra_webbing_m: length beyond tight of state `loose`. twist_at: where the turned part
    of state `twisted` begins, 0 near the shoulder, 1 near the tongue.
    """

    state: str = "correct"
    shoulder_share: float = 0.5
    slack_m: float = 0.012
    extra_webbing_m: float = 0.1
    twist_at: float = 0.3


@dataclass(frozen=True, eq=False)
class _Fitting:
    """What a state's shoulder part is made from."""

    wearer: Wearer
    anchorage: Anchorage
    wearing: Wearing
    seat: DrapeSurface
    tongue: Float64
    attempt: int

    @property
    def margin_m(self) -> float:
        """Distance at which the line is drawn: farther from the body, it spans what a flat strip can't follow."""
        return _MARGINS_M[self.attempt]

    @property
    def d_ring(self) -> Float64:
        return np.array(self.anchorage.d_ring)

    @property
    def arms(self) -> Union:
        return Union((self.wearer.left_arm, self.wearer.right_arm))

    @property
    def left_arm(self) -> Union:
        return Union((self.wearer.left_arm,))


def route_belt(wearer: Wearer, anchorage: Anchorage, wearing: Wearing, seat: DrapeSurface) -> BeltRoute:
    """The belt on an occupant.

    Args:
        wearer: The occupant.
        anchorage: Points of the belt.
        wearing: How it is worn.
        seat: The seat's cushion and back.

    Raises:
        RenderError: The state is impossible for the body and its pose, or no way was found (`belt_not_drapable`).
    """
    if wearing.state == "unbelted":
        return route_stowed(anchorage, wearing.slack_m)
    tongue, outboard = ends(wearer, anchorage)
    lap = lap_strip(wearer, tongue, outboard)
    if wearing.state == "loose":
        over = Union((wearer.left_arm, wearer.right_arm))
        line = slackened(wearer.trunk, lap.centres, 0, wearing.extra_webbing_m * _LAP_SHARE_OF_SLACK, over, falls=False)
        lap = widen(wearer.trunk, line, (lap.outward[0], lap.outward[-1]), over=over)
    _require(wearing.state, "lap part", lap, wearer)
    stations, shoulder_part = _SHOULDER_PARTS[wearing.state]
    refused: RenderError | None = None
    for attempt in range(len(_MARGINS_M)):
        try:
            strip = shoulder_part(_Fitting(wearer, anchorage, wearing, seat, tongue, attempt))
            _require(wearing.state, "shoulder part", strip, wearer)
        except RenderError as error:
            refused = refused or error
            continue
        return BeltRoute((strip, lap), tongue, TONGUE_OUTWARD, TONGUE_ALONG, stations)
    assert refused is not None
    raise refused


def _require(state: str, part: str, strip: Strip, wearer: Wearer) -> None:
    """Refuse webbing that sinks in, is kinked or far too long."""
    for name, surface in (("trunk", wearer.trunk), ("left arm", wearer.left_arm), ("right arm", wearer.right_arm)):
        depth_m = deepest_m(strip, surface)
        if depth_m > DEEPEST_M:
            raise _impossible(state, f"its {part} would sink {1000 * depth_m:.0f} mm into the {name}")
    steps = np.diff(strip.centres, axis=0)
    steps /= np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1e-9)
    sharpest = float(np.rad2deg(np.arccos(np.clip(np.einsum("ij,ij->i", steps[1:], steps[:-1]).min(), -1.0, 1.0))))
    if sharpest > SHARPEST_TURN_DEG:
        raise _impossible(state, f"its {part} would have a kink of {sharpest:.0f} degrees")
    if strip.length_m > _LONGEST_SHOULDER_PART_M:
        raise _impossible(state, f"its {part} would be {strip.length_m:.2f} m long")


def _impossible(state: str, reason: str) -> RenderError:
    return RenderError(
        f"the belt can't be worn '{state}' on this occupant: {reason}",
        code="belt_state_impossible",
        hint="hold body, pose and belt nearer to their middles, or leave the state out",
        context={"state": state},
    )


def _chest_guess(start: Float64, tongue: Float64) -> list[Float64]:
    """From shoulder or flank in front of the chest to the tongue, without the start."""
    return [(start + tongue) / 2 + np.array([0.32, 0.0, 0.05]), tongue + np.array([0.12, 0.02, 0.08]), tongue]


def _shoulder_line(fitting: _Fitting) -> tuple[Float64, int]:
    """The line over the shoulder, and its index of the crest."""
    wearer = fitting.wearer
    crest = shoulder_crossing(wearer.trunk, wearer.neck, wearer.shoulder, fitting.wearing.shoulder_share)
    return joined_line(
        wearer.trunk,
        [fitting.d_ring, (fitting.d_ring + crest) / 2 + np.array([0, 0, 0.03])],
        crest,
        [crest + np.array([0.12, 0.01, 0.03]), *_chest_guess(crest, fitting.tongue)],
        fitting.margin_m,
        fitting.arms,
    )


def _correct(fitting: _Fitting) -> Strip:
    line, _ = _shoulder_line(fitting)
    return widen(fitting.wearer.trunk, line, (_OVER_THE_SHOULDER, TONGUE_OUTWARD), over=fitting.arms)


def _loose(fitting: _Fitting) -> Strip:
    """Too much webbing: it stands off the chest in a bow that falls."""
    line, crest = _shoulder_line(fitting)
    extra_m = fitting.wearing.extra_webbing_m * (1 - _LAP_SHARE_OF_SLACK)
    line = slackened(fitting.wearer.trunk, line, crest, extra_m, fitting.arms)
    return widen(fitting.wearer.trunk, line, (_OVER_THE_SHOULDER, TONGUE_OUTWARD), over=fitting.arms)


def _twisted(fitting: _Fitting) -> Strip:
    """Turned over on the chest, and back."""
    line, crest = _shoulder_line(fitting)
    strip = widen(fitting.wearer.trunk, line, (_OVER_THE_SHOULDER, TONGUE_OUTWARD), over=fitting.arms)
    return turned_over(fitting.wearer.trunk, strip, crest, fitting.wearing.twist_at)


def _off_shoulder(fitting: _Fitting) -> Strip:
    """Slid off the shoulder: around the upper arm, and over its front to the chest."""
    wearer = fitting.wearer
    bone = wearer.elbow - wearer.shoulder
    along = bone / np.linalg.norm(bone)
    side = np.array([0.15, -0.8, 0.58])
    side -= along * (side @ along)
    side /= np.linalg.norm(side)
    place = wearer.shoulder + 0.38 * bone
    offset = wearer.right_arm.points - place
    near = (np.abs(offset @ along) < 0.015) & (np.linalg.norm(offset, axis=1) < 0.12)
    if not near.any():
        raise _impossible(fitting.wearing.state, "it finds no upper arm to lie on")
    station = place + side * float((offset[near] @ side).max())
    body = Union((wearer.trunk, wearer.right_arm))
    ahead = np.array([0.10, 0.06, 0.02])
    line, _ = joined_line(
        body,
        [fitting.d_ring, (fitting.d_ring + station) / 2 + np.array([0.0, -0.02, 0.04])],
        station,
        [station + ahead, *_chest_guess(station + ahead, fitting.tongue)],
        fitting.margin_m,
        fitting.left_arm,
    )
    return widen(body, line, (_OFF_THE_SHOULDER, TONGUE_OUTWARD), over=fitting.left_arm)


def _under_arm(fitting: _Fitting) -> Strip:
    """Behind the arm, under the armpit and over the ribs."""
    wearer = fitting.wearer
    down = -wearer.neck / np.linalg.norm(wearer.neck)  # from the neck to the H-point
    out = wearer.shoulder - wearer.neck
    out -= down * (out @ down)
    out /= np.linalg.norm(out)
    offset = wearer.trunk.points - wearer.shoulder
    body = Union((wearer.trunk, wearer.right_arm))
    for drop_m in np.arange(_HIGHEST_BELOW_SHOULDER_M + 0.03 * (fitting.attempt // 2), 0.27, 0.02):
        near = (np.abs(offset @ down - drop_m) < 0.012) & (np.linalg.norm(offset, axis=1) < 0.3)
        if not near.any():
            continue
        station = wearer.trunk.points[near][(offset[near] @ out).argmax()]
        across = np.linspace(-0.026, 0.026, 5)[:, None] * down
        _, lateral = wearer.trunk.clearance(station[None])
        height, _ = wearer.right_arm.signed_distance(station + 0.004 * lateral + across)
        if height.min() > 0.004:
            break
    else:
        raise _impossible(fitting.wearing.state, "the upper arm lies on the ribs")
    behind_arm = wearer.shoulder + np.array([-0.13, -0.05, -0.06])
    line, armpit = joined_line(
        body,
        [fitting.d_ring, behind_arm, station + np.array([-0.09, -0.03, 0.01])],
        station,
        [station + np.array([0.10, 0.03, -0.02]), *_chest_guess(station + np.array([0.1, 0.1, 0.0]), fitting.tongue)],
        fitting.margin_m,
        fitting.left_arm,
    )
    if fitting.attempt % 2 == 0:
        # Its outer side faces the arm: from behind, and then from the ribs.
        height, normal = wearer.right_arm.clearance(line[: int(0.85 * armpit)])
        behind = int(height.argmin())
        held = ((behind, -normal[behind]), (armpit, lateral[0]))
        strip = widen(wearer.trunk, line, (_BEHIND_THE_ARM, TONGUE_OUTWARD), over=fitting.arms, held=held)
    else:
        # Where the trunk is broad behind the arm, it lies on the back, and on the arm's, before it comes under the arm.
        strip = widen(body, line, (_BEHIND_THE_BACK, TONGUE_OUTWARD), over=fitting.left_arm)
    if _goes_around(strip, wearer.shoulder, wearer.elbow, out):
        raise _impossible(fitting.wearing.state, "it would go around the arm")
    return strip


def _goes_around(strip: Strip, shoulder: Float64, elbow: Float64, out: Float64) -> bool:
    """Whether webbing passes an upper arm on its outer side, or in front of that. out: (3,) unit, from the trunk."""
    bone = elbow - shoulder
    length_m = float(np.linalg.norm(bone))
    along = bone / length_m
    lateral = out - along * (out @ along)
    lateral /= np.linalg.norm(lateral)
    front = np.cross(lateral, along)
    front *= np.sign(front @ np.array([1.0, 0.0, 1.0]))
    offset = strip.grid(3).reshape(-1, 3) - shoulder
    share = offset @ along / length_m
    aside, ahead = offset @ lateral, offset @ front
    near = (share > 0.15) & (share < 1.25) & (np.hypot(aside, ahead) < 0.13)
    return bool((near & (aside > 0.01) & (ahead > -0.02)).any())


def _behind_back(fitting: _Fitting) -> Strip:
    """Between back and seat, from the right shoulder blade to the left hip."""
    wearer = fitting.wearer
    body = Union((wearer.trunk, wearer.right_arm))
    up = wearer.neck / np.linalg.norm(wearer.neck)
    behind = np.array([-up[2], 0.0, up[0]])
    line = elastic_band(
        body,
        [
            fitting.d_ring,
            0.78 * wearer.neck + 0.22 * behind + np.array([0.0, -0.14, 0.0]),
            0.5 * wearer.neck + 0.25 * behind,
            0.25 * wearer.neck + 0.22 * behind + np.array([0.0, 0.17, 0.0]),
            fitting.tongue,
        ],
        fitting.margin_m,
        over=fitting.left_arm,
    )
    return widen(body, line, (_BEHIND_THE_BACK, TONGUE_OUTWARD), over=fitting.left_arm)


def _lap_only(fitting: _Fitting) -> Strip:
    """The shoulder part put away behind the seat's back."""
    top = fitting.seat.points[fitting.seat.points[:, 2].argmax()]
    line = elastic_band(
        fitting.seat,
        [
            fitting.d_ring,
            np.array([top[0] - 0.12, -0.2, top[2] - 0.08]),
            np.array([top[0] - 0.06, 0.05, 0.6 * top[2]]),
            np.array([-0.32, 0.26, 0.14]),
            np.array([-0.16, 0.30, 0.06]),
            fitting.tongue,
        ],
        fitting.margin_m,
    )
    return widen(fitting.seat, line, (_BEHIND_THE_BACK, TONGUE_OUTWARD), over=fitting.left_arm)


_SHOULDER_PARTS: dict[str, tuple[tuple[str, ...], Callable[[_Fitting], Strip]]] = {
    "correct": (("d_ring", "shoulder", "chest", "tongue", "lap", "outboard"), _correct),
    "loose": (("d_ring", "shoulder", "chest", "tongue", "lap", "outboard"), _loose),
    "twisted": (("d_ring", "shoulder", "chest", "tongue", "lap", "outboard"), _twisted),
    "off_shoulder": (("d_ring", "upper_arm", "chest", "tongue", "lap", "outboard"), _off_shoulder),
    "under_arm": (("d_ring", "armpit", "ribs", "tongue", "lap", "outboard"), _under_arm),
    "behind_back": (("d_ring", "back", "tongue", "lap", "outboard"), _behind_back),
    "lap_only": (("d_ring", "behind_seat", "tongue", "lap", "outboard"), _lap_only),
}
