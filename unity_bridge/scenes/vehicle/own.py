"""A user's own vehicle as a model of ours: its meshes as parts, with the labels and materials of the generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from contracts.frame_spec import Material, PartBinding
from contracts.ids import canonical_json
from contracts.own_assets import OwnVehicle
from unity_bridge.scenes.composition import AssetCollector
from unity_bridge.scenes.mesh import Model, Surface, crease_normals, face_normals, unit
from unity_bridge.scenes.own_files import read_own_file
from unity_bridge.vehicle_files import VehicleMaterial, VehicleMesh, read_vehicle

_REMEMBERED = 8


@dataclass(frozen=True)
class Footprint:
    """How much ground a vehicle covers."""

    length_m: float
    width_m: float


@dataclass(frozen=True)
class _Read:
    model: Model
    meshes: Mapping[str, VehicleMesh]
    """By part."""
    areas_m2: Mapping[str, float]


def own_model(own: OwnVehicle) -> Model:
    """The vehicle in its frame: x forward, y left, z up, on the ground, its middle at the origin; read once.

    Raises:
        ConfigurationError: The file is not in this home, or can't be understood.
    """
    return _read(canonical_json(own)).model


def footprint(model: Model) -> Footprint:
    """Of a model in the vehicle's frame."""
    (x0, y0, _), (x1, y1, _) = model.bounds.tolist()
    return Footprint(x1 - x0, y1 - y0)


def own_parts(
    own: OwnVehicle, instance: int, finishes: Mapping[str, Material], assets: AssetCollector
) -> tuple[dict[str, PartBinding], dict[str, Material]]:
    """What each part is in a frame, and the materials that they name.

    instance: value in the instance mask. finishes: the generator's own materials by finish, for the materials that it
    maps to paint or glass.
    """
    read = _read(canonical_json(own))
    parts: dict[str, PartBinding] = {}
    materials: dict[str, Material] = {}
    names: dict[VehicleMaterial, str] = {}
    for part, mesh in read.meshes.items():
        made = mesh.material
        name = names.setdefault(made, f"vehicle_own_{len(names)}" if made.finish == "own" else f"vehicle_{made.finish}")
        materials[name] = _material(made, assets) if made.finish == "own" else finishes[made.finish]
        parts[part] = PartBinding(material=name, label=mesh.label, instance=instance)
    return parts, materials


def mean_color(own: OwnVehicle, finishes: Mapping[str, Material]) -> tuple[float, float, float]:
    """Linear reflectance of what is opaque, by area; a texture counts as a mid grey."""
    read = _read(canonical_json(own))
    total, area_m2 = np.zeros(3), 1e-9
    for part, mesh in read.meshes.items():
        made = mesh.material
        color = finishes[made.finish].base_color if made.finish != "own" else made.base_color
        is_glass = made.is_glass or made.finish.endswith("glass")
        if not is_glass:
            total += read.areas_m2[part] * np.array(color) * (0.4 if made.texture else 1.0)
            area_m2 += read.areas_m2[part]
    red, green, blue = (float(value) for value in total / area_m2)
    return red, green, blue


@lru_cache(maxsize=_REMEMBERED)
def _read(canonical: bytes) -> _Read:
    own = OwnVehicle.model_validate_json(canonical)
    meshes = {mesh.name: mesh for mesh in read_vehicle(read_own_file(own.digest), own, f"own vehicle {own.digest}")}
    parts = [_surface(mesh).named(name) for name, mesh in meshes.items()]
    areas = {
        name: 0.5 * float(np.linalg.norm(face_normals(mesh.vertices, mesh.faces), axis=1).sum())
        for name, mesh in meshes.items()
    }
    return _Read(Model("own_vehicle", tuple(parts)), meshes, areas)


def _surface(mesh: VehicleMesh) -> Surface:
    """Where a file has no normals, each triangle is flat under a texture, as glTF says, and creased without one."""
    uvs = mesh.uvs if mesh.material.texture is not None else None
    if mesh.normals is not None:
        return Surface(mesh.vertices, mesh.faces, unit(mesh.normals), uvs)
    if uvs is None:
        welded, places = np.unique(mesh.vertices, axis=0, return_inverse=True)
        return crease_normals(welded, places.reshape(-1)[mesh.faces])
    corners = mesh.faces.ravel()
    flat = np.repeat(unit(face_normals(mesh.vertices, mesh.faces)), 3, axis=0)
    return Surface(mesh.vertices[corners], np.arange(len(corners)).reshape(-1, 3), flat, uvs[corners])


def _material(made: VehicleMaterial, assets: AssetCollector) -> Material:
    if made.is_glass:
        return Material(model="thin_glass", base_color=made.base_color)
    return Material(
        base_color=made.base_color,
        base_color_texture=None if made.texture is None else assets.add_png(made.texture),
        metallic=made.metallic,
        roughness=made.roughness,
    )
