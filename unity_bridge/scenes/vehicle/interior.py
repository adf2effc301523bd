"""The inside of the cabin, as far as the windows show it: seats, dashboard, floor, bulkheads."""

from __future__ import annotations

import numpy as np

from unity_bridge.scenes.mesh import Surface, merge, rotation, transform, translation
from unity_bridge.scenes.primitives import rounded_box, tube
from unity_bridge.scenes.vehicle.layout import Stations
from unity_bridge.scenes.vehicle.skin import Skin


def seat_rows(skin: Skin, at: Stations) -> tuple[float, float]:
    """x of the front seats and of the rear bench, whose head rests stay under the roof and the rear window."""
    profile = skin.profile
    front_x = at.hinge - 1.22
    rear_x = front_x - (0.78 if skin.shape.body_style != "pickup" else 0.70)
    xs = np.linspace(front_x, rear_x - 0.4, 120)
    top_of_rest = float(skin.belt_z(0.0)) + 0.30
    room = xs[profile.top_z(xs) > top_of_rest + 0.06]
    return front_x, max(rear_x, (float(room.min()) if len(room) else front_x) + 0.30)


def seats(skin: Skin, at: Stations) -> Surface:
    """Two front seats and a rear bench."""
    shape = skin.shape
    floor = shape.ground_clearance_m + 0.16
    belt = float(skin.belt_z(0.0))
    pieces = []

    def seat(x: float, y: float, width: float) -> None:
        top = belt + 0.02
        pieces.append(rounded_box((0.50, width, 0.17), (x + 0.20, y, floor + 0.24), 0.07, 3))
        back = rounded_box((0.15, width, top - floor - 0.20), (0, 0, 0), 0.07, 3)
        pieces.append(
            transform(back, translation((x - 0.10, y, 0.5 * (top + floor) + 0.10)) @ rotation((0, 1, 0), -14))
        )

    def head_rest(x: float, y: float) -> None:
        pieces.append(rounded_box((0.10, 0.25, 0.17), (x - 0.22, y, belt + 0.19), 0.05, 3))

    front_x, rear_x = seat_rows(skin, at)
    for y in (-0.37, 0.37):
        seat(front_x, y, 0.50)
        head_rest(front_x, y)
    seat(rear_x, 0.0, min(1.25, shape.width_m - 0.50))
    for y in (-0.36, 0.36):
        head_rest(rear_x, y)
    return merge(pieces)


def dashboard(skin: Skin, at: Stations) -> Surface:
    """Dashboard, steering wheel (left), floor, bulkheads fore and aft."""
    shape, profile = skin.shape, skin.profile
    floor = shape.ground_clearance_m + 0.14
    cowl_x = float(profile.at(profile.cowl_m)[0])
    belt = float(skin.belt_z(cowl_x))
    width = 2 * float(skin.half_width(cowl_x - 0.3, belt + 0.05)) - 0.16
    top = min(shape.cowl_height_m - 0.03, belt + 0.02)
    cabin_end = float(profile.at(profile.rear_base_m)[0]) + 0.18
    _, rear_x = seat_rows(skin, at)
    wheel_x, wheel_z = cowl_x - 0.72, top - 0.02
    angle = np.linspace(0, 2 * np.pi, 33)
    ring = np.stack([0 * angle, 0.18 * np.cos(angle), 0.18 * np.sin(angle)], axis=1)
    steering = transform(tube(ring, 0.015, 8), translation((wheel_x, 0.37, wheel_z)) @ rotation((0, 1, 0), 22))
    pieces = [
        rounded_box((0.62, width, 0.30), (cowl_x - 0.36, 0, top - 0.16), 0.09, 4),
        rounded_box((0.22, 0.42, 0.10), (cowl_x - 0.55, 0.37, top + 0.0), 0.05, 3),
        rounded_box((0.9, 0.24, 0.28), (cowl_x - 0.95, 0, floor + 0.18), 0.05, 3),
        steering,
        rounded_box((cowl_x - cabin_end, shape.width_m - 0.30, 0.04), (0.5 * (cowl_x + cabin_end), 0, floor), 0.01, 1),
        rounded_box((0.05, width, top - floor), (cowl_x - 0.06, 0, 0.5 * (top + floor) - 0.02), 0.01, 1),
        rounded_box(
            (0.05, shape.width_m - 0.36, belt - floor - 0.04), (rear_x - 0.28, 0, 0.5 * (belt + floor)), 0.01, 1
        ),
    ]
    shelf_z = min(belt - 0.03, shape.deck_height_m - 0.05)
    if rear_x - 0.28 - cabin_end > 0.1:
        pieces.append(
            rounded_box(
                (rear_x - 0.28 - cabin_end, shape.width_m - 0.40, 0.03),
                (0.5 * (rear_x - 0.28 + cabin_end), 0, shelf_z),
                0.01,
                1,
            )
        )
    return merge(pieces)
