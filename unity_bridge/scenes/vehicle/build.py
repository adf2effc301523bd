"""Builds a vehicle: the cut skin, what is mounted on it, wheels and cabin, as one model of named parts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unity_bridge.scenes.cutting import Patch, split
from unity_bridge.scenes.mesh import Model, Part, Surface, flipped, merge, mirrored_left_right, mirrored_part
from unity_bridge.scenes.vehicle import fittings, interior, ornaments, wheels
from unity_bridge.scenes.vehicle.labels import ROLES, part_name
from unity_bridge.scenes.vehicle.layout import grille_top_z
from unity_bridge.scenes.vehicle.panels import Panels, compact, displaced
from unity_bridge.scenes.vehicle.shape import VehicleShape
from unity_bridge.scenes.vehicle.skin import PROFILE_M, SIDENESS, Skin

_LINING_M = 0.03
_LINED = ("body", "front_door", "back_door", "front_door_pillar", "back_door_pillar", "roof", "tailgate", "cowl")


def build_vehicle(shape: VehicleShape, detail: float = 1.0, steering_deg: float = 0.0) -> Model:
    """The vehicle as a model in its ISO 8855 frame (origin on the ground midway between the axles), metres.

    Part names and the label of each: `labels.PARTS`. Parts a shape does not have (back doors of a coupe) are absent.
    detail: samples along and across the skin relative to a vehicle in the foreground; 0.4 serves one in the back.
    steering_deg: turn of the front wheels to the left.
    The same arguments always give the same model. Raises IntegrityError where a shape can't be built.
    """
    skin = Skin(shape, detail)
    panels = Panels(skin)
    left: dict[str, list[Surface]] = {
        role: [Surface(patch.positions, patch.faces, patch.normals) for patch in patches]
        for role, patches in panels.left.items()
    }
    middle: dict[str, list[Surface]] = {}

    def add_left(role: str, surface: Surface) -> None:
        left.setdefault(role, []).append(surface)

    def add_middle(role: str, surface: Surface) -> None:
        middle.setdefault(role, []).append(surface)

    at = panels.stations
    cap, lower, glass = fittings.mirror(skin, at)
    add_left("mirror", cap)
    add_left("mirror_lower", lower)
    add_left("mirror_glass", glass)
    for role, x in (("front_door_handle", at.middle + 0.075), ("back_door_handle", at.last_edge + 0.115)):
        if role == "back_door_handle" and shape.door_count == 2:
            continue
        grip, hollow = fittings.door_handle(skin, x)
        add_left(role, grip)
        add_left(f"{role}_hollow", hollow)
    right = _add_wheels(skin, add_left, steering_deg)
    if "head_lamp_bowl" in left:
        add_left("head_lamp_projector", fittings.lamp_projector(skin))
    if shape.roof_rails:
        add_left("roof_rail", fittings.roof_rail(skin))
    _add_plates(skin, add_middle)
    add_middle("wiper", fittings.wipers(skin))
    add_middle("underbody", fittings.underbody(skin))
    add_middle("exhaust", fittings.exhaust(skin))
    add_middle("seats", interior.seats(skin, at))
    add_middle("dashboard", interior.dashboard(skin, at))
    if shape.rear_spoiler_m > 0 and shape.body_style != "pickup":
        add_middle("spoiler", fittings.spoiler(skin))
    if shape.body_style == "pickup":
        add_middle("cargo_bed", fittings.cargo_bed(skin))
    _add_ornaments(skin, add_left, add_middle)
    _add_lining(skin, panels, add_left)
    return Model(f"vehicle_{shape.body_style}", _parts(left, right, middle))


def _parts(
    left: dict[str, list[Surface]], right: dict[str, Surface], middle: dict[str, list[Surface]]
) -> tuple[Part, ...]:
    """Named parts in the order of the roles; the right side mirrors the left one where `right` has none of its own."""
    parts: list[Part] = []
    for role, described in ROLES.items():
        if role not in left and role not in middle:
            continue
        halves = merge(left[role]) if role in left else None
        if described.sides == "middle":
            pieces = list(middle.get(role, []))
            if halves is not None:
                pieces += [halves, mirrored_left_right(halves)]
            parts.append(merge(pieces).named(role))
        elif halves is not None:
            one = halves.named(part_name(role, "left"))
            name = part_name(role, "right")
            parts += [one, right[role].named(name) if role in right else mirrored_part(one, name)]
    return tuple(parts)


def _add_wheels(skin: Skin, add: Callable[[str, Surface], None], steering_deg: float) -> dict[str, Surface]:
    """Adds the left wheels and their housings; returns the right front wheel, which steers with the left one."""
    shape = skin.shape
    right: dict[str, Surface] = {}
    surfaces = {"tyre": wheels.tyre(shape), "rim": wheels.rim(shape), "brake": wheels.brake(shape)}
    for end, front in (("front", True), ("back", False)):
        x = shape.wheelbase_m / 2 * (1 if front else -1)
        outer_y = float(skin.half_width(x, shape.wheel_radius_m + shape.arch_radius_m)) - 0.022
        for role, surface in surfaces.items():
            turn = steering_deg if front else 0.0
            add(f"{end}_{role}", wheels.placed(surface, shape, front, outer_y, turn))
            if front:
                right[f"{end}_{role}"] = mirrored_left_right(wheels.placed(surface, shape, front, outer_y, -turn))
        add("wheel_housing", fittings.wheel_housing(skin, front))
    return right


def _add_plates(skin: Skin, add: Callable[[str, Surface], None]) -> None:
    shape, profile = skin.shape, skin.profile
    z = 0.5 * (grille_top_z(skin) - shape.grille_height_m + shape.ground_clearance_m + 0.26)
    plate, holder = fittings.number_plate(float(profile.front_x(z)) + 0.004, z, forward=True)
    add("front_plate", plate)
    add("front_plate_holder", holder)
    add("front_plate_characters", fittings.plate_characters(float(profile.front_x(z)) + 0.004, z, forward=True))
    badge_z = grille_top_z(skin) - 0.4 * shape.grille_height_m
    add("front_badge", fittings.badge(float(profile.front_x(badge_z)), badge_z, forward=True))
    z = fittings.rear_plate_z(skin)
    x = float(min(profile.rear_x(z - 0.06), profile.rear_x(z + 0.06), profile.rear_x(z)))
    lean = float(np.rad2deg(np.arctan2(profile.rear_x(z + 0.06) - profile.rear_x(z - 0.06), 0.12)))
    face = x + 0.5 * abs(np.tan(np.deg2rad(lean)) * 0.12) - 0.004
    plate, holder = fittings.number_plate(face, z, forward=False, lean_deg=lean)
    mounted_on = "bumper_plate" if shape.body_style == "pickup" else f"{shape.lid}_plate"
    add(f"{mounted_on}_characters", fittings.plate_characters(face, z, forward=False, lean_deg=lean))
    if shape.body_style != "pickup":
        add(f"{shape.lid}_strip", fittings.lid_strip(skin))
    add(mounted_on, plate)
    add(f"{mounted_on}_holder", holder)
    badge_z = z + 0.17
    if badge_z < shape.deck_height_m - 0.08:
        add(f"{shape.lid}_badge", fittings.badge(float(profile.rear_x(badge_z)), badge_z, forward=False))


def _add_ornaments(
    skin: Skin, add_left: Callable[[str, Surface], None], add_middle: Callable[[str, Surface], None]
) -> None:
    shape = skin.shape
    letters = ornaments.lettering(skin)
    if letters is not None:
        add_middle(f"{shape.lid}_lettering", letters)
    if shape.lid == "tailgate":
        add_middle("tailgate_handle", ornaments.lid_handle(skin))
    if shape.rear_wiper:
        add_middle("rear_wiper", ornaments.rear_wiper(skin))
    if shape.high_brake_light:
        add_middle("high_brake_light", ornaments.high_brake_light(skin))
    if shape.side_step:
        add_left("side_step", ornaments.side_step(skin))


def _add_lining(skin: Skin, panels: Panels, add: Callable[[str, Surface], None]) -> None:
    """The inside of roof, pillars and doors, seen through the windows: the panels moved inward and turned over."""
    profile, shape = skin.profile, skin.shape
    floor = shape.belt_height_m - 0.32
    first, last = profile.cowl_m - 0.05, profile.rear_base_m + 0.05
    front_x, rear_x = profile.at(first)[0] + 0.10, profile.at(profile.rear_base_m)[0] - 0.02
    for role in _LINED:
        for patch in panels.left.get(role, []):
            a = patch.attributes
            top = np.minimum(a[:, PROFILE_M] - first, last - a[:, PROFILE_M])
            side = np.minimum.reduce([front_x - a[:, 0], a[:, 0] - rear_x, a[:, 2] - floor])
            inside, _ = split(patch, np.where(a[:, SIDENESS] < 0.5, top, np.minimum(top, side)))
            if inside.empty:
                continue
            moved: Patch = displaced(compact(inside), _LINING_M)
            add("lining", flipped(Surface(moved.positions, moved.faces, moved.normals)))
