"""Furnishes a frame with what its `Surroundings` randomizer says: ground, wall, other vehicles, clutter, environment.

Everything here is labelled background and stands beside or behind the vehicle as the camera sees it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from contracts.frame_spec import Environment, Material, PartBinding, SceneObject
from contracts.own_assets import OwnEnvironment
from unity_bridge.sampling import DETAIL_SEED, Value
from unity_bridge.scenes.composition import AssetCollector, matrix3, matrix4
from unity_bridge.scenes.exterior.materials import vehicle_materials
from unity_bridge.scenes.glb import read_glb, write_glb
from unity_bridge.scenes.mesh import Model, rotation
from unity_bridge.scenes.shelf import kept
from unity_bridge.scenes.surroundings.environments import ENVIRONMENTS, environment_image
from unity_bridge.scenes.surroundings.panorama import panorama_file
from unity_bridge.scenes.surroundings.radiance import encode_radiance
from unity_bridge.scenes.surroundings.scenery import CLUTTER, WALL_TILE_M, clutter, ground, placed, wall
from unity_bridge.scenes.surroundings.textures import (
    GROUNDS,
    WALLS,
    Image,
    ground_texture,
    muted_color,
    png_of,
    wall_texture,
)
from unity_bridge.scenes.vehicle.build import build_vehicle
from unity_bridge.scenes.vehicle.labels import PARTS
from unity_bridge.scenes.vehicle.own import Footprint
from unity_bridge.scenes.vehicle.shape import BODY_STYLES, VehicleShape, draw_shape

_OTHER_VEHICLES = 18
_VARIANTS = 32
"""Pictures of each kind of environment, ground and wall. Making one costs more than the rest of a frame, so they are
drawn from a fixed set, kept, and varied by rotation and place; the number follows from the detail seed."""
_HORIZON = 0.4
"""Luminance of the environment near the horizon, relative to its mean, as a wall of that reflectance has it."""
_COLORS = ("white", "silver", "grey", "black", "red", "blue", "any")


@lru_cache(maxsize=1)
def _ground() -> Model:
    return ground()


@dataclass(frozen=True)
class _Texture:
    """A PNG file and its mean linear reflectance."""

    file: bytes
    reflectance: float

    @classmethod
    def of(cls, linear: Image) -> _Texture:
        return cls(png_of(linear), round(float(linear.mean()), 4))

    def packed(self) -> bytes:
        return struct.pack("<d", self.reflectance) + self.file

    @classmethod
    def unpacked(cls, data: bytes) -> _Texture:
        return cls(data[8:], float(struct.unpack("<d", data[:8])[0]))


@kept(_OTHER_VEHICLES, write_glb, read_glb)
def _other_vehicle(number: int) -> Model:
    """One of a fixed set of vehicles of low detail, so that their assets are shared by many frames."""
    return build_vehicle(draw_shape(BODY_STYLES[number % len(BODY_STYLES)], number), detail=0.4)


@kept(len(ENVIRONMENTS) * _VARIANTS, bytes, bytes)
def _environment_file(kind: str, number: int) -> bytes:
    return encode_radiance(environment_image(kind, _fixed_random(number, 3)))


@kept(len(GROUNDS) * _VARIANTS, _Texture.packed, _Texture.unpacked)
def _ground_texture(kind: str, number: int) -> _Texture:
    return _Texture.of(ground_texture(kind, _fixed_random(number, 1)))


@kept(len(WALLS) * _VARIANTS, _Texture.packed, _Texture.unpacked)
def _wall_texture(kind: str, number: int) -> _Texture:
    return _Texture.of(wall_texture(kind, _fixed_random(number, 4)))


def _fixed_random(number: int, subject: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([number, subject])))


def _random(values: dict[str, Value], *names: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([int(values[DETAIL_SEED]), *names])))


def add_surroundings(
    around: dict[str, Value],
    shape: VehicleShape | Footprint,
    eye: NDArray[np.float64],
    luminance_cd_m2: float,
    assets: AssetCollector,
    objects: list[SceneObject],
    materials: dict[str, Material],
    own: OwnEnvironment | None = None,
) -> tuple[Environment, float]:
    """Appends objects and materials, and returns the environment, and about how much of the light the ground and what
    stands behind the vehicle reflect.

    around: values of a `Surroundings` randomizer; eye: (3,) the camera's position, metres; own: panorama in place of
    the environment that the values name. Each subject draws from a
    stream of its own under the randomizer's detail seed, so that adding a wall moves no pole.
    """
    texture = _ground_texture(str(around["ground"]), int(_random(around, 1).integers(_VARIANTS)))
    shine = _random(around, 2)
    materials["ground"] = Material(
        base_color=(1.0, 1.0, 1.0),
        base_color_texture=assets.add_png(texture.file),
        roughness=shine.uniform(0.25, 0.5) if around["ground"] in ("tiles", "plain") else shine.uniform(0.6, 0.95),
    )
    materials["speck"] = Material(base_color=(0.5, 0.5, 0.5))
    objects.append(
        SceneObject(
            name="ground",
            asset=assets.add_model(_ground()),
            world_from_object=matrix4(placed(0.0, 0.0, float(np.round(shine.uniform(0, 360), 3)))),
            parts={
                "ground": PartBinding(material="ground", label="background"),
                "speck": PartBinding(material="speck", label="background"),
            },
        )
    )
    away = -np.asarray(eye[:2]) / max(float(np.linalg.norm(eye[:2])), 1e-6)
    wall_reflectance = _add_wall(around, away, assets, objects, materials)
    _add_vehicles(around, shape, away, assets, objects, materials)
    _add_clutter(around, shape, away, assets, objects, materials)
    return _environment(around, luminance_cd_m2, assets, own), 0.5 * (texture.reflectance + wall_reflectance)


def _environment(
    around: dict[str, Value], luminance_cd_m2: float, assets: AssetCollector, own: OwnEnvironment | None
) -> Environment:
    kind = str(around["environment"]) if own is None else "own"
    data = _environment_file(kind, int(_random(around, 3).integers(_VARIANTS))) if own is None else panorama_file(own)
    turn = rotation((0, 0, 1), float(around["yaw_deg"]))
    if kind == "busy":
        turn = turn @ rotation((0, 1, 0), float(around["pitch_deg"])) @ rotation((1, 0, 0), float(around["roll_deg"]))
    return Environment(
        image=assets.add_hdr(data),
        world_from_environment=matrix3(np.round(turn[:3, :3], 9)),
        luminance_cd_m2=luminance_cd_m2,
    )


def _add_wall(
    around: dict[str, Value],
    away: NDArray[np.float64],
    assets: AssetCollector,
    objects: list[SceneObject],
    materials: dict[str, Material],
) -> float:
    """Adds the wall, if any, and returns its mean reflectance; that of the horizon where there is none."""
    kind = str(around["wall"])
    if kind == "none":
        return _HORIZON
    random = _random(around, 4)
    height = float(random.uniform(1.2, 3.5) if kind in ("hedge", "fence") else random.uniform(2.2, 8.0))
    width = float(random.uniform(14, 34))
    model = wall(width, height, WALL_TILE_M if kind != "street" else (width, height))
    texture = _wall_texture(kind, int(random.integers(_VARIANTS)))
    materials["wall"] = Material(
        base_color=(1.0, 1.0, 1.0), base_color_texture=assets.add_png(texture.file), roughness=0.8
    )
    materials["wall_back"] = Material(base_color=(0.3, 0.3, 0.3), roughness=0.9)
    direction = np.rad2deg(np.arctan2(away[1], away[0])) + random.normal(0, 14)
    sideways = random.uniform(-0.25, 0.25) * width
    heading = np.array([np.cos(np.deg2rad(direction)), np.sin(np.deg2rad(direction))])
    spot = heading * max(float(around["wall_distance_m"]), 3.2) + np.array([-heading[1], heading[0]]) * sideways
    objects.append(
        SceneObject(
            name="wall",
            asset=assets.add_model(model),
            world_from_object=matrix4(np.round(placed(spot[0], spot[1], direction), 9)),
            parts={
                "face": PartBinding(material="wall", label="background"),
                "back": PartBinding(material="wall_back", label="background"),
            },
        )
    )
    return texture.reflectance


def _add_vehicles(
    around: dict[str, Value],
    shape: VehicleShape | Footprint,
    away: NDArray[np.float64],
    assets: AssetCollector,
    objects: list[SceneObject],
    materials: dict[str, Material],
) -> None:
    """Parked beside the vehicle, on the side that the camera does not stand on, or farther behind it."""
    for index in range(round(float(around["other_vehicles"]))):
        random = _random(around, 5, index)
        number = int(random.integers(_OTHER_VEHICLES))
        model = _other_vehicle(number)
        beside = index == 0 and abs(away[1]) > 0.35
        if beside:
            gap = 0.5 * shape.width_m + 0.5 * float(model.bounds[1, 1] - model.bounds[0, 1]) + random.uniform(0.5, 1.2)
            spot = np.array([random.normal(0, 0.7), np.sign(away[1]) * gap])
            yaw = float(random.choice([0, 180])) + random.normal(0, 2)
        else:
            distance = random.uniform(6.5, 15) + 4.0 * index
            turn = random.normal(0, 0.5)
            heading = np.array(
                [away[0] * np.cos(turn) - away[1] * np.sin(turn), away[0] * np.sin(turn) + away[1] * np.cos(turn)]
            )
            spot, yaw = heading * distance, float(random.uniform(0, 360))
        prefix = f"other_{index}"
        paint: dict[str, Value] = {
            "color": _COLORS[int(random.integers(len(_COLORS)))],
            "finish": "solid",
            "dirt": float(random.uniform(0, 0.4)),
        }
        glass: dict[str, Value] = {
            f"{pane}_transmittance": float(random.uniform(0.05, 0.6))
            for pane in ("windshield", "front", "back", "rear")
        }
        seed = int(random.integers(2**31))
        materials |= {
            f"{prefix}_{finish}": made for finish, made in vehicle_materials(paint, glass, seed, seed).items()
        }
        objects.append(
            SceneObject(
                name=prefix,
                asset=assets.add_model(model),
                world_from_object=matrix4(np.round(placed(spot[0], spot[1], yaw), 9)),
                parts={
                    name: PartBinding(material=f"{prefix}_{PARTS[name].finish}", label="background")
                    for name in model.part_names
                },
            )
        )


def _add_clutter(
    around: dict[str, Value],
    shape: VehicleShape | Footprint,
    away: NDArray[np.float64],
    assets: AssetCollector,
    objects: list[SceneObject],
    materials: dict[str, Material],
) -> None:
    for index in range(round(float(around["clutter"]))):
        random = _random(around, 6, index)
        kind = CLUTTER[int(random.integers(len(CLUTTER)))]
        model = clutter(kind, random)
        turn = random.uniform(-1.1, 1.1)
        heading = np.array(
            [away[0] * np.cos(turn) - away[1] * np.sin(turn), away[0] * np.sin(turn) + away[1] * np.cos(turn)]
        )
        # Outside the vehicle's own box, whichever way it lies.
        room = min(
            (0.5 * shape.length_m + 1.0) / max(abs(heading[0]), 1e-6),
            (0.5 * shape.width_m + 1.0) / max(abs(heading[1]), 1e-6),
        )
        spot = heading * (room + random.exponential(2.5))
        name = f"clutter_{index}"
        red, green, blue = (round(float(value), 5) for value in np.clip(muted_color(random, 0.02, 0.8, 0.2), 0, 1))
        materials[name] = Material(base_color=(red, green, blue), roughness=round(float(random.uniform(0.3, 0.9)), 4))
        objects.append(
            SceneObject(
                name=name,
                asset=assets.add_model(model),
                world_from_object=matrix4(np.round(placed(spot[0], spot[1], float(random.uniform(0, 360))), 9)),
                parts={"thing": PartBinding(material=name, label="background")},
            )
        )
