"""What the parts of a dressed body are made of, and which labels they may carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contracts.frame_spec import LinearRgb, Material
from contracts.ids import Digest
from contracts.randomizers.cabin import CABIN_COLORS, HAIR_COLORS, SKIN_COLORS
from unity_bridge.scenes.occupant.fabric import HAIR_MEAN, HAIR_TEXTURES, hair_texture
from unity_bridge.scenes.occupant.hair import HAIR_LOCKS
from unity_bridge.scenes.shades import detail_stream, shade, tinted

LABELS_OF_OCCUPANT: dict[str, tuple[str, ...]] = {
    "skin": ("skin", "person"),
    "lips": ("lips", "face", "skin", "person"),
    "brows": ("brows", "hair", "face", "skin", "person"),
    "eyes": ("eyes", "face", "skin", "person"),
    "irises": ("irises", "eyes", "face", "skin", "person"),
    "hair": ("hair", "person"),
    "shirt": ("shirt", "clothes", "person"),
    "pants": ("pants", "clothes", "person"),
    "shoes": ("shoes", "clothes", "person"),
}
"""By part; the first of each list that a generator has is the part's label."""

_IRIS_COLORS = ((0.05, 0.03, 0.015), (0.02, 0.012, 0.008), (0.06, 0.10, 0.14), (0.06, 0.09, 0.04))


def occupant_materials(
    occupant: Mapping[str, Any], clothing: Mapping[str, Any], add_png: Callable[[bytes], Digest]
) -> dict[str, Material]:
    """A material for every part of a dressed body, by the part's name.

    Args:
        occupant: Values of an `Occupant` randomizer.
        clothing: Values of a `Clothing` randomizer.
        add_png: Adds a picture to the frame's assets and returns its digest.
    """

    def cloth(field: str, stream: int, roughness: float = 0.9, sheen: float = 0.4) -> Material:
        color = shade(CABIN_COLORS[str(clothing[field])], clothing, stream)
        return Material(base_color=color, roughness=roughness, sheen=sheen)

    skin = shade(SKIN_COLORS[str(occupant["skin_color"])], occupant, 20)
    hair = shade(HAIR_COLORS[str(clothing["hair_color"])], clothing, 21)
    iris = detail_stream(occupant, 22).choice(_IRIS_COLORS)
    return {
        "skin": Material(base_color=skin, roughness=0.5),
        "lips": Material(base_color=tinted(skin, (0.9, 0.62, 0.64)), roughness=0.42),
        "brows": Material(base_color=hair, roughness=0.8),
        "eyes": Material(base_color=(0.72, 0.70, 0.67), roughness=0.15),
        "irises": Material(base_color=tinted((1.0, 1.0, 1.0), iris), roughness=0.15),
        "hair": _hair_material(hair, clothing, add_png),
        "shirt": cloth("shirt_color", 23),
        "pants": cloth("pants_color", 24),
        "shoes": cloth("shoe_color", 25, 0.55, 0.0),
    }


def _hair_material(color: LinearRgb, clothing: Mapping[str, Any], add_png: Callable[[bytes], Digest]) -> Material:
    if str(clothing["hair"]) not in HAIR_LOCKS:
        return Material(base_color=color, roughness=0.5, sheen=0.2)
    texture = add_png(hair_texture(int(clothing["detail_seed"]) % HAIR_TEXTURES))
    bright = tinted(color, (1 / HAIR_MEAN,) * 3)
    return Material(base_color=bright, base_color_texture=texture, roughness=0.6)
