"""A frame's geometry, materials and lights as a Mitsuba scene that is kept and altered from frame to frame.

Units: metres; radiance values are luminance in cd/m2 and irradiance values illuminance in lux, as linear Rec. 709 RGB
whose luminance is that quantity. The variant must be set before this module is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np
from numpy.typing import NDArray

from contracts.frame_spec import DirectionalLight, Environment, Material
from unity_bridge.embedded.exposure import LUMINANCE_WEIGHTS
from unity_bridge.embedded.geometry import (
    TABLE_COLUMNS,
    FrameGeometry,
    MaterialMesh,
    MeshArrays,
    corner_marks,
)

PANE_TRANSMITTANCE = 1 - 2 * 0.04 / 1.04
"""Of a clear pane of refractive index 1.5 at normal incidence, reflections within it counted (Fresnel)."""
CLEARCOAT_GLOSS = 0.96
SMALLEST_LAMP_SHARE = 0.02
"""Of the sampling effort that the strongest light gets."""
# Mitsuba's environment has y up and its image's centre at +z, left half at +x; ours has z up, centre +x, left +y.
_WORLD_FROM_MITSUBA = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


DARKNESS = DirectionalLight(direction=(0.0, 0.0, -1.0), illuminance_lux=0.0, color=(1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Structure:
    """All that a compiled kernel depends on. Slots come in coarse steps, so that few structures occur, and follow from
    the frame alone: its picture must not depend on which frames came before."""

    textured_slots: int
    emissive_slots: int
    lights: int
    environment_shape: tuple[int, int]
    extent_m: float


@dataclass
class SceneContent:
    """What a frame puts into a scene.

    lights: at least one; `DARKNESS` where there is none.
    textures: one (H, W, 3) uint8 sRGB image for each textured mesh, with the digest that names it.
    environment_image: (H, W, 3) float32.
    """

    geometry: FrameGeometry
    textures: list[tuple[str, NDArray[np.uint8]]]
    lights: tuple[DirectionalLight, ...]
    environment: Environment
    environment_image: NDArray[np.float32]
    camera_position: NDArray[np.float64]

    @property
    def structure(self) -> Structure:
        """Which kernels this content needs."""
        return Structure(
            _slots(max(1, len(self.geometry.textured))),
            _slots(len(self.geometry.emissive)),
            len(self.lights),
            self.environment_image.shape[:2],
            self.geometry.extent_m,
        )


class Scene:
    """A Mitsuba scene. `update` puts the next frame's content into it; where the variant compiles nothing (scalar)
    a scene is made for each frame instead."""

    def __init__(self, content: SceneContent) -> None:
        self.structure = content.structure
        self._known: dict[str, str] = {}
        description: dict[str, Any] = {"type": "scene"}
        surface = _surface(
            {name: _table(_table_values(name, content.geometry.surface_materials)) for name in _SURFACE_TABLES}
        )
        glass = _glass(_table_values("transmittance", content.geometry.glass_materials))
        for name, mesh in self.meshes(content.geometry):
            bsdf, emitter = surface, None
            slot = int(name.rpartition("_")[2]) if "_" in name else 0
            if name == "glass":
                bsdf = glass
            elif name.startswith("textured"):
                bsdf = _textured(*_textured_values(content, slot))
            elif name.startswith("emissive"):
                item = content.geometry.emissive[slot] if slot < len(content.geometry.emissive) else None
                bsdf = _emissive_body(item)
                radiance, weight = _lamp(item, content)
                emitter = {"type": "area", "radiance": _rgb(radiance), "sampling_weight": weight}
            description[name] = _mesh(name, mesh, bsdf, emitter)
        sky_weight, light_weights = _light_weights(content)
        description["sky"] = {
            "type": "envmap",
            "bitmap": mi.Bitmap(content.environment_image),
            "scale": content.environment.luminance_cd_m2,
            "to_world": mi.ScalarTransform4f(_environment_pose(content.environment)),
            "sampling_weight": sky_weight,
        }
        for index, light in enumerate(content.lights):
            description[f"light_{index}"] = {
                "type": "directional",
                "direction": list(light.direction),
                "irradiance": _rgb(np.array(light.color) * light.illuminance_lux),
                "sampling_weight": light_weights[index],
            }
        self.mitsuba: Any = mi.load_dict(description, parallel=False)
        self._parameters: Any = mi.traverse(self.mitsuba)
        self._fillers: list[Any] = []

    def update(self, content: SceneContent) -> None:
        """Replace the content by another of the same structure.

        A kernel's code follows the numbers of the variables that it is made of, and new variables take the lowest
        free ones. So that each frame finds its kernels compiled, gaps are filled before new values are made, all of
        them are made before any takes its place, and the gaps that this leaves are filled again.
        """
        self._fillers = _fillers()
        for name, value in self._new_values(content).items():
            self._parameters[name] = value
        self._parameters.update()
        self._fillers += _fillers()

    def _new_values(self, content: SceneContent) -> dict[str, Any]:
        """What differs from frame to frame, by Mitsuba's name of the parameter."""
        values: dict[str, Any] = {}
        geometry = content.geometry
        if self._is_new("sky", content.environment.image):
            image = content.environment_image
            values["sky.data"] = mi.TensorXf(np.concatenate([image, image[:, :1]], axis=1))
        sky_weight, light_weights = _light_weights(content)
        values["sky.sampling_weight"] = sky_weight
        values["sky.scale"] = _opaque(content.environment.luminance_cd_m2)
        values["sky.to_world"] = _transform(_environment_pose(content.environment))
        for index, light in enumerate(content.lights):
            values[f"light_{index}.sampling_weight"] = light_weights[index]
            values[f"light_{index}.irradiance.value"] = _color(np.array(light.color) * light.illuminance_lux)
            values[f"light_{index}.to_world"] = _transform(_light_pose(light))
        for name in _SURFACE_TABLES:
            values[f"surface.bsdf.brdf_0.{name}.data"] = mi.TensorXf(_table_values(name, geometry.surface_materials))
        table = _table_values("transmittance", geometry.glass_materials)
        values["glass.bsdf.specular_transmittance.data"] = mi.TensorXf(table)
        for slot in range(self.structure.textured_slots):
            values |= self._textured(slot, content)
        for slot in range(self.structure.emissive_slots):
            values |= _emissive(slot, content)
        for name, mesh in self.meshes(geometry):
            values[f"{name}.vertex_positions"] = mi.Float(mesh.positions.ravel())
            values[f"{name}.vertex_normals"] = mi.Float(mesh.normals.ravel())
            values[f"{name}.vertex_texcoords"] = mi.Float(mesh.uvs.ravel())
            values[f"{name}.faces"] = mi.UInt32(mesh.faces.ravel())
        return values

    def _is_new(self, name: str, value: str) -> bool:
        """Whether a costly value is another than last time."""
        if self._known.get(name) == value:
            return False
        self._known[name] = value
        return True

    def _textured(self, slot: int, content: SceneContent) -> dict[str, Any]:
        material, digest, image = _textured_values(content, slot)
        prefix = f"textured_{slot}.bsdf.brdf_0"
        values = {}
        if self._is_new(prefix, f"{digest} {material.base_color}"):
            values[f"{prefix}.base_color.data"] = mi.TensorXf(_linear_texture(image, material.base_color))
        return values | _uniform_values(prefix, material)

    def meshes(self, geometry: FrameGeometry) -> list[tuple[str, MeshArrays]]:
        """Every shape of the structure by name; slots that the frame doesn't need hold the corner marks."""
        spare = corner_marks(geometry.extent_m)
        named = [("surface", geometry.surface), ("glass", geometry.glass if geometry.glass is not None else spare)]
        for kind, items, slots in (
            ("textured", geometry.textured, self.structure.textured_slots),
            ("emissive", geometry.emissive, self.structure.emissive_slots),
        ):
            for slot in range(slots):
                named.append((f"{kind}_{slot}", items[slot].mesh if slot < len(items) else spare))
        return named


_SURFACE_TABLES = ("base_color", "metallic", "roughness", "clearcoat", "sheen")
_UNIFORM = ("metallic", "roughness", "clearcoat", "sheen")


_FILLERS = 4096
_FIRST_FILLER = 0x7F000000


def _slots(count: int) -> int:
    """0, 4, 8, 16 and so on."""
    return 0 if count == 0 else max(4, 1 << (count - 1).bit_length())


def _rgb(values: NDArray[np.float64]) -> dict[str, Any]:
    return {"type": "rgb", "value": [float(value) for value in values]}


def _fillers() -> list[Any]:
    """Variables that take up free numbers as long as they are kept; each is another, or they would be one."""
    return [mi.UInt32(_FIRST_FILLER + number) for number in range(_FILLERS)]


def _opaque(value: float) -> Any:
    """A number that kernels read at run time: written into a kernel, it would need another one for each value."""
    return dr.opaque(mi.Float, float(value))


def _color(values: Sequence[float] | NDArray[np.float64]) -> Any:
    return mi.Color3f(*(_opaque(value) for value in values))


def _transform(matrix: NDArray[np.float64]) -> Any:
    return mi.Transform4f(mi.Matrix4f([[_opaque(value) for value in row] for row in matrix.tolist()]))


def _mesh(name: str, arrays: MeshArrays, bsdf: Any, emitter: dict[str, Any] | None) -> Any:
    properties = mi.Properties()
    properties["bsdf"] = bsdf
    if emitter is not None:
        properties["emitter"] = mi.load_dict(emitter)
    mesh = mi.Mesh(name, len(arrays.positions), len(arrays.faces), properties, True, True)
    values = mi.traverse(mesh)
    values["vertex_positions"] = arrays.positions.ravel()
    values["vertex_normals"] = arrays.normals.ravel()
    values["vertex_texcoords"] = arrays.uvs.ravel()
    values["faces"] = arrays.faces.ravel()
    values.update()
    return mesh


def _table_values(name: str, materials: list[Material]) -> NDArray[np.float32]:
    """(2, columns, channels) float32: one property of every material; both rows alike, as a texture needs two."""
    if name == "transmittance":
        rows = [np.minimum(np.array(material.base_color) / PANE_TRANSMITTANCE, 1) for material in materials]
    elif name == "base_color":
        rows = [np.array(material.base_color) for material in materials]
    else:
        rows = [np.array([getattr(material, name)]) for material in materials]
    table = np.full((2, TABLE_COLUMNS, 3 if name in ("transmittance", "base_color") else 1), 0.5, np.float32)
    if rows:
        table[:, : len(rows)] = np.array(rows)
    return table


def _table(values: NDArray[np.float32]) -> dict[str, Any]:
    return {
        "type": "bitmap",
        "bitmap": mi.Bitmap(values),
        "raw": True,
        "filter_type": "nearest",
        "wrap_mode": "clamp",
    }


def _surface(properties: dict[str, Any]) -> Any:
    return mi.load_dict(
        {
            "type": "twosided",
            "brdf": {"type": "principled", "specular": 0.5, "clearcoat_gloss": CLEARCOAT_GLOSS, **properties},
        }
    )


def _glass(transmittance: NDArray[np.float32]) -> Any:
    return mi.load_dict({"type": "thindielectric", "int_ior": 1.5, "specular_transmittance": _table(transmittance)})


def _uniform(material: Material) -> dict[str, Any]:
    return {name: float(getattr(material, name)) for name in _UNIFORM}


def _textured(material: Material, _: str, image: NDArray[np.uint8]) -> Any:
    texture = {"type": "bitmap", "bitmap": mi.Bitmap(_linear_texture(image, material.base_color)), "raw": True}
    return _surface({"base_color": texture, **_uniform(material)})


def _textured_values(content: SceneContent, slot: int) -> tuple[Material, str, NDArray[np.uint8]]:
    if slot < len(content.geometry.textured):
        digest, image = content.textures[slot]
        return content.geometry.textured[slot].material, digest, image
    return Material(), "spare", np.zeros((2, 2, 3), np.uint8)


def _emissive_body(item: MaterialMesh | None) -> Any:
    material = item.material if item is not None else Material()
    return _surface({"base_color": _rgb(np.array(material.base_color)), **_uniform(material)})


def _linear_texture(image: NDArray[np.uint8], base_color: tuple[float, float, float]) -> NDArray[np.float32]:
    """(H, W, 3) float32 linear reflectance of an sRGB image, multiplied with a colour; at least 2x2."""
    encoded = np.arange(256) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    tables = (linear[:, None] * np.array(base_color)).astype(np.float32)
    values = np.stack([tables[:, channel][image[:, :, channel]] for channel in range(3)], axis=-1)
    repeats = [2 if side == 1 else 1 for side in values.shape[:2]]
    return np.tile(values, (*repeats, 1))


def _light_weights(content: SceneContent) -> tuple[float, list[float]]:
    """Shares of the sampling effort of the sky and of each light, the strongest having 1.

    By the square root of what each gives: by the full value, places in the shadow of the strongest would be starved.
    """
    sky = np.pi * content.environment.luminance_cd_m2
    given = np.array([sky, *(light.illuminance_lux for light in content.lights)])
    if not given.any():
        return 1.0, [0.0] * len(content.lights)
    sky_weight, *weights = np.sqrt(given / given.max()).tolist()
    return sky_weight, weights


def _lamp(item: MaterialMesh | None, content: SceneContent) -> tuple[NDArray[np.float64], float]:
    """Radiance of a lamp, and its share of the sampling effort where the environment and the sun have 1."""
    if item is None:
        return np.zeros(3), 0.0
    color = np.array(item.material.base_color)
    radiance = color / (np.array(LUMINANCE_WEIGHTS) @ color) * item.material.luminance_cd_m2
    corners = item.mesh.positions[item.mesh.faces].astype(np.float64)
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum()
    distance = max(float(np.linalg.norm(corners.mean(axis=(0, 1)) - content.camera_position)), 1.0)
    own = item.material.luminance_cd_m2 * area / distance**2
    others = [np.pi * content.environment.luminance_cd_m2, *(light.illuminance_lux for light in content.lights)]
    return radiance, float(np.clip(own / max(*others, 1e-9), SMALLEST_LAMP_SHARE, 1.0))


def _emissive(slot: int, content: SceneContent) -> dict[str, Any]:
    item = content.geometry.emissive[slot] if slot < len(content.geometry.emissive) else None
    material = item.material if item is not None else Material()
    name = f"emissive_{slot}"
    radiance, weight = _lamp(item, content)
    return {
        f"{name}.emitter.radiance.value": _color(radiance),
        f"{name}.emitter.sampling_weight": weight,
        f"{name}.bsdf.brdf_0.base_color.value": _color(material.base_color),
        **_uniform_values(f"{name}.bsdf.brdf_0", material),
    }


def _uniform_values(prefix: str, material: Material) -> dict[str, Any]:
    return {f"{prefix}.{name}.value": _opaque(getattr(material, name)) for name in _UNIFORM}


def _environment_pose(environment: Environment) -> NDArray[np.float64]:
    pose = np.eye(4)
    pose[:3, :3] = np.array(environment.world_from_environment) @ _WORLD_FROM_MITSUBA
    return pose


def _light_pose(light: DirectionalLight) -> NDArray[np.float64]:
    """A rotation that takes +z to the light's direction, built as Mitsuba builds it from a direction."""
    direction = np.array(light.direction) / np.linalg.norm(light.direction)
    helper = np.array([1.0, 0.0, 0.0]) if abs(direction[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    side = np.cross(direction, helper)
    side /= np.linalg.norm(side)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = side, np.cross(direction, side), direction
    return pose


def is_compiled() -> bool:
    """Whether the variant compiles kernels (LLVM, CUDA), for which scenes are kept."""
    return bool(dr.is_jit_v(mi.Float))
