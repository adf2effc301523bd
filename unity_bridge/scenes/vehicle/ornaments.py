"""What is fixed to the outside of the lid and the sills: lettering, handles, brake light, rear wiper, side steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.mesh import Surface, merge, mirrored_left_right
from unity_bridge.scenes.primitives import rounded_box, tube
from unity_bridge.scenes.vehicle.fittings import rear_plate_z
from unity_bridge.scenes.vehicle.skin import Skin

Array = NDArray[np.float64]


def _rear_line(skin: Skin, z: float) -> Array:
    """(C, 3) of the skin's rear across, at a height in the plane of symmetry."""
    profile = skin.profile
    row = int(np.argmin(np.abs(profile.points[:, 1] - z) + (profile.arc_m < profile.rear_base_m) * 9.0))
    return skin.line_across(row)


def lettering(skin: Skin) -> Surface | None:
    """A model's name on the lid, as strokes of different widths: small beside the plate, or large across a tailgate."""
    shape = skin.shape
    if shape.lettering == "none":
        return None
    large = shape.lettering == "large"
    height, pitch = (0.085, 0.115) if large else (0.032, 0.036)
    z = rear_plate_z(skin) + 0.20 if not large else shape.deck_height_m - 0.26
    line = _rear_line(skin, min(z, shape.deck_height_m - 0.06))
    ys = (np.arange(7) - 3.0) * pitch if large else 0.36 + np.arange(6) * pitch
    ys = ys[np.abs(ys) < line[skin.across, 1] - 0.04]
    pieces = []
    for index, y in enumerate(ys):
        x = float(np.interp(abs(y), line[:, 1], line[:, 0]))
        foot = float(np.interp(abs(y), line[:, 1], line[:, 2]))
        width = pitch * (0.42, 0.72, 0.25)[index % 3]
        pieces.append(rounded_box((0.014, width, height), (x, float(y), foot), 0.003, 1))
        pieces.append(rounded_box((0.014, 0.62 * pitch, 0.3 * height), (x, float(y), foot - 0.3 * height), 0.003, 1))
    if not pieces:
        return None
    one = merge(pieces)
    return one if large else merge([one, mirrored_left_right(one)])


def lid_handle(skin: Skin) -> Surface:
    """The handle of a tailgate."""
    z = skin.shape.deck_height_m - (0.13 if skin.shape.body_style == "pickup" else 0.0)
    z = z if skin.shape.body_style == "pickup" else rear_plate_z(skin) + 0.13
    line = _rear_line(skin, z)
    return rounded_box((0.03, 0.26, 0.055), (float(line[0, 0]) - 0.004, 0.0, float(line[0, 2])), 0.012, 2)


def high_brake_light(skin: Skin) -> Surface:
    """The third brake light, over or under the upper edge of the rear window; no tail light."""
    profile = skin.profile
    x, z = profile.at(profile.rear_header_m + 0.01)
    return rounded_box((0.03, 0.30, 0.022), (float(x) - 0.012, 0.0, float(z) + 0.004), 0.008, 1)


def rear_wiper(skin: Skin) -> Surface:
    """An arm at the foot of a tailgate's window."""
    profile = skin.profile
    ys = np.linspace(-0.02, 0.40, 8)
    foot = profile.rear_base_m - 0.16 * (profile.rear_base_m - profile.rear_header_m)
    rows = np.interp(foot - np.linspace(0.0, 0.09, 8), profile.arc_m, np.arange(len(profile.arc_m)))
    points = []
    for row, y in zip(rows, ys, strict=True):
        line = skin.line_across(round(float(row)))
        points.append(
            [np.interp(abs(y), line[:, 1], line[:, 0]) - 0.014, y, np.interp(abs(y), line[:, 1], line[:, 2]) + 0.006]
        )
    return tube(np.array(points), 0.010, 6)


def side_step(skin: Skin) -> Surface:
    """The left tube or board under the sill of a tall vehicle."""
    shape = skin.shape
    reach = shape.wheelbase_m / 2 - shape.arch_radius_m - 0.06
    z, y = shape.ground_clearance_m - 0.01, shape.width_m / 2 - 0.05
    ends = np.array([[reach, y - 0.10, z + 0.02], [reach - 0.12, y, z], [-reach + 0.12, y, z], [-reach, y - 0.1, z]])
    return tube(ends, 0.035, 10, (1.3, 0.8))
