"""The exterior scene family: a vehicle on the ground, what stands around it, light, and a camera framed to it.

The vehicle's frame is the world frame: x forward, y left, z up, origin on the ground midway between the axles.
"""

from __future__ import annotations

import numpy as np

from contracts.camera import Exposure
from contracts.frame_spec import DirectionalLight, PartBinding, SceneObject
from contracts.randomizers.common import Light, Randomizer, SunDirection
from contracts.randomizers.exterior import Glass, OrbitCamera, Paint, Surroundings, Vehicle
from unity_bridge.sampling import DETAIL_SEED, FrameParameters, Value
from unity_bridge.scenes.calibrated_camera import calibrated
from unity_bridge.scenes.composition import (
    AssetCollector,
    ComposedFrame,
    compose_frame,
    horizontal_squeeze,
    matrix4,
)
from unity_bridge.scenes.exterior.framing import framed_camera
from unity_bridge.scenes.exterior.materials import vehicle_materials
from unity_bridge.scenes.exterior.scene import add_surroundings
from unity_bridge.scenes.mesh import Model
from unity_bridge.scenes.photometry import (
    exposure_for,
    rgb_of_temperature,
    white_balance_gains,
)
from unity_bridge.scenes.vehicle.build import build_vehicle
from unity_bridge.scenes.vehicle.labels import PARTS, label_of
from unity_bridge.scenes.vehicle.own import Footprint, footprint, mean_color, own_model, own_parts
from unity_bridge.scenes.vehicle.shape import VehicleShape, draw_shape

VEHICLE_INSTANCE = 1
_USUAL_REFLECTANCE = 0.30
_OUTLINE_POINTS = 4000
"""Of an own vehicle, which may have few parts."""
_AUTOMATIC_SHARE = 0.65
"""Cameras correct most of a difference, not all of it: snow stays bright, a black car in a dark hall dark."""


def compose(parameters: FrameParameters, size: tuple[int, int]) -> ComposedFrame:
    """A frame of the exterior family.

    parameters: as sampled; randomizers that the generator leaves out stand at their defaults. size: width, height in
    pixels. Pure: the same arguments give the same spec and the same asset bytes.
    """
    vehicle, paint = _values(parameters, Vehicle), _values(parameters, Paint)
    glass, orbit = _values(parameters, Glass), _values(parameters, OrbitCamera)
    around = _values(parameters, Surroundings)
    assets = AssetCollector()
    finishes = vehicle_materials(paint, glass, int(vehicle[DETAIL_SEED]), int(paint[DETAIL_SEED]))
    shown = parameters.own_vehicle()
    shape: VehicleShape | Footprint
    if shown is None:
        shape = vehicle_shape(vehicle)
        points = 24
        model = build_vehicle(shape, steering_deg=float(vehicle["steering_deg"]))
        color = finishes["paint"].base_color
        materials = {f"vehicle_{finish}": material for finish, material in finishes.items()}
        labels = parameters.generator.labels
        parts = {
            name: PartBinding(
                material=f"vehicle_{PARTS[name].finish}",
                label=label_of(name, labels),
                instance=VEHICLE_INSTANCE,
            )
            for name in model.part_names
        }
    else:
        model = own_model(shown)
        points = max(24, _OUTLINE_POINTS // len(model.parts))
        shape, color = footprint(model), mean_color(shown, finishes)
        parts, materials = own_parts(shown, VEHICLE_INSTANCE, finishes, assets)
    objects = [
        SceneObject(name="vehicle", asset=assets.add_model(model), world_from_object=matrix4(np.eye(4)), parts=parts)
    ]
    framed = framed_camera(
        _outline_points(model, points), orbit, parameters.horizontal_fov_deg, size, horizontal_squeeze(parameters, size)
    )
    camera = calibrated(parameters, framed)
    eye = np.array([row[3] for row in camera.world_from_camera[:3]])
    light = _values(parameters, Light)
    own = parameters.own_environment()  # a panorama has the sun in it, or the clouds before it
    environment, reflectance = add_surroundings(
        around, shape, eye, float(light["sky_luminance_cd_m2"]), assets, objects, materials, own
    )
    lights = [] if own is not None else _sunlight(_values(parameters, SunDirection), light, around)
    return compose_frame(
        parameters,
        camera=camera,
        exposure=Exposure(
            ev100=round(
                exposure_for(
                    lights,
                    environment,
                    float(light["exposure_ev"]) + automatic_ev(color, reflectance),
                ),
                6,
            ),
            white_balance_gains=white_balance_gains(float(light["white_balance_k"])),
        ),
        materials=materials,
        objects=objects,
        lights=lights,
        environment=environment,
        assets=assets,
    )


def automatic_ev(paint: tuple[float, float, float], around: float) -> float:
    """Stops by which a camera's automatic exposure departs from the incident-light reading: it brings what the picture
    shows part of the way to a usual reflectance.

    paint: linear reflectance of the bodywork; around: mean reflectance of ground and background.
    """
    seen = 0.5 * float(np.mean(paint)) + 0.5 * around
    return float(np.clip(_AUTOMATIC_SHARE * np.log2(_USUAL_REFLECTANCE / max(seen, 1e-3)), -0.7, 1.3))


def vehicle_shape(vehicle: dict[str, Value]) -> VehicleShape:
    """The shape that the values of a `Vehicle` randomizer describe."""
    return draw_shape(
        str(vehicle["body"]),
        int(vehicle[DETAIL_SEED]),
        length_scale=float(vehicle["length_scale"]),
        height_scale=float(vehicle["height_scale"]),
        mirror_scale=float(vehicle["mirror_scale"]),
    )


def _values(parameters: FrameParameters, kind: type[Randomizer]) -> dict[str, Value]:
    """Sampled values of a kind of randomizer, or its defaults where the generator has none."""
    sampled = parameters.of_kind(kind.__name__)
    if sampled:
        return sampled
    defaults: dict[str, Value] = {name: field.default for name, field in kind.model_fields.items() if name != "kind"}
    return {DETAIL_SEED: 0, **defaults}


def _outline_points(model: Model, of_each_part: int) -> np.ndarray:
    """Points of the vehicle, from which it is framed."""
    points = [part.vertices[:: max(len(part.vertices) // of_each_part, 1)] for part in model.parts]
    return np.concatenate(points).astype(np.float64)


def _sunlight(sun: dict[str, Value], light: dict[str, Value], around: dict[str, Value]) -> list[DirectionalLight]:
    """The sun, where it stands above the horizon and the scene lies outdoors."""
    elevation, azimuth = np.deg2rad(float(sun["elevation_deg"])), np.deg2rad(float(sun["azimuth_deg"]))
    illuminance = float(light["sun_illuminance_lux"])
    if elevation <= 0 or illuminance <= 0 or around["environment"] == "studio":
        return []
    towards = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    x, y, z = (float(value) for value in np.round(-towards / np.linalg.norm(towards), 9) + 0.0)
    return [
        DirectionalLight(
            direction=(x, y, z),
            illuminance_lux=illuminance,
            color=rgb_of_temperature(float(light["temperature_k"])),
        )
    ]
