"""Arms that rest on the clothed trunk and the thighs instead of sinking in.

Hands are placed by their targets, whatever the girth of the body; between elbow and wrist a belly may be in the way.
The whole arm is then turned about its shoulder until it lies on top, so that clothes and webbing find room under it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.belt.surface import DrapeSurface
from unity_bridge.scenes.mesh import Surface, smooth_normals
from unity_bridge.scenes.occupant import regions
from unity_bridge.scenes.occupant.body import Bodies, RestBody

Float64 = NDArray[np.float64]

# Along the arm, 0 shoulder, 1 elbow, 2 wrist: nearer to the shoulder it grows out of the trunk.
_FROM, _TO = 0.55, 1.85
_ROUNDS = 16
_LARGEST_TURN_DEG = 5.0  # a round
_GOOD_ENOUGH_M = 0.001
_ARM_BONES = ("upperarm", "lowerarm", "wrist", "metacarpal", "finger")


def lift_arms(bodies: Bodies, rest: RestBody, transforms: Float64, gap_m: float) -> Float64:
    """Bone transforms with each arm turned about its shoulder until its skin is clear of trunk and thighs.

    Args:
        bodies: The body model.
        rest: The body.
        transforms: (B, 4, 4) of the pose.
        gap_m: Wanted between skin and skin: room for the clothes of both and a belt.

    Returns:
        (B, 4, 4); arms that are clear already keep their transforms. Turns end after 16 rounds of at most 5 degrees.
    """
    points = bodies.skin(rest, transforms).astype(np.float64)
    topology = regions.topology_of(bodies)
    off_arms = (topology.arm < 0.2) & (topology.head < 0.5)
    trunk_faces = bodies.faces[off_arms[bodies.faces].all(axis=1)]
    used, faces = np.unique(trunk_faces, return_inverse=True)
    trunk = DrapeSurface(Surface(points[used], faces.reshape(-1, 3), smooth_normals(points, bodies.faces)[used]))
    along = regions.limb_coordinate(bodies, rest, "arm")
    on_arm = (topology.arm > 0.9) & (along > _FROM) & (along < _TO)
    joints = bodies.posed_joints(rest, transforms)
    result = transforms.copy()
    for side, sign in (("L", 1.0), ("R", -1.0)):
        shoulder = joints[bodies.bone(f"upperarm01.{side}")]
        turn = _turn_clear(trunk, points[on_arm & (rest.vertices[:, 1] * sign > 0)], shoulder, gap_m)
        bones = [
            index for index, name in enumerate(bodies.bone_names) if name.startswith(_ARM_BONES) and name[-1] == side
        ]
        result[bones, :3, :3] = turn @ transforms[bones, :3, :3]
        result[bones, :3, 3] = (transforms[bones, :3, 3] - shoulder) @ turn.T + shoulder
    return result


def _turn_clear(trunk: DrapeSurface, points: Float64, shoulder: Float64, gap_m: float) -> Float64:
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
