"""Cuts the skin of a vehicle into its parts along real curves, with shut lines between them.

Only the left half is cut; `Panels.left` holds patches by role, and `build` mirrors them. A role of the middle ("hood")
becomes one part of both halves, a role of the side ("front_door") two.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.cutting import Patch, signed_distance, split
from unity_bridge.scenes.vehicle import layout
from unity_bridge.scenes.vehicle.fittings import TAILGATE_M
from unity_bridge.scenes.vehicle.skin import PROFILE_M, SIDENESS, Skin
from unity_bridge.scenes.vehicle.trim import dress

Array = NDArray[np.float64]
Region = Callable[[Array], Array]

SHUT_LINE_M = 0.008
_RIM_M = 0.005
"""Width of the flush strip around a recess. A cut runs straight across a triangle and misses the outline's true curve
by less than this; a recess that began at the cut would leave cracks to look through."""
_OFF = -0.12


def displaced(patch: Patch, depth_m: Array | float) -> Patch:
    """The patch moved inward along its normals by a depth for each vertex."""
    attributes = patch.attributes.copy()
    attributes[:, :3] -= attributes[:, 3:6] * np.reshape(depth_m, (-1, 1))
    return Patch(attributes, patch.faces)


def recessed(patch: Patch, inside_m: Array, depth_m: float) -> Patch:
    """The patch sunk into the body: its border stays where it is, and no crack opens around it.

    inside_m: (V,) distance from the border; depth_m: of the floor.
    """
    return displaced(patch, np.clip(2.0 * (inside_m - _RIM_M), 0.0, depth_m))


def used_vertices(patch: Patch) -> NDArray[np.bool_]:
    """(V,) whether a face uses the vertex."""
    used = np.zeros(len(patch.attributes), dtype=bool)
    used[patch.faces.ravel()] = True
    return used


def compact(patch: Patch, used: NDArray[np.bool_] | None = None) -> Patch:
    """The patch without the vertices that no face uses; `used` where it is known."""
    if used is None:
        used = used_vertices(patch)
    renumber = np.cumsum(used) - 1
    return Patch(np.compress(used, patch.attributes, axis=0), renumber.take(patch.faces))


def _only(where: NDArray[np.bool_], attributes: Array, region: Region) -> Array:
    """A region's values at the vertices that may lie inside, and a value outside at all others."""
    values = np.full(len(attributes), _OFF)
    values[where] = region(np.compress(where, attributes, axis=0))
    return values


class Panels:
    """The cut skin of the left half.

    left: role -> patches. The roles are those of `labels.py` without a side. `remaining` becomes the role "body".
    """

    def __init__(self, skin: Skin) -> None:
        self.skin = skin
        self.stations = layout.stations(skin)
        self.left: dict[str, list[Patch]] = {}
        self.remaining = skin.patch
        self._cut()

    def add(self, role: str, patch: Patch) -> None:
        if not patch.empty:
            self.left.setdefault(role, []).append(compact(patch))

    def take(self, region: Region, shut_line_m: float = 0.0, seam_role: str = "shut_line") -> Patch:
        """Cuts a region out of what remains; the shut line around it goes to a role of its own."""
        values = region(self.remaining.attributes)
        inside, outside = compact_region(self.remaining, values + shut_line_m / 2)
        # What is taken out leaves vertices without a face; a mesh has about two faces for each vertex in use.
        self.remaining = compact(outside) if len(outside.faces) < len(outside.attributes) else outside
        if inside.empty:
            return inside
        if shut_line_m > 0:
            # Only the vertices on the cut are new; the others' values are known.
            values = np.concatenate([values, region(inside.attributes[len(values) :])])
            used = used_vertices(inside)
            inside, seam = split(compact(inside, used), np.compress(used, values) - shut_line_m / 2)
            self.add(seam_role, seam)  # dark and flush: a groove would be open to its sides
        return inside if inside.empty else compact(inside)

    # -- coordinates -------------------------------------------------------------------------------------------------

    def side_region(self, outline: Array) -> Region:
        """A region of the body side from an outline in (x, z)."""

        def region(a: Array) -> Array:
            return _only(a[:, SIDENESS] > 0.36, a, lambda some: signed_distance(some[:, (0, 2)], outline))

        return region

    def middle_region(self, outline: Array) -> Region:
        """A region of hood, screens or lid from an outline in (arc length, y)."""

        def region(a: Array) -> Array:
            return signed_distance(np.stack([a[:, PROFILE_M], a[:, 1]], axis=1), outline)

        return region

    def wrap(self, a: Array, end: str) -> Array:
        """The way around the front or rear end from the plane of symmetry, metres."""
        shape = self.skin.shape
        if end == "front":
            return a[:, 1] + np.clip(self.skin.profile.front_x(a[:, 2]) - a[:, 0], 0, None)
        return a[:, 1] + np.clip(a[:, 0] - self.skin.profile.rear_x(a[:, 2]), 0, None) + 0 * shape.length_m

    def end_region(self, outline: Array, end: str) -> Region:
        """A region of the front or rear from an outline in (wrap, z)."""
        x_limit = self.skin.shape.wheelbase_m / 2

        def values(a: Array) -> Array:
            return signed_distance(np.stack([self.wrap(a, end), a[:, 2]], axis=1), outline)

        def region(a: Array) -> Array:
            return _only(a[:, 0] > x_limit - 0.1 if end == "front" else a[:, 0] < -x_limit + 0.25, a, values)

        return region

    # -- the cuts ----------------------------------------------------------------------------------------------------

    def _cut(self) -> None:
        self._cut_arches()
        self._cut_glass()
        self._cut_front()
        self._cut_rear()
        self._cut_doors()
        self._cut_rest()
        self.add("body", self.remaining)
        dress(self)

    def _arch(self, a: Array) -> Array:
        """Distance from the nearer wheel's centre, metres."""
        shape = self.skin.shape
        axle = shape.wheelbase_m / 2
        return np.hypot(np.abs(a[:, 0]) - axle, a[:, 2] - shape.wheel_radius_m)

    def _cut_arches(self) -> None:
        radius = self.skin.shape.arch_radius_m
        self.take(lambda a: np.where(a[:, SIDENESS] > 0.4, radius - self._arch(a), _OFF))

    def _glaze(self, role: str, region: Region, border_m: float) -> None:
        """Glass with an opaque border, as the black print around a pane or the seal around a window."""
        pane = self.take(region)
        if pane.empty:
            return
        glass, border = split(pane, region(pane.attributes) - border_m)
        self.add(role, glass)
        self.add(f"{role}_border", border)

    def _cut_glass(self) -> None:
        skin, at = self.skin, self.stations
        self._glaze("windshield", self.middle_region(layout.windshield_outline(skin)), 0.028)
        self._glaze("rear_window", self.middle_region(layout.rear_window_outline(skin)), 0.028)
        lean = 0.10
        front = self.take(self.side_region(layout.window_outline(skin, at.sail + 0.35, at.middle + 0.035, lean)))
        if not front.empty:
            outline = layout.window_outline(skin, at.sail + 0.35, at.middle + 0.035, lean)
            ahead = (
                front.attributes[:, 0] - at.sail - 0.25 * (front.attributes[:, 2] - skin.belt_z(front.attributes[:, 0]))
            )
            sail, rest = split(front, ahead)
            self.add("sail", sail)
            rest = compact(rest)
            glass, border = split(
                rest,
                np.minimum(
                    self.side_region(outline)(rest.attributes) - 0.014,
                    at.sail
                    - rest.attributes[:, 0]
                    + 0.25 * (rest.attributes[:, 2] - skin.belt_z(rest.attributes[:, 0]))
                    - 0.01,
                ),
            )
            self.add("front_window", glass)
            self.add("front_window_border", border)
        if skin.shape.door_count == 4:
            end = max(at.last_edge + 0.05, at.glass_end)
            outline = layout.window_outline(skin, at.middle - 0.035, end, lean * 1.4)
            self._glaze("back_window", self.side_region(outline), 0.014)
        start = at.last_edge - 0.045
        if start - at.glass_end > 0.14:
            outline = layout.window_outline(skin, start, at.glass_end, lean * 1.4, radius=0.08)
            self._glaze("quarter_window", self.side_region(outline), 0.014)

    def _cut_front(self) -> None:
        skin = self.skin
        shape = skin.shape
        lamp = self.end_region(layout.head_lamp_outline(skin), "front")
        lens = self.take(lamp, 0.006, "head_lamp_seam")
        if not lens.empty:
            inside = lamp(lens.attributes)
            bowl = displaced(lens, np.clip(1.0 * inside, 0.004, 0.045))
            self.add("head_lamp", lens)
            bezel, bowl = split(bowl, 0.022 - inside)
            self.add("head_lamp_bezel", bezel)
            self.add("head_lamp_bowl", bowl)
        grille = self.end_region(layout.grille_outline(skin), "front")
        opening = self.take(grille)
        if not opening.empty:
            frame, opening = split(opening, 0.022 - grille(opening.attributes))
            self.add("grille_frame", frame)
            self._lattice(compact(opening), grille)
        intake = self.end_region(layout.intake_outline(skin), "front")
        lower = self.take(intake)
        if not lower.empty:
            self.add("lower_grille", recessed(lower, intake(lower.attributes), 0.05))
        center = np.array([shape.width_m * 0.40, shape.ground_clearance_m + 0.19])

        def fog(a: Array) -> Array:
            away = np.hypot((self.wrap(a, "front") - center[0]) / 1.25, a[:, 2] - center[1])
            return np.where(a[:, 0] > shape.wheelbase_m / 2, 0.055 - away, _OFF)

        lamp_patch = self.take(fog)
        if shape.fog_recess:
            around = self.take(self.end_region(layout.fog_recess_outline(skin), "front"))
            self.add("fog_lamp_surround", around)
        if not lamp_patch.empty:
            rim, glass = split(lamp_patch, 0.012 - fog(lamp_patch.attributes))
            self.add("fog_lamp_surround", rim)
            self.add("fog_lamp_surround", recessed(lamp_patch, fog(lamp_patch.attributes), 0.014))
            self.add("fog_lamp", displaced(compact(glass), 0.012))
        if shape.hood_scoop:
            self.add("hood_scoop", self.take(self.middle_region(layout.scoop_outline(skin))))
        self.add("hood", self.take(self.middle_region(layout.hood_outline(skin)), SHUT_LINE_M, "hood_seam"))
        cowl = skin.profile.cowl_m

        def cowl_strip(a: Array) -> Array:
            return np.minimum.reduce(
                [a[:, PROFILE_M] - cowl + 0.03, cowl + 0.15 - a[:, PROFILE_M], 0.45 - a[:, SIDENESS]]
            )

        self.add("cowl", self.take(cowl_strip))
        bottom = layout.head_lamp_bottom_z(skin)
        half = shape.width_m / 2

        def bumper(a: Array) -> Array:
            wrap = self.wrap(a, "front")
            top = np.interp(
                wrap,
                [half - 0.32, half - 0.22, half + 0.1, half + 0.3],
                [bottom + 0.5, bottom + 0.04, bottom + 0.03, bottom - 0.01],
            )
            return np.minimum(top - a[:, 2], a[:, 0] - shape.wheelbase_m / 2)

        self.add("front_bumper", self.take(bumper, SHUT_LINE_M, "front_bumper_seam"))

    def _lattice(self, opening: Patch, grille: Region) -> None:
        """Bars in the plane of the skin, and a dark recess behind them."""
        shape = self.skin.shape
        depth = grille(opening.attributes) - 0.022
        # Not finer than twice the skin's grid, which carries the wave from vertex to vertex.
        bars = min(shape.grille_bars, int(shape.grille_height_m / 0.05))
        pitch = shape.grille_height_m / (bars + 0.5)
        wave = np.cos(2 * np.pi * opening.attributes[:, 2] / pitch) - 0.35
        slats, gaps = split(opening, wave * pitch / (2 * np.pi))
        self.add("grille_bars", displaced(slats, 0.006))
        gap_depth = np.full(len(gaps.attributes), 0.0)
        gap_depth[: len(depth)] = np.clip(2.0 * depth, 0.0, 0.035)
        gap_depth[len(depth) :] = 0.02
        self.add("grille", displaced(gaps, gap_depth))
        # A floor behind bars and gaps, which leave steps between them that a flat view would look through.
        self.add("grille", recessed(opening, depth, 0.039))

    def _cut_rear(self) -> None:
        skin = self.skin
        shape, profile = skin.shape, skin.profile
        lamp = self.end_region(layout.tail_light_outline(skin), "rear")
        lens = self.take(lamp, 0.012, "tail_light_seam")
        if not lens.empty:
            outline = layout.tail_light_outline(skin)
            low, high = outline[:, 1].min(), outline[:, 1].max()
            clear_at = low + shape.tail_light_clear_at * (high - low)
            half = 0.5 * shape.tail_light_clear_share * (high - low)
            # Two plane cuts: a band narrower than a triangle has no single linear region.
            below, upper = split(lens, clear_at + half - lens.attributes[:, 2])
            clear, lower = split(below, below.attributes[:, 2] - clear_at + half)
            self.add("tail_light_clear", clear)
            self.add("tail_light", upper)
            self.add("tail_light", lower)
        if shape.body_style == "pickup":

            def bed(a: Array) -> Array:
                arc = a[:, PROFILE_M]
                return np.minimum.reduce(
                    [
                        arc - profile.rear_base_m - 0.03,
                        profile.tail_m - TAILGATE_M - arc,
                        shape.width_m / 2 - 0.105 - a[:, 1],
                    ]
                )

            self.take(bed)
            gap_x = float(profile.at(profile.rear_base_m)[0]) - 0.012
            seam = self.take(lambda a: np.where(a[:, SIDENESS] > 0.3, 0.007 - np.abs(a[:, 0] - gap_x), _OFF))
            self.add("shut_line", seam)
        top = layout.rear_bumper_top_z(skin)
        lid = self.middle_region(layout.lid_outline(skin, top))
        self.add(shape.lid, self.take(lid, SHUT_LINE_M, f"{shape.lid}_seam"))
        center = np.array([shape.width_m * 0.40, top - 0.20])

        def reflector(a: Array) -> Array:
            away = np.stack([(self.wrap(a, "rear") - center[0]) / 0.09, (a[:, 2] - center[1]) / 0.022], axis=1)
            inside = 0.022 * (1 - (away**4).sum(axis=1) ** 0.25)
            return np.where(a[:, 0] < -shape.wheelbase_m / 2, inside, _OFF)

        self.add("back_reflector", self.take(reflector))
        valance = shape.ground_clearance_m + 0.09

        def bumper(a: Array) -> Array:
            return np.minimum(top - a[:, 2], -a[:, 0] - shape.wheelbase_m / 2)

        whole = self.take(bumper, SHUT_LINE_M, "back_bumper_seam")
        lower, upper = split(
            whole, np.minimum(valance - whole.attributes[:, 2], shape.width_m * 0.40 - whole.attributes[:, 1])
        )
        self.add("back_bumper_lower", lower)
        self.add("back_bumper", upper)

    def _cut_doors(self) -> None:
        skin, at, shape = self.skin, self.stations, self.skin.shape
        lean = 0.10
        around_wheel = shape.arch_radius_m + 0.055

        def door(outline: Array) -> Region:
            side = self.side_region(outline)
            return lambda a: np.minimum(side(a), self._arch(a) - around_wheel)

        front = door(layout.door_outline(skin, at.hinge, at.middle, lean))
        self.add("front_door", self.take(front, SHUT_LINE_M, "front_door_seam"))
        if shape.door_count == 4:
            back = door(layout.door_outline(skin, at.middle - 0.001, at.last_edge, lean * 1.2))
            self.add("back_door", self.take(back, SHUT_LINE_M, "back_door_seam"))

    def _cut_rest(self) -> None:
        skin, shape, profile = self.skin, self.skin.shape, self.skin.profile

        def roof(a: Array) -> Array:
            arc = a[:, PROFILE_M]
            end = profile.rear_header_m + 0.02
            return np.minimum.reduce([arc - profile.header_m + 0.03, end - arc, 3 * (0.62 - a[:, SIDENESS])])

        self.add("roof", self.take(roof))
        fuel_x = -shape.wheelbase_m / 2 - 0.10
        fuel_z = float(skin.belt_z(fuel_x)) - 0.13
        if shape.body_style != "pickup":
            square = layout.rounded_polygon(
                [
                    [fuel_x - 0.08, fuel_z - 0.07],
                    [fuel_x + 0.08, fuel_z - 0.07],
                    [fuel_x + 0.08, fuel_z + 0.07],
                    [fuel_x - 0.08, fuel_z + 0.07],
                ],
                0.04,
            )
            self.add("body", self.take(self.side_region(square), 0.006))
        if shape.cladding:
            low = shape.ground_clearance_m + 0.10

            def lining(a: Array) -> Array:
                ring = shape.arch_radius_m + 0.05 - self._arch(a)
                return np.where(a[:, SIDENESS] > 0.5, np.maximum(ring, low - a[:, 2]), _OFF)

            self.add("cladding", self.take(lining))
            for role in ("front_bumper", "back_bumper"):
                for patch in self.left.pop(role, []):
                    lower, upper = split(
                        patch,
                        np.maximum(lining(patch.attributes), shape.ground_clearance_m + 0.13 - patch.attributes[:, 2]),
                    )
                    self.add(f"{role}_lower", lower)
                    self.add(role, upper)


def compact_region(patch: Patch, values: Array) -> tuple[Patch, Patch]:
    """`split`, without the cost of carrying a copy of the mesh where nothing lies inside."""
    if not (values > 0).any():
        return Patch(patch.attributes, np.zeros((0, 3), dtype=np.int64)), patch
    return split(patch, values)
