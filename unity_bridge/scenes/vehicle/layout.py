"""Where things lie on a vehicle: doors, windows, lamps, as outlines over the skin.

Outlines of the body side are polygons in (x, z), those of hood, screens and lid in (arc length along the profile, y),
those of lamps and grille in (wrap, z), where the wrap is the way around the front or rear from the plane of symmetry.
All in metres, for the left half.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.cutting import rounded_polygon
from unity_bridge.scenes.vehicle.skin import Skin

Array = NDArray[np.float64]
_BEYOND = -0.3  # outlines of middle panels reach over the plane of symmetry, so that they are not cut there


@dataclass(frozen=True)
class Stations:
    """x of the features of the body side, metres.

    hinge: front edge of the front door; middle: between the doors; last_edge: rear edge of the last door; glass_end:
    rear end of the side glass; sail: front end of the front window's glass.
    """

    hinge: float
    middle: float
    last_edge: float
    glass_end: float
    sail: float


def stations(skin: Skin) -> Stations:
    shape = skin.shape
    axle = shape.wheelbase_m / 2
    hinge = axle - shape.arch_radius_m - 0.13
    cab_end = skin.profile.at(skin.profile.rear_base_m)[0]
    last_edge = -axle + 0.07
    if shape.body_style == "pickup":
        last_edge = max(last_edge, cab_end + 0.07)
    middle = hinge - shape.b_pillar_share * (hinge - last_edge)
    if shape.door_count == 2:
        middle = last_edge = hinge - 1.24
    xs = np.linspace(skin.profile.at(skin.profile.cowl_m)[0], cab_end, 240)
    room = skin.inset_z(xs, _window_inset(skin)) - skin.belt_z(xs)
    tall_enough = xs[room > 0.13]
    glass_end = float(tall_enough.min()) + shape.c_pillar_m
    sail = float(tall_enough.max()) - 0.02
    return Stations(hinge, middle, last_edge, glass_end, sail)


def _window_inset(skin: Skin) -> float:
    return skin.shape.a_pillar_m + 0.01


def _side_outline(
    skin: Skin,
    front: float,
    rear: float,
    inset: float,
    bottom: Callable[[Array], Array],
    lean: float,
    radii: tuple[float, float],
) -> Array:
    """An outline in (x, z) from `bottom` up to the curve `inset` below the roof rail; its uprights lean rearward above
    the belt. radii: of the lower and the upper corners."""
    belt_front, belt_rear = float(skin.belt_z(front)), float(skin.belt_z(rear))

    def upright(x: float, belt: float) -> float:
        top = float(skin.inset_z(x, inset))
        return x - lean * max(top - belt, 0.0)

    top_front, top_rear = upright(front, belt_front), upright(rear, belt_rear)
    xs = np.linspace(top_rear, top_front, 40)
    zs = skin.inset_z(xs, inset)
    low = bottom(xs)
    keep = zs > low + 0.012
    xs, zs = xs[keep], zs[keep]
    lower = np.linspace(front, rear, 14)
    corners = [[front, float(bottom(np.array([front]))[0])]]
    corners += [[float(x), float(bottom(np.array([x]))[0])] for x in lower[1:-1]]
    corners += [[rear, float(bottom(np.array([rear]))[0])]]
    reach = [radii[0]] + [0.0] * 12 + [radii[0]]
    if belt_rear + 0.02 < zs[0] and bottom(np.array([rear]))[0] < belt_rear - 0.1:
        corners.append([rear, belt_rear])
        reach.append(0.05)
    corners += [[float(x), float(z)] for x, z in zip(xs, zs, strict=True)]
    reach += [radii[1]] + [0.0] * (len(xs) - 2) + [radii[1]]
    if belt_front + 0.02 < zs[-1] and bottom(np.array([front]))[0] < belt_front - 0.1:
        corners.append([front, belt_front])
        reach.append(0.05)
    return _rounded_over_samples(np.array(corners), np.array(reach))


def _rounded_over_samples(points: Array, reach: Array) -> Array:
    """Rounds the corners that ask for it; a corner's arc may swallow the samples next to it."""
    keep = np.ones(len(points), dtype=bool)
    for index in np.flatnonzero(reach > 0):
        for way in (-1, 1):
            other = (index + way) % len(points)
            while (
                keep[other] and reach[other] == 0 and np.linalg.norm(points[other] - points[index]) < 2.1 * reach[index]
            ):
                keep[other] = False
                other = (other + way) % len(points)
    return rounded_polygon(points[keep], reach[keep])


def door_outline(skin: Skin, front: float, rear: float, lean: float) -> Array:
    """(M, 2) outline of a side door, sill to roof rail, in (x, z)."""
    sill = skin.shape.ground_clearance_m + 0.10
    cowl_x = float(skin.profile.at(skin.profile.cowl_m)[0])

    def bottom(x: Array) -> Array:
        return np.full(np.shape(x), sill)

    outline = _side_outline(skin, front, rear, 0.015, bottom, lean, (0.07, 0.05))
    # Ahead of the screen pillar's foot a door ends at the belt.
    ceiling = np.where(outline[:, 0] > cowl_x - 0.12, skin.belt_z(outline[:, 0]) - 0.005, np.inf)
    return np.stack([outline[:, 0], np.minimum(outline[:, 1], ceiling)], axis=1)


def window_outline(skin: Skin, front: float, rear: float, lean: float, radius: float = 0.05) -> Array:
    """(M, 2) outline of a side window in (x, z)."""
    return _side_outline(
        skin, front, rear, _window_inset(skin), lambda x: skin.belt_z(x) + 0.012, lean, (0.035, radius)
    )


def _corner_y(skin: Skin, arc_m: Array, sideness: float = 1 / 3) -> Array:
    """y on the skin at a sideness, for arc lengths along the profile."""
    columns = skin.patch.attributes[:, 7].reshape(skin.grid.shape[:2])[0]
    column = int(np.argmin(np.abs(columns - sideness)))
    return np.interp(arc_m, skin.profile.arc_m, skin.grid[:, column, 1])


def _middle_outline(arcs: Array, edges: Array, bow_start: float, bow_end: float, radius: tuple[float, float]) -> Array:
    """An outline in (arc, y) that is symmetric about y = 0; its ends bow by `bow_*` at the outer edge."""
    width_start, width_end = float(edges[0]), float(edges[-1])
    start_y = np.linspace(0.0, width_start, 7)[1:-1]
    end_y = np.linspace(width_end, 0.0, 7)[1:-1]
    points = [[arcs[0], _BEYOND], [arcs[0], 0.0]]
    points += [[arcs[0] + bow_start * (y / width_start) ** 2, y] for y in start_y]
    points.append([arcs[0] + bow_start, width_start])
    reach = [0.0] * 7 + [radius[0]]
    points += [[arc, edge] for arc, edge in zip(arcs[1:-1], edges[1:-1], strict=True)]
    reach += [0.0] * (len(arcs) - 2)
    points.append([arcs[-1] + bow_end, width_end])
    reach.append(radius[1])
    points += [[arcs[-1] + bow_end * (y / width_end) ** 2, y] for y in end_y]
    points += [[arcs[-1], 0.0], [arcs[-1], _BEYOND]]
    reach += [0.0] * 7
    return _rounded_over_samples(np.array(points), np.array(reach))


def windshield_outline(skin: Skin) -> Array:
    p = skin.profile
    arcs = np.linspace(p.cowl_m + 0.045, p.header_m - 0.03, 12)
    edges = _corner_y(skin, arcs, 0.56) - skin.shape.a_pillar_m
    return _middle_outline(arcs, edges, 0.07, 0.015, (0.05, 0.06))


def rear_window_outline(skin: Skin) -> Array:
    p, shape = skin.profile, skin.shape
    span = p.rear_base_m - p.rear_header_m
    if shape.body_style == "pickup":
        first, last, narrower, bow = p.rear_header_m + 0.10, p.rear_base_m - 0.10, 0.13, 0.0
    elif shape.body_style in ("sedan", "coupe"):
        first, last, narrower, bow = p.rear_header_m + 0.05, p.rear_base_m - 0.05, 0.06, -0.06
    else:
        first, last, narrower, bow = p.rear_header_m + 0.07, p.rear_base_m - 0.19 * span, 0.09, -0.03
    arcs = np.linspace(first, last, 12)
    edges = _corner_y(skin, arcs, 0.5) - narrower - 0.02
    return _middle_outline(arcs, edges, 0.02, bow, (0.08, 0.09))


def hood_outline(skin: Skin) -> Array:
    p = skin.profile
    arcs = np.linspace(p.hood_front_m - 0.02, p.cowl_m - 0.015, 16)
    edges = _corner_y(skin, arcs, 1 / 3)
    share = np.linspace(0, 1, len(arcs))
    edges = edges * (0.97 + 0.02 * share) - 0.01
    edges[:3] = np.minimum(edges[:3], edges[3] * np.array([0.90, 0.95, 0.985]))
    return _middle_outline(arcs, edges, 0.10, 0.10, (0.16, 0.03))


def lid_outline(skin: Skin, bumper_top_z: float) -> Array:
    """Boot lid of a sedan, tailgate of the others, as far down as the bumper."""
    p, shape = skin.profile, skin.shape
    rear = p.arc_m > p.tail_m
    # The two shut lines, of 8 mm each, meet: no strip of body stays between lid and bumper.
    bottom = float(np.interp(-(bumper_top_z + 0.004), -p.points[rear, 1], p.arc_m[rear]))
    if shape.body_style == "pickup":
        first, inset, bow = p.tail_m - 0.012, 0.15, 0.0
    elif shape.body_style in ("sedan", "coupe"):
        first, inset, bow = p.rear_base_m + 0.015, 0.02, -0.02
    else:
        first, inset, bow = p.rear_header_m + 0.015, -0.02, 0.0
    arcs = np.linspace(first, bottom, 24)
    if shape.body_style == "pickup":
        edges = np.full(len(arcs), float(_corner_y(skin, arcs, 0.5).min()) - inset + 0.02)
    else:
        edges = np.minimum(_corner_y(skin, arcs, 1 / 3) - inset, shape.width_m / 2 - 0.12)
        # The widest span would cut into the rear wings below the window.
        edges[-6:] = np.minimum(edges[-6:], edges[-7])
    return _middle_outline(arcs, edges, bow, 0.0, (0.03, 0.10))


def head_lamp_outline(skin: Skin) -> Array:
    """In (wrap, z)."""
    shape = skin.shape
    half = shape.width_m / 2
    top = head_lamp_top_z(skin)
    height = shape.head_lamp_height_m
    rise = float(np.clip(np.tan(np.deg2rad(shape.head_lamp_slant_deg)) * 0.2, -0.01, 0.05))
    outer = half + 0.22 + 0.45 * (shape.head_lamp_width_m - 0.3)
    inner = half - shape.head_lamp_width_m + 0.06
    corners = [
        [inner, top - 0.015 - 0.45 * rise],
        [inner + 0.04, top - 0.72 * height],
        [half - 0.02, top - height],
        [outer - 0.10, top - 0.72 * height + rise],
        [outer, top - 0.15 * height + rise],
        [outer - 0.05, top + rise],
        [half + 0.02, top + 0.35 * rise],
    ]
    return rounded_polygon(corners, [0.04, 0.06, 0.10, 0.10, 0.06, 0.04, 0.12])


def head_lamp_top_z(skin: Skin) -> float:
    """Height of the lamp's upper edge midway: beside the hood's front edge, which the wings rise from."""
    return skin.shape.hood_front_height_m - 0.01


def head_lamp_bottom_z(skin: Skin) -> float:
    return head_lamp_top_z(skin) - skin.shape.head_lamp_height_m


def grille_outline(skin: Skin) -> Array:
    """In (y, z); symmetric, its left half and a margin."""
    shape = skin.shape
    half = min(shape.grille_width_m / 2, shape.width_m / 2 - shape.head_lamp_width_m + 0.02)
    top = grille_top_z(skin)
    bottom = top - shape.grille_height_m
    corners = [[_BEYOND, top], [half, top - 0.01], [half * 0.88, bottom], [_BEYOND, bottom]]
    return rounded_polygon(corners, [0.0, 0.05, 0.06, 0.0])


def grille_top_z(skin: Skin) -> float:
    return skin.shape.hood_front_height_m - 0.065


def intake_outline(skin: Skin) -> Array:
    """The lower air intake in (y, z)."""
    shape = skin.shape
    low = shape.ground_clearance_m + 0.07
    high = min(low + 0.19, grille_top_z(skin) - shape.grille_height_m - 0.14)
    high = max(high, low + 0.07)
    half = shape.width_m * shape.intake_width_share
    corners = [[_BEYOND, high], [half * 0.92, high], [half * 1.08, low], [_BEYOND, low]]
    return rounded_polygon(corners, [0.0, 0.03, 0.03, 0.0])


def fog_recess_outline(skin: Skin) -> Array:
    """The dark hollow around a fog lamp in (wrap, z)."""
    shape = skin.shape
    middle, low = shape.width_m * 0.40, shape.ground_clearance_m + 0.10
    corners = [
        [middle - 0.12, low + 0.02],
        [middle + 0.17, low],
        [middle + 0.24, low + 0.17],
        [middle + 0.05, low + 0.17],
    ]
    return rounded_polygon(corners, [0.04, 0.03, 0.04, 0.06])


def scoop_outline(skin: Skin) -> Array:
    """The air scoop in the hood, in (arc length, y)."""
    p = skin.profile
    first = p.hood_front_m + 0.45 * (p.cowl_m - p.hood_front_m)
    corners = [[first, _BEYOND], [first, 0.24], [first + 0.10, 0.28], [first + 0.12, _BEYOND]]
    return rounded_polygon(corners, [0.0, 0.04, 0.04, 0.0])


def rear_bumper_top_z(skin: Skin) -> float:
    return skin.shape.deck_height_m * (0.68 if skin.shape.body_style == "pickup" else 0.71)


def tail_light_outline(skin: Skin) -> Array:
    """In (wrap, z), by style."""
    shape = skin.shape
    half, width, height = shape.width_m / 2, shape.tail_light_width_m, shape.tail_light_height_m
    style = shape.tail_light_style
    floor = rear_bumper_top_z(skin) + 0.03
    if shape.body_style == "pickup":
        top = shape.deck_height_m - 0.07
        inner, outer = half - 0.17, half + 0.12
        bottom = max(top - height, floor)
        corners = [[inner, top], [inner, bottom], [outer, bottom], [outer, top]]
        return rounded_polygon(corners, 0.03)
    tall = shape.body_style in ("hatchback", "wagon", "suv")
    top = shape.deck_height_m - (-0.03 if tall else 0.05) + (shape.tail_light_height_above_deck_m if tall else 0.0)
    top += 0.16 if shape.body_style == "van" else 0.0  # beside the window, up the rear pillar
    bottom = max(top - height, floor)
    if style == "upright":
        inner, outer = half - 0.6 * width, half + 0.4 * width + 0.05
        corners = [
            [inner + 0.02, top],
            [inner, bottom],
            [outer - 0.06, bottom],
            [outer, top - 0.3 * (top - bottom)],
            [outer - 0.05, top],
        ]
        return rounded_polygon(corners, 0.05)
    if style == "round":
        radius = 0.5 * min(top - bottom, 0.24)
        angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        return np.stack([half - 0.02 + 1.35 * radius * np.cos(angle), top - radius + radius * np.sin(angle)], axis=1)
    if style == "bar":
        thin = min(0.5 * (top - bottom), 0.12)
        outer = half + 0.16
        corners = [
            [_BEYOND, top],
            [outer - 0.05, top],
            [outer, top - 0.2 * thin],
            [half, top - 1.6 * thin],
            [half - width, top - thin],
            [_BEYOND, top - 0.7 * thin],
        ]
        return rounded_polygon(corners, [0, 0.04, 0.03, 0.06, 0.06, 0])
    inner, outer = half - 0.8 * width, half + 0.36 * width + 0.03
    corners = [
        [inner, top - 0.12 * (top - bottom)],
        [inner + 0.07, bottom],
        [half + 0.03, bottom + 0.02],
        [outer, top - 0.35 * (top - bottom)],
        [outer - 0.06, top],
        [half, top],
    ]
    return rounded_polygon(corners, [0.04, 0.05, 0.08, 0.05, 0.05, 0.08])
