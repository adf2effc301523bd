"""Every wearing state runs where its name says, on body and clothes and never in them; what can't be is refused."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from contracts.errors import RenderError
from contracts.randomizers.cabin import BELT_STATES
from unity_bridge.scenes.belt.drape import WEBBING_WIDTH_M
from unity_bridge.scenes.belt.routing import Anchorage, BeltRoute, deepest_m
from unity_bridge.scenes.belt.surface import DrapeSurface, Union
from unity_bridge.scenes.belt.wearing import DEEPEST_M, _goes_around
from unity_bridge.scenes.cabin.seat import SeatShape
from unity_bridge.scenes.cabin.seating import SeatedOccupant, route_belt, seat_occupant
from unity_bridge.scenes.mesh import Surface
from unity_bridge.scenes.occupant.body import SHAPE_RANGES
from unity_bridge.scenes.primitives import ellipsoid

CLOTHES = {
    "sleeve_length": 1.9, "trouser_length": 1.93, "collar": "crew", "looseness_m": 0.011, "wrinkle_m": 0.0035,
    "hair": "short", "hair_volume_m": 0.014, "detail_seed": 1,
}  # fmt: skip
BELT = {"shoulder_share": 0.5, "slack_m": 0.012, "extra_webbing_m": 0.1, "twist_at": 0.3}
WORN = [state for state in BELT_STATES if state != "unbelted"]


@lru_cache(maxsize=2)
def somebody(pose: str = "hands_on_thighs") -> SeatedOccupant:
    body = {name: sum(limits) / 2 for name, limits in SHAPE_RANGES.items()} | {
        "pose": pose, "turn_left_deg": 0, "lean_left_deg": 0, "head_turn_left_deg": 0, "head_nod_deg": 0,
    }  # fmt: skip
    return seat_occupant(body, CLOTHES, SeatShape())


@lru_cache(maxsize=16)
def route_of(state: str) -> BeltRoute:
    return route_belt(somebody(), Anchorage(), BELT | {"state": state}, SeatShape())


def surfaces() -> dict[str, DrapeSurface]:
    dressed = somebody().dressed
    left, right = (DrapeSurface(arm, thick=False) for arm in dressed.arms)
    return {"trunk": DrapeSurface(dressed.trunk), "left arm": left, "right arm": right}


@pytest.mark.parametrize("state", WORN)
def test_no_state_sinks_into_trunk_or_arms(state: str) -> None:
    for strip in route_of(state).strips:
        for surface in surfaces().values():
            assert deepest_m(strip, surface) <= DEEPEST_M


@pytest.mark.parametrize("state", WORN)
def test_every_state_goes_from_the_d_ring_over_the_lap_to_the_anchor(state: str) -> None:
    route = route_of(state)
    shoulder_part, lap = route.strips
    assert np.allclose(shoulder_part.centres[0], Anchorage().d_ring)
    assert np.allclose(shoulder_part.centres[-1], route.tongue)
    assert np.allclose(lap.centres[0], route.tongue)
    assert lap.centres[-1, 1] < -0.25
    assert lap.centres[:, 0].max() > 0.05
    assert 0.7 < shoulder_part.length_m < 1.6
    assert 0.5 < lap.length_m < 1.3
    assert route.stations[0] == "d_ring"
    assert route.stations[-3:] == ("tongue", "lap", "outboard")


def depth_behind(strip_centres: np.ndarray) -> np.ndarray:
    """How far points lie behind the plane of the seat back, metres."""
    return SeatShape().depth_in_back(strip_centres)


def test_behind_the_back_nothing_crosses_the_chest() -> None:
    shoulder_part, _ = route_of("behind_back").strips
    middle = shoulder_part.centres[np.abs(shoulder_part.centres[:, 1]).argmin()]
    trunk = surfaces()["trunk"].points
    there = trunk[np.linalg.norm((trunk - middle)[:, 1:], axis=1) < 0.02]
    assert middle[0] < there[:, 0].min() + 0.005


def test_lap_only_puts_the_shoulder_part_behind_the_seat() -> None:
    shoulder_part, _ = route_of("lap_only").strips
    middle = np.abs(shoulder_part.centres[:, 1]) < 0.1
    assert depth_behind(shoulder_part.centres[middle]).min() > 0.1


def test_under_the_arm_it_passes_below_the_shoulder_on_the_ribs() -> None:
    shoulder_part, _ = route_of("under_arm").strips
    shoulder, elbow = somebody().shoulder, somebody().elbow
    front = shoulder_part.centres[shoulder_part.centres[:, 0] > shoulder[0] + 0.03]
    assert front[:, 2].max() < shoulder[2] - 0.04
    # Between arm and trunk: at the armpit, the arm's bone is farther right.
    share = (shoulder_part.centres - shoulder) @ (elbow - shoulder) / ((elbow - shoulder) @ (elbow - shoulder))
    beside_arm = (share > 0.35) & (share < 0.7) & (shoulder_part.centres[:, 0] > shoulder[0])
    bone = shoulder + share[beside_arm, None] * (elbow - shoulder)
    assert (shoulder_part.centres[beside_arm, 1] > bone[:, 1]).all()


def test_off_the_shoulder_it_lies_on_the_outer_arm() -> None:
    shoulder_part, _ = route_of("off_shoulder").strips
    height, _ = surfaces()["right arm"].signed_distance(shoulder_part.grid().reshape(-1, 3))
    nearest = shoulder_part.grid().reshape(-1, 3)[height.argmin()]
    assert height.min() < 0.008
    assert nearest[1] < somebody().shoulder[1]
    assert nearest[2] < somebody().shoulder[2] + 0.03


def test_webbing_around_the_arm_is_not_under_it() -> None:
    occupant = somebody()
    out = (occupant.shoulder - occupant.neck) / np.linalg.norm(occupant.shoulder - occupant.neck)
    assert not _goes_around(route_of("under_arm").strips[0], occupant.shoulder, occupant.elbow, out)
    assert _goes_around(route_of("off_shoulder").strips[0], occupant.shoulder, occupant.elbow, out)


def chest_gap_m(state: str) -> float:
    strip = route_of(state).strips[0]
    height, _ = Union(list(surfaces().values())).signed_distance(strip.centres)
    share = np.linspace(0, 1, len(height))
    return float(height[(share > 0.45) & (share < 0.85)].max())


def test_loose_webbing_is_longer_and_stands_off() -> None:
    tight, loose = route_of("correct"), route_of("loose")
    assert loose.strips[0].length_m > tight.strips[0].length_m + 0.015
    assert chest_gap_m("loose") > chest_gap_m("correct") + 0.02


def test_twisted_webbing_shows_its_back_for_a_stretch() -> None:
    strip = route_of("twisted").strips[0]
    _, normal = surfaces()["trunk"].clearance(strip.centres)
    facing = np.einsum("ij,ij->i", strip.outward, normal)
    share = np.linspace(0, 1, len(facing))
    chest = (share > 0.35) & (share < 0.85)
    assert facing[chest].min() < -0.7
    assert facing[chest].max() > 0.7
    widths = np.linalg.norm(strip.grid()[:, -1] - strip.grid()[:, 0], axis=1)
    assert widths.max() == pytest.approx(WEBBING_WIDTH_M)
    assert 0.5 * WEBBING_WIDTH_M < widths.min() < 0.7 * WEBBING_WIDTH_M


def test_a_state_without_room_is_refused() -> None:
    occupant = somebody()
    blob = ellipsoid((0.3, 0.3, 0.3), (0.05, 0.0, 0.2), 40, 80)
    arms = (Surface(blob.vertices, blob.faces, blob.normals), occupant.dressed.arms[1])
    blocked = replace(occupant, dressed=replace(occupant.dressed, arms=arms))
    with pytest.raises(RenderError) as raised:
        route_belt(blocked, Anchorage(), BELT | {"state": "under_arm"}, SeatShape())
    assert raised.value.code in ("belt_state_impossible", "belt_not_drapable")
