"""Surfaces of a vehicle: from its sampled paint and glass to one material for each finish."""

from __future__ import annotations

import colorsys

import numpy as np

from contracts.frame_spec import LinearRgb, Material
from unity_bridge.sampling import Value

# Linear reflectance (low, high) of red, green and blue of common paints.
_PAINTS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "white": ((0.62, 0.62, 0.60), (0.82, 0.82, 0.82)),
    "silver": ((0.36, 0.37, 0.38), (0.52, 0.53, 0.54)),
    "grey": ((0.06, 0.065, 0.07), (0.25, 0.25, 0.26)),
    "black": ((0.006, 0.006, 0.007), (0.025, 0.025, 0.028)),
    "red": ((0.20, 0.012, 0.014), (0.50, 0.06, 0.06)),
    "blue": ((0.012, 0.03, 0.10), (0.10, 0.22, 0.42)),
    "green": ((0.01, 0.06, 0.02), (0.25, 0.45, 0.08)),
    "yellow": ((0.55, 0.38, 0.01), (0.75, 0.60, 0.08)),
    "orange": ((0.50, 0.12, 0.005), (0.70, 0.26, 0.03)),
    "brown": ((0.05, 0.025, 0.012), (0.16, 0.09, 0.05)),
    "beige": ((0.38, 0.32, 0.22), (0.55, 0.48, 0.36)),
}
_DECALS = ("black", "black", "grey", "white", "red", "blue", "orange", "any")
_DUST = np.array([0.29, 0.265, 0.23])


def _rgb(values: object) -> LinearRgb:
    red, green, blue = (round(float(value), 5) for value in np.clip(np.asarray(values, dtype=np.float64), 0.0, 1.0))
    return red, green, blue


def paint_color(color: str, random: np.random.Generator) -> LinearRgb:
    """A shade of a family of colours, linear reflectance."""
    if color == "any":
        encoded = colorsys.hsv_to_rgb(random.random(), random.uniform(0.25, 0.8), random.uniform(0.2, 0.85))
        return _rgb(np.asarray(encoded) ** 2.2)
    low, high = (np.asarray(limit) for limit in _PAINTS[color])
    # One position between the limits keeps the hue; a little of each channel's own varies it.
    share = np.clip(random.random() + random.normal(0, 0.08, 3), 0, 1)
    return _rgb(low + (high - low) * share)


def vehicle_materials(
    paint: dict[str, Value], glass: dict[str, Value], vehicle_seed: int, paint_seed: int
) -> dict[str, Material]:
    """A material for each finish of `vehicle.labels`.

    paint: values of a `Paint` randomizer; glass: of a `Glass` randomizer. The seeds draw what the fields leave open:
    the shade, and whether mirrors, handles and pillars are painted, bright or black.
    """
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([paint_seed, 1])))
    details = np.random.Generator(np.random.Philox(np.random.SeedSequence([vehicle_seed, 2])))
    dirt = float(paint["dirt"])
    clean = np.asarray(paint_color(str(paint["color"]), random))
    painted = _rgb(clean * (1 - 0.5 * dirt) + 0.5 * dirt * _DUST)
    finish = str(paint["finish"])
    coat = {"solid": 1.0, "metallic": 1.0, "matte": 0.1}[finish] * (1 - 0.6 * dirt)
    rough = {"solid": 0.12, "metallic": 0.24, "matte": 0.55}[finish]
    body = Material(
        base_color=painted,
        metallic=random.uniform(0.3, 0.75) if finish == "metallic" else 0.0,
        roughness=min(rough + 0.3 * dirt, 1.0),
        clearcoat=coat,
    )
    chrome = Material(base_color=(0.62, 0.62, 0.63), metallic=0.9, roughness=0.18)
    plastic = Material(base_color=_rgb(np.full(3, details.uniform(0.025, 0.08))), roughness=0.55)
    gloss = Material(base_color=(0.016, 0.016, 0.017), roughness=0.15, clearcoat=0.6)
    # Red plastic before a bright reflector: lighter and paler than a red surface.
    tail = np.array([details.uniform(0.2, 0.5), details.uniform(0.01, 0.055), details.uniform(0.012, 0.065)])
    if details.random() < 0.12:
        tail = np.array([0.10, 0.008, 0.010])  # smoked
    rim_kind = details.random()
    rim_level = details.uniform(0.35, 0.7) if rim_kind < 0.75 else details.uniform(0.015, 0.06)
    cabin = (
        details.uniform(0.03, 0.14) * np.array([1.0, 0.97, 0.93])
        if details.random() < 0.7
        else details.uniform(0.2, 0.4) * np.array([1.0, 0.85, 0.65])
    )
    lettering = details.random()
    plate, characters = _number_plate(details)
    extra = {
        "roof": gloss if details.random() < 0.08 else body,
        "window_border": chrome if details.random() < 0.25 else gloss,
        "characters": Material(base_color=characters, roughness=0.6),
        "moulding": (chrome, plastic, plastic, body)[int(details.integers(4))],
        "decal": Material(base_color=paint_color(_DECALS[int(details.integers(len(_DECALS)))], details), roughness=0.3),
        "lettering": chrome if lettering < 0.6 else (plastic if lettering < 0.8 else body),
        "lamp_bezel": Material(base_color=_rgb(np.full(3, details.uniform(0.01, 0.12))), roughness=0.25),
    }
    return extra | {
        "paint": body,
        "gloss_black": gloss,
        "plastic": plastic,
        "chrome": chrome,
        "windshield_glass": _pane(glass["windshield_transmittance"]),
        "front_glass": _pane(glass["front_transmittance"]),
        "back_glass": _pane(glass["back_transmittance"]),
        "rear_glass": _pane(glass["rear_transmittance"]),
        "frit": Material(base_color=(0.014, 0.014, 0.015), roughness=0.12),
        "lamp_lens": Material(model="thin_glass", base_color=(0.85, 0.85, 0.85)),
        "lamp_bowl": Material(base_color=_rgb(np.full(3, details.uniform(0.05, 0.5))), metallic=0.7, roughness=0.3),
        "lamp_light": Material(base_color=(0.6, 0.61, 0.63), metallic=0.3, roughness=0.15, clearcoat=1.0),
        "tail_red": Material(base_color=_rgb(tail), roughness=0.2, clearcoat=1.0),
        "tail_clear": Material(
            base_color=_rgb(details.uniform(0.2, 0.6) * np.array([1.0, 0.93, 0.9]))
            if details.random() < 0.75
            else (0.5, 0.14, 0.01),
            roughness=0.25,
            clearcoat=1.0,
        ),
        "mirror_glass": Material(base_color=(0.75, 0.78, 0.8), metallic=1.0, roughness=0.05),
        "mirror_cover": body if details.random() < 0.72 else (gloss if details.random() < 0.6 else plastic),
        "mirror_lower": plastic if details.random() < 0.45 else (gloss if details.random() < 0.2 else body),
        "handle": body if details.random() < 0.55 else (chrome if details.random() < 0.6 else plastic),
        "rubber": Material(base_color=_rgb(np.full(3, 0.03 + 0.05 * dirt)), roughness=0.85),
        "rim": Material(base_color=_rgb(np.full(3, rim_level)), metallic=0.8, roughness=0.32),
        "brake": Material(base_color=(0.09, 0.09, 0.09), metallic=0.6, roughness=0.5),
        "plate": Material(base_color=plate, roughness=0.45),
        "interior": Material(base_color=_rgb(cabin), roughness=0.85),
        "seam": Material(base_color=(0.012, 0.012, 0.012), roughness=0.95),
        "underbody": Material(base_color=(0.02, 0.02, 0.02), roughness=0.95),
        "grille": Material(base_color=(0.018, 0.018, 0.018), roughness=0.5),
        "strip": chrome if details.random() < 0.45 else body,
        "grille_bar": chrome if details.random() < 0.45 else (gloss if details.random() < 0.6 else body),
    }


def _number_plate(details: np.random.Generator) -> tuple[LinearRgb, LinearRgb]:
    """Colours of a number plate and of its characters.

    White, as dealers' and taxis' in several countries red, yellow or dark. Photographs on the web mostly have them
    blurred or covered: then plate and characters are nearly one colour.
    """
    kind = details.random()
    if kind < 0.58:
        plate = details.uniform(0.3, 0.8) * np.array([1.0, 1.0, details.uniform(0.9, 1.0)])
    elif kind < 0.80:
        plate = details.uniform(0.1, 0.35) * np.array([1.0, details.uniform(0.08, 0.35), details.uniform(0.1, 0.35)])
    elif kind < 0.87:
        plate = details.uniform(0.45, 0.7) * np.array([1.0, 0.75, 0.1])
    else:
        plate = details.uniform(0.02, 0.3) * np.ones(3)
    dark = 0.06 if details.random() < 0.35 else details.uniform(0.55, 1.0)
    return _rgb(plate), _rgb(plate * dark)


def _pane(transmittance: Value) -> Material:
    value = float(transmittance)
    return Material(model="thin_glass", base_color=_rgb(value * np.array([0.97, 1.0, 0.98])))
