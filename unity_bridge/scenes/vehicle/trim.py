"""What is cut out of finished panels without being a part of its own kind: black pillars and sills, cladding, side
mouldings, stripes. Each piece keeps the label of the panel that it was cut from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.cutting import split
from unity_bridge.scenes.vehicle.skin import PROFILE_M, SIDENESS

if TYPE_CHECKING:
    from unity_bridge.scenes.vehicle.panels import Panels

Array = NDArray[np.float64]
_DOORS = ("front_door", "back_door")
_OFF = -0.12


def dress(panels: Panels) -> None:
    """Apply what the shape says to the panels that are cut already."""
    shape = panels.skin.shape
    if shape.black_pillars:
        for role in _DOORS:
            _part(panels, role, f"{role}_pillar", lambda a: _pillar(panels, a))
    if shape.dark_lower_m > 0:
        low = shape.ground_clearance_m + 0.05 + shape.dark_lower_m
        for role in ("front_bumper", "back_bumper"):
            _part(panels, role, f"{role}_lower", lambda a: low + 0.05 - a[:, 2])
        _part(panels, "body", "cladding", lambda a: low - a[:, 2])
    if shape.dark_rear_bumper:
        _part(panels, "back_bumper", "back_bumper_lower", lambda a: np.ones(len(a)))
    if shape.moulding_m > 0:
        middle = shape.ground_clearance_m + 0.36 * (shape.belt_height_m - shape.ground_clearance_m) + 0.02
        for role in _DOORS:
            _part(panels, role, f"{role}_moulding", lambda a: 0.5 * shape.moulding_m - np.abs(a[:, 2] - middle))
    if shape.side_band_m > 0:
        for role in _DOORS:
            _part(panels, role, f"{role}_decal", lambda a: _band(panels, a))
    if shape.hood_stripe_m > 0:
        stripe = shape.hood_stripe_m
        _part(panels, "hood", "hood_decal", lambda a: 0.5 * stripe - np.abs(a[:, 1] - 0.75 * stripe))
    if shape.screen_band_m > 0:
        header = panels.skin.profile.header_m
        _part(panels, "windshield", "windshield_decal", lambda a: a[:, PROFILE_M] - header + shape.screen_band_m)


def _part(panels: Panels, role: str, into: str, region: Callable[[Array], Array]) -> None:
    """Give the pieces of a role that lie inside a region to another role."""
    for patch in panels.left.pop(role, []):
        inside, outside = split(patch, region(patch.attributes))
        panels.add(into, inside)
        panels.add(role, outside)


def _pillar(panels: Panels, a: Array) -> Array:
    """The strip of a door beside the pillar between the doors, above the belt."""
    over = a[:, 2] - panels.skin.belt_z(a[:, 0])
    near = 0.07 - np.abs(a[:, 0] - panels.stations.middle + 0.1 * np.clip(over, 0, None))
    return np.minimum(near, over - 0.006)


def _band(panels: Panels, a: Array) -> Array:
    """A coloured band along the doors that rises rearward."""
    shape = panels.skin.shape
    middle = shape.ground_clearance_m + 0.22 - 0.06 * (a[:, 0] - panels.stations.middle)
    return np.where(a[:, SIDENESS] > 0.4, 0.5 * shape.side_band_m - np.abs(a[:, 2] - middle), _OFF)
