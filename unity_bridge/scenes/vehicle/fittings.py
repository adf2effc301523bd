"""What is mounted on the body: mirrors, handles, plates, wipers, rails, wheel housings, floor.

Functions that return the left one of a pair say so; `build` mirrors it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.mesh import (
    Surface,
    crease_normals,
    flipped,
    merge,
    rotation,
    smooth_normals,
    transform,
    translation,
    unit,
)
from unity_bridge.scenes.primitives import ellipsoid, grid_faces, outward, rounded_box, sheet, tube
from unity_bridge.scenes.vehicle.layout import Stations, head_lamp_top_z, rear_bumper_top_z
from unity_bridge.scenes.vehicle.skin import Skin

Array = NDArray[np.float64]

TAILGATE_M = 0.12
"""Thickness of a pickup's tailgate at its upper edge."""


def mirror(skin: Skin, at: Stations) -> tuple[Surface, Surface, Surface]:
    """The left outside mirror: the housing's cap, its lower part with the foot, and the glass."""
    scale = skin.shape.mirror_scale
    x = at.sail + 0.01
    z = float(skin.belt_z(x)) + 0.05
    inner_y = float(skin.half_width(x, float(skin.belt_z(x)) + 0.03))
    length, width, height = 0.125 * scale, 0.225 * scale, 0.150 * scale
    rings, segments = 12, 28
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    square = np.abs(np.cos(angle)) ** 3.2 + np.abs(np.sin(angle)) ** 3.2
    outline = np.stack([np.cos(angle), np.sin(angle)], axis=1) / square[:, None] ** (1 / 3.2)
    share = np.linspace(0, 1, rings)
    # From the open rear face the housing closes forward like a superellipse.
    size = np.maximum(1 - share**2.4, 0) ** (1 / 2.2)
    points = np.empty((rings, segments, 3))
    points[..., 0] = (share * length)[:, None]
    points[..., 1] = size[:, None] * outline[:, 0] * width / 2 - 0.12 * width * (share**2)[:, None]
    points[..., 2] = (
        size[:, None] * outline[:, 1] * height / 2 * (1 - 0.13 * outline[:, 0]) - 0.06 * height * (share**2)[:, None]
    )
    lip = points[:1] * np.array([1.0, 0.93, 0.92]) + np.array([0.010, 0, 0])
    grid = np.concatenate([lip, points], axis=0)
    vertices = grid.reshape(-1, 3)
    faces = grid_faces(rings + 1, segments, close_columns=True)
    shell = outward(Surface(vertices, faces, smooth_normals(vertices, faces)))
    rim = lip[0]
    disc = np.concatenate([rim, rim.mean(axis=0, keepdims=True)])
    around = np.arange(segments)
    disc_faces = np.stack([np.full(segments, segments), around, (around + 1) % segments], -1)
    backward = np.tile([-1.0, 0.0, 0.0], (len(disc), 1))
    turned = np.cross(disc[1] - disc[0], disc[segments] - disc[0])[0] > 0
    glass = Surface(disc, disc_faces[:, ::-1] if turned else disc_faces, backward)
    # Close to the door: mirrors reach some 15 % beyond the body, both together.
    placing = translation((x - 0.02, inner_y + width / 2, z + height * 0.42)) @ rotation((0, 0, 1), -9)
    foot = tube(
        np.array(
            [
                [x + 0.035, inner_y - 0.03, z - 0.015],
                [x + 0.035, inner_y + 0.03, z - 0.002],
                [x + 0.02, inner_y + 0.07 * scale, z + 0.035],
            ]
        ),
        0.034 * scale,
        12,
        (1.0, 0.55),
    )
    low = vertices[faces, 2].mean(axis=1) < -0.16 * height
    cap, lower = (
        transform(Surface(shell.vertices, shell.faces[chosen], shell.normals), placing) for chosen in (~low, low)
    )
    return cap, merge([lower, foot]), transform(glass, placing)


def door_handle(skin: Skin, x: float) -> tuple[Surface, Surface]:
    """A handle on the left side whose rear end lies at x: the grip, and the dark hollow behind it."""
    length = 0.215
    z0 = float(skin.belt_z(x)) - 0.115
    share = np.linspace(0, 1, 13)
    xs, zs = x + length * (1 - share), np.full(13, z0) + 0.010 * share
    skin_y = skin.half_width(xs, zs)
    lift = 0.034 * np.clip(np.sin(np.pi * share), 0, 1) ** 0.45 - 0.004
    path = np.stack([xs, skin_y + lift, zs], axis=1)
    radius = 0.0165 * (0.72 + 0.28 * np.sin(np.pi * share))
    grip = tube(path, radius, 12, (0.55, 1.0))
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    rings = np.array([1.0, 0.8, 0.5, 0.0])
    cx, cz = x + length * 0.52, z0 + 0.004
    hollow_x = cx + rings[:, None] * 0.062 * np.cos(angle)
    hollow_z = cz + rings[:, None] * 0.030 * np.sin(angle)
    hollow_y = skin.half_width(hollow_x, hollow_z) + 0.0012
    hollow = sheet(np.concatenate([np.stack([hollow_x, hollow_y, hollow_z], -1)] * 1, axis=0)[:, np.r_[0:28, 0]])
    return grip, facing(hollow, np.array([0.0, 1.0, 0.0]))


def facing(surface: Surface, direction: Array) -> Surface:
    """The surface, turned so that its normals point along a direction on average."""
    return surface if float((np.asarray(surface.normals) @ direction).sum()) >= 0 else flipped(surface)


def number_plate(x: float, z: float, forward: bool, lean_deg: float = 0.0) -> tuple[Surface, Surface]:
    """Plate and its dark holder, centred at y = 0 with its face at x."""
    way = 1.0 if forward else -1.0
    turn = translation((x, 0, z)) @ rotation((0, 1, 0), -way * lean_deg)
    plate = rounded_box((0.012, 0.44, 0.135), (way * 0.010, 0, 0), 0.005, 2)
    holder = rounded_box((0.05, 0.46, 0.150), (-way * 0.020, 0, 0), 0.012, 2)
    return transform(plate, turn), transform(holder, turn)


def plate_characters(x: float, z: float, forward: bool, lean_deg: float = 0.0) -> Surface:
    """Seven dark strokes where a plate has its characters."""
    way = 1.0 if forward else -1.0
    turn = translation((x, 0, z)) @ rotation((0, 1, 0), -way * lean_deg)
    pieces = [
        rounded_box((0.004, 0.026 if index % 3 else 0.014, 0.058), (way * 0.0165, 0.055 * (index - 3), 0), 0.001, 1)
        for index in range(7)
    ]
    return transform(merge(pieces), turn)


def badge(x: float, z: float, forward: bool) -> Surface:
    """A maker's badge: an oval of bright metal."""
    way = 1.0 if forward else -1.0
    return ellipsoid((0.012, 0.062, 0.045), (x + way * 0.004, 0, z), 10, 24)


def wipers(skin: Skin) -> Surface:
    """Two arms at the foot of the windscreen."""
    profile = skin.profile
    arcs = profile.arc_m
    pieces = []
    for start, end in ((0.55, 0.02), (-0.05, -0.52)):
        ys = np.linspace(start, end, 8)
        rows = np.interp(profile.cowl_m + np.linspace(0.06, 0.115, 8), arcs, np.arange(len(arcs)))
        points = []
        for row, y in zip(rows, ys, strict=True):
            line = skin.line_across(round(row))
            points.append(
                [
                    np.interp(abs(y), line[:, 1], line[:, 0]),
                    y,
                    np.interp(abs(y), line[:, 1], line[:, 2]) + 0.016,
                ]
            )
        pieces.append(tube(np.array(points), 0.008, 6))
    return merge(pieces)


def roof_rail(skin: Skin) -> Surface:
    """The left roof rail."""
    profile = skin.profile
    x0, x1 = profile.at(profile.header_m + 0.20)[0], profile.at(profile.rear_header_m - 0.10)[0]
    share = np.linspace(0, 1, 24)
    xs = x0 + (x1 - x0) * share
    zs = skin.inset_z(xs, -0.015)
    ys = skin.half_width(xs, skin.inset_z(xs, 0.0)) - 0.055
    lift = 0.045 * np.clip(np.minimum(share, 1 - share) / 0.06, 0, 1)
    return tube(np.stack([xs, ys, zs + lift], axis=1), 0.016, 10)


def wheel_housing(skin: Skin, front: bool) -> Surface:
    """The inside of a left wheel opening: an arch and a wall, both facing the wheel."""
    shape = skin.shape
    x0 = shape.wheelbase_m / 2 * (1 if front else -1)
    angle = np.linspace(-0.5, np.pi + 0.5, 40)
    radius = shape.arch_radius_m + 0.004
    xs, zs = x0 + radius * np.cos(angle), shape.wheel_radius_m + radius * np.sin(angle)
    zs = np.maximum(zs, shape.ground_clearance_m + 0.005)
    outer = skin.half_width(xs, zs) - 0.002
    depths = np.linspace(0, 1, 6)
    inner = shape.width_m / 2 - 0.42
    ys = outer[None] + depths[:, None] * (inner - outer)[None]
    arch = np.stack([np.broadcast_to(xs, ys.shape), ys, np.broadcast_to(zs, ys.shape)], axis=-1)
    vertices = arch.reshape(-1, 3)
    faces = grid_faces(*arch.shape[:2])
    # Towards the axle, so that the light of the opening falls on the front side.
    to_axle = unit(np.array([x0, 0, shape.wheel_radius_m]) * np.array([1, 0, 1]) - vertices * np.array([1, 0, 1]))
    normals = smooth_normals(vertices, faces)
    lining = Surface(vertices, faces, normals)
    if float(np.einsum("ij,ij->", normals, to_axle)) < 0:
        lining = flipped(lining)
    fan = np.concatenate([arch[-1], [[x0, inner, shape.ground_clearance_m + 0.01]]])
    around = np.arange(len(angle) - 1)
    wall_faces = np.stack([np.full(len(around), len(angle)), around, around + 1], -1)
    wall = Surface(fan, wall_faces, np.tile([0.0, 1.0, 0.0], (len(fan), 1)))
    turned = np.cross(fan[0] - fan[-1], fan[1] - fan[-1])[1] < 0
    if turned:
        wall = Surface(fan, wall_faces[:, ::-1], wall.normals)
    return merge([lining, wall])


def underbody(skin: Skin) -> Surface:
    """A flat floor under the car and the shafts of both axles."""
    shape = skin.shape
    length = shape.length_m - 0.50
    middle = 0.5 * (shape.front_m + shape.rear_m)
    width = shape.width_m - 0.86
    floor = rounded_box((length, width, 0.10), (middle, 0, shape.ground_clearance_m + 0.07), 0.03, 2)
    between = shape.wheelbase_m - 2 * shape.arch_radius_m - 0.10
    wide = rounded_box((between, shape.width_m - 0.26, 0.06), (0, 0, shape.ground_clearance_m + 0.05), 0.02, 2)
    nose_x = shape.wheelbase_m / 2 + shape.arch_radius_m + 0.02
    nose = rounded_box(
        (shape.front_m - 0.30 - nose_x, shape.width_m - 0.5, 0.05),
        (0.5 * (shape.front_m - 0.30 + nose_x), 0, shape.ground_clearance_m + 0.06),
        0.02,
        2,
    )
    tail_x = -shape.wheelbase_m / 2 - shape.arch_radius_m - 0.02
    tail = rounded_box(
        (tail_x - shape.rear_m - 0.25, shape.width_m - 0.5, 0.05),
        (0.5 * (tail_x + shape.rear_m + 0.25), 0, shape.ground_clearance_m + 0.09),
        0.02,
        2,
    )
    shafts = [
        tube(
            np.array(
                [
                    [x, -shape.width_m / 2 + 0.2, shape.wheel_radius_m],
                    [x, 0, shape.wheel_radius_m],
                    [x, shape.width_m / 2 - 0.2, shape.wheel_radius_m],
                ]
            ),
            0.03,
            8,
        )
        for x in (shape.wheelbase_m / 2, -shape.wheelbase_m / 2)
    ]
    return merge([floor, wide, nose, tail, *shafts])


def exhaust(skin: Skin) -> Surface:
    shape = skin.shape
    x, y, z = shape.rear_m + 0.05, shape.width_m / 2 - 0.42, shape.ground_clearance_m + 0.05
    return tube(np.array([[x + 0.25, y, z], [x + 0.1, y, z], [x, y, z]]), 0.03, 14)


def spoiler(skin: Skin) -> Surface:
    """A lip over the rear window of hatchbacks, or on the boot lid."""
    shape, profile = skin.shape, skin.profile
    sedan = shape.body_style in ("sedan", "coupe")
    arc = profile.tail_m - 0.03 if sedan else profile.rear_header_m + 0.0
    row = int(np.argmin(np.abs(profile.arc_m - arc)))
    line = skin.line_across(row)
    half = line[skin.across, 1] * (0.86 if sedan else 0.97)
    ys = np.linspace(-half, half, 25)
    xs = np.interp(np.abs(ys), line[:, 1], line[:, 0])
    zs = np.interp(np.abs(ys), line[:, 1], line[:, 2])
    depth = shape.rear_spoiler_m
    section = np.array(
        [
            (0.10, -0.012),
            (0.02, 0.012),
            (-depth, 0.004 if not sedan else 0.03),
            (-depth - 0.008, -0.010),
            (-depth * 0.6, -0.018),
        ]
    )
    taper = np.clip((half - np.abs(ys)) / 0.06, 0.25, 1)
    points = np.empty((len(ys), len(section), 3))
    points[..., 0] = xs[:, None] + section[:, 0] * taper[:, None]
    points[..., 1] = ys[:, None]
    points[..., 2] = zs[:, None] + section[:, 1]
    vertices = points.reshape(-1, 3)
    faces = grid_faces(len(ys), len(section), close_columns=True)
    return outward(crease_normals(vertices, faces, 40.0))


def cargo_bed(skin: Skin) -> Surface:
    """The inside of a pickup's bed."""
    shape, profile = skin.shape, skin.profile
    x0 = float(profile.at(profile.rear_base_m + 0.03)[0])
    top = float(profile.at(0.5 * (profile.rear_base_m + profile.tail_m))[1])
    # Ahead of the tailgate's lowest, most recessed line, so that the bed's wall stays inside.
    tail = profile.points[(profile.arc_m > profile.tail_m) & (profile.points[:, 1] > top - 0.55)]
    x1 = max(float(profile.at(profile.tail_m - TAILGATE_M)[0]), float(tail[:, 0].max()) + 0.04)
    floor = top - 0.50
    half = shape.width_m / 2 - 0.105
    length, middle = x0 - x1, 0.5 * (x0 + x1)
    pieces = [
        rounded_box((length, 2 * half + 0.04, 0.03), (middle, 0, floor), 0.005, 1),
        rounded_box(
            (0.03, 2 * half + 0.06, top - floor - 0.012), (x0 + 0.015, 0, 0.5 * (top + floor) - 0.006), 0.005, 1
        ),
        rounded_box((0.03, 2 * half, top - floor - 0.03), (x1 - 0.015, 0, 0.5 * (top + floor) - 0.015), 0.005, 1),
    ]
    for side in (-1, 1):
        pieces.append(
            rounded_box(
                (length, 0.03, top - floor - 0.02),
                (middle, side * (half + 0.015), 0.5 * (top + floor) - 0.010),
                0.005,
                1,
            )
        )
        pieces.append(
            rounded_box((0.75, 0.20, 0.24), (-shape.wheelbase_m / 2, side * (half - 0.08), floor + 0.10), 0.05, 3)
        )
    return merge(pieces)


def lamp_projector(skin: Skin) -> Surface:
    """The bright lens inside the left head lamp."""
    shape = skin.shape
    z = head_lamp_top_z(skin) - 0.5 * shape.head_lamp_height_m
    y = shape.width_m / 2 - 0.5 * shape.head_lamp_width_m + 0.05
    row = int(np.argmin(np.abs(skin.profile.points[:, 1] - z) + (skin.profile.arc_m > skin.profile.hood_front_m) * 9))
    line = skin.line_across(row)
    x = float(np.interp(y, line[:, 1], line[:, 0]))
    return ellipsoid((0.035, 0.046, 0.046), (x - 0.050, y, z), 10, 18)


def lid_strip(skin: Skin) -> Surface:
    """A bright strip across the lid, over the number plate."""
    shape, profile = skin.shape, skin.profile
    z = rear_plate_z(skin) + 0.105
    row = int(np.argmin(np.abs(profile.points[:, 1] - z) + (profile.arc_m < profile.tail_m) * 9.0))
    line = skin.line_across(row)
    ys = np.linspace(-0.34, 0.34, 15)
    xs = np.interp(np.abs(ys), line[:, 1], line[:, 0]) - 0.006
    zs = np.interp(np.abs(ys), line[:, 1], line[:, 2])
    thickness = 0.016 if shape.width_m > 1.75 else 0.012
    return tube(np.stack([xs, ys, zs], axis=1), thickness, 8, (0.8, 1.0))


def rear_plate_z(skin: Skin) -> float:
    shape = skin.shape
    if shape.body_style == "pickup":
        return rear_bumper_top_z(skin) - 0.11
    return rear_bumper_top_z(skin) + 0.14
