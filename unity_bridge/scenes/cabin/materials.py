"""What interior and belt are made of, and which labels they may carry."""

from __future__ import annotations

from contracts.frame_spec import Material
from contracts.randomizers.cabin import CABIN_COLORS, Belt, Interior
from unity_bridge.sampling import FrameParameters
from unity_bridge.scenes.cabin.parameters import values_of
from unity_bridge.scenes.shades import shade

LABELS_OF_CABIN: dict[str, tuple[str, ...]] = {
    "webbing": ("seat_belt",),
    **dict.fromkeys(("hardware_dark", "hardware_metal", "button"), ("belt_hardware", "interior")),
    **dict.fromkeys(("seat_middle", "seat_side", "seat_frame", "rear_bench"), ("seat", "interior")),
    "headrest": ("headrest", "seat", "interior"),
    **dict.fromkeys(
        ("trim_dark", "console_pad", "trim_light", "door_insert", "headliner", "carpet", "metal", "knob"), ("interior",)
    ),
}
"""By part; the first of each list that a generator has is the part's label, else it is background."""


def cabin_materials(parameters: FrameParameters) -> dict[str, Material]:
    """A material for every part of interior and belt, by the part's name."""
    interior, belt = values_of(parameters, Interior), values_of(parameters, Belt)

    def cover(field: str, stream: int) -> Material:
        color = shade(CABIN_COLORS[str(interior[field])], interior, stream)
        if interior["upholstery"] == "leather":
            return Material(base_color=color, roughness=0.42)
        if interior["upholstery"] == "plastic":
            return Material(base_color=color, roughness=0.3)
        return Material(base_color=color, roughness=0.9, sheen=0.4)

    def trim(field: str, stream: int, roughness: float) -> Material:
        return Material(base_color=shade(CABIN_COLORS[str(interior[field])], interior, stream), roughness=roughness)

    pane = float(interior["window_transmittance"])
    return {
        "seat_middle": cover("seat_color", 1),
        "seat_side": cover("seat_side_color", 2),
        "headrest": cover("seat_side_color", 2),
        "rear_bench": cover("seat_color", 1),
        "seat_frame": Material(base_color=(0.02, 0.02, 0.02), roughness=0.6),
        "trim_dark": trim("trim_color", 3, 0.65),
        "console_pad": trim("trim_color", 3, 0.55),
        "trim_light": trim("door_color", 4, 0.6),
        "door_insert": trim("door_color", 5, 0.75),
        "headliner": trim("headliner_color", 6, 0.95),
        "carpet": Material(base_color=shade(CABIN_COLORS["charcoal"], interior, 7), roughness=1.0),
        "glass": Material(model="thin_glass", base_color=(pane, pane, pane), roughness=0.0),
        "metal": Material(base_color=(0.6, 0.6, 0.6), metallic=1.0, roughness=0.35),
        "knob": Material(base_color=(0.02, 0.02, 0.02), roughness=0.35),
        "hardware_dark": Material(base_color=(0.025, 0.025, 0.025), roughness=0.45),
        "hardware_metal": Material(base_color=(0.5, 0.5, 0.5), metallic=1.0, roughness=0.4),
        "button": Material(base_color=(0.5, 0.02, 0.015), roughness=0.45),
        "webbing": Material(base_color=shade(CABIN_COLORS[str(belt["color"])], belt, 8), roughness=0.6, sheen=0.2),
    }
