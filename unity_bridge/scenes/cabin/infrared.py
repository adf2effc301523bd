"""The cabin as a monochrome near-infrared camera with a lamp beside its lens sees it.

Reflectances are of about 940 nm: skin of every tone is alike and light, since melanin hardly absorbs there; most dyes
of cloth let infrared through to the white fibre beneath, so that black cloth may be bright; carbon black in rubber and
plastics stays dark. The spread within cloth is drawn, being a matter of the dye.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.camera import Camera
from contracts.frame_spec import LinearRgb, Material
from unity_bridge.scenes.mesh import Model, Surface
from unity_bridge.scenes.photometry import LUMINANCE_OF_RGB
from unity_bridge.scenes.shades import detail_stream

LAMP_SIDE_M = 0.05
_SKIN = ("skin", "lips", "face", "lids")
_HAIR = ("hair", "brows", "lashes")
_CLOTH_SHEEN = 0.1
"""Materials with more sheen than this are cloth."""


def infrared_materials(materials: Mapping[str, Material], spectrum: Mapping[str, Any]) -> dict[str, Material]:
    """The same surfaces with the grey of their infrared reflectance.

    Args:
        materials: By part.
        spectrum: Values of a `Spectrum` randomizer.
    """
    found = {}
    for number, (name, material) in enumerate(sorted(materials.items())):
        random = detail_stream(spectrum, 200 + number)
        drawn = float(random.random())
        visible = float(np.array(material.base_color) @ LUMINANCE_OF_RGB)
        changes: dict[str, Any] = {}
        if material.model != "surface":
            grey = visible
        elif name in _SKIN:
            grey = 0.5 + 0.08 * drawn
        elif name in _HAIR:
            grey = 0.12 + 0.2 * drawn + 0.5 * visible
        elif material.sheen > _CLOTH_SHEEN:
            grey = 0.16 + 0.5 * drawn + 0.15 * visible
            changes["base_color_texture"] = None  # dyes that tell a pattern apart seldom do so there
        else:
            grey = visible + 0.08 * drawn
        found[name] = material.model_copy(update={**changes, "base_color": _grey(grey)})
    return found


def _grey(value: float) -> LinearRgb:
    rounded = round(min(value, 0.85), 5)
    return (rounded, rounded, rounded)


def lamp(camera: Camera, illuminance_lux: float) -> tuple[Model, NDArray[np.float64], Material]:
    """A square lamp beside the lens, out of its sight: model, (4, 4) pose, material.

    Args:
        camera: Beside which it stands.
        illuminance_lux: On a surface that faces it one metre away.
    """
    half = LAMP_SIDE_M / 2
    corners = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]], dtype=np.float64)
    # Its front is towards +z, the way the camera looks.
    surface = Surface(corners, np.array([[0, 1, 2], [0, 2, 3]]), np.tile([0.0, 0.0, 1.0], (4, 1)))
    pose = np.array(camera.world_from_camera) @ np.array(
        [[1, 0, 0, 0.04], [0, 1, 0, 0], [0, 0, 1, -0.004], [0, 0, 0, 1.0]]
    )
    luminance = round(illuminance_lux / LAMP_SIDE_M**2, 3)
    material = Material(model="emissive", base_color=(1.0, 1.0, 1.0), luminance_cd_m2=luminance)
    return Model("infrared_lamp", (surface.named("infrared_lamp"),)), pose, material
