"""What lies over a belt that is worn: hair, an open jacket, a scarf are lifted clear of the webbing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from unity_bridge.scenes.belt.drape import WEBBING_THICKNESS_M, Strip
from unity_bridge.scenes.mesh import Model, Part, smooth_normals
from unity_bridge.scenes.occupant.clothing import DressedBody

Float64 = NDArray[np.float64]

GAP_M = 0.0015
"""Between the webbing's upper side and what lies over it."""
_DEEPEST_M = 0.045
"""Below the webbing; what is deeper passes behind it, as hair does behind the shoulder."""
_FADE_M = 0.02
"""Beyond the webbing's edge within which what lies over it comes down again."""


def laid_over(dressed: DressedBody, strips: Sequence[Strip]) -> Model:
    """The dressed body's model with the parts in `over_belt` lifted over the strips of a belt."""
    if not dressed.over_belt or not strips:
        return dressed.model
    return Model(
        dressed.model.name,
        tuple(_lifted(part, strips) if part.name in dressed.over_belt else part for part in dressed.model.parts),
    )


def _lifted(part: Part, strips: Sequence[Strip]) -> Part:
    points = part.vertices.astype(np.float64)
    moved = points.copy()
    for strip in strips:
        moved += lift_over(points, strip)
    if np.array_equal(moved, points):
        return part
    # Only the change of direction is passed on: the part's own normals may say more than its triangles do.
    before, after = smooth_normals(points, part.faces), smooth_normals(moved, part.faces)
    normals = part.normals + (after - before)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return Part(part.name, moved, part.faces, normals, part.uvs)


def lift_over(points: Float64, strip: Strip) -> Float64:
    """(N, 3) how far each point moves to lie over a strip of webbing, zero where it does not meet it."""
    tree = cKDTree(strip.centres)
    half = np.broadcast_to(strip.width_m, len(strip.centres)) / 2
    distance, section = tree.query(points, distance_upper_bound=float(half.max()) + _FADE_M + _DEEPEST_M)
    near = np.flatnonzero(np.isfinite(distance))
    result = np.zeros_like(points)
    if not len(near):
        return result
    section = section[near]
    offset = points[near] - strip.centres[section]
    along = np.cross(strip.across[section], strip.outward[section])
    aside = np.abs(np.einsum("nj,nj->n", offset, strip.across[section])) - half[section]
    height = np.einsum("nj,nj->n", offset, strip.outward[section])
    beyond_end = np.abs(np.einsum("nj,nj->n", offset, along)) > 0.02
    share = np.clip(1 - np.maximum(aside, 0.0) / _FADE_M, 0.0, 1.0)
    share = share * share * (3 - 2 * share)
    wanted = WEBBING_THICKNESS_M + GAP_M - height
    meets = (wanted > 0) & (height > -_DEEPEST_M) & ~beyond_end
    result[near] = strip.outward[section] * np.where(meets, wanted * share, 0.0)[:, None]
    return result
