"""From sampled parameters to a frame of the cabin: seats, occupant, belt, light, camera.

Source of what varies: Durgé and Fredriksson, "Seat belt segmentation with synthetic data" (2023), generations 1 to 3.
World frame: the vehicle's (x forward, y left, z up), origin at the H-point of the front passenger's seat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.camera import Camera, Exposure, Matrix4, Vector3
from contracts.frame_spec import DirectionalLight, Environment, Material, PartBinding, SceneObject
from contracts.generator import Generator
from contracts.randomizers.cabin import (
    CABIN_COLORS,
    Belt,
    CabinCamera,
    Clothing,
    Interior,
    Occupant,
    Outside,
)
from contracts.randomizers.common import Light, Randomizer, SunDirection
from unity_bridge.sampling import FrameParameters
from unity_bridge.scenes import composition
from unity_bridge.scenes.belt.drape import thicken
from unity_bridge.scenes.belt.routing import Anchorage, BeltRoute, Wearer, route_stowed
from unity_bridge.scenes.belt.surface import DrapeSurface
from unity_bridge.scenes.belt.wearing import Wearing
from unity_bridge.scenes.belt.wearing import route_belt as route_worn
from unity_bridge.scenes.cabin.interior import (
    DRIVER_SEAT_Y_M,
    belt_hardware,
    cabin_shell,
    front_seat,
    seat_obstacle,
    windscreen_x,
)
from unity_bridge.scenes.cabin.resting import lift_arms
from unity_bridge.scenes.cabin.seat import SeatShape, seated_offset
from unity_bridge.scenes.calibrated_camera import calibrated
from unity_bridge.scenes.mesh import Model, Part, merge
from unity_bridge.scenes.occupant.body import BodyShape, load_bodies
from unity_bridge.scenes.occupant.clothing import DressedBody, dress, outfit_of
from unity_bridge.scenes.occupant.layers import laid_over
from unity_bridge.scenes.occupant.look import LABELS_OF_OCCUPANT, occupant_materials
from unity_bridge.scenes.occupant.pose import NAMED_POSES, POSE_LIMITS, SeatedPose, pose_transforms
from unity_bridge.scenes.shades import detail_stream, shade
from unity_bridge.scenes.surroundings.environments import environment_image
from unity_bridge.scenes.surroundings.radiance import encode_radiance

Float64 = NDArray[np.float64]

SHADE_EV = 2.4
"""Stops by which the inside of a car is darker than the light outside, which the exposure is metered for."""
_BEHIND_WINDSCREEN_M = 0.05
"""Nearest that a camera comes to the windscreen; outside of it, the sky's reflection veils the cabin."""
_FLOOR_BELOW_H_POINT_M = 0.375
_NOMINAL_RECLINE_DEG = 21.0
_UNDER_ARMS_M = 0.008
"""Between arms and trunk, beside what the shirt takes: folds and a belt."""
_OCCUPANT_INSTANCE, _BELT_INSTANCE = 1, 2

# First label of each list that the generator has; parts of the interior are background.
_LABELS_OF_PART: dict[str, tuple[str, ...]] = {
    **LABELS_OF_OCCUPANT,
    "webbing": ("seat_belt",),
}


@dataclass(frozen=True, eq=False)
class SeatedOccupant:
    """A dressed body on the seat. neck, shoulder, elbow: (3,) root of the neck, right shoulder joint, right elbow."""

    dressed: DressedBody
    neck: Float64
    shoulder: Float64
    elbow: Float64


def compose(parameters: FrameParameters, size: tuple[int, int]) -> composition.ComposedFrame:
    """Composes a frame. Pure.

    Args:
        parameters: Sampled values. A `Choice` variant `empty` leaves the seat empty, `unbelted` leaves the belt at the
            pillar; otherwise the Belt randomizer's state holds.
        size: Width and height in pixels.
    """
    interior, belt = _values(parameters, Interior), _values(parameters, Belt)
    variants = parameters.variants()
    shape = SeatShape(
        recline_deg=round(float(interior["recline_deg"]), 3), bolster_m=round(float(interior["bolster_m"]), 4)
    )
    anchorage = Anchorage(d_ring=(-float(belt["d_ring_behind_m"]), -0.362, float(belt["d_ring_height_m"])))

    assets = composition.AssetCollector()
    objects: list[SceneObject] = []

    def place(name: str, model: Model, instance: int = 0, left_m: float = 0.0) -> None:
        bindings = {part.name: _binding(part.name, parameters.generator, instance) for part in model.parts}
        objects.append(
            SceneObject(
                name=name, asset=assets.add_model(model), world_from_object=_moved((0.0, left_m, 0.0)), parts=bindings
            )
        )

    place("cabin_shell", _rounded_shell())
    seat = _rounded_seat(shape)
    place("passenger_seat", seat)
    place("driver_seat", seat, left_m=DRIVER_SEAT_Y_M)

    occupant = None
    if "empty" not in variants:
        occupant = seat_occupant(_values(parameters, Occupant), _values(parameters, Clothing), shape)
    worn = occupant is not None and "unbelted" not in variants and belt["state"] != "unbelted"
    route = route_belt(occupant if worn else None, anchorage, belt, shape)
    if occupant is not None:
        place("occupant", _rounded(laid_over(occupant.dressed, route.strips)), _OCCUPANT_INSTANCE)
    place("belt", _rounded(webbing(route)), _BELT_INSTANCE)
    place("belt_hardware", _rounded(belt_hardware(anchorage, route, latched=worn)))

    lights, environment, exposure = _light(parameters, assets)
    return composition.compose_frame(
        parameters,
        camera=_camera(parameters, size),
        exposure=exposure,
        materials=_materials(parameters, assets),
        objects=objects,
        lights=lights,
        environment=environment,
        assets=assets,
    )


def seat_occupant(body: Mapping[str, Any], clothing: Mapping[str, Any], seat: SeatShape) -> SeatedOccupant:
    """Builds the body, poses it on the seat and dresses it.

    Args:
        body: Values of an `Occupant` randomizer.
        clothing: Values of a `Clothing` randomizer.
        seat: The seat that it sits in.
    """
    bodies = load_bodies()
    rest = bodies.rest(
        BodyShape(
            **{name: float(body[name]) for name in ("gender", "age_years", "muscle", "weight", "height", "proportions")}
        )
    )
    pose = _pose(body, seat)
    trunk = (
        bodies.weight_of("upperarm", "lowerarm", "wrist", "finger", "metacarpal", "head", "neck", "lowerleg", "foot")
        < 0.1
    )
    transforms = pose_transforms(bodies, rest, pose)
    offset = seated_offset(seat, bodies.skin(rest, transforms)[trunk].astype(np.float64), rest.shape.weight)
    # Where the hips are decides how the legs reach the floor.
    transforms = pose_transforms(bodies, rest, pose, _FLOOR_BELOW_H_POINT_M + float(offset[2]))
    transforms[:, :3, 3] += offset
    transforms = lift_arms(bodies, rest, transforms, _room_under_arms_m(clothing))
    joints = bodies.posed_joints(rest, transforms)
    return SeatedOccupant(
        dress(bodies, rest, bodies.skin(rest, transforms), outfit_of(clothing)),
        joints[bodies.bone("neck01")],
        joints[bodies.bone("upperarm01.R")],
        joints[bodies.bone("lowerarm01.R")],
    )


def _room_under_arms_m(clothing: Mapping[str, Any]) -> float:
    """Distance of the arms' skin from that of the trunk, so that clothes and a belt lie between."""
    layers = 2 if float(clothing["sleeve_length"]) > 0.8 else 1
    return layers * float(clothing["looseness_m"]) + _UNDER_ARMS_M


def route_belt(
    occupant: SeatedOccupant | None, anchorage: Anchorage, belt: Mapping[str, Any], seat: SeatShape
) -> BeltRoute:
    """The belt over the occupant, or hanging at the pillar where there is none to hold.

    Args:
        occupant: Who wears it; none where nobody does.
        anchorage: Points of the belt.
        belt: Values of a `Belt` randomizer.
        seat: The seat.

    Raises:
        RenderError: The state is impossible for the occupant.
    """
    if occupant is None:
        return route_stowed(anchorage, float(belt["slack_m"]))
    dressed = occupant.dressed
    left_arm, right_arm = (DrapeSurface(arm, thick=False) for arm in dressed.arms)
    wearer = Wearer(DrapeSurface(dressed.trunk), left_arm, right_arm, occupant.neck, occupant.shoulder, occupant.elbow)
    wearing = Wearing(
        state=str(belt["state"]),
        **{name: float(belt[name]) for name in ("shoulder_share", "slack_m", "extra_webbing_m", "twist_at")},
    )
    return route_worn(wearer, anchorage, wearing, seat_obstacle(seat))


def webbing(route: BeltRoute) -> Model:
    """All strips of a belt as one part."""
    return Model("belt", (merge([thicken(strip) for strip in route.strips]).named("webbing"),))


def _pose(body: Mapping[str, Any], seat: SeatShape) -> SeatedPose:
    """The named pose with the frame's own turns, held to natural limits, leaning as the seat does."""
    named = NAMED_POSES[str(body["pose"])]
    changes = {
        "recline_deg": named.recline_deg + seat.recline_deg - _NOMINAL_RECLINE_DEG,
        "turn_left_deg": named.turn_left_deg + float(body["turn_left_deg"]),
        "lean_left_deg": named.lean_left_deg + float(body["lean_left_deg"]),
        "head_turn_left_deg": named.head_turn_left_deg + float(body["head_turn_left_deg"]),
        "head_nod_deg": named.head_nod_deg + float(body["head_nod_deg"]),
    }
    return replace(named, **{name: float(np.clip(value, *POSE_LIMITS[name])) for name, value in changes.items()})


def _values(parameters: FrameParameters, kind: type[Randomizer]) -> dict[str, Any]:
    """Sampled values of a kind; the kind's own constants where the generator has no such randomizer."""
    constants = {name: field.default for name, field in kind.model_fields.items() if name != "kind"}
    return {"detail_seed": 0} | constants | parameters.of_kind(kind.__name__)


def _materials(parameters: FrameParameters, assets: composition.AssetCollector) -> dict[str, Material]:
    """A material for every part, by the part's name."""
    interior, belt = _values(parameters, Interior), _values(parameters, Belt)

    def cover(field: str, stream: int) -> Material:
        color = shade(CABIN_COLORS[str(interior[field])], interior, stream)
        if interior["upholstery"] == "leather":
            return Material(base_color=color, roughness=0.42)
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
        **occupant_materials(_values(parameters, Occupant), _values(parameters, Clothing), assets.add_png),
    }


def _binding(part: str, generator: Generator, instance: int) -> PartBinding:
    if part == "glass":
        return PartBinding(material=part, see_through=True)
    label = next((name for name in _LABELS_OF_PART.get(part, ()) if name in generator.labels), "background")
    return PartBinding(material=part, label=label, instance=instance)


def _moved(offset: Vector3) -> Matrix4:
    matrix = np.eye(4)
    matrix[:3, 3] = offset
    return composition.matrix4(matrix)


def _camera(parameters: FrameParameters, size: tuple[int, int]) -> Camera:
    values = _values(parameters, CabinCamera)
    up = float(values["up_m"])
    forward = min(float(values["forward_m"]), windscreen_x(up) - _BEHIND_WINDSCREEN_M)
    eye = (forward, float(values["left_m"]), up)
    target = (-0.05, float(values["aim_left_m"]), float(values["aim_up_m"]))
    placed = Camera(
        width_px=size[0],
        height_px=size[1],
        K=composition.intrinsics(
            size[0],
            size[1],
            parameters.horizontal_fov_deg,
            squeeze=composition.horizontal_squeeze(parameters, size),
        ),
        world_from_camera=composition.look_at(eye, target, float(values["roll_deg"])),
    )
    return calibrated(parameters, placed)


def _light(
    parameters: FrameParameters, assets: composition.AssetCollector
) -> tuple[list[DirectionalLight], Environment, Exposure]:
    light, sun, outside = (_values(parameters, kind) for kind in (Light, SunDirection, Outside))
    elevation, azimuth = np.deg2rad(float(sun["elevation_deg"])), np.deg2rad(float(sun["azimuth_deg"]))
    lights = []
    if elevation > 0 and float(light["sun_illuminance_lux"]) > 0:
        towards = [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
        x, y, z = (float(-value + 0.0) for value in towards)
        lights.append(
            DirectionalLight(
                direction=(x, y, z),
                illuminance_lux=float(light["sun_illuminance_lux"]),
                color=composition.rgb_of_temperature(float(light["temperature_k"])),
            )
        )
    image = environment_image(str(outside["environment"]), detail_stream(outside, 1))
    heading = np.deg2rad(float(outside["heading_deg"]))
    turn = np.array([[np.cos(heading), -np.sin(heading), 0], [np.sin(heading), np.cos(heading), 0], [0, 0, 1]])
    environment = Environment(
        image=assets.add_hdr(encode_radiance(image)),
        world_from_environment=composition.matrix3(turn),
        luminance_cd_m2=float(light["sky_luminance_cd_m2"]),
    )
    exposure = Exposure(
        ev100=composition.exposure_for(lights, environment, float(light["exposure_ev"]) + SHADE_EV),
        white_balance_gains=composition.white_balance_gains(float(light["white_balance_k"])),
    )
    return lights, environment, exposure


def _rounded(model: Model) -> Model:
    """Vertices on a grid of 10 micrometres: last bits, in which processors differ, seldom reach a digest."""
    return Model(
        model.name,
        tuple(
            Part(part.name, np.round(part.vertices, 5), part.faces, np.round(part.normals, 4), part.uvs)
            for part in model.parts
        ),
    )


@lru_cache(maxsize=1)
def _rounded_shell() -> Model:
    return _rounded(cabin_shell())


@lru_cache(maxsize=16)
def _rounded_seat(shape: SeatShape) -> Model:
    return _rounded(front_seat(shape))
