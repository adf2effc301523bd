"""Functions over the body's rest vertices that say where clothes, hair and features end.

Each is (V,) float64 in metres or a coordinate along a limb, linear near its borders, so that `cutting.split` finds
smooth borders. Frame: x forward, y left, z up; the rest pose stands upright.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from unity_bridge.scenes.occupant.body import Bodies, RestBody

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

# Added where a limb does not belong to a region's own function: far inside, in metres.
_FAR_M = 0.5


@dataclass(frozen=True, eq=False)
class Topology:
    """What is the same for every body.

    arm, leg, head: (V,) share of each vertex that follows those bones; lower_arm, lower_leg: likewise. garment_faces:
    faces that clothes are made from; foot_faces, scalp_faces, skin_faces, eye_faces: by name. mouth_edge: vertices
    around the closed mouth.
    """

    arm: Float64
    leg: Float64
    head: Float64
    lower_arm: Float64
    lower_leg: Float64
    garment_faces: Int64
    foot_faces: Int64
    scalp_faces: Int64
    skin_faces: Int64
    eye_faces: Int64
    mouth_edge: Int64


@lru_cache(maxsize=2)
def topology_of(bodies: Bodies) -> Topology:
    """Shares and face sets of a body model."""
    hand = bodies.weight_of("finger", "metacarpal")
    head = bodies.weight_of("head", "neck03", "neck02")
    region = np.array(bodies.region_names)[bodies.face_regions]
    eyes = np.char.startswith(region, "eye_front")
    inner_eye = np.char.startswith(region, "eye_cavity")
    feet = bodies.weight_of("foot", "lowerleg02")
    faces = bodies.faces
    garment = ((hand[faces] < 0.5) & (bodies.weight_of("head")[faces] < 0.5)).any(1) & ~eyes & ~inner_eye
    garment &= (bodies.weight_of("foot")[faces] < 0.9).any(1)
    skin = faces[~eyes]
    return Topology(
        arm=bodies.weight_of("upperarm", "lowerarm", "wrist", "finger", "metacarpal"),
        leg=bodies.weight_of("upperleg", "lowerleg", "foot"),
        head=head,
        lower_arm=bodies.weight_of("lowerarm", "wrist", "finger", "metacarpal"),
        lower_leg=bodies.weight_of("lowerleg", "foot"),
        garment_faces=faces[garment],
        foot_faces=faces[(feet[faces] > 0.3).all(1)],
        scalp_faces=faces[((bodies.weight_of("head", "neck")[faces]) > 0.35).all(1) & ~eyes & ~inner_eye],
        skin_faces=skin,
        eye_faces=faces[eyes],
        mouth_edge=_mouth_edge(skin, bodies, inner_eye[~eyes]),
    )


def boundary_edges(faces: Int64) -> Int64:
    """(E, 2) directed edges that belong to one face only."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    # One integer for each edge: rows are compared many times slower.
    key = edges.min(axis=1).astype(np.int64) * (int(faces.max(initial=0)) + 1) + edges.max(axis=1)
    _, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
    return edges[count[inverse.ravel()] == 1]


def _mouth_edge(faces: Int64, bodies: Bodies, inner_eye: NDArray[np.bool_]) -> Int64:
    border = np.unique(boundary_edges(faces[~inner_eye]))
    eyes = bodies.joint_regressor[0, [bodies.bone("head")], 2] - 0.005
    return border[bodies.mean[border, 2] < eyes[0]]


def _along(points: Float64, start: Float64, end: Float64) -> Float64:
    axis = end - start
    return (points - start) @ axis / (axis @ axis)


def limb_coordinate(bodies: Bodies, rest: RestBody, limb: str) -> Float64:
    """Way along arm or leg: 0 shoulder or hip, 1 elbow or knee, 2 wrist or ankle; unspecified off the limb."""
    first, second, third = (
        ("upperarm01", "lowerarm01", "wrist") if limb == "arm" else ("upperleg01", "lowerleg01", "foot")
    )
    points = rest.vertices.astype(np.float64)
    result = np.zeros(len(points))
    for side, sign in (("L", 1.0), ("R", -1.0)):
        own = points[:, 1] * sign > 0
        a, b, c = (rest.joints[bodies.bone(f"{name}.{side}")] for name in (first, second, third))
        result[own] = np.minimum(_along(points[own], a, b), 1.0) + np.maximum(_along(points[own], b, c), 0.0)
    return result


def sleeve_region(bodies: Bodies, rest: RestBody, end: float) -> Float64:
    """Positive on the trunk and on the arm down to `end` (0.4 short sleeve, 1.9 long), metres."""
    topology = topology_of(bodies)
    joint = {name: rest.joints[bodies.bone(f"{name}.L")] for name in ("upperarm01", "lowerarm01")}
    upper_m = float(np.linalg.norm(joint["lowerarm01"] - joint["upperarm01"]))
    # A vertex of trunk and arm alike is judged by its share, so that the armpit stays inside.
    return (end - limb_coordinate(bodies, rest, "arm")) * upper_m + _FAR_M * np.clip(1.2 - 1.5 * topology.arm, 0, 1)


def trouser_region(bodies: Bodies, rest: RestBody, end: float, waist_above_hip_m: float) -> Float64:
    """Positive from the waist down to `end` of the leg (0.8 shorts, 1.95 long), metres."""
    topology = topology_of(bodies)
    hip = rest.joints[bodies.bone("upperleg01.L")]
    upper_m = float(np.linalg.norm(rest.joints[bodies.bone("lowerleg01.L")] - hip))
    legs = (end - limb_coordinate(bodies, rest, "leg")) * upper_m + _FAR_M * np.clip(1.2 - 1.5 * topology.leg, 0, 1)
    waist = hip[2] + waist_above_hip_m - rest.vertices[:, 2].astype(np.float64)
    return np.minimum(np.minimum(legs, waist), _FAR_M - 2 * _FAR_M * topology.arm)


def collar_region(bodies: Bodies, rest: RestBody, kind: str) -> Float64:
    """Positive below the collar: `crew`, `wide`, `v_neck` or `turtleneck`, metres."""
    points = rest.vertices.astype(np.float64)
    neck, top = rest.joints[bodies.bone("neck01")], rest.joints[bodies.bone("head")]
    rise, tilt_deg = {"crew": (0.16, 36.0), "wide": (-0.1, 30.0), "v_neck": (0.2, 32.0), "turtleneck": (0.42, 26.0)}[
        kind
    ]
    neck_m = float(np.linalg.norm(top - neck))
    tilt = np.deg2rad(tilt_deg)
    normal = np.array([np.sin(tilt), 0.0, np.cos(tilt)])
    region = rise * neck_m - (points - neck) @ normal
    if kind == "v_neck":
        bottom = neck[2] - 0.115 * rest.stature_m / 1.7
        front = points[:, 0] > neck[0] - 0.005
        slope = 1.7 * np.abs(points[:, 1])
        region = np.where(front, np.minimum(region, (bottom + slope - points[:, 2]) * 0.5), region)
    return region


def hem_region(bodies: Bodies, rest: RestBody, above_hip_m: float) -> Float64:
    """Positive above the lower edge of a shirt, metres; arms count as above."""
    hip = rest.joints[bodies.bone("upperleg01.L")]
    return rest.vertices[:, 2] - (hip[2] + above_hip_m) + _FAR_M * np.clip(1.5 * topology_of(bodies).arm - 0.2, 0, 1)


def shoe_region(bodies: Bodies, rest: RestBody) -> Float64:
    """Positive on the foot below the ankle, metres."""
    ankle = rest.joints[bodies.bone("foot.L")]
    points = rest.vertices.astype(np.float64)
    # The opening is lower at the back of the foot's instep than at the heel.
    return (ankle[2] + 0.004) - points[:, 2] - 0.12 * np.maximum(points[:, 0] - ankle[0], 0.0)


def hair_region(bodies: Bodies, rest: RestBody, style: str) -> Float64:
    """Positive where hair grows: `short`, `medium` (over the ears) or `receding`, metres."""
    points = rest.vertices.astype(np.float64)
    eyes = points[np.unique(topology_of(bodies).eye_faces)]
    head = rest.joints[bodies.bone("head")]
    crown = points[:, 2].max()
    tall = crown - eyes[:, 2].mean()  # eyes to crown
    front = eyes[:, 0].max()
    line_front = {"short": 0.60, "medium": 0.56, "receding": 0.84}[style]
    nape = {"short": -0.62, "medium": -0.95, "receding": -0.55}[style]
    back = points[topology_of(bodies).head > 0.5, 0].min()
    # A plane from the hairline at the forehead to the nape; hair lies above and behind it.
    first = np.array([front - 0.005, eyes[:, 2].mean() + line_front * tall])
    second = np.array([back + 0.25 * (front - back), eyes[:, 2].mean() + nape * tall])
    along = first - second
    normal = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    plane = (points[:, [0, 2]] - second) @ normal
    # Temples: the line recedes a little beside the middle of the forehead.
    across = np.abs(points[:, 1]) / 0.075
    forward = np.clip((points[:, 0] - head[0]) / (front - head[0]), 0, 1)
    region = plane - 0.012 * np.clip(1 - (across - 0.75) ** 2 / 0.1, 0, 1) * forward
    sideburn = np.clip(1 - np.abs(points[:, 0] - (head[0] + 0.25 * (front - head[0]))) / 0.05, 0, 1)
    return region + (0.02 if style == "medium" else 0.006) * sideburn * np.clip(across - 0.6, 0, 1)


def brow_region(bodies: Bodies, rest: RestBody) -> Float64:
    """Positive on the eyebrows, metres."""
    points = rest.vertices.astype(np.float64)
    eyes = points[np.unique(topology_of(bodies).eye_faces)]
    left = eyes[eyes[:, 1] > 0]
    centre, half = left.mean(0), np.ptp(left[:, 1]) / 2
    sideways = np.abs(points[:, 1]) - centre[1]
    arch = centre[2] + 1.65 * half - 9.0 * (sideways - 0.15 * half) ** 2
    thickness = 0.26 * half * np.clip(1.15 - np.maximum(sideways, 0) / (1.6 * half), 0.1, 1)
    region = np.minimum(thickness - np.abs(points[:, 2] - arch), 1.35 * half - np.abs(sideways))
    return np.where(points[:, 0] > centre[0] - 0.03, region, -0.05)


def lip_region(bodies: Bodies, rest: RestBody) -> Float64:
    """Positive on the lips, metres."""
    points = rest.vertices.astype(np.float64)
    edge = points[topology_of(bodies).mouth_edge]
    distance, _ = cKDTree(edge).query(points)
    # Thinner towards the corners of the mouth.
    width = np.abs(edge[:, 1]).max()
    height = 0.0072 * np.sqrt(np.clip(1.02 - (points[:, 1] / width) ** 2, 0.0, 1.0))
    return height - distance


def _each_eye(bodies: Bodies, points: Float64) -> Iterator[NDArray[np.int64]]:
    """Vertices of the left eyeball, then of the right one."""
    used = np.unique(topology_of(bodies).eye_faces)
    for sign in (1.0, -1.0):
        yield used[points[used, 1] * sign > 0]


def iris_region(bodies: Bodies, rest: RestBody) -> Float64:
    """Positive on the iris of each eye, metres."""
    points = rest.vertices.astype(np.float64)
    result = np.full(len(points), -0.05)
    for own in _each_eye(bodies, points):
        apex = points[own[points[own, 0].argmax()]]
        # The middle of the eyeball's front, where the gaze leaves it.
        apex = np.array([apex[0], points[own, 1].mean(), points[own, 2].mean()])
        radius = 0.42 * np.ptp(points[own, 2]) / 2
        result[own] = radius - np.linalg.norm((points[own] - apex)[:, 1:], axis=1)
    return result


def lash_region(bodies: Bodies, rest: RestBody) -> Float64:
    """Positive along the line where closed lids meet, on the lower part of the eyeball, metres."""
    points = rest.vertices.astype(np.float64)
    result = np.full(len(points), -0.05)
    for own in _each_eye(bodies, points):
        middle, half = points[own].mean(axis=0), np.ptp(points[own, 2]) / 2
        sideways = (points[own, 1] - middle[1]) / half
        line = middle[2] - 0.34 * half + 0.16 * half * sideways**2  # sags in its middle
        result[own] = 0.0011 - np.abs(points[own, 2] - line)
    return result
