"""A front seat: cushion, back, side bolsters and headrest, in the vehicle frame with the H-point at the origin.

x forward, y left, z up, metres. The surfaces that a body rests on are given as planes too, to seat it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.cutting import Patch, split
from unity_bridge.scenes.mesh import Part, Surface, merge, rotation, smooth_normals, transform, translation
from unity_bridge.scenes.primitives import grid_faces, rounded_box, tube

Float64 = NDArray[np.float64]

_CUSHION_DROP_M = 0.088
_BACK_OFFSET_M = 0.118
_CUSHION_TILT_DEG = 11.0


@dataclass(frozen=True)
class SeatShape:
    """recline_deg: of the back from upright; bolster_m: height of the side bolsters; width_m: over all."""

    recline_deg: float = 21.0
    bolster_m: float = 0.045
    width_m: float = 0.51
    headrest_rise_m: float = 0.03

    def cushion_height(self, x: Float64) -> Float64:
        """Height of the cushion's middle at x, unloaded."""
        return -_CUSHION_DROP_M + np.tan(np.deg2rad(_CUSHION_TILT_DEG)) * np.clip(x, -0.2, 0.3)

    def depth_in_back(self, points: Float64) -> Float64:
        """(N,) how far points lie behind the plane of the back's middle, unloaded."""
        angle = np.deg2rad(self.recline_deg)
        return -(points[:, 0] * np.cos(angle) + points[:, 2] * np.sin(angle)) - _BACK_OFFSET_M


def pillow(size_m: tuple[float, float, float], steps: int = 24, roundness: float = 6.0) -> Surface:
    """A box with softly rounded faces and edges (superquadric of that exponent), centred on the origin."""
    line = np.tan(np.linspace(-1, 1, steps + 1) * np.pi / 4)
    points, faces = [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            grid = np.zeros((steps + 1, steps + 1, 3))
            grid[..., axis] = sign
            grid[..., (axis + 1) % 3], grid[..., (axis + 2) % 3] = line[:, None], line[None, :]
            block = grid_faces(steps + 1, steps + 1)
            faces.append((block if sign > 0 else block[:, ::-1]) + len(points) * (steps + 1) ** 2)
            points.append(grid.reshape(-1, 3))
    vertices = np.concatenate(points)
    vertices /= ((np.abs(vertices) ** roundness).sum(1) ** (1 / roundness))[:, None]
    _, first, inverse = np.unique(np.round(vertices, 9), axis=0, return_index=True, return_inverse=True)
    vertices = vertices[first] * (np.array(size_m) / 2)
    welded = inverse.ravel()[np.concatenate(faces)]
    return Surface(vertices, welded, smooth_normals(vertices, welded))


def _step(x: Float64, low: float, high: float) -> Float64:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _reshaped(surface: Surface, vertices: Float64) -> Surface:
    return Surface(vertices, surface.faces, smooth_normals(vertices, surface.faces))


def _by_side(surface: Surface, half_middle: Float64) -> tuple[Surface, Surface]:
    """Middle and sides of an upholstered body, parted along the seams. half_middle: (V,) the seams' place, metres."""
    patch = Patch(np.hstack([surface.vertices, surface.normals]), np.asarray(surface.faces, dtype=np.int64))
    middle, sides = split(patch, half_middle - np.abs(surface.vertices[:, 1]))
    return (
        Surface(middle.positions, middle.faces, middle.normals),
        Surface(sides.positions, sides.faces, sides.normals),
    )


def seat_parts(shape: SeatShape) -> list[Part]:
    """Parts seat_middle, seat_side, headrest and seat_frame."""
    half = shape.width_m / 2
    seam = half - 0.085

    cushion = pillow((0.54, shape.width_m, 0.17), 40)
    v = cushion.vertices.copy()
    upper = _step(v[:, 2], -0.03, 0.05)
    v[:, 2] += upper * shape.bolster_m * 0.55 * _step(np.abs(v[:, 1]), seam - 0.03, half - 0.04)
    v[:, 2] -= upper * 0.007 * np.exp(-(((np.abs(v[:, 1]) - seam) / 0.009) ** 2))
    v[:, 2] -= upper * 0.005 * np.exp(-(((v[:, 0] - 0.10) / 0.009) ** 2)) * (np.abs(v[:, 1]) < seam)
    v[:, 2] -= 0.03 * np.maximum(v[:, 0] - 0.17, 0) / 0.1  # the front edge falls away
    narrowing = 1 - 0.10 * _step(-v[:, 0], 0.05, 0.27)
    v[:, 1] *= narrowing
    cushion_seams = seam * narrowing
    tilt = rotation((0, 1, 0), -_CUSHION_TILT_DEG)
    place = translation((0.125, 0.0, float(shape.cushion_height(np.array(0.125))) - 0.085)) @ tilt
    cushion = transform(_reshaped(cushion, v), place)

    back = pillow((0.15, shape.width_m, 0.64), 44)
    v = back.vertices.copy()
    front = _step(v[:, 0], -0.03, 0.05)
    side = _step(np.abs(v[:, 1]), seam - 0.03, half - 0.03)
    height = (v[:, 2] + 0.32) / 0.64
    v[:, 0] += front * shape.bolster_m * side * (1 - 0.75 * _step(height, 0.62, 0.95))
    v[:, 0] -= front * 0.007 * np.exp(-(((np.abs(v[:, 1]) - seam) / 0.009) ** 2))
    for seam_height in (0.34, 0.62):
        v[:, 0] -= front * 0.005 * np.exp(-(((height - seam_height) * 0.64 / 0.009) ** 2)) * (np.abs(v[:, 1]) < seam)
    narrowing = 1 - 0.30 * _step(height, 0.55, 1.0) ** 1.3
    v[:, 1] *= narrowing
    back_seams = seam * narrowing
    lean = rotation((0, 1, 0), -shape.recline_deg)
    back = transform(_reshaped(back, v), lean @ translation((-_BACK_OFFSET_M - 0.075, 0.0, 0.235)))

    headrest = pillow((0.105, 0.27, 0.185), 20, 4.5)
    v = headrest.vertices.copy()
    v[:, 0] -= 0.12 * v[:, 1] ** 2 / 0.135
    up = 0.655 + shape.headrest_rise_m
    headrest = transform(_reshaped(headrest, v), lean @ translation((-_BACK_OFFSET_M - 0.055, 0.0, up)))
    rods = [
        transform(
            tube(np.array([[0, y, 0.5], [0, y, up - 0.02]]), 0.006), lean @ translation((-_BACK_OFFSET_M - 0.07, 0, 0))
        )
        for y in (-0.07, 0.07)
    ]
    base = rounded_box((0.5, shape.width_m - 0.06, 0.12), (0.08, 0.0, -0.28), 0.02)
    hinge = [rounded_box((0.16, 0.03, 0.1), (-0.12, sign * (half - 0.012), -0.12), 0.013) for sign in (-1, 1)]

    cushion_middle, cushion_side = _by_side(cushion, cushion_seams)
    back_middle, back_side = _by_side(back, back_seams)
    return [
        merge([cushion_middle, back_middle]).named("seat_middle"),
        merge([cushion_side, back_side]).named("seat_side"),
        headrest.named("headrest"),
        merge([*rods, base, *hinge]).named("seat_frame"),
    ]


def seated_offset(shape: SeatShape, points: Float64, weight: float) -> Float64:
    """The shift that seats a body: it presses a little into cushion and back, more when it is heavy.

    Args:
        shape: The seat.
        points: (N, 3) trunk and thighs of the clothed body.
        weight: The body's weight, 0 to 1.

    Returns:
        (3,) metres.
    """
    into_cushion_m, into_back_m = 0.016 + 0.022 * weight, 0.014 + 0.014 * weight
    offset = np.zeros(3)
    for _ in range(3):
        moved = points + offset
        on_seat = (moved[:, 0] > -0.16) & (moved[:, 0] < 0.33) & (np.abs(moved[:, 1]) < 0.24)
        sunk = float((shape.cushion_height(moved[on_seat, 0]) - moved[on_seat, 2]).max())
        offset[2] += sunk - into_cushion_m
        moved = points + offset
        on_back = (moved[:, 2] > 0.1) & (moved[:, 2] < 0.5) & (np.abs(moved[:, 1]) < 0.2)
        offset[0] += (float(shape.depth_in_back(moved[on_back]).max()) - into_back_m) / np.cos(
            np.deg2rad(shape.recline_deg)
        )
    return offset
