"""Kinds of upper garment: where their folds lie, and what is sewn on: collar, hood, drawstrings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from unity_bridge.scenes.cutting import Patch
from unity_bridge.scenes.mesh import Surface, smooth_normals, unit
from unity_bridge.scenes.occupant import regions
from unity_bridge.scenes.occupant.body import Bodies, RestBody

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

TRIM_WIDTH_M = {"t_shirt": 0.016, "shirt": 0.022, "hoodie": 0.045, "jacket": 0.016}
"""Of the ribs or bands along collar, cuffs and hem."""
_RING = 56


def garment_folds(bodies: Bodies, rest: RestBody, points: Float64, arm: Float64, way: Float64, seed: int) -> Float64:
    """Heights from -1 to 1 of the folds that a worn garment has, where a seated body bends it.

    Rings on the inside of the elbow and above the cuff, rays from the armpit, rolls across the waist, and slack that
    hangs from the chest.

    Args:
        bodies: The body model.
        rest: The body.
        points: (N, 3) places on the garment in the rest pose.
        arm: (N,) share of each that is arm.
        way: (N,) along the arm: 1 elbow, 2 wrist.
        seed: Of where the folds run.
    """
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 7])))
    scale = rest.stature_m / 1.7
    x, y, z = points.T
    bend = sum(np.sin(points @ random.normal(0, 9, 3) + random.uniform(0, 2 * np.pi)) for _ in range(4)) * 0.5
    hip = rest.joints[bodies.bone("upperleg01.L")]
    shoulder = rest.joints[bodies.bone("upperarm01.L")]

    def ridges(phase: Float64) -> Float64:
        """Round crests with narrow valleys between them."""
        return np.asarray(1 - 2 * np.abs(np.sin(phase / 2)) ** 0.8)

    upper_m = float(np.linalg.norm(rest.joints[bodies.bone("lowerarm01.L")] - shoulder))
    along = way * upper_m
    elbow = np.exp(-(((way - 1.0) / 0.34) ** 2))
    cuff = 0.7 * np.exp(-(((way - 1.8) / 0.22) ** 2))
    on_arm = ridges(2 * np.pi * along / (0.042 * scale) + 1.7 * bend + 9 * x) * (elbow + cuff)
    on_arm += 0.5 * ridges(2 * np.pi * along / 0.09 + 2.2 * bend + 30 * x) * (1 - np.clip(elbow + cuff, 0, 1))

    waist = np.exp(-(((z - hip[2] - 0.13 * scale) / (0.085 * scale)) ** 2))
    rolls = ridges(2 * np.pi * z / (0.055 * scale) + 2.0 * bend + 7 * np.abs(y)) * waist
    pit = np.stack([np.abs(y) - abs(shoulder[1]) * 0.86, z - shoulder[2] + 0.10 * scale], 1)
    reach = np.linalg.norm(pit, axis=1)
    rays = ridges(11 * np.arctan2(pit[:, 1], -pit[:, 0]) + 1.3 * bend) * np.exp(-((reach / (0.13 * scale)) ** 2))
    slack = ridges(2 * np.pi * y / (0.085 * scale) + 2.6 * bend + 5 * z) * np.clip((shoulder[2] - z) / 0.4, 0, 1)
    trunk = rolls * 0.9 + rays * 0.6 * np.clip(reach / 0.07, 0, 1) + 0.45 * slack * (1 - waist)
    share = np.clip(2 * arm - 0.5, 0, 1)
    return np.clip(trunk * (1 - share) + 0.65 * on_arm * share, -1.0, 1.0)


def front_opening(rest: RestBody, bodies: Bodies, gap_m: float) -> Float64:
    """(V,) positive off the front opening of a jacket, which widens downward to twice `gap_m`; metres."""
    points = rest.vertices.astype(np.float64)
    neck, hip = rest.joints[bodies.bone("neck01")], rest.joints[bodies.bone("upperleg01.L")]
    down = np.clip((neck[2] - points[:, 2]) / (neck[2] - hip[2]), 0, 1.2)
    opening = np.abs(points[:, 1]) - gap_m * (0.8 + 1.2 * down)
    front = points[:, 0] - neck[0] + 0.01  # behind the neck there is no opening
    return np.maximum(opening, -4 * front)


@dataclass(frozen=True, eq=False)
class Collar:
    """A collar's border as a closed ring.

    ring: (K, 3) places in order of their angle about the neck, which starts at the front and grows to the left. angles:
    (K,) radians. centre, axis: (3,) root of the neck and unit direction up it.
    """

    ring: Float64
    angles: Float64
    centre: Float64
    axis: Float64

    @property
    def outward(self) -> Float64:
        """(K, 3) unit directions away from the neck's axis."""
        offset = self.ring - self.centre
        return unit(offset - (offset @ self.axis)[:, None] * self.axis)


def neck_ring(patch: Patch, centre: Float64, axis: Float64, forward: Float64) -> Collar:
    """The collar of a garment that ends at the neck.

    Args:
        patch: A garment that ends at the neck.
        centre: (3,) root of the neck; axis: (3,) unit, up the neck; forward: (3,) unit.
    """
    # Where the faces about the neck end below is too far from it to be taken for the collar.
    about = np.linalg.norm(patch.positions - centre, axis=1) < 0.26
    border = np.unique(regions.boundary_edges(np.compress(about[patch.faces].all(axis=1), patch.faces, axis=0)))
    places = patch.positions[border]
    offset = places - centre
    height = offset @ axis
    flat = offset - height[:, None] * axis
    near = (np.linalg.norm(flat, axis=1) < 0.14) & (np.abs(height) < 0.16)
    places, flat = places[near], flat[near]
    ahead = unit((forward - axis * (forward @ axis))[None])[0]
    left = np.cross(axis, ahead)
    angle = np.arctan2(flat @ left, flat @ ahead) % (2 * np.pi)
    order = np.argsort(angle)
    angle, places = angle[order], places[order]
    angles = (np.arange(_RING) + 0.5) / _RING * 2 * np.pi
    wrapped = np.concatenate([angle[-6:] - 2 * np.pi, angle, angle[:6] + 2 * np.pi])
    around = np.concatenate([places[-6:], places, places[:6]])
    ring = np.stack([np.interp(angles, wrapped, around[:, column]) for column in range(3)], axis=1)
    for _ in range(3):
        ring = 0.5 * ring + 0.25 * (np.roll(ring, 1, axis=0) + np.roll(ring, -1, axis=0))
    return Collar(ring, angles, centre, axis)


def sheet(rows: Float64, closed: bool) -> Surface:
    """A surface through (R, K, 3) rows of points; outward is right of the way along a row, seen with rows upward."""
    count, points, _ = rows.shape
    index = np.arange(count * points).reshape(count, points)
    following = np.roll(index, -1, axis=1) if closed else index[:, 1:]
    here = index if closed else index[:, :-1]
    a, b, c, d = here[:-1], following[:-1], following[1:], here[1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    places = rows.reshape(-1, 3)
    return Surface(places, faces, smooth_normals(places, faces))


def shirt_collar(collar: Collar, open_deg: float) -> Surface:
    """A stand and a leaf that is turned down over it, with points at the front."""
    ring, angles, axis, out = collar.ring, collar.angles, collar.axis, collar.outward
    from_front = np.minimum(angles, 2 * np.pi - angles)
    keep = from_front > np.deg2rad(open_deg)
    ring, out, from_front = ring[keep], out[keep], from_front[keep]
    point = np.exp(-((from_front / 0.55) ** 2))[:, None]  # the leaf is longest at its points
    low = 1 - 0.55 * point
    rows = [(0.000, 0.002), (0.012, 0.002), (0.026, 0.004), (0.030, 0.008), (0.024, 0.013), (0.008, 0.018)]
    levels = [ring + axis * up * low + out * aside for up, aside in rows]
    levels.append(ring - axis * (0.006 + 0.016 * point) + out * (0.026 + 0.004 * point))
    levels.append(ring - axis * (0.014 + 0.044 * point) + out * (0.032 + 0.008 * point))
    # The leaf, not the stand, is what shows: outward is its side.
    return sheet(np.stack(levels[::-1]), closed=False)


def hood(collar: Collar, seed: int) -> Surface:
    """A hood that lies folded behind the neck and thins out towards the throat."""
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 8])))
    ring, angles, axis, out = collar.ring, collar.angles, collar.axis, collar.outward
    behind = (1 - np.cos(angles)) / 2
    thick = 0.009 + 0.026 * behind**1.5
    thick = thick * (1 + 0.10 * np.sin(3 * angles + random.uniform(0, 6)) + 0.06 * np.sin(7 * angles))
    middle = ring + out * (0.6 * thick)[:, None] + axis * (0.5 * thick + 0.008 * behind)[:, None]
    turns = np.linspace(0, 2 * np.pi, 13)
    rows = []
    for turn in turns:
        crease = 1 + 0.10 * np.sin(2 * turn + 3 * np.sin(angles))
        reach = thick * crease
        rows.append(
            middle + out * (1.15 * reach * np.cos(turn))[:, None] - axis * (0.9 * reach * np.sin(turn))[:, None]
        )
    return sheet(np.stack(rows)[::-1], closed=True)


def hanging_cords(patch: Patch, collar: Collar, length_m: float) -> list[Surface]:
    """Two drawstrings that hang from the collar's front over the garment."""
    used = np.unique(patch.faces)
    tree = cKDTree(patch.positions[used])
    surfaces = []
    for angle in (0.30, 2 * np.pi - 0.30):
        place = collar.ring[int(np.abs(collar.angles - angle).argmin())]
        line = []
        for _ in range(18):
            _, index = tree.query(place, k=4)
            normal = unit(patch.normals[used[index]].mean(axis=0)[None])[0]
            base = patch.positions[used[index]].mean(axis=0)
            place = place - normal * ((place - base) @ normal - 0.004)
            line.append(place)
            down = np.array([0.0, 0.0, -1.0])
            place = place + unit((down - normal * (down @ normal))[None])[0] * length_m / 17
        surfaces.append(tube(np.array(line), 0.0032))
    return surfaces


def tube(line: Float64, radius_m: float, sides: int = 7) -> Surface:
    """A tube along a line, open at its ends."""
    along = unit(np.gradient(line, axis=0))
    first = unit(np.cross(along, np.array([0.3, 1.0, 0.2])))
    second = np.cross(along, first)
    turns = np.arange(sides) / sides * 2 * np.pi
    rows = line[:, None] + radius_m * (
        np.cos(turns)[None, :, None] * first[:, None] + np.sin(turns)[None, :, None] * second[:, None]
    )
    return sheet(rows, closed=True)
