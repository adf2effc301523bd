"""The parts of a vehicle, and what each of them is.

`ROLES` is the one list: the role of a part, the label it gets, and the finish that decides its material. A part is
named by its role, with the side where there are two: `hood`; `front_left_door`, `left_mirror`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Finish = Literal[
    "paint", "gloss_black", "plastic", "chrome", "windshield_glass", "front_glass", "back_glass", "rear_glass", "frit",
    "lamp_lens", "lamp_bowl", "lamp_light", "tail_red", "tail_clear", "mirror_glass", "mirror_cover", "handle",
    "rubber", "rim", "brake", "plate", "interior", "seam", "underbody", "grille", "grille_bar", "strip",
]  # fmt: skip


@dataclass(frozen=True)
class Role:
    """label: class in the semantic mask. finish: kind of surface. sides: `middle` is one part across the vehicle,
    `pair` a left and a right one, `axle` a left and a right one of the front and of the back."""

    label: str
    finish: Finish
    sides: Literal["middle", "pair", "axle"] = "middle"


ROLES: dict[str, Role] = {
    "body": Role("body", "paint"),
    "shut_line": Role("body", "seam"),
    "cladding": Role("body", "plastic"),
    "cowl": Role("body", "plastic"),
    "roof_rail": Role("body", "chrome", "pair"),
    "spoiler": Role("body", "paint"),
    "underbody": Role("body", "underbody"),
    "wheel_housing": Role("body", "underbody", "pair"),
    "exhaust": Role("body", "chrome"),
    "cargo_bed": Role("body", "plastic"),
    "wiper": Role("glass", "plastic"),
    "hood": Role("hood", "paint"),
    "roof": Role("roof", "paint"),
    "trunk": Role("trunk", "paint"),
    "tailgate": Role("trunk", "paint"),
    "front_bumper": Role("front_bumper", "paint"),
    "front_bumper_lower": Role("front_bumper", "plastic"),
    "grille": Role("front_bumper", "grille"),
    "grille_bars": Role("front_bumper", "grille_bar"),
    "grille_frame": Role("front_bumper", "grille_bar"),
    "lower_grille": Role("front_bumper", "grille"),
    "fog_lamp": Role("front_bumper", "lamp_bowl", "pair"),
    "fog_lamp_surround": Role("front_bumper", "plastic", "pair"),
    "front_plate": Role("front_bumper", "plate"),
    "front_plate_holder": Role("front_bumper", "plastic"),
    "front_plate_characters": Role("front_bumper", "seam"),
    "front_badge": Role("front_bumper", "chrome"),
    "back_bumper": Role("back_bumper", "paint"),
    "back_bumper_lower": Role("back_bumper", "plastic"),
    "back_plate": Role("trunk", "plate"),
    "back_plate_holder": Role("trunk", "plastic"),
    "back_badge": Role("trunk", "chrome"),
    "back_plate_characters": Role("trunk", "seam"),
    "bumper_plate": Role("back_bumper", "plate"),
    "bumper_plate_holder": Role("back_bumper", "plastic"),
    "bumper_plate_characters": Role("back_bumper", "seam"),
    "trunk_strip": Role("trunk", "strip"),
    "back_reflector": Role("back_bumper", "tail_red", "pair"),
    "front_door": Role("front_door", "paint", "axle"),
    "front_door_pillar": Role("front_door", "gloss_black", "axle"),
    "back_door": Role("back_door", "paint", "axle"),
    "back_door_pillar": Role("back_door", "gloss_black", "axle"),
    "front_window": Role("front_window", "front_glass", "axle"),
    "front_window_border": Role("front_window", "gloss_black", "axle"),
    "sail": Role("front_door", "gloss_black", "pair"),
    "back_window": Role("back_window", "back_glass", "axle"),
    "back_window_border": Role("back_window", "gloss_black", "axle"),
    "quarter_window": Role("glass", "back_glass", "pair"),
    "quarter_window_border": Role("glass", "gloss_black", "pair"),
    "windshield": Role("glass", "windshield_glass"),
    "windshield_border": Role("glass", "frit"),
    "rear_window": Role("rear_window", "rear_glass"),
    "rear_window_border": Role("rear_window", "frit"),
    "front_door_handle": Role("door_handle", "handle", "axle"),
    "front_door_handle_hollow": Role("door_handle", "seam", "axle"),
    "back_door_handle": Role("door_handle", "handle", "axle"),
    "back_door_handle_hollow": Role("door_handle", "seam", "axle"),
    "mirror": Role("mirror", "mirror_cover", "pair"),
    "mirror_glass": Role("mirror", "mirror_glass", "pair"),
    "head_lamp": Role("head_light", "lamp_lens", "pair"),
    "head_lamp_bowl": Role("head_light", "lamp_bowl", "pair"),
    "head_lamp_projector": Role("head_light", "lamp_light", "pair"),
    "tail_light": Role("tail_light", "tail_red", "pair"),
    "tail_light_clear": Role("tail_light", "tail_clear", "pair"),
    "front_tyre": Role("wheel", "rubber", "axle"),
    "front_rim": Role("wheel", "rim", "axle"),
    "front_brake": Role("wheel", "brake", "axle"),
    "back_tyre": Role("wheel", "rubber", "axle"),
    "back_rim": Role("wheel", "rim", "axle"),
    "back_brake": Role("wheel", "brake", "axle"),
    "seats": Role("body", "interior"),
    "dashboard": Role("body", "interior"),
    "lining": Role("body", "interior"),
}

VEHICLE_LABELS: tuple[str, ...] = (
    "back_door", "back_window", "rear_window", "front_door", "front_window", "door_handle", "mirror", "tail_light",
    "wheel", "head_light", "front_bumper", "back_bumper", "hood", "roof", "trunk", "body", "glass",
)  # fmt: skip
"""The eight classes of [BMW] first, then the further parts."""


def part_name(role: str, side: str | None = None) -> str:
    """Name of a part: `hood`, `left_mirror`, `front_left_door`. side: left, right, or None for a middle part."""
    if side is None:
        return role
    if ROLES[role].sides == "pair":
        return f"{side}_{role}"
    end, rest = role.split("_", 1)  # the axle's end comes first
    return f"{end}_{side}_{rest}"


def _parts() -> dict[str, Role]:
    found: dict[str, Role] = {}
    for role, described in ROLES.items():
        if described.sides == "middle":
            found[role] = described
        else:
            found |= {part_name(role, side): described for side in ("left", "right")}
    return found


PARTS: dict[str, Role] = _parts()
"""Every part name a vehicle can have, with its role."""
