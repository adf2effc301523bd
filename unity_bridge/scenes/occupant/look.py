"""What the parts of a dressed body are made of, and which labels they may carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contracts.frame_spec import LinearRgb, Material
from contracts.ids import Digest
from contracts.randomizers.cabin import CABIN_COLORS, HAIR_COLORS, SKIN_COLORS
from unity_bridge.scenes.occupant.clothing import outfit_of
from unity_bridge.scenes.occupant.fabric import HAIR_MEAN, HAIR_TEXTURES, cloth_texture, hair_texture
from unity_bridge.scenes.occupant.hair import HAIR_LOCKS
from unity_bridge.scenes.occupant.pose import NAMED_POSES, SeatedPose
from unity_bridge.scenes.shades import detail_stream, shade, tinted

LABELS_OF_OCCUPANT: dict[str, tuple[str, ...]] = {
    "skin": ("skin", "person"),
    "lips": ("lips", "face", "skin", "person"),
    "brows": ("brows", "hair", "face", "skin", "person"),
    "eyes": ("eyes", "face", "skin", "person"),
    "irises": ("irises", "eyes", "face", "skin", "person"),
    "lids": ("eyes", "face", "skin", "person"),
    "lashes": ("eyes", "face", "skin", "person"),
    "hair": ("hair", "person"),
    "shirt": ("shirt", "clothes", "person"),
    "shirt_trim": ("shirt", "clothes", "person"),
    "collar": ("shirt", "clothes", "person"),
    "hood": ("shirt", "clothes", "person"),
    "cords": ("shirt", "clothes", "person"),
    "jacket": ("jacket", "shirt", "clothes", "person"),
    "jacket_collar": ("jacket", "shirt", "clothes", "person"),
    "glasses": ("glasses", "face", "person"),
    "sunglass_lenses": ("sunglasses", "glasses", "face", "person"),
    "cap": ("cap", "clothes", "person"),
    "scarf": ("scarf", "clothes", "person"),
    "pants": ("pants", "clothes", "person"),
    "shoes": ("shoes", "clothes", "person"),
    "phone": ("phone", "held", "interior"),
    "phone_screen": ("phone", "held", "interior"),
    "bag": ("bag", "held", "interior"),
}
"""By part; the first of each list that a generator has is the part's label."""

HELD_PARTS = ("phone", "phone_screen", "bag")
"""Parts that are no part of the person."""

SEE_THROUGH = ("glass_lenses",)
"""Parts that masks look through, as through a window."""

_PHONE_GREYS = (0.02, 0.05, 0.3, 0.6)
_IRIS_COLORS = ((0.05, 0.03, 0.015), (0.02, 0.012, 0.008), (0.06, 0.10, 0.14), (0.06, 0.09, 0.04))


def occupant_materials(
    occupant: Mapping[str, Any], clothing: Mapping[str, Any], add_png: Callable[[bytes], Digest]
) -> dict[str, Material]:
    """A material for every part of a dressed body and of what it holds, by the part's name.

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
        **_upper_materials(cloth, clothing, add_png),
        "pants": cloth("pants_color", 24),
        "shoes": cloth("shoe_color", 25, 0.55, 0.0),
        **_accessory_materials(cloth, clothing),
        **_materials_of_pose(NAMED_POSES[str(occupant["pose"])], skin, hair, cloth, clothing),
    }


def _materials_of_pose(
    pose: SeatedPose, skin: LinearRgb, hair: LinearRgb, cloth: Callable[..., Material], clothing: Mapping[str, Any]
) -> dict[str, Material]:
    """Of what a body has in this pose only, so that frames of other poses stay as they are."""
    result: dict[str, Material] = {}
    if pose.eyes_closed:
        result["lids"] = Material(base_color=tinted(skin, (0.92, 0.86, 0.86)), roughness=0.5)
        result["lashes"] = Material(base_color=tinted(hair, (0.6, 0.6, 0.6)), roughness=0.8)
    if pose.held == "bag":
        result["bag"] = cloth("accessory_color", 31, 0.55, 0.0)
    if pose.held.startswith("phone"):
        grey = float(detail_stream(clothing, 32).choice(_PHONE_GREYS))
        result["phone"] = Material(base_color=(grey, grey, grey), roughness=0.4)
        result["phone_screen"] = Material(base_color=(0.012, 0.012, 0.014), roughness=0.08, clearcoat=1.0)
    return result


def _accessory_materials(cloth: Callable[..., Material], clothing: Mapping[str, Any]) -> dict[str, Material]:
    result: dict[str, Material] = {}
    if clothing["glasses"] != "none":
        random = detail_stream(clothing, 28)
        metal = bool(random.random() < 0.35)
        color = random.uniform(0.4, 0.7, 3) if metal else random.uniform(0.01, 0.12, 3)
        result["glasses"] = Material(base_color=tinted((1.0, 1.0, 1.0), color), roughness=0.35, metallic=float(metal))
        if clothing["glasses"] == "sunglasses":
            dark = tinted((float(random.uniform(0.01, 0.05)),) * 3, (1.0, 0.9, 0.8))
            result["sunglass_lenses"] = Material(base_color=dark, roughness=0.08, clearcoat=1.0)
        else:
            result["glass_lenses"] = Material(model="thin_glass", base_color=(0.9, 0.9, 0.9), roughness=0.0)
    if clothing["headwear"] == "cap":
        result["cap"] = cloth("accessory_color", 30, 0.85, 0.3)
    if clothing["scarf"] != "none":
        result["scarf"] = cloth("accessory_color", 30, 0.95, 0.6)
    return result


def _upper_materials(
    cloth: Callable[..., Material], clothing: Mapping[str, Any], add_png: Callable[[bytes], Digest]
) -> dict[str, Material]:
    shirt = cloth("shirt_color", 23)
    outfit = outfit_of(clothing)
    if not outfit.textured:
        return {"shirt": shirt}
    pattern, outer = cloth("pattern_color", 26), cloth("outer_color", 27, 0.7, 0.2)
    texture = add_png(
        cloth_texture(outfit.pattern, outfit.garment, shirt.base_color, pattern.base_color, outfit.detail_seed)
    )
    contrasting = outfit.garment == "t_shirt" and outfit.detail_seed % 4 == 0
    trim = pattern if contrasting else Material(base_color=tinted(shirt.base_color, (0.8,) * 3), roughness=0.9)
    cord = (0.6, 0.59, 0.56) if outfit.detail_seed % 3 else (0.03, 0.03, 0.03)
    return {
        "shirt": Material(base_color=(1.0, 1.0, 1.0), base_color_texture=texture, roughness=0.9, sheen=0.25),
        "shirt_trim": trim,
        "collar": shirt,
        "hood": shirt,
        "cords": Material(base_color=cord, roughness=0.8),
        "jacket": outer,
        "jacket_collar": outer,
    }


def _hair_material(color: LinearRgb, clothing: Mapping[str, Any], add_png: Callable[[bytes], Digest]) -> Material:
    if str(clothing["hair"]) not in HAIR_LOCKS:
        return Material(base_color=color, roughness=0.5, sheen=0.2)
    texture = add_png(hair_texture(int(clothing["detail_seed"]) % HAIR_TEXTURES))
    bright = tinted(color, (1 / HAIR_MEAN,) * 3)
    return Material(base_color=bright, base_color_texture=texture, roughness=0.6)
