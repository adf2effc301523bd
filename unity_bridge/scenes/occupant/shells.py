"""Shells around a posed body: its surface moved outward, relaxed as cloth is, folded, cut and hemmed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from unity_bridge.scenes.cutting import Patch, split
from unity_bridge.scenes.mesh import Surface, merge, smooth_normals
from unity_bridge.scenes.occupant import regions
from unity_bridge.scenes.occupant.body import Bodies

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Subdivision:
    """Edge midpoints of a face set. matrix: (n, V) sparse, from body vertices to all points; faces: (4F, 3);
    neighbours: (n, n) sparse, rows average the neighbouring points."""

    matrix: sparse.csr_array
    faces: Int64
    neighbours: sparse.csr_array


def _averaging(faces: Int64, count: int) -> sparse.csr_array:
    """(n, n) rows that average the vertices joined to each by an edge; border vertices average along the border."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    border = regions.boundary_edges(faces)
    on_border = np.zeros(count, dtype=bool)
    on_border[border] = True
    inner = edges[~on_border[edges[:, 0]]]
    inner_back = edges[~on_border[edges[:, 1]]][:, ::-1]
    pairs = np.concatenate([inner, inner_back, border, border[:, ::-1]])
    matrix = sparse.csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    matrix.data[:] = 1.0
    degree = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1.0)
    return sparse.csr_array(sparse.diags_array(1.0 / degree) @ matrix)


def subdivide(faces: Int64, vertex_count: int, levels: int) -> Subdivision:
    """Splits each face into four, `levels` times, and forgets the vertices that the faces do not use."""
    used, inverse = np.unique(faces, return_inverse=True)
    faces = inverse.reshape(-1, 3)
    matrix = sparse.csr_array((np.ones(len(used)), (np.arange(len(used)), used)), shape=(len(used), vertex_count))
    for _ in range(levels):
        count = matrix.shape[0]
        edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
        unique, edge = np.unique(edges, axis=0, return_inverse=True)
        ab, bc, ca = (edge.ravel() + count).reshape(3, -1)
        rows = np.repeat(np.arange(len(unique)), 2)
        halves = sparse.csr_array((np.full(len(rows), 0.5), (rows, unique.ravel())), shape=(len(unique), count))
        matrix = sparse.csr_array(sparse.vstack([matrix, halves @ matrix]))
        a, b, c = faces.T
        faces = np.concatenate([np.stack(f, -1) for f in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    return Subdivision(matrix, faces, _averaging(faces, matrix.shape[0]))


@lru_cache(maxsize=8)
def body_subdivision(bodies: Bodies, what: str, levels: int) -> Subdivision:
    faces: Int64 = getattr(regions.topology_of(bodies), what)
    return subdivide(faces, len(bodies.mean), levels)


@dataclass(frozen=True, eq=False)
class Shell:
    """A relaxed surface around the body before it is cut.

    points, inner, normals: (n, 3); faces: (F, 3). extra: (n, K) further numbers that are cut with it.
    """

    points: Float64
    inner: Float64
    normals: Float64
    faces: Int64
    subdivision: Subdivision
    extra: Float64 | None = None

    def cut(self, region: Float64) -> Patch:
        """The part where a function over the body's vertices is positive, with its inner side in columns 6 to 8, and
        what is extra after them."""
        columns = [self.points, self.normals, self.inner, *([] if self.extra is None else [self.extra])]
        patch = Patch(np.hstack(columns), self.faces)
        return split(patch, self.subdivision.matrix @ region)[0]


def relax_shell(
    subdivision: Subdivision, posed: Float64, normals: Float64, offset_m: Float64 | float, rounds: int, least_m: float
) -> Shell:
    """Moves the surface outward by `offset_m` and smooths it, but keeps it `least_m` off the body along its normals."""
    inner = subdivision.matrix @ posed
    outward = subdivision.matrix @ normals
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    points = inner + outward * (np.zeros(len(inner)) + offset_m)[:, None]
    for _ in range(rounds):
        points = 0.5 * points + 0.5 * (subdivision.neighbours @ points)
        missing = least_m - np.einsum("ij,ij->i", points - inner, outward)
        points += outward * np.maximum(missing, 0.0)[:, None]
    return Shell(
        points, inner + outward * 0.0004, smooth_normals(points, subdivision.faces), subdivision.faces, subdivision
    )


def wrinkles(points: Float64, detail_seed: int, stream: int) -> Float64:
    """(n,) heights in -1..1 of folds over rest positions: few waves, bent by slower ones, sharper at their crests."""
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([detail_seed, stream])))
    bend = sum(
        np.sin(points @ rng.normal(0, 7, 3) + rng.uniform(0, 2 * np.pi))[:, None] * rng.normal(0, 0.035, 3)
        for _ in range(4)
    )
    total = np.zeros(len(points))
    for _ in range(7):
        direction = rng.normal(0, 1, 3) * [1.0, 0.7, 1.3]
        direction *= rng.uniform(45, 120) / np.linalg.norm(direction)
        total += (1 - 2 * np.abs(np.sin((points + bend) @ direction / 2 + rng.uniform(0, np.pi)))) * rng.uniform(0.3, 1)
    return np.clip(total / 2.6, -1, 1)


def hemmed(patch: Patch) -> Surface:
    """The outer side and a strip from its border inward to the body, so that cloth shows its thickness."""
    return hemmed_with_sources(patch)[0]


def hemmed_with_sources(patch: Patch) -> tuple[Surface, Int64]:
    """As `hemmed`; and for each vertex that of the patch which it comes from."""
    everything = np.arange(len(patch.attributes))
    outer = Surface(patch.positions, patch.faces, patch.normals)
    border = regions.boundary_edges(patch.faces)
    if len(border) == 0:
        return outer, everything
    used, index = np.unique(border, return_inverse=True)
    index = index.reshape(-1, 2)
    out, inn = patch.positions[used], patch.attributes[used, 6:9]
    rim = np.concatenate([out, inn])
    a, b = index[:, 0], index[:, 1]
    count = len(used)
    faces = np.concatenate([np.stack([b, a, a + count], -1), np.stack([b, a + count, b + count], -1)])
    surface = merge([outer, Surface(rim, faces, smooth_normals(rim, faces))])
    return surface, np.concatenate([everything, used, used])


def add_folds(shell: Shell, height_m: Float64) -> Shell:
    """The shell displaced along its normals."""
    points = shell.points + shell.normals * height_m[:, None]
    return replace(shell, points=points, normals=smooth_normals(points, shell.faces))
