"""The parts of a vehicle, and what each of them is.

`ROLES` is the one list: the role of a part, the labels it can get from the finest to the coarsest, and the finish that
decides its material. A part is named by its role, with the side where there are two: `hood`; `front_left_door`,
`left_mirror`. A generator lists the labels it wants: the eight of [BMW], all of the fine ones, or any mixture.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

Finish = Literal[
    "paint", "gloss_black", "plastic", "chrome", "windshield_glass", "front_glass", "back_glass", "rear_glass", "frit",
    "lamp_lens", "lamp_bowl", "lamp_light", "tail_red", "tail_clear", "mirror_glass", "mirror_cover", "mirror_lower",
    "handle", "rubber", "rim", "brake", "plate", "interior", "seam", "underbody", "grille", "grille_bar", "strip",
    "roof", "window_border", "characters", "moulding", "decal", "lettering", "lamp_bezel",
]  # fmt: skip


@dataclass(frozen=True)
class Role:
    """labels: classes in the semantic mask, the finest first; `{side}` stands for left or right, as the driver has
    them. finish: kind of surface. sides: `middle` is one part across the vehicle, `pair` a left and a right one, `axle`
    a left and a right one of the front and of the back."""

    labels: tuple[str, ...]
    finish: Finish
    sides: Literal["middle", "pair", "axle"] = "middle"


ROLES: dict[str, Role] = {
    "body": Role(("body",), "paint"),
    "shut_line": Role(("body",), "seam"),
    "cladding": Role(("body",), "plastic"),
    "cowl": Role(("body",), "plastic"),
    "roof_rail": Role(("body",), "chrome", "pair"),
    "spoiler": Role(("body",), "paint"),
    "high_brake_light": Role(("body",), "tail_red"),
    "side_step": Role(("body",), "moulding", "pair"),
    "underbody": Role(("body",), "underbody"),
    "wheel_housing": Role(("body",), "underbody", "pair"),
    "exhaust": Role(("body",), "chrome"),
    "cargo_bed": Role(("body",), "plastic"),
    "rear_wiper": Role(("rear_window",), "plastic"),
    "wiper": Role(("windshield", "glass"), "plastic"),
    "hood": Role(("hood",), "paint"),
    "hood_decal": Role(("hood",), "decal"),
    "hood_scoop": Role(("hood",), "grille"),
    "hood_seam": Role(("hood",), "seam"),
    "roof": Role(("roof",), "roof"),
    "trunk": Role(("trunk",), "paint"),
    "trunk_seam": Role(("trunk",), "seam"),
    "tailgate": Role(("tailgate", "trunk"), "paint"),
    "tailgate_seam": Role(("tailgate", "trunk"), "seam"),
    "front_bumper": Role(("front_bumper",), "paint"),
    "front_bumper_seam": Role(("front_bumper",), "seam"),
    "front_bumper_lower": Role(("front_bumper",), "plastic"),
    "grille": Role(("front_bumper",), "grille"),
    "grille_bars": Role(("front_bumper",), "grille_bar"),
    "grille_frame": Role(("front_bumper",), "grille_bar"),
    "lower_grille": Role(("front_bumper",), "grille"),
    "fog_lamp": Role(("front_bumper",), "lamp_bowl", "pair"),
    "fog_lamp_surround": Role(("front_bumper",), "plastic", "pair"),
    "front_plate": Role(("front_bumper",), "plate"),
    "front_plate_holder": Role(("front_bumper",), "plastic"),
    "front_plate_characters": Role(("front_bumper",), "characters"),
    "front_badge": Role(("front_bumper",), "chrome"),
    "back_bumper": Role(("back_bumper",), "paint"),
    "back_bumper_seam": Role(("back_bumper",), "seam"),
    "back_bumper_lower": Role(("back_bumper",), "plastic"),
    "trunk_plate": Role(("trunk",), "plate"),
    "trunk_plate_holder": Role(("trunk",), "plastic"),
    "trunk_plate_characters": Role(("trunk",), "characters"),
    "trunk_badge": Role(("trunk",), "chrome"),
    "trunk_lettering": Role(("trunk",), "lettering"),
    "trunk_strip": Role(("trunk",), "strip"),
    "tailgate_plate": Role(("tailgate", "trunk"), "plate"),
    "tailgate_plate_holder": Role(("tailgate", "trunk"), "plastic"),
    "tailgate_plate_characters": Role(("tailgate", "trunk"), "characters"),
    "tailgate_badge": Role(("tailgate", "trunk"), "chrome"),
    "tailgate_lettering": Role(("tailgate", "trunk"), "lettering"),
    "tailgate_handle": Role(("tailgate", "trunk"), "strip"),
    "tailgate_strip": Role(("tailgate", "trunk"), "strip"),
    "bumper_plate": Role(("back_bumper",), "plate"),
    "bumper_plate_holder": Role(("back_bumper",), "plastic"),
    "bumper_plate_characters": Role(("back_bumper",), "characters"),
    "back_reflector": Role(("back_bumper",), "tail_red", "pair"),
    "front_door": Role(("front_{side}_door", "front_door"), "paint", "axle"),
    "front_door_seam": Role(("front_{side}_door", "front_door"), "seam", "axle"),
    "front_door_moulding": Role(("front_{side}_door", "front_door"), "moulding", "axle"),
    "front_door_decal": Role(("front_{side}_door", "front_door"), "decal", "axle"),
    "front_door_pillar": Role(("front_{side}_door", "front_door"), "gloss_black", "axle"),
    "back_door": Role(("back_{side}_door", "back_door"), "paint", "axle"),
    "back_door_seam": Role(("back_{side}_door", "back_door"), "seam", "axle"),
    "back_door_moulding": Role(("back_{side}_door", "back_door"), "moulding", "axle"),
    "back_door_decal": Role(("back_{side}_door", "back_door"), "decal", "axle"),
    "back_door_pillar": Role(("back_{side}_door", "back_door"), "gloss_black", "axle"),
    "front_window": Role(("front_{side}_window", "front_window"), "front_glass", "axle"),
    "front_window_border": Role(("front_{side}_window", "front_window"), "window_border", "axle"),
    "sail": Role(("front_{side}_door", "front_door"), "gloss_black", "pair"),
    "back_window": Role(("back_{side}_window", "back_window"), "back_glass", "axle"),
    "back_window_border": Role(("back_{side}_window", "back_window"), "window_border", "axle"),
    "quarter_window": Role(("{side}_quarter_window", "glass"), "back_glass", "pair"),
    "quarter_window_border": Role(("{side}_quarter_window", "glass"), "window_border", "pair"),
    "windshield": Role(("windshield", "glass"), "windshield_glass"),
    "windshield_decal": Role(("windshield", "glass"), "decal"),
    "windshield_border": Role(("windshield", "glass"), "frit"),
    "rear_window": Role(("rear_window",), "rear_glass"),
    "rear_window_border": Role(("rear_window",), "frit"),
    "front_door_handle": Role(("front_{side}_door_handle", "door_handle"), "handle", "axle"),
    "front_door_handle_hollow": Role(("front_{side}_door_handle", "door_handle"), "seam", "axle"),
    "back_door_handle": Role(("back_{side}_door_handle", "door_handle"), "handle", "axle"),
    "back_door_handle_hollow": Role(("back_{side}_door_handle", "door_handle"), "seam", "axle"),
    "mirror": Role(("{side}_mirror", "mirror"), "mirror_cover", "pair"),
    "mirror_lower": Role(("{side}_mirror", "mirror"), "mirror_lower", "pair"),
    "mirror_glass": Role(("{side}_mirror", "mirror"), "mirror_glass", "pair"),
    "head_lamp": Role(("{side}_head_light", "head_light"), "lamp_lens", "pair"),
    "head_lamp_seam": Role(("{side}_head_light", "head_light"), "seam", "pair"),
    "head_lamp_bezel": Role(("{side}_head_light", "head_light"), "lamp_bezel", "pair"),
    "head_lamp_bowl": Role(("{side}_head_light", "head_light"), "lamp_bowl", "pair"),
    "head_lamp_projector": Role(("{side}_head_light", "head_light"), "lamp_light", "pair"),
    "tail_light": Role(("{side}_tail_light", "tail_light"), "tail_red", "pair"),
    "tail_light_seam": Role(("{side}_tail_light", "tail_light"), "seam", "pair"),
    "tail_light_clear": Role(("{side}_tail_light", "tail_light"), "tail_clear", "pair"),
    "front_tyre": Role(("front_{side}_wheel", "wheel"), "rubber", "axle"),
    "front_rim": Role(("front_{side}_wheel", "wheel"), "rim", "axle"),
    "front_brake": Role(("front_{side}_wheel", "wheel"), "brake", "axle"),
    "back_tyre": Role(("back_{side}_wheel", "wheel"), "rubber", "axle"),
    "back_rim": Role(("back_{side}_wheel", "wheel"), "rim", "axle"),
    "back_brake": Role(("back_{side}_wheel", "wheel"), "brake", "axle"),
    "seats": Role(("body",), "interior"),
    "dashboard": Role(("body",), "interior"),
    "lining": Role(("body",), "interior"),
}

COARSE_LABELS: tuple[str, ...] = (
    "back_door", "back_window", "rear_window", "front_door", "front_window", "door_handle", "mirror", "tail_light",
    "wheel", "head_light", "front_bumper", "back_bumper", "hood", "roof", "trunk", "body", "glass",
)  # fmt: skip
"""The eight classes of [BMW] first, then the further parts, both sides in one."""


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
            continue
        for side in ("left", "right"):
            labels = tuple(label.format(side=side) for label in described.labels)
            found[part_name(role, side)] = replace(described, labels=labels)
    return found


PARTS: dict[str, Role] = _parts()
"""Every part name a vehicle can have, with its role; the labels name the part's own side."""

FINE_LABELS: tuple[str, ...] = tuple(dict.fromkeys(part.labels[0] for part in PARTS.values()))
"""Every label of the finest kind, in the order of the parts: left and right, windscreen and quarter window apart."""


def label_of(part: str, listed: Collection[str]) -> str:
    """The finest label of a part that a generator lists; `background` where it lists none of them."""
    return next((label for label in PARTS[part].labels if label in listed), "background")
