"""The passenger on the seat and the belt on the passenger: bodies posed, dressed and seated, belts routed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from unity_bridge.scenes.belt.drape import thicken
from unity_bridge.scenes.belt.routing import Anchorage, BeltRoute, Wearer, route_stowed
from unity_bridge.scenes.belt.surface import DrapeSurface
from unity_bridge.scenes.belt.wearing import Wearing
from unity_bridge.scenes.belt.wearing import route_belt as route_worn
from unity_bridge.scenes.cabin.interior import front_seat, seat_obstacle
from unity_bridge.scenes.cabin.resting import Room, lift_arms, with_elbows_out, with_hands_laid
from unity_bridge.scenes.cabin.seat import SeatShape, seated_offset
from unity_bridge.scenes.cutting import Patch, split
from unity_bridge.scenes.mesh import Model, Surface, merge, smooth_normals
from unity_bridge.scenes.occupant.body import Bodies, BodyShape, RestBody, load_bodies
from unity_bridge.scenes.occupant.clothing import DressedBody, dress, outfit_of
from unity_bridge.scenes.occupant.hair import Underneath
from unity_bridge.scenes.occupant.held import hand_of, held_parts
from unity_bridge.scenes.occupant.pose import NAMED_POSES, POSE_LIMITS, SeatedPose, pose_transforms

Float64 = NDArray[np.float64]

_FLOOR_BELOW_H_POINT_M = 0.375
_NOMINAL_RECLINE_DEG = 21.0
_EARS_END = 0.55
"""Of the head's length from behind."""
_UNDER_ARMS_M = 0.008
"""Between arms and trunk, beside what the shirt takes: folds and a belt."""


@dataclass(frozen=True, eq=False)
class SeatedOccupant:
    """A dressed body on the seat. neck, shoulder, elbow: (3,) root of the neck, right shoulder joint, right elbow.
    skin_points, in_face: (V, 3) of the bare body, and (V,) what is above 0 in the face."""

    dressed: DressedBody
    neck: Float64
    shoulder: Float64
    elbow: Float64
    skin_points: Float64
    in_face: Float64

    def face_apart(self) -> Model:
        """The dressed body with the face as a part of its own instead of a part of the skin."""
        parts = []
        for part in self.dressed.model.parts:
            if part.name != "skin":
                parts.append(part)
                continue
            _, nearest = cKDTree(self.skin_points).query(part.vertices)
            patch = Patch(np.hstack([part.vertices, part.normals]), np.asarray(part.faces, dtype=np.int64))
            face, skin = split(patch, self.in_face[nearest])
            for name, piece in (("skin", skin), ("face", face)):
                if not piece.empty:
                    parts.append(Surface(piece.positions, piece.faces, piece.normals).named(name))
        return Model(self.dressed.model.name, tuple(parts))


def seat_occupant(body: Mapping[str, Any], clothing: Mapping[str, Any], seat: SeatShape) -> SeatedOccupant:
    """Builds the body, poses it on the seat and dresses it.

    Args:
        body: Values of an `Occupant` randomizer.
        clothing: Values of a `Clothing` randomizer.
        seat: The seat that it sits in.
    """
    bodies = load_bodies()
    rest = bodies.rest(
        BodyShape(
            **{name: float(body[name]) for name in ("gender", "age_years", "muscle", "weight", "height", "proportions")}
        )
    )
    pose = _pose(body, seat)
    trunk = (
        bodies.weight_of("upperarm", "lowerarm", "wrist", "finger", "metacarpal", "head", "neck", "lowerleg", "foot")
        < 0.1
    )
    transforms = pose_transforms(bodies, rest, pose)
    offset = seated_offset(seat, bodies.skin(rest, transforms)[trunk].astype(np.float64), rest.shape.weight)
    # Where the hips are decides how the legs reach the floor.
    floor_below_hip_m, room = _FLOOR_BELOW_H_POINT_M + float(offset[2]), _room_under_arms(clothing)
    transforms = pose_transforms(bodies, rest, pose, floor_below_hip_m)
    for adjusted in (with_elbows_out, with_hands_laid):
        found = adjusted(bodies, rest, transforms, room, pose)
        if found != pose:
            pose = found
            transforms = pose_transforms(bodies, rest, pose, floor_below_hip_m)
    transforms[:, :3, 3] += offset
    transforms = lift_arms(bodies, rest, transforms, room, pose)
    joints = bodies.posed_joints(rest, transforms)
    posed = bodies.skin(rest, transforms)
    dressed = dress(bodies, rest, posed, outfit_of(clothing), pose.eyes_closed, _seat_behind(seat))
    if pose.held != "nothing":
        left, right = (hand_of(bodies, joints, posed, side) for side in "LR")
        held = held_parts(pose.held, (left, right), dressed.trunk, dressed.arms, int(clothing["detail_seed"]))
        dressed = replace(dressed, model=Model(dressed.model.name, (*dressed.model.parts, *held)))
    return SeatedOccupant(
        dressed,
        joints[bodies.bone("neck01")],
        joints[bodies.bone("upperarm01.R")],
        joints[bodies.bone("lowerarm01.R")],
        posed.astype(np.float64),
        _in_face(bodies, rest),
    )


@lru_cache(maxsize=16)
def _seat_behind(seat: SeatShape) -> Underneath:
    """Back and headrest, as hair meets them."""
    parts = [part for part in front_seat(seat).parts if part.name != "seat_frame"]
    vertices, normals = (np.concatenate([getattr(part, what) for part in parts]) for what in ("vertices", "normals"))
    return Underneath(vertices.astype(np.float64), normals.astype(np.float64))


def _in_face(bodies: Bodies, rest: RestBody) -> Float64:
    """(V,) metres before a plane across the head ahead of the ears, below 0 off the head."""
    head = bodies.weight_of("head")
    forward = rest.vertices[:, 0].astype(np.float64)
    back, front = forward[head > 0.9].min(), forward[head > 0.9].max()
    return np.minimum(forward - (back + _EARS_END * (front - back)), (head - 0.5) * 0.1)


def _room_under_arms(clothing: Mapping[str, Any]) -> Room:
    """Distance of the arms' skin from that of the trunk, so that clothes and a belt lie between."""
    layers, one_m = 2 if float(clothing["sleeve_length"]) > 0.8 else 1, float(clothing["looseness_m"])
    return Room(layers * one_m + _UNDER_ARMS_M, one_m + _UNDER_ARMS_M)


def route_belt(
    occupant: SeatedOccupant | None, anchorage: Anchorage, belt: Mapping[str, Any], seat: SeatShape
) -> BeltRoute:
    """The belt over the occupant, or hanging at the pillar where there is none to hold.

    Args:
        occupant: Who wears it; none where nobody does.
        anchorage: Points of the belt.
        belt: Values of a `Belt` randomizer.
        seat: The seat.

    Raises:
        RenderError: The state is impossible for the occupant.
    """
    if occupant is None:
        return route_stowed(anchorage, float(belt["slack_m"]))
    dressed = occupant.dressed
    trunk = _standing_off(dressed.trunk, float(belt.get("clearance_m", 0.0)))
    left_arm, right_arm = (DrapeSurface(arm, thick=False) for arm in dressed.arms)
    wearer = Wearer(DrapeSurface(trunk), left_arm, right_arm, occupant.neck, occupant.shoulder, occupant.elbow)
    wearing = Wearing(
        state=str(belt["state"]),
        **{name: float(belt[name]) for name in ("shoulder_share", "slack_m", "extra_webbing_m", "twist_at")},
    )
    return route_worn(wearer, anchorage, wearing, seat_obstacle(seat))


def _standing_off(surface: Surface, distance_m: float) -> Surface:
    """The surface moved outward by a distance."""
    if distance_m == 0:
        return surface
    moved = np.asarray(surface.vertices) + np.asarray(surface.normals) * distance_m
    return Surface(moved, surface.faces, smooth_normals(moved, surface.faces))


def webbing(route: BeltRoute) -> Model:
    """All strips of a belt as one part."""
    return Model("belt", (merge([thicken(strip) for strip in route.strips]).named("webbing"),))


def _pose(body: Mapping[str, Any], seat: SeatShape) -> SeatedPose:
    """The named pose with the frame's own turns, held to natural limits, leaning as the seat does."""
    named = NAMED_POSES[str(body["pose"])]
    changes = {
        "recline_deg": named.recline_deg + seat.recline_deg - _NOMINAL_RECLINE_DEG,
        "turn_left_deg": named.turn_left_deg + float(body["turn_left_deg"]),
        "lean_left_deg": named.lean_left_deg + float(body["lean_left_deg"]),
        "head_turn_left_deg": named.head_turn_left_deg + float(body["head_turn_left_deg"]),
        "head_nod_deg": named.head_nod_deg + float(body["head_nod_deg"]),
    }
    return replace(named, **{name: float(np.clip(value, *POSE_LIMITS[name])) for name, value in changes.items()})
