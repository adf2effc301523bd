"""Hands that cross the chest or hold something: nothing floats, nothing sinks in.

From where the cameras stand a pixel of 848 x 480 covers about 1.5 mm of the occupant: soft things may touch 3 mm deep,
and gaps of 5 mm are seen.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from contracts.errors import ConfigurationError
from contracts.randomizers.cabin import Clothing, Occupant
from unity_bridge.scenes.belt.surface import DrapeSurface
from unity_bridge.scenes.cabin.seat import SeatShape
from unity_bridge.scenes.cabin.seating import SeatedOccupant, seat_occupant
from unity_bridge.scenes.mesh import Part
from unity_bridge.scenes.occupant.body import load_bodies
from unity_bridge.scenes.occupant.held import PHONE_SIZE_M
from unity_bridge.scenes.occupant.look import HELD_PARTS, LABELS_OF_OCCUPANT, occupant_materials
from unity_bridge.scenes.occupant.pose import HELD, NAMED_POSES, SeatedPose

CLOTHES = {name: field.default for name, field in Clothing.model_fields.items() if name != "kind"} | {"detail_seed": 3}
BODY = {name: field.default for name, field in Occupant.model_fields.items() if name != "kind"} | {"detail_seed": 2}
BUILDS = ({"weight": 0.25, "gender": 1.0, "height": 0.25}, {"weight": 0.85, "gender": 0.0, "height": 0.45})
both_builds = pytest.mark.parametrize("build", [0, 1])


@lru_cache(maxsize=16)
def seated(pose: str, build: int = 0) -> SeatedOccupant:
    return seat_occupant(BODY | BUILDS[build] | {"pose": pose}, CLOTHES | {"hair": "bald"}, SeatShape())


def places(part: Part) -> np.ndarray:
    return np.asarray(part.vertices, dtype=np.float64)


def arm(occupant: SeatedOccupant, side: str) -> np.ndarray:
    return np.asarray(occupant.dressed.arms["LR".index(side)].vertices, dtype=np.float64)


def deepest(points: np.ndarray, surface: DrapeSurface) -> float:
    return -float(surface.signed_distance(points)[0].min())


def off_phone(points: np.ndarray, phone: Part) -> np.ndarray:
    """(N,) distance of points from a telephone, negative inside: it is a box."""
    corners = places(phone)
    middle = corners.mean(axis=0)
    _, _, axes = np.linalg.svd(corners - middle, full_matrices=False)
    beyond = np.abs((points - middle) @ axes.T) - np.sort(PHONE_SIZE_M)[::-1] / 2
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(axis=1), 0)


@both_builds
def test_crossed_arms_cross_before_the_chest_and_pass_each_other(build: int) -> None:
    occupant = seated("arms_crossed", build)
    left, right = arm(occupant, "L"), arm(occupant, "R")
    assert left[:, 1].min() < -0.05
    assert right[:, 1].max() > 0.05
    # Upper arms overlap the trunk at the shoulder; below the elbow nothing does.
    for own in (left, right):
        beyond = own[own[:, 0] > occupant.elbow[0] + 0.03]
        assert deepest(beyond, DrapeSurface(occupant.dressed.trunk)) < 0.003
    assert deepest(right, DrapeSurface(occupant.dressed.arms[0], thick=False)) < 0.003


@both_builds
def test_a_hand_over_the_belt_lies_on_the_chest(build: int) -> None:
    occupant = seated("hand_over_belt", build)
    left = arm(occupant, "L")
    hand = left[(left[:, 2] > occupant.shoulder[2] - 0.25) & (left[:, 1] < 0.06)]
    height = DrapeSurface(occupant.dressed.trunk).signed_distance(hand)[0]
    assert -0.003 < height.min() < 0.02


@both_builds
def test_a_bag_fills_the_room_between_hands_and_thighs(build: int) -> None:
    occupant = seated("holding_bag", build)
    bag = places(occupant.dressed.model.part("bag"))
    heights = DrapeSurface(occupant.dressed.trunk).signed_distance(bag)[0]
    # Of its lower corners a few places may be in cloth, where they are not seen.
    assert (heights < -0.003).mean() < 0.005
    assert heights.min() < 0.005
    for surface in occupant.dressed.arms:
        assert -0.003 < DrapeSurface(surface, thick=False).signed_distance(bag)[0].min() < 0.005
    # Both thighs carry it.
    aside = bag[:, 1] - np.median(bag[:, 1])
    assert max(heights[aside > 0.05].min(), heights[aside < -0.05].min()) < 0.005


@both_builds
@pytest.mark.parametrize("pose", ["phone_at_ear", "phone_in_hand"])
def test_a_telephone_lies_in_the_hand(pose: str, build: int) -> None:
    occupant = seated(pose, build)
    phone = occupant.dressed.model.part("phone")
    off = off_phone(arm(occupant, "L" if pose == "phone_at_ear" else "R"), phone)
    assert -0.004 < off.min() < 0.001
    assert (off < 0.010).sum() > 60
    head = occupant.skin_points[load_bodies().weight_of("head") > 0.9]
    if pose == "phone_at_ear":
        assert -0.003 < off_phone(head, phone).min() < 0.02
    else:
        screen, eyes = occupant.dressed.model.part("phone_screen"), occupant.dressed.model.part("eyes")
        towards = places(eyes).mean(axis=0) - places(screen).mean(axis=0)
        facing = places(screen).mean(axis=0) - places(phone).mean(axis=0)
        assert facing @ towards > 0.8 * np.linalg.norm(facing) * np.linalg.norm(towards)


def test_sleepers_have_lids_where_others_have_eyes() -> None:
    asleep, awake = seated("asleep").dressed.model, seated("hand_over_belt").dressed.model
    assert {"lids", "lashes"} == set(asleep.part_names) - set(awake.part_names)
    assert {"eyes", "irises"} == set(awake.part_names) - set(asleep.part_names)


@pytest.mark.parametrize("pose", ["phone_at_ear", "holding_bag", "asleep", "hands_on_lap"])
def test_what_a_pose_adds_has_a_material_and_no_other_pose_has_it(pose: str) -> None:
    materials = occupant_materials(BODY | {"pose": pose}, CLOTHES, lambda data: "sha256:" + "0" * 64)
    assert set(seated(pose).dressed.model.part_names) <= set(materials)
    added = set(materials) & {*HELD_PARTS, "lids", "lashes"}
    assert bool(added) == (pose != "hands_on_lap")
    for name in added & set(HELD_PARTS):
        assert LABELS_OF_OCCUPANT[name][-1] == "interior"


def test_a_hand_that_reaches_for_the_dash_ends_short_of_it_and_of_the_cameras_there() -> None:
    body = BODY | {"pose": "reaching_dash", "height": 0.6, "lean_left_deg": -7.0}
    occupant = seat_occupant(body, CLOTHES | {"hair": "bald"}, SeatShape(recline_deg=15.0))
    # The column of the dash begins 0.775 m ahead of the H-point, its cameras stand from 0.80 m on.
    assert 0.5 < arm(occupant, "L")[:, 0].max() < 0.75


def test_nothing_else_can_be_held() -> None:
    with pytest.raises(ConfigurationError, match="held"):
        SeatedPose(held="anvil")
    assert {pose.held for pose in NAMED_POSES.values()} == set(HELD)
