"""Wheels: tyre, rim with spokes, brake disc. Axis along y, outer side at +y, hub at the origin."""

from __future__ import annotations

import numpy as np

from unity_bridge.scenes.mesh import Surface, crease_normals, merge, rotation, transform, translation
from unity_bridge.scenes.primitives import grid_faces, outward, revolution, rounded_box
from unity_bridge.scenes.vehicle.shape import VehicleShape


def tyre(shape: VehicleShape) -> Surface:
    """Tread with grooves and bulging side walls."""
    outer, half = shape.wheel_radius_m, shape.tyre_width_m / 2
    inner = outer * shape.rim_share
    wall = outer - inner
    side = [
        (half * 0.80, inner - 0.006),
        (half * 0.96, inner + 0.10 * wall),
        (half * 1.02, inner + 0.45 * wall),
        (half * 0.97, inner + 0.78 * wall),
        (half * 0.88, outer - 0.012),
        (half * 0.76, outer - 0.001),
    ]
    tread = []
    for center in (0.38, 0.0, -0.38):
        tread += [(half * (center + 0.06), outer), (half * (center + 0.05), outer - 0.009)]
        tread += [(half * (center - 0.05), outer - 0.009), (half * (center - 0.06), outer)]
    profile = np.array(side + tread + [(-y, r) for y, r in reversed(side)])
    return outward(revolution(profile, segments=56, crease_deg=40))


def _spoke(shape: VehicleShape, rim_radius: float, face_y: float) -> Surface:
    """One spoke along +z: a tapered bar that curves inward towards the hub."""
    steps = 9
    share = np.linspace(0, 1, steps)
    radius = 0.10 * rim_radius + share * rim_radius * 0.86
    pitch = 2 * np.pi * rim_radius / shape.spoke_count
    width = 0.5 * shape.spoke_width_share * pitch * (0.34 + 0.22 * share**2)
    dish = face_y - 0.022 * np.sin(np.pi * share) - 0.012 * (1 - share)
    thick = 0.022
    section = np.array([(-1.0, -thick), (-1.0, -0.004), (-0.72, 0.0), (0.72, 0.0), (1.0, -0.004), (1.0, -thick)])
    points = np.empty((steps, len(section), 3))
    points[..., 0] = width[:, None] * section[:, 0]
    points[..., 1] = dish[:, None] + section[:, 1]
    points[..., 2] = radius[:, None]
    return outward(crease_normals(points.reshape(-1, 3), grid_faces(steps, len(section), close_columns=True), 40))


def rim(shape: VehicleShape) -> Surface:
    """Flange, barrel, spokes, hub."""
    radius = shape.wheel_radius_m * shape.rim_share
    half = shape.tyre_width_m / 2
    face = half * 0.62
    flange = [
        (half * 0.55, radius * 0.93),
        (half * 0.80, radius * 0.955),
        (half * 0.90, radius * 1.0),
        (half * 0.86, radius * 1.02),
        (half * 0.70, radius * 1.0),
        (-half * 0.9, radius * 0.99),
        (-half * 0.9, radius * 0.93),
        (half * 0.55, radius * 0.93),
    ]
    pieces = [outward(revolution(np.array(flange), segments=56, crease_deg=40))]
    spoke = _spoke(shape, radius, face)
    pieces += [transform(spoke, rotation((0, 1, 0), 360.0 * k / shape.spoke_count)) for k in range(shape.spoke_count)]
    hub = [
        (face - 0.04, 0.0),
        (face - 0.04, 0.24 * radius),
        (face - 0.012, 0.25 * radius),
        (face - 0.004, 0.18 * radius),
    ]
    hub += [(face - 0.010, 0.12 * radius), (face + 0.004, 0.11 * radius), (face + 0.006, 0.0)]
    pieces.append(outward(revolution(np.array(hub), segments=28, crease_deg=35)))
    return merge(pieces)


def brake(shape: VehicleShape) -> Surface:
    """Disc and caliper behind the spokes, and the dark back of the wheel."""
    radius = shape.wheel_radius_m * shape.rim_share
    half = shape.tyre_width_m / 2
    disc = [(0.0, 0.0), (-0.02, 0.68 * radius), (-0.04, 0.68 * radius), (-0.05, 0.0)]
    back = [(-half * 0.55, 0.0), (-half * 0.55, 0.96 * radius), (-half * 0.75, 0.96 * radius), (-half * 0.75, 0.0)]
    caliper = rounded_box((0.07, 0.05, 0.16), (0.60 * radius, -0.03, 0.10), 0.02, 2)
    return merge(
        [
            outward(revolution(np.array(disc)[::-1], segments=32)),
            outward(revolution(np.array(back)[::-1], segments=32)),
            caliper,
        ]
    )


def placed(surface: Surface, shape: VehicleShape, front: bool, outer_y: float, steering_deg: float = 0.0) -> Surface:
    """The left wheel's surface moved to its axle so that the tyre's outer wall lies at `outer_y` when it runs straight,
    and turned to the left about its upright axis."""
    x = shape.wheelbase_m / 2 if front else -shape.wheelbase_m / 2
    place = translation((x, outer_y - shape.tyre_width_m / 2 * 1.02, shape.wheel_radius_m))
    return transform(surface, place @ rotation((0, 0, 1), steering_deg))
