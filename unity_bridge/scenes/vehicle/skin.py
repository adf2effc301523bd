"""The outer skin of a vehicle: one smooth surface from the front bumper over the roof to the rear, sill to sill.

The skin is spanned by spokes. Each starts at a point of the side profile in the plane of symmetry, crosses the hood (or
windscreen, roof, ...) sideways, rounds the corner to the body side, and runs down (around the ends: inward) to the
sill. Beyond the axles the spokes converge on the axle, so that the grid has no seam on the visible body: where they
meet is the wheel opening. Only the left half is built; the right one is its mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from unity_bridge.scenes.cutting import Patch, rounded_polyline
from unity_bridge.scenes.mesh import unit
from unity_bridge.scenes.primitives import grid_faces
from unity_bridge.scenes.vehicle.shape import VehicleShape

Array = NDArray[np.float64]

_PROFILE_SAMPLES = 220
_ACROSS = 22
_CORNER = 12
_SIDE = 43
# Columns of the attributes that a patch of the skin carries after position and normal.
PROFILE_M = 6
SIDENESS = 7


@dataclass(frozen=True, eq=False)
class Profile:
    """The outline in the plane of symmetry, from the lower front edge over the roof to the lower rear edge.

    points: (N, 2) of (x, z), metres, evenly spaced. arc_m: (N,) length from the start. The marks are arc lengths.
    """

    points: Array
    arc_m: Array
    hood_front_m: float
    cowl_m: float
    header_m: float
    rear_header_m: float
    rear_base_m: float
    tail_m: float

    def at(self, arc_m: float) -> Array:
        """(x, z) at an arc length."""
        return np.array([np.interp(arc_m, self.arc_m, self.points[:, axis]) for axis in (0, 1)])

    def front_x(self, z: float | Array) -> Array:
        """x of the front end at a height below the hood's front edge."""
        part = self.arc_m < self.hood_front_m
        order = np.argsort(self.points[part, 1])
        return np.interp(z, self.points[part, 1][order], self.points[part, 0][order])

    def rear_x(self, z: float | Array) -> Array:
        """x of the rear end at a height below its upper edge."""
        part = self.arc_m > self.tail_m
        order = np.argsort(self.points[part, 1])
        return np.interp(z, self.points[part, 1][order], self.points[part, 0][order])

    def top_z(self, x: float | Array) -> Array:
        """z of the upper outline at x."""
        part = (self.arc_m > self.hood_front_m - 0.1) & (self.arc_m < self.tail_m + 0.1)
        return np.interp(x, self.points[part, 0][::-1], self.points[part, 1][::-1])


def side_profile(shape: VehicleShape, samples: int = _PROFILE_SAMPLES) -> Profile:
    """The outline of a shape."""
    front, rear, ground = shape.front_m, shape.rear_m, shape.ground_clearance_m
    lead, cowl_z, height = shape.hood_front_height_m, shape.cowl_height_m, shape.height_m
    cowl_x = shape.wheelbase_m / 2 - shape.cowl_behind_axle_m
    bumper_z = 0.55 * lead + 0.45 * (ground + 0.2)
    header_z = height - 0.055
    header_x = cowl_x - (header_z - cowl_z) * np.tan(np.deg2rad(shape.windshield_rake_deg))
    deck = shape.deck_height_m
    deck_end_x = rear + (0.05 if shape.body_style != "pickup" else 0.02)
    base_x = rear + shape.deck_length_m
    rear_header_z = height - (0.075 if shape.body_style in ("sedan", "coupe") else 0.06)
    rear_header_x = base_x + (rear_header_z - deck) * np.tan(np.deg2rad(shape.rear_window_rake_deg))
    rear_header_x = min(rear_header_x, header_x - 0.25)
    roof_x = header_x + (rear_header_x - header_x) * 0.35
    hood_mid_x = 0.5 * (front - 0.1 + cowl_x)
    # Tall vehicles have an upright nose and a flat hood.
    tall = shape.body_style in ("suv", "pickup")
    nose = (front - 0.018, lead - 0.055, 0.05) if tall else (front - 0.035, lead - 0.10, 0.10)
    corners: list[tuple[float, float, float]] = [
        (front - 0.22, ground + 0.01, 0.0),
        (front - 0.05, ground + 0.05, 0.10),
        (front - 0.015, bumper_z - 0.10, 0.12),
        (front, bumper_z + 0.03, 0.06),
        nose,
        (front - (0.075 if tall else 0.12), lead, 0.055 if tall else 0.10),
        (hood_mid_x, lead + (cowl_z - lead) * (0.72 if tall else 0.62), 0.35),
        (cowl_x, cowl_z, 0.06),
        (header_x, header_z, 0.30),
        (roof_x, height, 0.45),
        (rear_header_x, rear_header_z, 0.22 if shape.body_style in ("sedan", "coupe") else 0.12),
    ]
    if shape.body_style == "pickup":
        corners += [
            (base_x, deck, 0.02),
            (0.5 * (base_x + rear), deck, 0.3),
            (deck_end_x, deck, 0.025),
            (rear + 0.005, deck - 0.16, 0.1),
        ]
    elif shape.body_style in ("sedan", "coupe"):
        corners += [
            (base_x, deck, 0.10),
            (deck_end_x + 0.02, deck + 0.3 * shape.rear_spoiler_m, 0.05),
            (rear + 0.05, deck - 0.17, 0.08),
        ]
    else:
        corners += [(base_x, deck, 0.12), (rear + 0.03, deck - 0.2, 0.12)]
    bumper_top = 0.675 if shape.body_style == "pickup" else 0.705
    corners += [
        (rear + 0.035, bumper_top * deck, 0.06),
        (rear, (bumper_top - 0.055) * deck, 0.05),
        (rear + 0.01, 0.40 * deck, 0.08),
        (rear + 0.10, ground + 0.08, 0.10),
        (rear + 0.22, ground + 0.05, 0.0),
    ]
    table = np.array(corners)
    dense = rounded_polyline(table[:, :2], table[:, 2], steps=16)
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(dense, axis=0), axis=1))])
    even = np.linspace(0, arc[-1], samples)
    points = np.stack([np.interp(even, arc, dense[:, axis]) for axis in (0, 1)], axis=1)

    def mark(corner: int) -> float:
        return float(even[np.argmin(np.linalg.norm(points - table[corner, :2], axis=1))])

    tail = 13 if shape.body_style == "pickup" else (12 if shape.body_style in ("sedan", "coupe") else 11)
    return Profile(points, even, mark(5), mark(7), mark(8), mark(10), mark(11), mark(tail))


class Skin:
    """The left half of the skin, its grid, and the height of its side surface.

    Attributes: shape, profile; `patch`, the mesh with arc length along the profile (metres) and sideness (0 in the
    plane of symmetry, 1/3 where the corner begins, 2/3 where the side begins, 1 at the sill) as further columns;
    `corner`, (N, 2) the (x, z) where the side begins, for each profile point.
    """

    def __init__(self, shape: VehicleShape, detail: float = 1.0) -> None:
        """detail: samples along and across relative to a vehicle in the foreground."""
        self.shape = shape
        self.across = round(_ACROSS * detail)
        self.corner_steps = max(round(_CORNER * detail), 4)
        self.side_steps = round(_SIDE * detail)
        self.profile = side_profile(shape, round(_PROFILE_SAMPLES * detail))
        self._span()

    def belt_z(self, x: float | Array) -> Array:
        """Height of the lower edge of the side windows at x."""
        shape = self.shape
        rise = np.tan(np.deg2rad(shape.belt_rise_deg))
        return shape.belt_height_m + rise * (shape.wheelbase_m * 0.15 - np.asarray(x, dtype=np.float64))

    def half_width(self, x: float | Array, z: float | Array) -> Array:
        """Half the width of the body at (x, z), metres: the body side as a height over the plane of symmetry."""
        shape = self.shape
        x, z = np.asarray(x, dtype=np.float64), np.asarray(z, dtype=np.float64)
        middle = 0.5 * (shape.front_m + shape.rear_m)
        lengthwise = np.abs(x - middle) / (shape.length_m / 2)
        plan = 1 - 0.045 * lengthwise**3
        above_sill = (z - shape.ground_clearance_m) / max(shape.belt_height_m - shape.ground_clearance_m, 0.1)
        # From below the crease down the side faces more and more of the ground, which it reflects.
        tuck = 0.085 * np.clip(1 - above_sill / 0.78, 0, 1) ** 1.7
        crease_at = self.belt_z(x) - 0.13
        crease = shape.body_side_crease_m * np.tanh((z - crease_at) / 0.012)
        below_belt = 0.030 * np.clip((z - crease_at) / 0.13, 0, 1) ** 1.4
        sculpted = 0.010 * np.exp(-(((z - shape.ground_clearance_m - 0.27) / 0.10) ** 2))
        over = z - self.belt_z(x)
        step = shape.shoulder_m * 0.5 * (1 + np.tanh((over - 0.015) / 0.015))
        lean = np.tan(np.deg2rad(shape.tumblehome_deg)) * np.log1p(np.exp(np.clip(over / 0.02, -40, 40))) * 0.02
        curve = 0.10 * np.clip(over, 0, None) ** 2
        narrowing = 0.10 * lengthwise**2 * np.clip(over, 0, 0.5)
        flare = np.zeros(np.broadcast(x, z).shape)
        size = 0.024 if shape.body_style in ("suv", "pickup") else 0.014
        for axle in (shape.wheelbase_m / 2, -shape.wheelbase_m / 2):
            away = np.hypot(x - axle, z - shape.wheel_radius_m) - shape.arch_radius_m
            flare = flare + size * np.exp(-((away / 0.075) ** 2))
        result = (
            shape.width_m / 2 * plan - tuck - crease - below_belt - sculpted - step - lean - curve - narrowing + flare
        )
        return np.maximum(result, 0.2)

    def _along(
        self, front: float, hood: float, screen: float, roof: float, rear_screen: float, deck: float, rear: float
    ) -> Array:
        """A quantity for each profile point that changes smoothly from region to region."""
        p = self.profile
        marks = np.array([p.hood_front_m, p.cowl_m, p.header_m, p.rear_header_m, p.rear_base_m, p.tail_m])
        region = np.searchsorted(marks, p.arc_m)
        values = np.array([front, hood, screen, roof, rear_screen, deck, rear])[region]
        spacing = p.arc_m[1] - p.arc_m[0]
        return gaussian_filter1d(values, 0.05 / spacing, mode="nearest")

    def _span(self) -> None:
        shape, profile = self.shape, self.profile
        points = profile.points
        axle = shape.wheelbase_m / 2
        sill = np.stack([np.clip(points[:, 0], -axle, axle), np.full(len(points), shape.ground_clearance_m)], axis=1)
        spoke = sill - points
        length = np.linalg.norm(spoke, axis=1)
        direction = spoke / length[:, None]
        pickup = shape.body_style == "pickup"
        front, rear = shape.front_plan_radius_m, shape.rear_plan_radius_m
        crown = self._along(
            0.05, shape.hood_crown_m, 0.05, 0.035, 0.045, 0.006 if pickup else 0.03, 0.012 if pickup else 0.04
        )
        drop = self._along(
            front * (0.62 if shape.body_style in ("suv", "pickup") else 0.8),
            0.05,
            0.05,
            0.05,
            0.05,
            0.02 if pickup else 0.05,
            rear * 0.8,
        )
        reach = self._along(front, 0.10, 0.06, 0.10, 0.06, 0.03 if pickup else 0.08, rear)
        end = crown + drop
        start_of_side = points + direction * end[:, None]
        width = self.half_width(start_of_side[:, 0], start_of_side[:, 1])
        further = start_of_side + direction * 0.01
        slope = (self.half_width(further[:, 0], further[:, 1]) - width) / 0.01
        slope = gaussian_filter1d(np.clip(slope, -0.3, 0.8), 2.0, mode="nearest")

        across = np.linspace(0, 1, self.across + 1)
        crown_y = (width - reach)[:, None] * across
        crown_d = crown[:, None] * (crown_y / width[:, None]) ** 2
        t = np.linspace(0, 1, self.corner_steps + 1)[1:]
        d0, y0 = crown_d[:, -1], crown_y[:, -1]
        tangent = 2 * crown * y0 / width**2
        control_d = np.minimum(d0 + tangent * (width - y0), 0.5 * (d0 + end) + 0.4 * (end - d0))
        control_y = width - slope * (end - control_d)
        corner_d = ((1 - t) ** 2) * d0[:, None] + 2 * t * (1 - t) * control_d[:, None] + t**2 * end[:, None]
        corner_y = ((1 - t) ** 2) * y0[:, None] + 2 * t * (1 - t) * control_y[:, None] + t**2 * width[:, None]
        side = np.linspace(0, 1, self.side_steps + 1)[1:]
        side_d = end[:, None] + (length - end)[:, None] * side
        side_xz = points[:, None] + direction[:, None] * side_d[..., None]
        side_y = self.half_width(side_xz[..., 0], side_xz[..., 1])

        depth = np.concatenate([crown_d, corner_d, side_d], axis=1)
        y = np.concatenate([crown_y, corner_y, side_y], axis=1)
        xz = points[:, None] + direction[:, None] * depth[..., None]
        grid = np.stack([xz[..., 0], y, xz[..., 1]], axis=-1)
        sideness = np.concatenate([across / 3, (1 + t) / 3, (2 + side) / 3])
        rows, columns = grid.shape[:2]
        normal = self._normals(grid)
        self.corner = start_of_side
        self.grid = grid
        attributes = np.concatenate(
            [
                grid.reshape(-1, 3),
                normal.reshape(-1, 3),
                np.repeat(profile.arc_m, columns)[:, None],
                np.tile(sideness, rows)[:, None],
            ],
            axis=1,
        )
        self.patch = Patch(attributes, grid_faces(rows, columns)[:, ::-1])

    @staticmethod
    def _normals(grid: Array) -> Array:
        # The grid is continued by its mirror image, so that both halves agree in the plane of symmetry.
        mirrored = grid[:, 1:3][:, ::-1] * np.array([1.0, -1.0, 1.0])
        whole = np.concatenate([mirrored, grid], axis=1)
        normal = np.cross(np.gradient(whole, axis=1), np.gradient(whole, axis=0))[:, 2:]
        normal[:, 0, 1] = 0
        return unit(normal)

    def line_across(self, row: int) -> Array:
        """(C, 3) the skin from the plane of symmetry to midway around the corner, at one profile point."""
        return self.grid[row, : self.across + self.corner_steps // 2 + 1]

    def inset_z(self, x: float | Array, inset_m: float) -> Array:
        """Height at x of the curve that lies `inset_m` below where the body side begins: roof rail and pillars."""
        part = (self.profile.arc_m > self.profile.hood_front_m) & (self.profile.arc_m < self.profile.tail_m)
        xs, zs = self.corner[part, 0], self.corner[part, 1] - inset_m
        order = np.argsort(xs)
        return np.interp(x, xs[order], zs[order])
