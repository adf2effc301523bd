"""Distance to the surface that a belt lies on: smooth and quick for solving, exact for proving."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from unity_bridge.scenes.mesh import Surface
from unity_bridge.scenes.occupant.regions import boundary_edges

Float64 = NDArray[np.float64]

_NEIGHBOURS = 10
_SMOOTHING_M = 0.008
# Farther than this from every point a place counts as outside: webbing approaches from outside and never gets deeper.
_REACH_M = 0.045
_CANDIDATE_TRIANGLES = 24
_EXACT_M = 0.036
_NEAR_M = 0.06  # of several obstacles, those farther away than this count by their box


class Obstacle(Protocol):
    """What webbing stays out of. Heights and distances are negative inside."""

    def clearance(self, places: Float64) -> tuple[Float64, Float64]:
        """Smooth height (N,) above the surface, metres, and its direction (N, 3)."""
        ...

    def signed_distance(self, places: Float64) -> tuple[Float64, Float64]:
        """Exact distance (N,), metres, and the nearest points (N, 3)."""
        ...


class DrapeSurface:
    """A clothed body as an obstacle. Its triangles' sides are about 1 cm long.

    Args:
        surface: The surface, normals outward.
        thick: Whether no part of it is thinner than 9 cm. Surface that lies inside, where belly and thigh press into
            each other, is then left out: nothing can rest on it. Arms are not thick.
    """

    def __init__(self, surface: Surface, thick: bool = True) -> None:
        points = np.asarray(surface.vertices, dtype=np.float64)
        normals = np.asarray(surface.normals, dtype=np.float64)
        faces = np.asarray(surface.faces, dtype=np.int64)
        hidden = buried(points, normals) if thick else np.zeros(len(points), dtype=bool)
        used, inverse = np.unique(faces[~hidden[faces].all(axis=1)], return_inverse=True)
        self.points, self.normals, self.faces = points[used], normals[used], inverse.reshape(-1, 3)
        self._on_border = np.zeros(len(self.points), dtype=bool)
        self._on_border[boundary_edges(self.faces)] = True
        self._tree = cKDTree(self.points)
        self._triangle_tree = cKDTree(self.points[self.faces].mean(axis=1))

    def clearance(self, places: Float64) -> tuple[Float64, Float64]:
        """Smooth height above the surface (implicit moving least squares), and its direction.

        Args:
            places: (N, 3), metres.

        Returns:
            (N,) metres, negative inside; (N, 3) unit normals.
        """
        distance, index = self._tree.query(places, k=_NEIGHBOURS)
        nearest = distance[:, :1]
        weight = np.exp(-(((distance - nearest) / (_SMOOTHING_M + 0.5 * nearest)) ** 2))
        weight /= weight.sum(axis=1, keepdims=True)
        normal = self.normals[index]
        height = np.einsum("nk,nkj,nkj->n", weight, normal, places[:, None] - self.points[index])
        beyond = (nearest[:, 0] > _REACH_M) | (self._on_border[index[:, 0]] & (height < 0))
        height = np.where(beyond, nearest[:, 0], height)
        direction = np.einsum("nk,nkj->nj", weight, normal)
        return height, direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)

    def signed_distance(self, places: Float64) -> tuple[Float64, Float64]:
        """Distance to the nearest point of the nearest triangles, negative behind the surface; and the nearest points.

        Exact within 3 cm of the surface's points; farther away they stand for the surface. places: (N, 3); returns (N,)
        and (N, 3), metres.
        """
        value, index = self._tree.query(places)
        nearest = self.points[index]
        behind = np.einsum("nj,nj->n", self.normals[index], places - nearest) < 0
        value = np.where(behind & ~self._on_border[index] & (value < _REACH_M), -value, value)
        near = np.flatnonzero(np.abs(value) < _EXACT_M)
        if len(near):
            value[near], nearest[near] = self._exact(places[near])
        return value, nearest

    def _exact(self, places: Float64) -> tuple[Float64, Float64]:
        """As `signed_distance`, by triangles."""
        count = min(_CANDIDATE_TRIANGLES, len(self.faces))
        _, candidates = self._triangle_tree.query(places, k=count)
        corners = self.points[self.faces[candidates]]
        nearest, share = closest_on_triangles(
            places[:, None], corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
        )
        distance = np.linalg.norm(places[:, None] - nearest, axis=2)
        best = distance.argmin(axis=1)
        rows = np.arange(len(places))
        normal = np.einsum("nc,ncj->nj", share[rows, best], self.normals[self.faces[candidates[rows, best]]])
        side = np.einsum("nj,nj->n", normal, places - nearest[rows, best])
        # Beyond the open borders at neck and arms, and far away, there is no inside.
        chosen = share[rows, best]
        at_border = (self._on_border[self.faces[candidates[rows, best]]] | (chosen < 1e-9)).all(axis=1)
        inside = (side < 0) & ~at_border & (distance[rows, best] < _REACH_M)
        return np.where(inside, -1.0, 1.0) * distance[rows, best], nearest[rows, best]


class Union:
    """Several surfaces as one obstacle: a place is inside when it is inside one of them."""

    def __init__(self, members: Sequence[DrapeSurface]) -> None:
        self.members = tuple(members)
        self._boxes = [(member.points.min(axis=0), member.points.max(axis=0)) for member in self.members]

    def clearance(self, places: Float64) -> tuple[Float64, Float64]:
        """Height above the nearest member by its own measure, and that member's direction; as `DrapeSurface`."""
        return self._nearest("clearance", places)

    def signed_distance(self, places: Float64) -> tuple[Float64, Float64]:
        """Least distance of all members, and its nearest point; as `DrapeSurface`."""
        return self._nearest("signed_distance", places)

    def _nearest(self, measure: str, places: Float64) -> tuple[Float64, Float64]:
        best = np.full(len(places), np.inf)
        vectors = np.zeros((len(places), 3))
        vectors[:, 2] = 1.0
        for member, (low, high) in zip(self.members, self._boxes, strict=True):
            outside = np.linalg.norm(places - np.clip(places, low, high), axis=1)
            near = (outside < _NEAR_M) & (outside < best)
            best = np.where(near, best, np.minimum(best, np.maximum(outside, _NEAR_M)))
            if near.any():
                value, vector = getattr(member, measure)(places[near])
                rows = np.flatnonzero(near)
                closer = value < best[rows]
                best[rows[closer]], vectors[rows[closer]] = value[closer], vector[closer]
        return best, vectors


def buried(points: Float64, normals: Float64) -> NDArray[np.bool_]:
    """Which points of a self-intersecting surface lie inside it: a short way inward the surface faces the other way.

    No part of a trunk is thinner than `_REACH_M`, so that an opposite side so near belongs to an overlap.
    """
    tree = cKDTree(points)
    found = np.zeros(len(points), dtype=bool)
    for depth_m in (0.004, 0.012, 0.02, 0.03):
        _, index = tree.query(points - depth_m * normals, k=4)
        facing = np.einsum("nj,nkj->nk", normals, normals[index])
        distance = np.linalg.norm(points[index] - points[:, None], axis=2)
        found |= ((facing < -0.3) & (distance < _REACH_M) & (distance > 0.001)).any(axis=1)
    return found


def closest_on_triangles(p: Float64, a: Float64, b: Float64, c: Float64) -> tuple[Float64, Float64]:
    """Nearest points of triangles and their barycentric coordinates (Ericson, Real-Time Collision Detection, 5.1.5).

    p: (..., 3) broadcasts against the corners a, b, c (..., 3); returns (..., 3) and (..., 3).
    """
    ab, ac, ap = b - a, c - a, p - a
    bp, cp = p - b, p - c
    d1, d2 = (ab * ap).sum(-1), (ac * ap).sum(-1)
    d3, d4 = (ab * bp).sum(-1), (ac * bp).sum(-1)
    d5, d6 = (ab * cp).sum(-1), (ac * cp).sum(-1)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    total = np.where(np.abs(va + vb + vc) < 1e-30, 1e-30, va + vb + vc)
    v, w = vb / total, vc / total

    def ratio(numerator: Float64, denominator: Float64) -> Float64:
        return np.clip(numerator / np.where(np.abs(denominator) < 1e-30, 1e-30, denominator), 0.0, 1.0)

    zero = np.zeros_like(v)
    edge_bc = ratio(d4 - d3, (d4 - d3) + (d5 - d6))
    edge_ac = ratio(d2, d2 - d6)
    edge_ab = ratio(d1, d1 - d3)
    # Later lines win: corners before edges before the face, tested in reverse order.
    for where, new_v, new_w in (
        ((va <= 0) & (d4 - d3 >= 0) & (d5 - d6 >= 0), 1 - edge_bc, edge_bc),
        ((vb <= 0) & (d2 >= 0) & (d6 <= 0), zero, edge_ac),
        ((d6 >= 0) & (d5 <= d6), zero, zero + 1),
        ((vc <= 0) & (d1 >= 0) & (d3 <= 0), edge_ab, zero),
        ((d3 >= 0) & (d4 <= d3), zero + 1, zero),
        ((d1 <= 0) & (d2 <= 0), zero, zero),
    ):
        v, w = np.where(where, new_v, v), np.where(where, new_w, w)
    share = np.stack([1 - v - w, v, w], axis=-1)
    return a + v[..., None] * ab + w[..., None] * ac, share
