"""Solids and sheets that scene content is put together from: boxes, tubes, surfaces of revolution, grids.

Every function returns a `Surface` in metres with outward normals. Lengths are full lengths unless named a radius.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.mesh import Surface, crease_normals, smooth_normals, unit

Array = NDArray[np.float64]


@lru_cache(maxsize=256)
def grid_faces(rows: int, columns: int, close_columns: bool = False) -> NDArray[np.int64]:
    """(F, 3) triangles over a rows x columns grid of vertices; `close_columns` joins the last column to the first.

    The array is shared and read-only.
    """
    index = np.arange(rows * columns).reshape(rows, columns)
    if close_columns:
        index = np.concatenate([index, index[:, :1]], axis=1)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    faces.setflags(write=False)
    return faces


def sheet(points: Array, uvs: Array | None = None) -> Surface:
    """A smooth sheet through an (R, C, 3) grid; its front is where rows x columns points (right-hand rule)."""
    rows, columns = points.shape[:2]
    vertices = points.reshape(-1, 3)
    faces = grid_faces(rows, columns)
    return Surface(vertices, faces, smooth_normals(vertices, faces), None if uvs is None else uvs.reshape(-1, 2))


def rounded_box(
    size_m: Sequence[float], center_m: Sequence[float] = (0.0, 0.0, 0.0), radius_m: float = 0.02, steps: int = 3
) -> Surface:
    """A box with rounded edges. size_m: (x, y, z) full lengths; the radius is held to half the shortest one."""
    size = np.asarray(size_m, dtype=np.float64)
    radius = min(radius_m, 0.499 * float(size.min()))
    core, directions, faces = _box_directions(steps)
    return Surface(core * (size / 2 - radius) + directions * radius + np.asarray(center_m), faces, directions)


@lru_cache(maxsize=8)
def _box_directions(steps: int) -> tuple[Array, Array, NDArray[np.int64]]:
    """Of every rounded box: signs of a vertex's corner (V, 3), its normal (V, 3), and the faces (F, 3)."""
    line = np.concatenate([-1 + np.linspace(0, 1, steps + 1), np.linspace(0, 1, steps + 1)])
    inner = np.concatenate([np.full(steps + 1, -1.0), np.full(steps + 1, 1.0)])
    count = len(line)
    cores, directions, faces = [], [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            first, second = (axis + 1) % 3, (axis + 2) % 3
            direction = np.zeros((count, count, 3))
            direction[..., axis] = sign
            # Tangents spread the directions evenly over the eighth of a sphere at each corner.
            direction[..., first] = np.tan(line * np.pi / 4)[:, None]
            direction[..., second] = np.tan(line * np.pi / 4)[None, :]
            core = np.zeros((count, count, 3))
            core[..., axis] = sign
            core[..., first] = inner[:, None]
            core[..., second] = inner[None, :]
            block = grid_faces(count, count)
            faces.append((block if sign > 0 else block[:, ::-1]) + len(cores) * count * count)
            cores.append(core.reshape(-1, 3))
            directions.append(unit(direction).reshape(-1, 3))
    made = np.concatenate(cores), np.concatenate(directions), np.concatenate(faces)
    for array in made:
        array.setflags(write=False)  # shared by every box
    return made


def tube(path_m: Array, radii_m: Array | float, segments: int = 10, flatten: Sequence[float] = (1.0, 1.0)) -> Surface:
    """A closed tube along a path.

    path_m: (N, 3). radii_m: one radius, or (N,). flatten: factors of the radius along the two directions across the
    path, the first the horizontal one.
    """
    path = np.asarray(path_m, dtype=np.float64)
    radii = np.broadcast_to(np.asarray(radii_m, dtype=np.float64), (len(path),))
    along = unit(np.gradient(path, axis=0))
    reference = np.array([0.0, 0.0, 1.0]) if np.abs(along[:, 2]).max() < 0.95 else np.array([1.0, 0.0, 0.0])
    across = unit(np.cross(along, reference))
    upward = np.cross(across, along)
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    ring = (
        np.cos(angle)[None, :, None] * across[:, None] * flatten[0]
        + np.sin(angle)[None, :, None] * upward[:, None] * flatten[1]
    )
    points = path[:, None] + ring * radii[:, None, None]
    vertices = np.concatenate([points.reshape(-1, 3), path[:1], path[-1:]])
    start, end = len(vertices) - 2, len(vertices) - 1
    around = np.arange(segments)
    following = (around + 1) % segments
    last = (len(path) - 1) * segments
    faces = np.concatenate(
        [
            grid_faces(len(path), segments, close_columns=True)[:, ::-1],
            np.stack([np.full(segments, start), around, following], -1)[:, ::-1],
            np.stack([np.full(segments, end), last + around, last + following], -1),
        ]
    )
    return outward(crease_normals(vertices, faces, 50.0))


def revolution(profile_m: Array, segments: int = 48, crease_deg: float = 30.0) -> Surface:
    """The surface swept by turning a profile about the y axis.

    profile_m: (N, 2) of (y, radius); its front lies to the left of the way along the profile when y points right and
    the radius up. Used for wheels, whose axis is y.
    """
    profile = np.asarray(profile_m, dtype=np.float64)
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    radius = profile[:, 1][:, None]
    points = np.stack(
        [
            radius * np.cos(angle),
            np.broadcast_to(profile[:, 0][:, None], (len(profile), segments)),
            radius * np.sin(angle),
        ],
        axis=-1,
    )
    faces = grid_faces(len(profile), segments, close_columns=True)
    return crease_normals(points.reshape(-1, 3), faces, crease_deg)


def ellipsoid(radii_m: Sequence[float], center_m: Sequence[float], rings: int = 12, segments: int = 20) -> Surface:
    """An ellipsoid with its axes along x, y, z."""
    polar = np.linspace(0, np.pi, rings + 1)
    around = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    points = np.stack(
        [
            np.sin(polar)[:, None] * np.cos(around),
            np.sin(polar)[:, None] * np.sin(around),
            np.broadcast_to(np.cos(polar)[:, None], (rings + 1, segments)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    radii = np.asarray(radii_m, dtype=np.float64)
    return Surface(
        points * radii + np.asarray(center_m), grid_faces(rings + 1, segments, close_columns=True), unit(points / radii)
    )


def outward(surface: Surface) -> Surface:
    """The surface with normals and winding turned so that its signed volume is positive. For closed surfaces."""
    corners = np.asarray(surface.vertices)[np.asarray(surface.faces)]
    center = np.asarray(surface.vertices).mean(axis=0)
    volume = np.einsum("ij,ij->", corners[:, 0] - center, np.cross(corners[:, 1] - center, corners[:, 2] - center))
    if volume >= 0:
        return surface
    return Surface(surface.vertices, np.asarray(surface.faces)[:, ::-1], -np.asarray(surface.normals), surface.uvs)
