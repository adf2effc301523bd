"""Seated poses: the angles of trunk, head and legs, and where the hands are; natural limits; named poses.

Arms and legs are solved by two-bone inverse kinematics, so that hands lie on the lap and feet on the floor for every
body. Frame: x forward, y left, z up; angles in degrees.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ConfigurationError
from unity_bridge.scenes.occupant.body import Bodies, RestBody

Float64 = NDArray[np.float64]

_MOST_STRETCHED = 0.985  # a straight limb has no bending plane
_ALONG_THE_CHEEK = np.array([-0.55, 0.0, 0.835])  # from the mouth's corner to the ear, in the head's directions


@dataclass(frozen=True)
class ArmPose:
    """Where a hand is.

    anchor: `thigh` (over the middle of the thigh), `lap` (over the lap's middle), `shoulder` (from the shoulder joint),
    `chest` (before the breastbone, in the chest's directions) or `ear` (in the head's directions); offset_m: forward,
    outward (inward for negative), up from there. elbow_out_deg: 0 lets the elbow hang below the line from shoulder to
    hand, 90 lifts it outward. palm_deg: turn of the hand about the forearm, 0 palm down, 90 thumb up; with `chest` and
    `ear` 0 is the palm towards chest or head. finger_curl_deg: bend of each finger joint. elbow_forward: share of
    forward, negative of backward, in the direction in which the elbow points. finger_spread: 1 as at rest, 0 with the
    fingers beside each other.
    """

    anchor: str = "thigh"
    offset_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    elbow_out_deg: float = 30.0
    palm_deg: float = 20.0
    finger_curl_deg: float = 18.0
    elbow_forward: float = -0.25
    finger_spread: float = 1.0


@dataclass(frozen=True)
class SeatedPose:
    """Angles of a seated body; those outside `POSE_LIMITS` raise ConfigurationError.

    recline_deg: chest backward from upright. slouch_deg: pelvis further backward than the chest. lean_left_deg,
    turn_left_deg: of the chest against the pelvis. head_turn_left_deg, head_nod_deg (chin down), head_tilt_left_deg:
    of the head against the vehicle. knees_apart_deg: of each thigh from straight ahead. leg_extension: distance from
    hip to ankle as a share of the leg's length.
    held: of `HELD`, what the hands hold, a telephone in one of them. eyes_closed: as of a sleeper.
    """

    recline_deg: float = 21.0
    slouch_deg: float = 14.0
    lean_left_deg: float = 0.0
    turn_left_deg: float = 0.0
    head_turn_left_deg: float = 0.0
    head_nod_deg: float = 0.0
    head_tilt_left_deg: float = 0.0
    knees_apart_deg: float = 9.0
    leg_extension: float = 0.84
    left_arm: ArmPose = field(default_factory=ArmPose)
    right_arm: ArmPose = field(default_factory=ArmPose)
    held: str = "nothing"
    eyes_closed: bool = False

    def __post_init__(self) -> None:
        for name, (low, high) in POSE_LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigurationError(
                    f"pose {name} is {value}", hint=f"give a number from {low} to {high}", context={"field": name}
                )
        if self.held not in HELD:
            raise ConfigurationError(f"pose held is '{self.held}'", hint=f"valid: {', '.join(HELD)}")


HELD = ("nothing", "phone_left", "phone_right", "bag")
POSE_LIMITS: dict[str, tuple[float, float]] = {
    "recline_deg": (5.0, 45.0),
    "slouch_deg": (0.0, 30.0),
    "lean_left_deg": (-20.0, 20.0),
    "turn_left_deg": (-30.0, 30.0),
    "head_turn_left_deg": (-75.0, 75.0),
    "head_nod_deg": (-30.0, 40.0),
    "head_tilt_left_deg": (-25.0, 25.0),
    "knees_apart_deg": (2.0, 25.0),
    "leg_extension": (0.72, 0.95),
}

_LAP = SeatedPose(
    left_arm=ArmPose("lap", (0.01, 0.045, 0.0), 35.0, 20.0, 24.0),
    right_arm=ArmPose("lap", (-0.035, 0.05, 0.0), 35.0, 25.0, 24.0),
)
NAMED_POSES: dict[str, SeatedPose] = {
    "hands_on_lap": _LAP,
    "hands_on_thighs": SeatedPose(),
    "hands_apart": SeatedPose(
        left_arm=ArmPose("thigh", (-0.08, 0.03, 0.0), 40.0, 35.0), right_arm=ArmPose("thigh", (0.03, 0.02, 0.0), 25.0)
    ),
    "reaching": SeatedPose(
        recline_deg=16.0, slouch_deg=10.0, turn_left_deg=8.0,
        left_arm=ArmPose("shoulder", (0.46, 0.05, -0.24), 25.0, 60.0, 30.0),
    ),
    "one_arm_raised": SeatedPose(left_arm=ArmPose("shoulder", (0.26, -0.02, 0.02), 25.0, 70.0, 25.0)),
    "other_arm_raised": SeatedPose(right_arm=ArmPose("shoulder", (0.25, -0.04, -0.04), 20.0, 75.0, 25.0)),
    "turned": replace(_LAP, turn_left_deg=16.0, head_turn_left_deg=42.0),
    "leaning": replace(SeatedPose(), lean_left_deg=-9.0, head_tilt_left_deg=-6.0, head_turn_left_deg=-20.0),
    "leaning_inboard": replace(_LAP, lean_left_deg=8.0, head_turn_left_deg=15.0),
    "looking_down": replace(_LAP, head_nod_deg=26.0),
    "reaching_dash": SeatedPose(
        recline_deg=5.0, slouch_deg=3.0, turn_left_deg=-4.0, lean_left_deg=7.0, head_turn_left_deg=14.0,
        head_nod_deg=8.0,
        left_arm=ArmPose("shoulder", (0.62, 0.02, -0.08), 20.0, 15.0, 12.0),
        right_arm=ArmPose("thigh", (0.05, 0.01, 0.05), 40.0, finger_spread=0.4),
    ),
    "arms_crossed": SeatedPose(
        left_arm=ArmPose("chest", (0.085, -0.03, -0.17), 25.0, 10.0, 24.0, finger_spread=0.2),
        right_arm=ArmPose("chest", (0.165, -0.02, -0.11), 25.0, 10.0, 24.0, finger_spread=0.2),
    ),
    "hand_over_belt": replace(_LAP, left_arm=ArmPose("chest", (0.04, 0.05, -0.05), 20.0, 0.0, 16.0, finger_spread=0.2)),
    "phone_at_ear": replace(
        _LAP, head_turn_left_deg=-4.0,
        left_arm=ArmPose("ear", (0.095, 0.060, -0.115), 20.0, 0.0, 3.0, 0.25, 0.1), held="phone_left",
    ),
    "phone_in_hand": replace(
        _LAP, head_nod_deg=22.0, head_turn_left_deg=-6.0,
        right_arm=ArmPose("shoulder", (0.27, -0.07, -0.13), 15.0, 150.0, 7.0, finger_spread=0.1), held="phone_right",
    ),
    "holding_bag": SeatedPose(
        left_arm=ArmPose("lap", (0.05, 0.13, 0.12), 35.0, 10.0, 16.0, finger_spread=0.4),
        right_arm=ArmPose("lap", (0.04, 0.125, 0.12), 35.0, 10.0, 16.0, finger_spread=0.4), held="bag",
    ),
    "asleep": SeatedPose(
        recline_deg=25.0, slouch_deg=18.0, lean_left_deg=-4.0, head_turn_left_deg=-16.0, head_nod_deg=12.0,
        head_tilt_left_deg=-20.0, knees_apart_deg=14.0,
        left_arm=ArmPose("lap", (0.02, 0.05, 0.0), 30.0, 30.0, 26.0),
        right_arm=ArmPose("thigh", (-0.04, 0.02, 0.0), 25.0, 30.0, 26.0), eyes_closed=True,
    ),
}  # fmt: skip


def rotation(axis: str, degrees: float) -> Float64:
    """(3, 3) right-handed rotation about x, y or z."""
    angle = np.deg2rad(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = cosine
    matrix[j, i], matrix[i, j] = sine, -sine
    return matrix


def _about(axis: Float64, degrees: float) -> Float64:
    """(3, 3) rotation about any unit axis (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _unit(vector: Float64) -> Float64:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _frame(along: Float64, towards: Float64) -> Float64:
    """(3, 3) orthonormal columns: `along`, the part of `towards` across it, and their normal."""
    first = _unit(along)
    second = _unit(towards - first * (towards @ first))
    return np.stack([first, second, np.cross(first, second)], axis=1)


def _two_bone(start: Float64, end: Float64, upper_m: float, lower_m: float, pole: Float64) -> tuple[Float64, Float64]:
    """The middle joint of a two-bone limb that reaches from start towards end and bends towards `pole`; and its end."""
    reach = end - start
    longest = (upper_m + lower_m) * _MOST_STRETCHED
    distance = float(np.clip(np.linalg.norm(reach), abs(upper_m - lower_m) * 1.1 + 0.05, longest))
    direction = _unit(reach)
    along = (upper_m**2 - lower_m**2 + distance**2) / (2 * distance)
    across = np.sqrt(max(upper_m**2 - along**2, 0.0))
    side = _unit(pole - direction * (pole @ direction))
    return start + direction * along + side * across, start + direction * distance


class _Poser:
    """Fills in the world rotation of every bone, from the trunk outward."""

    def __init__(self, bodies: Bodies, rest: RestBody, pose: SeatedPose) -> None:
        self.bodies, self.rest, self.pose = bodies, rest, pose
        self.rotations = np.tile(np.eye(3), (len(bodies.bone_names), 1, 1))

    def joint(self, name: str) -> Float64:
        """Where a bone's head is, given the rotations so far."""
        return self.bodies.posed_joints(self.rest, self.bodies.transforms(self.rest, self.rotations))[
            self.bodies.bone(name)
        ]

    def rest_joint(self, name: str) -> Float64:
        return self.rest.joints[self.bodies.bone(name)]

    def turn(self, rotation_matrix: Float64, *prefixes: str) -> None:
        chosen = [name.startswith(prefixes) for name in self.bodies.bone_names]
        self.rotations[chosen] = rotation_matrix

    def trunk(self) -> None:
        pose = self.pose
        pelvis = rotation("y", -(pose.recline_deg + pose.slouch_deg))
        self.turn(pelvis, "root", "pelvis")
        chest = np.eye(3)
        for bone, share in (
            ("spine05", 0.15),
            ("spine04", 0.4),
            ("spine03", 0.65),
            ("spine02", 0.85),
            ("spine01", 1.0),
        ):
            chest = (
                rotation("z", pose.turn_left_deg * share)
                @ rotation("x", -pose.lean_left_deg * share)
                @ rotation("y", -(pose.recline_deg + pose.slouch_deg * (1 - share)))
            )
            self.turn(chest, bone)
        self.turn(chest, "clavicle", "shoulder01", "upperarm", "lowerarm", "wrist", "finger", "metacarpal")
        for bone, share in (("neck01", 0.3), ("neck02", 0.5), ("neck03", 0.75), ("head", 1.0)):
            turn = pose.turn_left_deg * (1 - share) + pose.head_turn_left_deg * share
            tilt = -pose.lean_left_deg * 0.7 * (1 - share) - pose.head_tilt_left_deg * share
            nod = -pose.recline_deg * (1 - share) * 0.8 + (pose.head_nod_deg - 2.0) * share
            self.turn(rotation("z", turn) @ rotation("x", tilt) @ rotation("y", nod), bone, *(["eye"] * (share == 1.0)))

    def leg(self, side: str, floor_below_hip_m: float) -> None:
        sign = 1.0 if side == "L" else -1.0
        hip, knee, ankle = (self.rest_joint(f"{bone}.{side}") for bone in ("upperleg01", "lowerleg01", "foot"))
        upper, lower = float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))
        ankle_height = ankle[2] - float(self.rest.vertices[:, 2].min()) + 0.02  # a sole under the foot
        start = self.joint(f"upperleg01.{side}")
        distance = self.pose.leg_extension * (upper + lower)
        drop = floor_below_hip_m - ankle_height
        forward = np.sqrt(max(distance**2 - drop**2, 0.05))
        ahead = rotation("z", sign * self.pose.knees_apart_deg) @ np.array([1.0, 0.0, 0.0])
        target = start + ahead * forward - np.array([0.0, 0.0, drop])
        middle, end = _two_bone(start, target, upper, lower, np.array([0.0, 0.15 * sign, 1.0]))
        # The kneecap faces the way the knee bends: forward in the rest pose.
        thigh = _frame(middle - start, ahead + np.array([0, 0, 1.2])) @ _frame(knee - hip, np.array([1.0, 0.0, 0.0])).T
        shank = _frame(end - middle, ahead + np.array([0, 0, 0.6])) @ _frame(ankle - knee, np.array([1.0, 0.0, 0.0])).T
        self.turn(thigh, f"upperleg01.{side}", f"upperleg02.{side}")
        self.turn(shank, f"lowerleg01.{side}", f"lowerleg02.{side}")
        self.turn(rotation("z", sign * self.pose.knees_apart_deg) @ rotation("y", -14.0), f"foot.{side}")

    def hand_target(self, side: str, arm: ArmPose) -> Float64:
        sign = 1.0 if side == "L" else -1.0
        forward, outward, up = arm.offset_m
        offset = np.array([forward, sign * outward, up])
        if arm.anchor == "shoulder":
            return self.joint(f"upperarm01.{side}") + offset
        if arm.anchor == "chest":
            return self.joint("spine01") + self.turned("spine01") @ (self.breastbone() + offset)
        if arm.anchor == "ear":
            return self.joint("head") + self.turned("head") @ (self.ear(sign) + offset)
        hips = [self.joint(f"upperleg01.{s}") for s in "LR"]
        knees = [self.joint(f"lowerleg01.{s}") for s in "LR"]
        own = 0 if side == "L" else 1
        # Thickness above the bone grows with weight; a wrist rests about 3 cm above what the hand lies on.
        thickness = 0.078 + 0.05 * max(self.rest.shape.weight - 0.3, 0.0) + 0.01 * self.rest.shape.muscle
        lift = np.array([0.0, 0.0, thickness + 0.045])
        if arm.anchor == "thigh":
            return hips[own] * 0.46 + knees[own] * 0.54 + lift + offset
        if self.pose.held == "bag":  # it is held before the belly
            offset[0] += 0.08 * max(self.rest.shape.weight - 0.45, 0.0)
        if arm.anchor == "lap":
            centre = (hips[0] + hips[1] + knees[0] + knees[1]) / 4
            return centre + lift + np.array([0.0, 0.0, 0.035]) + offset
        raise ConfigurationError(f"unknown hand anchor '{arm.anchor}'", hint="valid: thigh, lap, shoulder, chest, ear")

    def turned(self, bone: str) -> Float64:
        """(3, 3) rotation of a bone so far."""
        return self.rotations[self.bodies.bone(bone)]

    def breastbone(self) -> Float64:
        """(3,) of the rest pose, from the head of the upper spine to the skin before it."""
        chest = self.rest.vertices[self.bodies.weight_of("spine01", "spine02", "spine03") > 0.5].astype(np.float64)
        joint = self.rest_joint("spine01")
        middle = chest[np.abs(chest[:, 2] - joint[2] + 0.03) < 0.08]
        return np.array([middle[:, 0].max() - joint[0], 0.0, 0.0])

    def ear(self, sign: float) -> Float64:
        """(3,) of the rest pose, from the head's joint to the ear on one side."""
        ear = self.rest.vertices[ear_vertices(self.bodies, self.rest, sign)].astype(np.float64).mean(axis=0)
        return np.asarray(ear - self.rest_joint("head"))

    def arm(self, side: str, arm: ArmPose) -> None:
        sign = 1.0 if side == "L" else -1.0
        shoulder, elbow, wrist = (self.rest_joint(f"{b}.{side}") for b in ("upperarm01", "lowerarm01", "wrist"))
        upper, lower = float(np.linalg.norm(elbow - shoulder)), float(np.linalg.norm(wrist - elbow))
        start = self.joint(f"upperarm01.{side}")
        target = self.hand_target(side, arm)
        swivel = np.deg2rad(arm.elbow_out_deg)
        pole = np.array([arm.elbow_forward, sign * np.sin(swivel), -np.cos(swivel)])
        middle, end = _two_bone(start, target, upper, lower, pole)
        rest_bend = wrist - shoulder  # the rest arm bends a little; the forearm leaves towards the wrist
        upper_turn = _frame(middle - start, end - start) @ _frame(elbow - shoulder, rest_bend).T
        plane = np.cross(middle - start, end - middle)
        rest_plane = np.cross(elbow - shoulder, wrist - elbow)
        lower_turn = _frame(end - middle, plane) @ _frame(wrist - elbow, rest_plane).T
        self.turn(upper_turn, f"upperarm01.{side}", f"upperarm02.{side}")
        self.turn(lower_turn, f"lowerarm01.{side}")
        # Twist of the hand about the forearm until the palm faces as asked.
        along = _unit(end - middle)
        knuckles = self.rest_joint(f"finger2-1.{side}") - self.rest_joint(f"finger5-1.{side}")
        fingers = self.rest_joint(f"finger3-1.{side}") - wrist
        back_rest = _unit(np.cross(knuckles, fingers)) * sign  # back of the hand
        palm = np.deg2rad(arm.palm_deg)
        # Where the back of the hand faces at 0: up, or away from what the palm is laid on.
        facing = {"chest": self.turned("spine01")[:, 0], "ear": self.turned("head")[:, 1] * sign}
        back = facing.get(arm.anchor, np.array([0.0, 0.0, 1.0]))
        # Whatever the forearm does, the wrist bends so that the hand lies along the cheek or flat before the chest.
        hand_along = along
        if arm.anchor == "ear":
            hand_along = self.turned("head") @ _ALONG_THE_CHEEK
        elif arm.anchor == "chest":
            hand_along = _unit(along - back * (along @ back))
        level = _unit(back - hand_along * (back @ hand_along))
        outward_side = np.cross(level, hand_along) * sign
        wanted = _frame(hand_along, level * np.cos(palm) + outward_side * np.sin(palm))
        hand_turn = wanted @ _frame(fingers, back_rest).T
        twist = _twist_between(lower_turn, hand_turn, along)
        self.turn(_about(along, 0.5 * twist) @ lower_turn, f"lowerarm02.{side}")
        names = [
            n for n in self.bodies.bone_names if n.startswith(("wrist", "metacarpal", "finger")) and n.endswith(side)
        ]
        self.turn(hand_turn, *names)
        curl_axis = _unit(np.cross(wanted[:, 0], wanted[:, 1]))
        for name in names:
            if name.startswith("finger") and not name.startswith("finger1"):
                joint_number = int(name.split("-")[1][0])
                # Bending turns the fingers from `along` away from the back of the hand.
                bent = _about(curl_axis, -arm.finger_curl_deg * joint_number) @ hand_turn
                if arm.finger_spread < 1:
                    bent = bent @ self.closed(side, name.split("-")[0], back_rest, 1 - arm.finger_spread)
                self.turn(bent, name)

    def closed(self, side: str, finger: str, back: Float64, share: float) -> Float64:
        """(3, 3) turn of a finger of the rest pose about the back of the hand towards the middle finger's direction."""

        def direction(name: str) -> Float64:
            way = self.rest_joint(f"{name}-2.{side}") - self.rest_joint(f"{name}-1.{side}")
            return _unit(way - back * (way @ back))

        own, middle = direction(finger), direction("finger3")
        angle = np.rad2deg(np.arctan2(np.cross(own, middle) @ back, own @ middle))
        return _about(back, share * float(angle))


def ear_vertices(bodies: Bodies, rest: RestBody, sign: float) -> NDArray[np.int64]:
    """(40,) vertices of an ear: the outermost of the head. sign: 1 left, -1 right."""
    head = np.flatnonzero(bodies.weight_of("head") > 0.9)
    return np.asarray(head[np.argsort(sign * rest.vertices[head, 1], kind="stable")[-40:]])


def _twist_between(first: Float64, second: Float64, axis: Float64) -> float:
    """Degrees of the turn about `axis` that brings `first` nearest to `second`."""
    relative = second @ first.T
    cosine = (np.trace(relative) - axis @ relative @ axis) / 2
    skew = np.array([relative[2, 1] - relative[1, 2], relative[0, 2] - relative[2, 0], relative[1, 0] - relative[0, 1]])
    return float(np.rad2deg(np.arctan2(skew @ axis / 2, cosine)))


def pose_transforms(bodies: Bodies, rest: RestBody, pose: SeatedPose, floor_below_hip_m: float = 0.34) -> Float64:
    """Bone transforms of a seated body, hips over the origin.

    Args:
        bodies: The baked model.
        rest: The body.
        pose: The pose.
        floor_below_hip_m: Height of the hip joints above the floor.

    Returns:
        (B, 4, 4) float64, rest to pose; the middle of the hip joints lies at the origin.
    """
    poser = _Poser(bodies, rest, pose)
    poser.trunk()
    for side in "LR":
        poser.leg(side, floor_below_hip_m)
    poser.arm("L", pose.left_arm)
    poser.arm("R", pose.right_arm)
    transforms = bodies.transforms(rest, poser.rotations)
    joints = bodies.posed_joints(rest, transforms)
    transforms[:, :3, 3] -= (joints[bodies.bone("upperleg01.L")] + joints[bodies.bone("upperleg01.R")]) / 2
    return transforms
