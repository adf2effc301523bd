"""Triangle meshes with named parts: the one form in which scene content leaves `unity_bridge.scenes`.

A `Model` is an ordered set of named `Part`s. A part is a mesh of its own, so that a label, an instance and a material
can be given to it by name. Lengths are metres in a right-handed frame with z up; triangles are wound counterclockwise
seen from outside; texture coordinates follow glTF (origin at the top left of the image).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.errors import IntegrityError

Float32 = NDArray[np.float32]
UInt32 = NDArray[np.uint32]

_UNIT_LENGTH_TOLERANCE = 1e-3


def _frozen(values: object, dtype: type, columns: int, what: str, part: str) -> NDArray:
    array = np.array(values, dtype=dtype, order="C")
    if array.ndim != 2 or array.shape[1] != columns:
        raise IntegrityError(
            f"{what} of part '{part}' have shape {array.shape}, not (N, {columns})",
            code="mesh_shape",
            hint=f"give one row of {columns} numbers for each element",
        )
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class Part:
    """One named mesh.

    name: unique within its model.
    vertices: (V, 3) float32, metres.
    faces: (F, 3) uint32, counterclockwise seen from outside.
    normals: (V, 3) float32, unit length.
    uvs: (V, 2) float32 or None.

    The arrays are copied and made read-only. Raises IntegrityError where a part is empty, holds a number that is not
    finite, an index out of range or a normal that is not of unit length.
    """

    name: str
    vertices: Float32
    faces: UInt32
    normals: Float32
    uvs: Float32 | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise IntegrityError(
                "a part has no name", code="mesh_name", hint="name every part; labels are given by name"
            )
        object.__setattr__(self, "vertices", _frozen(self.vertices, np.float32, 3, "The vertices", self.name))
        object.__setattr__(self, "faces", _frozen(self.faces, np.uint32, 3, "The faces", self.name))
        object.__setattr__(self, "normals", _frozen(self.normals, np.float32, 3, "The normals", self.name))
        if self.uvs is not None:
            object.__setattr__(self, "uvs", _frozen(self.uvs, np.float32, 2, "The texture coordinates", self.name))
        self._check()

    def _check(self) -> None:
        count = len(self.vertices)
        if count == 0 or len(self.faces) == 0:
            raise IntegrityError(
                f"part '{self.name}' has {count} vertices and {len(self.faces)} faces",
                code="mesh_empty",
                hint="leave a part out of the model where there is nothing of it",
            )
        if int(self.faces.max()) >= count:
            raise IntegrityError(
                f"a face of part '{self.name}' names vertex {int(self.faces.max())}; there are {count}",
                code="mesh_index",
                hint="faces index the rows of `vertices` from 0",
            )
        for what, values in (("vertices", self.vertices), ("normals", self.normals), ("uvs", self.uvs)):
            if values is None:
                continue
            if len(values) != count:
                raise IntegrityError(
                    f"part '{self.name}' has {count} vertices and {len(values)} rows of {what}",
                    code="mesh_count",
                    hint="give one row for each vertex",
                )
            if not np.isfinite(values).all():
                raise IntegrityError(
                    f"the {what} of part '{self.name}' hold a number that is not finite",
                    code="mesh_not_finite",
                    hint="check the shape parameters for a zero length or an impossible angle",
                )
        lengths = np.einsum("ij,ij->i", self.normals, self.normals)
        if np.abs(lengths - 1).max() > 2 * _UNIT_LENGTH_TOLERANCE:
            raise IntegrityError(
                f"part '{self.name}' has a normal that is not of unit length",
                code="mesh_normal",
                hint="use `smooth_normals` or `crease_normals`",
            )


@dataclass(frozen=True, eq=False)
class Model:
    """Named parts in a stable order. Raises IntegrityError where there is none or a name occurs twice."""

    name: str
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        if not self.parts:
            raise IntegrityError(
                f"model '{self.name}' has no parts", code="mesh_no_parts", hint="give at least one part"
            )
        names = [part.name for part in self.parts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise IntegrityError(
                f"model '{self.name}' has more than one part named {', '.join(twice)}",
                code="mesh_part_twice",
                hint="merge the meshes, or name them apart",
            )

    def part(self, name: str) -> Part:
        """The part of that name. Raises IntegrityError where there is none."""
        for part in self.parts:
            if part.name == name:
                return part
        raise IntegrityError(
            f"model '{self.name}' has no part '{name}'",
            code="mesh_no_such_part",
            hint=f"its parts: {', '.join(self.part_names)}",
        )

    @property
    def part_names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    @property
    def bounds(self) -> NDArray[np.float64]:
        """(2, 3) float64, metres: the lowest and the highest corner."""
        columns = [np.ascontiguousarray(part.vertices.T) for part in self.parts]
        lows = np.array([column.min(axis=1) for column in columns], dtype=np.float64)
        highs = np.array([column.max(axis=1) for column in columns], dtype=np.float64)
        return np.stack([lows.min(axis=0), highs.max(axis=0)])

    @property
    def triangle_count(self) -> int:
        return sum(len(part.faces) for part in self.parts)


@dataclass(frozen=True, eq=False)
class Surface:
    """A mesh under construction: not yet named, not yet checked; arrays as in `Part` in any precision."""

    vertices: NDArray[np.floating]
    faces: NDArray[np.integer]
    normals: NDArray[np.floating]
    uvs: NDArray[np.floating] | None = None

    def named(self, name: str) -> Part:
        """The surface as a checked part, without triangles of zero area and without unused vertices."""
        return Part(name, *_compact(self.vertices, self.faces, self.normals, self.uvs))

    def transformed(self, matrix: NDArray[np.floating]) -> Surface:
        """Moved by a 4x4 affine matrix; winding is kept outward under a reflection."""
        return transform(self, matrix)


def _compact(
    vertices: NDArray[np.floating],
    faces: NDArray[np.integer],
    normals: NDArray[np.floating],
    uvs: NDArray[np.floating] | None,
) -> tuple[NDArray, NDArray, NDArray, NDArray | None]:
    faces = np.asarray(faces).reshape(-1, 3)
    # Judged in the precision that is stored: a sliver that collapses there would have no direction.
    stored = np.asarray(vertices, dtype=np.float32).astype(np.float64)
    doubled = _edge_products(stored, faces)
    faces = np.compress(np.einsum("ij,ij->i", doubled, doubled) > 1e-24, faces, axis=0)
    used = np.zeros(len(stored), dtype=bool)
    used[faces.ravel()] = True
    renumber = np.cumsum(used) - 1
    return (
        np.compress(used, stored, axis=0),
        renumber.take(faces),
        unit(np.compress(used, np.asarray(normals, dtype=np.float64), axis=0)),
        None if uvs is None else np.compress(used, np.asarray(uvs), axis=0),
    )


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rows scaled to length one; a row of length zero becomes the z axis."""
    vectors = np.asarray(vectors, dtype=np.float64)
    lengths = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., None]
    none = lengths <= 1e-12
    if not none.any():
        return vectors / lengths
    return np.where(none, np.array([0.0, 0.0, 1.0]), vectors / np.where(none, 1.0, lengths))


def face_normals(vertices: NDArray[np.floating], faces: NDArray[np.integer]) -> NDArray[np.float64]:
    """(F, 3) normals whose length is twice the area of the triangle."""
    return _edge_products(np.asarray(vertices, dtype=np.float64), np.asarray(faces))


def _edge_products(vertices: NDArray[np.float64], faces: NDArray[np.integer]) -> NDArray[np.float64]:
    """(F, 3) cross products of two edges of each triangle; by components, which is several times faster."""
    a, b, c = (vertices.take(faces[:, corner], axis=0) for corner in range(3))
    x1, y1, z1 = (b - a).T
    x2, y2, z2 = (c - a).T
    return np.stack([y1 * z2 - z1 * y2, z1 * x2 - x1 * z2, x1 * y2 - y1 * x2], axis=1)


def smooth_normals(vertices: NDArray[np.floating], faces: NDArray[np.integer]) -> NDArray[np.float64]:
    """(V, 3) unit normals, area-weighted over the triangles at each vertex."""
    per_face = face_normals(vertices, faces)
    flat = np.asarray(faces).ravel()
    total = np.stack(
        [np.bincount(flat, weights=np.repeat(per_face[:, axis], 3), minlength=len(vertices)) for axis in range(3)],
        axis=1,
    )
    return unit(total)


def crease_normals(vertices: NDArray[np.floating], faces: NDArray[np.integer], crease_deg: float = 35.0) -> Surface:
    """Normals that are smooth except across edges sharper than `crease_deg`, where vertices are doubled.

    vertices: (V, 3) welded; faces: (F, 3). Returns a surface whose vertices are the corners that differ.
    """
    vertices = np.asarray(vertices, dtype=np.float64)
    faces = np.asarray(faces, dtype=np.int64)
    weighted = face_normals(vertices, faces)
    direction = unit(weighted)
    corner_vertex = faces.ravel()
    corner_face = np.repeat(np.arange(len(faces)), 3)
    order = np.argsort(corner_vertex, kind="stable")
    starts = np.searchsorted(corner_vertex[order], np.arange(len(vertices) + 1))
    valence = np.diff(starts)
    # Every ordered pair of corners at one vertex.
    repeats = valence[corner_vertex[order]]
    first = np.repeat(np.arange(len(order)), repeats)
    offset = np.arange(len(first)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    second = starts[corner_vertex[order[first]]] + offset
    face_a, face_b = corner_face[order[first]], corner_face[order[second]]
    cosine = np.einsum("ij,ij->i", direction.take(face_a, axis=0), direction.take(face_b, axis=0))
    close = cosine > np.cos(np.deg2rad(crease_deg))
    beside = weighted.take(face_b[close], axis=0)
    total = np.stack(
        [np.bincount(first[close], weights=beside[:, axis], minlength=len(order)) for axis in range(3)],
        axis=1,
    )
    corner_normal = np.empty_like(total)
    corner_normal[order] = unit(total)
    # Float addition runs in one order at each vertex, so corners of one smooth group agree to rounding. Five decimals
    # of each component are 18 bits, of all three one integer.
    decimals = np.round(corner_normal * 1e5).astype(np.int64) + 2**17
    direction_key = (decimals[:, 0] << 36) | (decimals[:, 1] << 18) | decimals[:, 2]
    sorted_corners = np.lexsort((direction_key, corner_vertex))
    vertex_then_direction = corner_vertex[sorted_corners], direction_key[sorted_corners]
    begins = np.ones(len(sorted_corners), dtype=bool)
    begins[1:] = (np.diff(vertex_then_direction[0]) != 0) | (np.diff(vertex_then_direction[1]) != 0)
    inverse = np.empty(len(sorted_corners), dtype=np.int64)
    inverse[sorted_corners] = np.cumsum(begins) - 1
    chosen = sorted_corners[begins]
    return Surface(vertices[corner_vertex[chosen]], inverse.reshape(-1, 3), corner_normal[chosen])


def merge(surfaces: Iterable[Surface]) -> Surface:
    """One surface of all. Texture coordinates are kept where every one has them. Raises IntegrityError for none."""
    listed = list(surfaces)
    if not listed:
        raise IntegrityError("there is no surface to merge", code="mesh_nothing_to_merge", hint="give at least one")
    offsets = np.cumsum([0] + [len(surface.vertices) for surface in listed[:-1]])
    uvs = [surface.uvs for surface in listed]
    return Surface(
        np.concatenate([np.asarray(surface.vertices, dtype=np.float64) for surface in listed]),
        np.concatenate(
            [
                np.asarray(surface.faces, dtype=np.int64) + offset
                for surface, offset in zip(listed, offsets, strict=True)
            ]
        ),
        np.concatenate([np.asarray(surface.normals, dtype=np.float64) for surface in listed]),
        None if any(uv is None for uv in uvs) else np.concatenate([uv for uv in uvs if uv is not None]),
    )


def transform(surface: Surface, matrix: NDArray[np.floating]) -> Surface:
    """The surface under a 4x4 affine matrix; normals by the inverse transpose, winding outward under a reflection."""
    matrix = np.asarray(matrix, dtype=np.float64)
    linear = matrix[:3, :3]
    determinant = float(np.linalg.det(linear))
    if abs(determinant) < 1e-15:
        raise IntegrityError("a transform flattens the mesh", code="mesh_singular", hint="give a matrix of full rank")
    vertices = np.asarray(surface.vertices, dtype=np.float64) @ linear.T + matrix[:3, 3]
    normals = unit(np.asarray(surface.normals, dtype=np.float64) @ np.linalg.inv(linear))
    faces = np.asarray(surface.faces)
    return Surface(vertices, faces[:, ::-1] if determinant < 0 else faces, normals, surface.uvs)


def translation(offset_m: Sequence[float]) -> NDArray[np.float64]:
    """4x4 matrix that moves by (x, y, z) metres."""
    matrix = np.eye(4)
    matrix[:3, 3] = offset_m
    return matrix


def scaling(factors: Sequence[float]) -> NDArray[np.float64]:
    """4x4 matrix that scales along x, y, z."""
    return np.diag([*factors, 1.0]).astype(np.float64)


def rotation(axis: Sequence[float], angle_deg: float) -> NDArray[np.float64]:
    """4x4 right-handed rotation about an axis through the origin (Rodrigues)."""
    x, y, z = unit(np.asarray(axis, dtype=np.float64))
    angle = np.deg2rad(angle_deg)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return matrix


def mirrored_left_right(surface: Surface) -> Surface:
    """The surface with y negated: a left part of a vehicle becomes the right one."""
    return transform(surface, scaling((1.0, -1.0, 1.0)))


def mirrored_part(part: Part, name: str) -> Part:
    """A finished part with y negated, under its own name."""
    turned = np.array([1.0, -1.0, 1.0], dtype=np.float32)
    return Part(name, part.vertices * turned, part.faces[:, ::-1], part.normals * turned, part.uvs)


def flipped(surface: Surface) -> Surface:
    """The surface turned inside out."""
    return Surface(surface.vertices, np.asarray(surface.faces)[:, ::-1], -np.asarray(surface.normals), surface.uvs)


def same_content(first: Model, second: Model) -> bool:
    """Whether two models agree in name, parts, their order, and every number."""
    if first.name != second.name or first.part_names != second.part_names:
        return False
    for one, other in zip(first.parts, second.parts, strict=True):
        if (one.uvs is None) != (other.uvs is None):
            return False
        pairs = [(one.vertices, other.vertices), (one.faces, other.faces), (one.normals, other.normals)]
        if one.uvs is not None and other.uvs is not None:
            pairs.append((one.uvs, other.uvs))
        if not all(np.array_equal(a, b) for a, b in pairs):
            return False
    return True
