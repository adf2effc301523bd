"""Arms that rest on the clothed trunk and the thighs instead of sinking in.

Hands are placed by their targets, whatever the girth of the body; between elbow and wrist a belly may be in the way.
The whole arm is then turned about its shoulder until it lies on top, so that clothes and webbing find room under it.
Where a hand lies on the chest or on a bag, the elbow is turned outward first; a hand before the chest is laid on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.belt.surface import DrapeSurface, Obstacle, Union
from unity_bridge.scenes.mesh import Surface, smooth_normals
from unity_bridge.scenes.occupant import regions
from unity_bridge.scenes.occupant.body import Bodies, RestBody
from unity_bridge.scenes.occupant.pose import ArmPose, SeatedPose

Float64 = NDArray[np.float64]

# Along the arm, 0 shoulder, 1 elbow, 2 wrist: nearer to the shoulder it grows out of the trunk.
_FROM, _TO = 0.55, 1.85
_FROM_IN_PLACE = 0.9
_FINGERTIPS = 4.0
_LIES_FROM = 1.3
"""Half of the forearm, and the hand: what may come to lie on the chest."""
_FARTHEST_LAID_M = 0.08
_HANDS_IN_PLACE = ("chest", "ear")
_ELBOW_OUT_DEG = (0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0)
_MOST_ELBOW_OUT_DEG = 95.0
_ROUNDS = 16
_LARGEST_TURN_DEG = 5.0  # a round
_GOOD_ENOUGH_M = 0.001
_NEARLY_M = 0.004
_ARM_BONES = ("upperarm", "lowerarm", "wrist", "metacarpal", "finger")


@dataclass(frozen=True)
class Room:
    """Wanted distances from skin to skin, metres. arm_m: from a sleeved arm to the trunk; hand_m: from a bare hand."""

    arm_m: float
    hand_m: float


def lift_arms(bodies: Bodies, rest: RestBody, transforms: Float64, room: Room, pose: SeatedPose) -> Float64:
    """Bone transforms with each arm turned about its shoulder until its skin is clear of trunk and thighs, and the
    right arm of the left.

    Args:
        bodies: The body model.
        rest: The body.
        transforms: (B, 4, 4) of the pose.
        room: For the clothes of both and a belt.
        pose: The pose; hands before the chest are held clear to the fingertips.

    Returns:
        (B, 4, 4); arms that are clear already keep their transforms. Turns end after 16 rounds of at most 5 degrees.
    """
    points = bodies.skin(rest, transforms).astype(np.float64)
    topology = regions.topology_of(bodies)
    clear_of: Obstacle = _trunk(bodies, points)
    along = regions.limb_coordinate(bodies, rest, "arm")
    joints = bodies.posed_joints(rest, transforms)
    result = transforms.copy()
    for side, sign, arm in (("L", 1.0, pose.left_arm), ("R", -1.0, pose.right_arm)):
        shoulder = joints[bodies.bone(f"upperarm01.{side}")]
        own = (topology.arm > 0.9) & (rest.vertices[:, 1] * sign > 0)
        start = _FROM_IN_PLACE if _stays(pose, arm) else _FROM
        end = _FINGERTIPS if arm.anchor == "chest" else _TO
        chosen = own & (along > start) & (along < end)
        turn = _turn_clear(clear_of, points[chosen], shoulder, _wanted(room, along[chosen]))
        bones = [
            index for index, name in enumerate(bodies.bone_names) if name.startswith(_ARM_BONES) and name[-1] == side
        ]
        result[bones, :3, :3] = turn @ transforms[bones, :3, :3]
        result[bones, :3, 3] = (transforms[bones, :3, 3] - shoulder) @ turn.T + shoulder
        if side == "L" and _crossed(pose):
            left = _part(bodies, (points - shoulder) @ turn.T + shoulder, own)
            clear_of = Union((_trunk(bodies, points), DrapeSurface(left, thick=False)))
    return result


def _wanted(room: Room, along: Float64) -> Float64:
    return np.where(along < _TO, room.arm_m, room.hand_m)


def with_hands_laid(bodies: Bodies, rest: RestBody, transforms: Float64, room: Room, pose: SeatedPose) -> SeatedPose:
    """The pose with hands before the chest moved to where they, or their forearms, lie on it.

    Args:
        bodies, rest, transforms, room, pose: As of `lift_arms`.
    """
    if "chest" not in (pose.left_arm.anchor, pose.right_arm.anchor):
        return pose
    points = bodies.skin(rest, transforms).astype(np.float64)
    topology = regions.topology_of(bodies)
    along = regions.limb_coordinate(bodies, rest, "arm")
    clear_of: Obstacle = _trunk(bodies, points)
    moved: dict[str, ArmPose] = {}
    for field, sign, arm in (("left_arm", 1.0, pose.left_arm), ("right_arm", -1.0, pose.right_arm)):
        if arm.anchor != "chest":
            continue
        own = (topology.arm > 0.9) & (rest.vertices[:, 1] * sign > 0)
        lies = own & (along > _LIES_FROM)
        spare = clear_of.clearance(points[lies])[0] - _wanted(room, along[lies])
        nearer = float(np.clip(spare.min(), -_FARTHEST_LAID_M, _FARTHEST_LAID_M))
        forward, outward, up = arm.offset_m
        moved[field] = replace(arm, offset_m=(forward - nearer, outward, up))
        if _crossed(pose):  # the right arm lies on the left
            ahead = transforms[bodies.bone("spine01"), :3, 0]
            left = _part(bodies, points - nearer * ahead, own)
            clear_of = Union((_trunk(bodies, points), DrapeSurface(left, thick=False)))
    return replace(pose, **moved)


def _crossed(pose: SeatedPose) -> bool:
    return pose.left_arm.anchor == pose.right_arm.anchor == "chest"


def with_elbows_out(bodies: Bodies, rest: RestBody, transforms: Float64, room: Room, pose: SeatedPose) -> SeatedPose:
    """The pose with the elbows of arms whose hands stay in place turned outward as far as frees them from the trunk.

    Args:
        bodies, rest, transforms, room, pose: As of `lift_arms`.
    """
    if not any(_stays(pose, arm) and arm.anchor != "ear" for arm in (pose.left_arm, pose.right_arm)):
        return pose
    points = bodies.skin(rest, transforms).astype(np.float64)
    trunk = _trunk(bodies, points)
    topology = regions.topology_of(bodies)
    along = regions.limb_coordinate(bodies, rest, "arm")
    joints = bodies.posed_joints(rest, transforms)

    def freed(side: str, sign: float, arm: ArmPose) -> ArmPose:
        if not _stays(pose, arm) or arm.anchor == "ear":
            return arm
        shoulder, wrist = (joints[bodies.bone(f"{name}.{side}")] for name in ("upperarm01", "wrist"))
        axis = (wrist - shoulder) / np.linalg.norm(wrist - shoulder)
        own = (topology.arm > 0.9) & (rest.vertices[:, 1] * sign > 0) & (along > _FROM_IN_PLACE) & (along < _TO)
        lever = points[own] - shoulder
        # Outward is the way in which the pole of `SeatedPose`'s elbows grows.
        swivel = np.deg2rad(arm.elbow_out_deg)
        pole = np.array([arm.elbow_forward, sign * np.sin(swivel), -np.cos(swivel)])
        grows = np.array([0.0, sign * np.cos(swivel), np.sin(swivel)])
        way = float(np.sign(axis @ np.cross(pole, grows)))
        turns = [turn for turn in _ELBOW_OUT_DEG if arm.elbow_out_deg + turn <= _MOST_ELBOW_OUT_DEG]
        missing = []
        for turn in turns:
            height, _ = trunk.clearance(lever @ _about(axis, way * np.deg2rad(turn)).T + shoulder)
            missing.append(float(np.clip(room.arm_m - height, 0.0, None).max(initial=0.0)))
        # The least turn that is nearly as good as any.
        good = np.flatnonzero(np.array(missing) <= min(missing) + _NEARLY_M)[0]
        return replace(arm, elbow_out_deg=arm.elbow_out_deg + turns[int(good)])

    return replace(pose, left_arm=freed("L", 1.0, pose.left_arm), right_arm=freed("R", -1.0, pose.right_arm))


def _stays(pose: SeatedPose, arm: ArmPose) -> bool:
    """Whether a hand has to stay where the pose puts it."""
    return arm.anchor in _HANDS_IN_PLACE or pose.held == "bag"


def _trunk(bodies: Bodies, points: Float64) -> DrapeSurface:
    topology = regions.topology_of(bodies)
    return DrapeSurface(_part(bodies, points, (topology.arm < 0.2) & (topology.head < 0.5)))


def _part(bodies: Bodies, points: Float64, chosen: NDArray[np.bool_]) -> Surface:
    """The posed skin whose vertices are all chosen."""
    used, faces = np.unique(bodies.faces[chosen[bodies.faces].all(axis=1)], return_inverse=True)
    return Surface(points[used], faces.reshape(-1, 3), smooth_normals(points, bodies.faces)[used])


def _turn_clear(trunk: Obstacle, points: Float64, shoulder: Float64, gap_m: Float64) -> Float64:
    """(3, 3) rotation about the shoulder that brings points of an arm `gap_m` off the trunk."""
    total = np.eye(3)
    for _ in range(_ROUNDS):
        lever = (points - shoulder) @ total.T
        height, normal = trunk.clearance(lever + shoulder)
        missing = np.clip(gap_m - height, 0.0, None)
        if missing.max(initial=0.0) < _GOOD_ENOUGH_M:
            break
        torque = (np.cross(lever, normal) * missing[:, None] ** 2).sum(axis=0)
        size = float(np.linalg.norm(torque))
        if size < 1e-12:
            break
        axis = torque / size
        speed = np.einsum("ij,ij->i", np.cross(axis, lever), normal)
        worst = int(missing.argmax())
        angle = float(missing[worst]) / max(float(speed[worst]), 0.05)
        total = _about(axis, min(angle, np.deg2rad(_LARGEST_TURN_DEG))) @ total
    return total


def _about(axis: Float64, angle: float) -> Float64:
    """(3, 3) rotation about a unit axis (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
