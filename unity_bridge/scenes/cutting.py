"""Cutting triangle meshes along curves given as functions over their vertices.

A region is a number for each vertex, positive inside; the border is where it is zero, placed along each crossed edge
by linear interpolation. So borders follow the curve and not the triangles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.errors import IntegrityError

Array = NDArray[np.float64]

_POINTS_AT_ONCE = 128
"""Points against all edges of a polygon, so that the numbers between stay in a processor's cache."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A mesh whose vertices carry further numbers that are interpolated when it is cut.

    attributes: (V, K) float64; the first six columns are position (metres) and normal.
    faces: (F, 3) int64.
    """

    attributes: Array
    faces: NDArray[np.int64]

    @property
    def positions(self) -> Array:
        return self.attributes[:, :3]

    @property
    def normals(self) -> Array:
        return self.attributes[:, 3:6]

    @property
    def empty(self) -> bool:
        return len(self.faces) == 0


def split(patch: Patch, region: Array) -> tuple[Patch, Patch]:
    """The pieces inside (region > 0) and outside. region: (V,) float64, in a unit that is linear near zero."""
    if region.shape != (len(patch.attributes),):
        raise IntegrityError(
            f"the region has shape {region.shape} for {len(patch.attributes)} vertices",
            code="cut_shape",
            hint="give one number for each vertex",
        )
    # A vertex on the border would give triangles without area.
    region = np.where(np.abs(region) < 1e-7, 1e-7, region)
    inside = (region > 0).view(np.int8)[patch.faces]
    count = inside[:, 0] + inside[:, 1] + inside[:, 2]
    # `compress` and `take` are several times as fast as indexing where rows are picked.
    whole_in = np.compress(count == 3, patch.faces, axis=0)
    whole_out = np.compress(count == 0, patch.faces, axis=0)
    crossed = np.flatnonzero((count == 1) | (count == 2))
    if not len(crossed):
        return Patch(patch.attributes, whole_in), Patch(patch.attributes, whole_out)
    faces, sides = patch.faces.take(crossed, axis=0), inside[crossed].view(np.bool_)
    # The corner that is alone on its side comes first.
    alone_inside = count[crossed] == 1
    alone = np.where(alone_inside, sides.argmax(axis=1), (~sides).argmax(axis=1))
    rows = np.arange(len(faces))
    a, b, c = (faces[rows, (alone + shift) % 3] for shift in range(3))
    ends = np.concatenate([b, c])
    starts = np.concatenate([a, a])
    edges = np.minimum(starts, ends) * len(region) + np.maximum(starts, ends)
    unique, inverse = np.unique(edges, return_inverse=True)
    low, high = unique // len(region), unique % len(region)
    share = (region[low] / (region[low] - region[high]))[:, None]
    crossings = patch.attributes.take(low, axis=0) * (1 - share) + patch.attributes.take(high, axis=0) * share
    attributes = np.concatenate([patch.attributes, crossings])
    inverse = inverse.ravel() + len(region)
    ab, ac = inverse[: len(faces)], inverse[len(faces) :]
    tip = _columns(a, ab, ac)
    base = np.concatenate([_columns(ab, b, c), _columns(ab, c, ac)])
    both = np.concatenate([alone_inside, alone_inside])
    return (
        Patch(attributes, np.concatenate([whole_in, tip[alone_inside], base[~both]])),
        Patch(attributes, np.concatenate([whole_out, tip[~alone_inside], base[both]])),
    )


def _columns(*columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N, K) of K arrays of (N,); a fraction of the time of `np.stack` for small ones."""
    table = np.empty((len(columns[0]), len(columns)), dtype=np.int64)
    for index, column in enumerate(columns):
        table[:, index] = column
    return table


def signed_distance(points: Array, polygon: Array, reach: float = 0.12) -> Array:
    """Distance to a polygon's border, positive inside; beyond `reach` outside its box, -reach.

    points: (N, 2); polygon: (M, 2), closed implicitly; returns (N,) in the unit of the points.
    """
    result = np.full(len(points), -reach)
    low, high = polygon.min(axis=0) - reach, polygon.max(axis=0) + reach
    x, y = points[:, 0], points[:, 1]
    near = np.flatnonzero((x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1]))
    step = np.roll(polygon, -1, axis=0) - polygon
    for begin in range(0, len(near), _POINTS_AT_ONCE):
        some = near[begin : begin + _POINTS_AT_ONCE]
        result[some] = _distance_to_border(x[some], y[some], polygon, step)
    return result


def _distance_to_border(x: Array, y: Array, start: Array, step: Array) -> Array:
    """(N,) signed distance of points to a polygon of (M, 2) corners `start` and edges `step`, positive inside."""
    step_x, step_y = step[:, 0, None], step[:, 1, None]
    length2 = np.maximum(step_x**2 + step_y**2, 1e-18)
    from_x, from_y = x - start[:, 0, None], y - start[:, 1, None]
    safe = np.where(step_y == 0, 1.0, step_y)
    scratch = from_y * (step_x / safe)
    crosses = from_x < scratch
    crosses &= (from_y >= 0) != (from_y >= step_y)
    inside = np.logical_xor.reduce(crosses, axis=0)
    # In place from here on: fresh memory for each step would take as long as the arithmetic.
    along = from_x * step_x
    np.multiply(from_y, step_y, out=scratch)
    along += scratch
    along /= length2
    np.clip(along, 0, 1, out=along)
    np.multiply(along, step_x, out=scratch)
    from_x -= scratch
    np.multiply(along, step_y, out=scratch)
    from_y -= scratch
    from_x *= from_x
    from_y *= from_y
    from_x += from_y
    return np.where(inside, 1.0, -1.0) * np.sqrt(from_x.min(axis=0))


def rounded_polygon(
    corners: Sequence[Sequence[float]] | Array, radius: float | Sequence[float], steps: int = 5
) -> Array:
    """A polygon with its corners replaced by parabolic arcs.

    radius: how far from the corner the arc begins, one for all or one for each; held to 0.48 of the shorter side.
    """
    points = np.asarray(corners, dtype=np.float64)
    reach = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(points),))
    return _arcs(np.roll(points, 1, axis=0), points, np.roll(points, -1, axis=0), reach, steps)


def rounded_polyline(corners: Array, reach: Array, steps: int = 8) -> Array:
    """An open line with its inner corners replaced by parabolic arcs that begin `reach` from each corner."""
    points = np.asarray(corners, dtype=np.float64)
    arcs = _arcs(points[:-2], points[1:-1], points[2:], np.asarray(reach, dtype=np.float64)[1:-1], steps)
    return np.concatenate([points[:1], arcs, points[-1:]])


def _arcs(before: Array, corner: Array, after: Array, reach: Array, steps: int) -> Array:
    """One after the other, the arc of each corner, or the corner where it has none. before, corner, after: (N, 2)."""
    to_before, to_after = before - corner, after - corner
    length_before = np.sqrt((to_before**2).sum(axis=1))
    length_after = np.sqrt((to_after**2).sum(axis=1))
    rounded = (reach > 0) & (length_before >= 1e-9) & (length_after >= 1e-9)
    # Long sides may take a long arc even where the other side is short: the arc stays tangent to both.
    share_before = np.minimum(reach, 0.48 * length_before) / np.where(rounded, length_before, 1.0)
    share_after = np.minimum(reach, 0.48 * length_after) / np.where(rounded, length_after, 1.0)
    start, end = corner + to_before * share_before[:, None], corner + to_after * share_after[:, None]
    t = np.linspace(0, 1, steps + 1)[:, None]
    arcs = (1 - t) ** 2 * start[:, None] + 2 * t * (1 - t) * corner[:, None] + t**2 * end[:, None]
    arcs[~rounded] = corner[~rounded, None]
    kept = rounded[:, None] | (np.arange(steps + 1) == 0)
    return np.compress(kept.ravel(), arcs.reshape(-1, 2), axis=0)
