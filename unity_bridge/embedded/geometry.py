"""A spec's objects as few large meshes: one for all plain surfaces, one for all glass, one a texture, one a lamp.

Compiling a renderer's kernel costs a hundred times what a small frame costs, and the kernel depends on how many
surfaces of which kind there are. Plain surfaces therefore share one mesh: its texture coordinates name a column in a
table of materials, and the table is a texture. Which part a triangle belongs to is kept beside the mesh.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contracts.frame_spec import IGNORE_ID, FrameSpec, Material, PartBinding
from unity_bridge.embedded.assets import AssetCache
from unity_bridge.embedded.faults import INVALID_SPEC, UNSUPPORTED, spec_fault
from unity_bridge.scenes.mesh import Part

TABLE_COLUMNS = 1024
"""Materials that plain surfaces, and as many that glass, may use in one frame."""
SMALLEST_EXTENT_M = 256.0


@dataclass
class MeshArrays:
    """A mesh in the world frame, with the part of every triangle.

    positions, normals: (V, 3) float32; uvs: (V, 2) float32; faces: (F, 3) uint32; face_parts: (F,) int32, index into
    the parts of the geometry, 0 for triangles that belong to none.
    """

    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    uvs: NDArray[np.float32]
    faces: NDArray[np.uint32]
    face_parts: NDArray[np.int32]


@dataclass
class MaterialMesh:
    """A mesh whose material is its own."""

    name: str
    material: Material
    mesh: MeshArrays


@dataclass
class FrameGeometry:
    """All meshes of a frame, and what their parts are."""

    surface: MeshArrays
    surface_materials: list[Material]
    """By column of the table."""
    glass: MeshArrays | None
    glass_materials: list[Material]
    textured: list[MaterialMesh]
    emissive: list[MaterialMesh]
    extent_m: float
    """Everything lies in the cube from -extent to +extent."""
    part_labels: NDArray[np.uint8]
    """(P,) semantic mask value of each part; part 0 is none."""
    part_instances: NDArray[np.uint16]
    """(P,) instance mask value of each part."""
    part_see_through: NDArray[np.bool_]
    """(P,) whether masks look through the part."""
    instance_points: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    """World positions of all vertices of each instance."""


@dataclass
class _Piece:
    """One part in the world."""

    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    uvs: NDArray[np.float32] | None
    faces: NDArray[np.uint32]
    part: int


def gather(spec: FrameSpec, assets: AssetCache, folder: Path) -> FrameGeometry:
    """Place every part of a spec in the world and sort it by its material.

    Raises:
        RenderError: An asset is missing or damaged, a part is not in its asset, or there are too many materials.
    """
    by_material: dict[str, list[_Piece]] = {}
    rows: list[PartBinding] = []
    points: dict[int, list[NDArray[np.float32]]] = {}
    for index, item in enumerate(spec.objects):
        model = assets.model(spec, folder, item.asset)
        matrix = np.array(item.world_from_object)
        parts = {part.name: part for part in model.parts}
        for name, binding in item.parts.items():
            if name not in parts:
                raise spec_fault(INVALID_SPEC, f"objects.{index}.parts.{name}", f"asset {item.asset} has no such part")
            rows.append(binding)
            piece = _place(parts[name], matrix, len(rows))
            by_material.setdefault(binding.material, []).append(piece)
            if binding.instance and not binding.see_through:
                points.setdefault(binding.instance, []).append(piece.positions)
    label_ids = {label.name: label.id for label in spec.labels}
    every = [piece.positions for pieces in by_material.values() for piece in pieces]
    extent = _extent(every)
    surfaces: list[tuple[Material, list[_Piece]]] = []
    panes: list[tuple[Material, list[_Piece]]] = []
    textured: list[MaterialMesh] = []
    emissive: list[MaterialMesh] = []
    for name in sorted(by_material):
        material, pieces = spec.materials[name], by_material[name]
        if material.model == "thin_glass":
            panes.append((material, pieces))
        elif material.model == "emissive" and material.luminance_cd_m2 > 0:
            emissive.append(MaterialMesh(name, material, _join(pieces, (1.0, 1.0))))
        elif material.base_color_texture is not None:
            if any(piece.uvs is None for piece in pieces):
                raise spec_fault(
                    INVALID_SPEC,
                    f"materials.{name}.base_color_texture",
                    "a part with this material has no texture coordinates",
                )
            textured.append(MaterialMesh(name, material, _join(pieces, material.texture_scale)))
        else:
            surfaces.append((material, pieces))
    for kind in (surfaces, panes):
        if len(kind) > TABLE_COLUMNS:
            raise spec_fault(UNSUPPORTED, "materials", f"more than {TABLE_COLUMNS} materials of one kind in a frame")
    return FrameGeometry(
        surface=_concatenate([corner_marks(extent), *_tabled(surfaces)]),
        surface_materials=[material for material, _ in surfaces],
        glass=_concatenate(_tabled(panes)) if panes else None,
        glass_materials=[material for material, _ in panes],
        textured=textured,
        emissive=emissive,
        extent_m=extent,
        part_labels=np.array(
            [IGNORE_ID, *(IGNORE_ID if row.label is None else label_ids[row.label] for row in rows)], np.uint8
        ),
        part_instances=np.array([0, *(row.instance for row in rows)], np.uint16),
        part_see_through=np.array([True, *(row.see_through for row in rows)], np.bool_),
        instance_points={number: np.concatenate(arrays) for number, arrays in points.items()},
    )


def corner_marks(extent_m: float) -> MeshArrays:
    """Two invisible triangles in opposite corners of the cube: they keep a scene's bounding box from changing."""
    size = extent_m * 1e-6
    positions = [
        [sign * extent_m - sign * (size if axis == corner else 0) for axis in range(3)]
        for sign in (-1, 1)
        for corner in (3, 0, 1)
    ]
    return MeshArrays(
        np.array(positions, np.float32),
        np.tile(np.array([0, 0, 1], np.float32), (6, 1)),
        np.zeros((6, 2), np.float32),
        np.array([[0, 1, 2], [3, 4, 5]], np.uint32),
        np.zeros(2, np.int32),
    )


def column_uv(column: int) -> tuple[float, float]:
    """Texture coordinates of a material's column in the table."""
    return (column + 0.5) / TABLE_COLUMNS, 0.25


def _place(part: Part, matrix: NDArray[np.float64], number: int) -> _Piece:
    linear = matrix[:3, :3]
    scale = float(np.linalg.det(linear)) ** (1 / 3)
    return _Piece(
        (part.vertices @ linear.T + matrix[:3, 3]).astype(np.float32),
        (part.normals @ (linear / scale).T).astype(np.float32),
        part.uvs,
        part.faces,
        number,
    )


def _extent(arrays: Iterable[NDArray[np.float32]]) -> float:
    """Half side of the cube around everything: 256 m, or the next of 1024 m, 4096 m and so on."""
    largest = max((float(np.abs(array).max()) for array in arrays), default=0.0)
    extent = SMALLEST_EXTENT_M
    while extent < largest:
        extent *= 4
    return extent


def _tabled(groups: list[tuple[Material, list[_Piece]]]) -> list[MeshArrays]:
    joined = []
    for column, (_, pieces) in enumerate(groups):
        mesh = _join(pieces, (1.0, 1.0))
        mesh.uvs = np.tile(np.array(column_uv(column), np.float32), (len(mesh.positions), 1))
        joined.append(mesh)
    return joined


def _join(pieces: list[_Piece], uv_scale: tuple[float, float]) -> MeshArrays:
    return _concatenate(
        [
            MeshArrays(
                piece.positions,
                piece.normals,
                np.zeros((len(piece.positions), 2), np.float32)
                if piece.uvs is None
                else piece.uvs * np.array(uv_scale, np.float32),
                piece.faces,
                np.full(len(piece.faces), piece.part, np.int32),
            )
            for piece in pieces
        ]
    )


def _concatenate(meshes: list[MeshArrays]) -> MeshArrays:
    if len(meshes) == 1:
        return meshes[0]
    offsets = np.cumsum([0, *(len(mesh.positions) for mesh in meshes[:-1])]).astype(np.uint32)
    return MeshArrays(
        np.concatenate([mesh.positions for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.uvs for mesh in meshes]),
        np.concatenate([mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=True)]),
        np.concatenate([mesh.face_parts for mesh in meshes]),
    )
