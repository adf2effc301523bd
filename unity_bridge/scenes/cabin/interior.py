"""The inside of a car around the front passenger; origin at the H-point of the right front seat.

x forward, y left, z up, metres. Left-hand drive: the driver's seat is to the left, the passenger's door to the right.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.belt.routing import Anchorage, BeltRoute
from unity_bridge.scenes.belt.surface import DrapeSurface
from unity_bridge.scenes.cabin.seat import SeatShape, pillow, seat_parts
from unity_bridge.scenes.mesh import Model, Surface, merge, rotation, smooth_normals, transform, translation
from unity_bridge.scenes.primitives import rounded_box, tube

Float64 = NDArray[np.float64]

CENTRE_LINE_Y_M = 0.375
DRIVER_SEAT_Y_M = 2 * CENTRE_LINE_Y_M
_WALL_M = 0.41  # half-width from a seat's middle to the door
_SILL_Z, _WINDOW_TOP_Z, _ROOF_Z, _FLOOR_Z = 0.35, 0.86, 0.94, -0.40


def _mirrored(surface: Surface) -> Surface:
    """The same on the other side of the vehicle."""
    matrix = np.diag([1.0, -1.0, 1.0, 1.0])
    matrix[1, 3] = 2 * CENTRE_LINE_Y_M
    return transform(surface, matrix)


def _beam(start: tuple[float, float, float], end: tuple[float, float, float], wide_m: float, deep_m: float) -> Surface:
    """A rounded bar between two points; wide along x or z, deep along y."""
    a, b = np.array(start), np.array(end)
    along = b - a
    pitch = np.rad2deg(np.arctan2(along[0], along[2]))
    roll = -np.rad2deg(np.arctan2(along[1], np.hypot(along[0], along[2])))
    box = rounded_box((wide_m, deep_m, float(np.linalg.norm(along)) + 0.04), (0, 0, 0), 0.02)
    return transform(box, translation((a + b) / 2) @ rotation((0, 1, 0), pitch) @ rotation((1, 0, 0), roll))


def _pane(corners: list[tuple[float, float, float]]) -> Surface:
    points = np.array(corners, dtype=np.float64)
    normal = np.cross(points[1] - points[0], points[3] - points[0])
    normals = np.tile(normal / np.linalg.norm(normal), (4, 1))
    return Surface(points, np.array([[0, 1, 2], [0, 2, 3]]), normals)


def _side() -> dict[str, list[Surface]]:
    """Door, pillars and windows of the right side."""
    y = -_WALL_M
    out, inn, sill, top = y - 0.04, y + 0.03, _SILL_Z - 0.02, _ROOF_Z - 0.06
    upper = [
        rounded_box((1.25, 0.085, 0.24), (0.335, y - 0.035, 0.245), 0.03),
        rounded_box((0.95, 0.085, 0.24), (-0.93, y - 0.035, 0.245), 0.03),
    ]
    lower = [
        rounded_box((1.25, 0.075, 0.56), (0.335, y - 0.035, -0.13), 0.02),
        rounded_box((0.95, 0.075, 0.56), (-0.93, y - 0.035, -0.13), 0.02),
    ]
    insert = [
        rounded_box((0.72, 0.03, 0.15), (0.30, y + 0.0, 0.165), 0.014),
        transform(pillow((0.46, 0.085, 0.075), 12), translation((0.17, y + 0.03, 0.065))),
        transform(pillow((0.4, 0.08, 0.075), 12), translation((-0.8, y + 0.03, 0.065))),
    ]
    pillar = [
        _beam((-0.40, y - 0.02, -0.38), (-0.40, y - 0.015, _SILL_Z), 0.19, 0.075),
        _beam((-0.40, y - 0.015, _SILL_Z), (-0.46, y + 0.05, _ROOF_Z), 0.13, 0.065),
        _beam((1.22, y - 0.02, 0.36), (0.40, y + 0.05, _ROOF_Z - 0.03), 0.075, 0.07),
        _beam((-1.45, y - 0.02, 0.34), (-1.2, y + 0.05, _ROOF_Z - 0.03), 0.20, 0.07),
        rounded_box((1.75, 0.075, 0.075), (-0.42, y + 0.045, _ROOF_Z - 0.045), 0.03),
    ]
    glass = [
        _pane([(1.1, out, sill), (-0.36, out, sill), (-0.43, inn, top), (0.46, inn, top)]),
        _pane([(-0.42, out, sill), (-1.42, out, sill), (-1.2, inn, top), (-0.47, inn, top)]),
    ]  # fmt: skip
    handle = [
        tube(
            np.array(
                [[0.52, y + 0.02, 0.20], [0.50, y + 0.035, 0.205], [0.42, y + 0.035, 0.205], [0.40, y + 0.02, 0.20]]
            ),
            0.009,
        )
    ]  # fmt: skip
    return {"trim_dark": [*upper, *pillar], "trim_light": lower, "door_insert": insert, "glass": glass, "metal": handle}


def _steering_wheel() -> list[Surface]:
    """Rim, three spokes, hub and column before the driver's seat."""
    around = np.linspace(0, 2 * np.pi, 41)
    radius = 0.182
    rim = tube(np.stack([np.zeros(41), radius * np.cos(around), radius * np.sin(around)], axis=1), 0.014)
    spokes = [
        tube(np.array([[0.03, 0.0, 0.0], [0.0, radius * np.cos(angle), radius * np.sin(angle)]]), 0.012)
        for angle in np.deg2rad([0.0, 180.0, 270.0])
    ]
    hub = transform(pillow((0.05, 0.15, 0.13), 12, 3.0), translation((0.03, 0.0, 0.0)))
    column = tube(np.array([[0.05, 0.0, 0.0], [0.5, 0.0, 0.0]]), 0.035)
    place = translation((0.60, DRIVER_SEAT_Y_M, 0.24)) @ rotation((0, 1, 0), 24)
    return [transform(piece, place) for piece in (rim, *spokes, hub, column)]


@lru_cache(maxsize=1)
def cabin_shell() -> Model:
    """Everything fixed but the front seats: doors, pillars, roof, floor, console, dash, rear bench, glass."""
    right = _side()
    pieces = {name: [*found, *(_mirrored(item) for item in found)] for name, found in right.items()}
    y, width = CENTRE_LINE_Y_M, 2 * (CENTRE_LINE_Y_M + _WALL_M)
    low, top = -_WALL_M - 0.01, _ROOF_Z - 0.02
    high = 2 * y - low
    pieces["headliner"] = [
        rounded_box((1.75, width - 0.05, 0.05), (-0.45, y, _ROOF_Z + 0.02), 0.02),
        transform(pillow((0.19, 0.42, 0.03), 10), translation((0.30, 0.02, _ROOF_Z - 0.025)) @ rotation((0, 1, 0), 12)),
        transform(pillow((0.19, 0.42, 0.03), 10), translation((0.30, 0.73, _ROOF_Z - 0.025)) @ rotation((0, 1, 0), 12)),
    ]
    pieces["carpet"] = [
        rounded_box((3.1, width + 0.1, 0.05), (-0.1, y, _FLOOR_Z), 0.01),
        rounded_box((0.1, width + 0.1, 0.7), (1.3, y, -0.05), 0.02),
        rounded_box((0.08, width + 0.1, 0.75), (-1.62, y, -0.03), 0.02),
    ]
    pieces["trim_dark"] += [
        rounded_box((0.95, 0.165, 0.36), (0.10, y, -0.20), 0.03),
        rounded_box((0.42, width, 0.2), (1.12, y, 0.22), 0.07),
        rounded_box((0.35, 0.30, 0.5), (0.95, y, 0.0), 0.05),
        rounded_box((0.36, width - 0.05, 0.05), (-1.52, y, 0.36), 0.02),
        rounded_box((0.07, width - 0.1, 0.06), (0.37, y, _ROOF_Z - 0.02), 0.02),
    ]
    pieces["console_pad"] = [transform(pillow((0.34, 0.15, 0.07), 12), translation((-0.12, y, 0.015)))]
    bench_back = pillow((0.17, width - 0.12, 0.62), 30)
    bench = [
        transform(bench_back, translation((-1.27, y, 0.17)) @ rotation((0, 1, 0), -24)),
        transform(pillow((0.52, width - 0.10, 0.18), 24), translation((-0.93, y, -0.15)) @ rotation((0, 1, 0), -9)),
        *(
            transform(pillow((0.1, 0.26, 0.17), 12, 4.5), translation((-1.44, side, 0.55)) @ rotation((0, 1, 0), -20))
            for side in (0.0, 0.75)
        ),
    ]
    pieces["rear_bench"] = bench
    pieces["glass"] += [
        _pane([
            (windscreen_x(0.36), low, 0.36), (windscreen_x(0.36), high, 0.36),
            (windscreen_x(top), high - 0.05, top), (windscreen_x(top), low + 0.05, top),
        ]),
        _pane([(-1.68, low, 0.36), (-1.68, high, 0.36), (-1.3, high - 0.05, top), (-1.3, low + 0.05, top)]),
    ]  # fmt: skip
    pieces["metal"] += [tube(np.array([[0.28, y, -0.02], [0.285, y, 0.07]]), 0.012)]
    pieces["knob"] = [
        *_steering_wheel(),
        transform(pillow((0.05, 0.045, 0.06), 10, 3.0), translation((0.287, y, 0.095))),
    ]
    return Model("cabin_shell", tuple(merge(found).named(name) for name, found in sorted(pieces.items())))


def windscreen_x(z: float) -> float:
    """How far ahead of the H-point the windscreen stands at a height above it, in metres."""
    return float(np.interp(z, [0.36, _ROOF_Z - 0.02], [1.25, 0.42]))


@lru_cache(maxsize=16)
def front_seat(shape: SeatShape) -> Model:
    """A front seat alone, H-point at the origin."""
    return Model("front_seat", tuple(seat_parts(shape)))


@lru_cache(maxsize=16)
def seat_obstacle(shape: SeatShape) -> DrapeSurface:
    """Cushion and back as one surface without the seams at which their parts meet."""
    parts = [part for part in front_seat(shape).parts if part.name in ("seat_middle", "seat_side")]
    vertices = np.concatenate([part.vertices for part in parts]).astype(np.float64)
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    faces = np.concatenate([np.asarray(part.faces) + start for part, start in zip(parts, starts, strict=False)])
    _, first, welded = np.unique(np.round(vertices, 5), axis=0, return_index=True, return_inverse=True)
    faces = welded.ravel()[faces]
    return DrapeSurface(Surface(vertices[first], faces, smooth_normals(vertices[first], faces)), thick=False)


def belt_hardware(anchorage: Anchorage, route: BeltRoute, latched: bool) -> Model:
    """D-ring, tongue, buckle with its button, and the outboard anchor: parts hardware_dark, hardware_metal, button."""
    d_ring = np.array(anchorage.d_ring)
    outboard = route.strips[-1].centres[-1]
    dark = [
        rounded_box((0.075, 0.02, 0.055), d_ring + np.array([0, -0.012, 0.03]), 0.009),
        rounded_box((0.07, 0.012, 0.018), d_ring + np.array([0, 0.006, -0.012]), 0.005),
        rounded_box((0.05, 0.03, 0.26), d_ring + np.array([0.0, -0.035, -0.02]), 0.012),
    ]
    metal = [rounded_box((0.05, 0.006, 0.05), outboard + np.array([0, -0.004, -0.02]), 0.002)]
    metal.append(tube(np.array([outboard + np.array([0, 0, -0.02]), outboard + np.array([0, 0, -0.16])]), 0.011))
    # The tongue: a covered slot across the webbing and a plate that goes into the buckle.
    along, outward = route.tongue_along, route.tongue_outward
    along = along / np.linalg.norm(along)
    side = np.cross(along, outward)
    side /= np.linalg.norm(side)
    frame = np.eye(4)
    frame[:3, :3] = np.stack([side, np.cross(along, side), along], axis=1)
    frame[:3, 3] = route.tongue
    dark.append(transform(rounded_box((0.064, 0.012, 0.030), (0, 0, 0.004), 0.0055), frame))
    metal.append(transform(rounded_box((0.026, 0.003, 0.05), (0, 0, 0.035), 0.001), frame))
    buckle = np.eye(4)
    if latched:
        buckle = frame @ translation((0, 0, 0.078))
    else:
        buckle[:3, :3] = frame[:3, :3] if latched else np.diag([1.0, -1.0, -1.0])
        buckle[:3, 3] = np.array(anchorage.tongue) + np.array([0.0, 0.02, -0.08])
    dark.append(transform(rounded_box((0.042, 0.026, 0.075), (0, 0, 0.0), 0.008), buckle))
    dark.append(transform(rounded_box((0.03, 0.012, 0.16), (0, 0, 0.10), 0.005), buckle))
    button = transform(rounded_box((0.030, 0.024, 0.008), (0, 0, -0.0375), 0.003), buckle)
    return Model(
        "belt_hardware",
        (merge(dark).named("hardware_dark"), merge(metal).named("hardware_metal"), button.named("button")),
    )
