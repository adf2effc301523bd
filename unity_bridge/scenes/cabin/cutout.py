"""Occupant and belt cut out of the cabin, among flying shapes and belts ([Volvo] 3.3.2, domain randomization)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.camera import Camera
from contracts.frame_spec import LinearRgb, Material
from contracts.randomizers.cabin import CABIN_COLORS
from unity_bridge.scenes.belt.drape import Strip, thicken
from unity_bridge.scenes.mesh import Model, Surface, rotation, smooth_normals, transform
from unity_bridge.scenes.primitives import ellipsoid, rounded_box
from unity_bridge.scenes.shades import detail_stream, tinted

Float64 = NDArray[np.float64]

CHEST = (0.0, 0.0, 0.32)
"""About which the cut-out is shrunk, from the H-point."""
_NEAREST, _FARTHEST = 0.55, 1.5
"""Depth of flying things over that of the chest."""
_TILT_DEG = 60.0
"""Largest turn of a flying thing's face away from the camera, about either axis."""
_THIN_M = 0.004


@dataclass(frozen=True, eq=False)
class Flying:
    """A thing that flies about: its model of one part in world coordinates, and whether that is a belt."""

    model: Model
    material: Material
    is_belt: bool


def placement(values: Mapping[str, Any], camera: Camera) -> Float64:
    """(4, 4) from where an occupant sits to where the cut-out hangs. values: of a `Cutout` randomizer."""
    pose = np.array(camera.world_from_camera)
    depth = _depth(camera)
    scale = float(values["scale"])
    right = float(values["right_share"]) * camera.width_px / camera.K[0][0] * depth
    down = float(values["down_share"]) * camera.height_px / camera.K[1][1] * depth
    matrix = np.eye(4)
    matrix[:3, :3] *= scale
    matrix[:3, 3] = np.array(CHEST) * (1 - scale) + pose[:3, 0] * right + pose[:3, 1] * down
    return np.round(matrix, 9)


def flying_things(values: Mapping[str, Any], camera: Camera) -> list[Flying]:
    """What flies before and behind the cut-out; places, sizes and colours come from the detail seed.

    Args:
        values: Of a `Cutout` randomizer.
        camera: Whose picture they fly in.
    """
    shapes, belts = round(float(values["shapes"])), round(float(values["belts"]))
    things = []
    for number in range(shapes + belts):
        random = detail_stream(values, 1, number)
        is_belt = number >= shapes
        surface = _belt(random) if is_belt else _shape(random)
        part = transform(surface, _somewhere(random, camera)).named("webbing" if is_belt else "shape")
        name = f"flying_{'belt' if is_belt else 'shape'}_{number:02d}"
        material = Material(base_color=_color(random), roughness=0.6, sheen=0.2 if is_belt else 0.0)
        things.append(Flying(Model(name, (part,)), material, is_belt))
    return things


def _depth(camera: Camera) -> float:
    pose = np.array(camera.world_from_camera)
    return float((np.array(CHEST) - pose[:3, 3]) @ pose[:3, 2])


def _somewhere(random: np.random.Generator, camera: Camera) -> Float64:
    """(4, 4) pose at a random place in the picture, turned at random, sized by distance."""
    pose = np.array(camera.world_from_camera)
    depth = _depth(camera) * random.uniform(_NEAREST, _FARTHEST)
    column, row = random.uniform(0, camera.width_px), random.uniform(0, camera.height_px)
    x = (column - camera.K[0][2]) / camera.K[0][0]
    y = (row - camera.K[1][2]) / camera.K[1][1]
    spin, nod, yaw = random.uniform(-180, 180), *random.uniform(-_TILT_DEG, _TILT_DEG, 2)
    turn = rotation((1, 0, 0), nod) @ rotation((0, 1, 0), yaw) @ rotation((0, 0, 1), spin)
    matrix = np.eye(4)
    matrix[:3, :3] = pose[:3, :3] @ turn[:3, :3] * depth
    matrix[:3, 3] = pose[:3] @ np.array([x * depth, y * depth, depth, 1.0])
    return matrix


def _shape(random: np.random.Generator) -> Surface:
    """A disc, a rectangle or a bar as it looks from one metre."""
    kind = int(random.integers(3))
    size = float(random.uniform(0.025, 0.12))
    if kind == 0:
        return ellipsoid((size / 2, size / 2 * float(random.uniform(0.6, 1)), _THIN_M), (0, 0, 0), 16, 32)
    wide = size * (0.2 if kind == 1 else float(random.uniform(0.5, 1)))
    return rounded_box((size * (2 if kind == 1 else 1), wide, _THIN_M), radius_m=_THIN_M / 2)


def _belt(random: np.random.Generator) -> Surface:
    """A bent stretch of webbing as it looks from one metre."""
    length, bow, turns = random.uniform(0.2, 0.6), random.uniform(0.01, 0.08), random.uniform(0.3, 1.2)
    share = np.linspace(0, 1, 49)
    phase = random.uniform(0, 2 * np.pi)
    centres = np.stack([(share - 0.5) * length, np.zeros(49), bow * np.sin(2 * np.pi * turns * share + phase)], axis=1)
    along = np.gradient(centres, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.tile([0.0, 1.0, 0.0], (49, 1))
    solid = thicken(Strip(centres, across, np.cross(across, along), float(random.uniform(0.03, 0.06))))
    return Surface(solid.vertices, solid.faces, smooth_normals(solid.vertices, solid.faces))


def _color(random: np.random.Generator) -> LinearRgb:
    names = sorted(CABIN_COLORS)
    base = CABIN_COLORS[names[int(random.integers(len(names)))]]
    return tinted(base, np.exp(random.normal(0, 0.2, 3)))
