"""From sampled parameters to a frame of the cabin: seats, occupant, belt, light, camera.

Source of what varies: Durgé and Fredriksson, "Seat belt segmentation with synthetic data" (2023), generations 1 to 6
and the domain randomization of 3.3.2.
World frame: the vehicle's (x forward, y left, z up), origin at the H-point of the front passenger's seat.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from contracts.frame_spec import Material, PartBinding, SceneObject
from contracts.generator import Generator
from contracts.randomizers.cabin import CABIN_COLORS, Belt, Clothing, Cutout, Dummy, Interior, Occupant
from unity_bridge.sampling import FrameParameters
from unity_bridge.scenes import composition
from unity_bridge.scenes.belt.routing import Anchorage
from unity_bridge.scenes.cabin.cutout import flying_things, placement
from unity_bridge.scenes.cabin.infrared import infrared_materials, lamp
from unity_bridge.scenes.cabin.interior import DRIVER_SEAT_Y_M, belt_hardware, cabin_shell, front_seat
from unity_bridge.scenes.cabin.materials import LABELS_OF_CABIN, cabin_materials
from unity_bridge.scenes.cabin.parameters import values_of
from unity_bridge.scenes.cabin.seat import SeatShape
from unity_bridge.scenes.cabin.seating import route_belt, seat_occupant, webbing
from unity_bridge.scenes.cabin.view import cabin_camera, cabin_light, infrared
from unity_bridge.scenes.mesh import Model, Part, translation
from unity_bridge.scenes.occupant.layers import laid_over
from unity_bridge.scenes.occupant.look import HELD_PARTS, LABELS_OF_OCCUPANT, SEE_THROUGH, occupant_materials
from unity_bridge.scenes.shades import shade

_OCCUPANT_INSTANCE, _BELT_INSTANCE = 1, 2

# First label of each list that the generator has.
_LABELS_OF_PART: dict[str, tuple[str, ...]] = {
    **LABELS_OF_CABIN,
    **LABELS_OF_OCCUPANT,
    "face": ("face", *LABELS_OF_OCCUPANT["skin"]),
}


def compose(parameters: FrameParameters, size: tuple[int, int]) -> composition.ComposedFrame:
    """Composes a frame. Pure.

    Args:
        parameters: Sampled values. A `Choice` variant `empty` leaves the seat empty, `unbelted` leaves the belt at the
            pillar; otherwise the Belt randomizer's state holds.
        size: Width and height in pixels.
    """
    interior, belt = values_of(parameters, Interior), values_of(parameters, Belt)
    variants = parameters.variants()
    shape = SeatShape(
        recline_deg=round(float(interior["recline_deg"]), 3), bolster_m=round(float(interior["bolster_m"]), 4)
    )
    anchorage = Anchorage(d_ring=(-float(belt["d_ring_behind_m"]), -0.362, float(belt["d_ring_height_m"])))

    cutout = parameters.of_kind(Cutout.__name__)
    camera = cabin_camera(parameters, size)

    assets = composition.AssetCollector()
    objects: list[SceneObject] = []

    def place(name: str, model: Model, instance: int = 0, pose: NDArray[np.float64] | None = None) -> None:
        bindings = {part.name: _binding(part.name, parameters.generator, instance) for part in model.parts}
        world = composition.matrix4(np.eye(4) if pose is None else pose)
        objects.append(SceneObject(name=name, asset=assets.add_model(model), world_from_object=world, parts=bindings))

    if not cutout:
        place("cabin_shell", _rounded_shell())
        seat = _rounded_seat(shape)
        place("passenger_seat", seat)
        place("driver_seat", seat, pose=translation((0.0, DRIVER_SEAT_Y_M, 0.0)))

    occupant = None
    if "empty" not in variants:
        occupant = seat_occupant(values_of(parameters, Occupant), values_of(parameters, Clothing), shape)
    worn = occupant is not None and "unbelted" not in variants and belt["state"] != "unbelted"
    route = route_belt(occupant if worn else None, anchorage, belt, shape)
    pose = placement(cutout, camera) if cutout else None
    if occupant is not None:
        dressed = occupant.dressed
        if "face" in parameters.generator.labels:
            dressed = replace(dressed, model=occupant.face_apart())
        place("occupant", _rounded(laid_over(dressed, route.strips)), _OCCUPANT_INSTANCE, pose)
    place("belt", _rounded(webbing(route)), _BELT_INSTANCE, pose)
    if not cutout:
        place("belt_hardware", _rounded(belt_hardware(anchorage, route, latched=worn)))

    materials = _materials(parameters, assets)
    for number, thing in enumerate(flying_things(cutout, camera) if cutout else []):
        materials[thing.model.name] = thing.material
        place(thing.model.name, _rounded(thing.model), _BELT_INSTANCE + 1 + number if thing.is_belt else 0)
        (part, binding), *_ = objects[-1].parts.items()
        bound = {part: binding.model_copy(update={"material": thing.model.name})}
        objects[-1] = objects[-1].model_copy(update={"parts": bound})
    spectrum = infrared(parameters)
    if spectrum is not None:
        materials = infrared_materials(materials, spectrum)
        model, pose, materials["infrared_lamp"] = lamp(camera, float(spectrum["lamp_illuminance_lux"]))
        place("infrared_lamp", model, pose=pose)
    lights, environment, exposure = cabin_light(parameters, assets)
    return composition.compose_frame(
        parameters,
        camera=camera,
        exposure=exposure,
        materials=materials,
        objects=objects,
        lights=lights,
        environment=environment,
        assets=assets,
        monochrome=spectrum is not None,
        facts={
            "occupancy": ("belted" if worn else "unbelted") if occupant is not None else "empty",
            "belt_state": str(belt["state"]) if worn else "unbelted",
            "belt_route": route.stations,
        },
    )


def _binding(part: str, generator: Generator, instance: int) -> PartBinding:
    if part == "glass" or part in SEE_THROUGH:
        return PartBinding(material=part, see_through=True)
    label = next((name for name in _LABELS_OF_PART.get(part, ()) if name in generator.labels), "background")
    return PartBinding(material=part, label=label, instance=0 if part in HELD_PARTS else instance)


def _materials(parameters: FrameParameters, assets: composition.AssetCollector) -> dict[str, Material]:
    """A material for every part, by the part's name."""
    worn = occupant_materials(values_of(parameters, Occupant), values_of(parameters, Clothing), assets.add_png)
    worn["face"] = worn["skin"]
    dummy = parameters.of_kind(Dummy.__name__)
    if dummy:
        color = shade(CABIN_COLORS[str(dummy["color"])], dummy, 1)
        worn = {name: Material(base_color=color, roughness=0.6) for name in worn}
    return cabin_materials(parameters) | worn


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
