"""From sampled parameters to a frame of the cabin: seats, occupant, belt, light, camera.

Source of what varies: Durgé and Fredriksson, "Seat belt segmentation with synthetic data" (2023), generations 1 to 3.
World frame: the vehicle's (x forward, y left, z up), origin at the H-point of the front passenger's seat.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from contracts.camera import Matrix4, Vector3
from contracts.frame_spec import PartBinding, SceneObject
from contracts.generator import Generator
from contracts.randomizers.cabin import Belt, Clothing, Interior, Occupant
from unity_bridge.sampling import FrameParameters
from unity_bridge.scenes import composition
from unity_bridge.scenes.belt.routing import Anchorage
from unity_bridge.scenes.cabin.interior import DRIVER_SEAT_Y_M, belt_hardware, cabin_shell, front_seat
from unity_bridge.scenes.cabin.materials import cabin_materials
from unity_bridge.scenes.cabin.parameters import values_of
from unity_bridge.scenes.cabin.seat import SeatShape
from unity_bridge.scenes.cabin.seating import route_belt, seat_occupant, webbing
from unity_bridge.scenes.cabin.view import cabin_camera, cabin_light
from unity_bridge.scenes.mesh import Model, Part
from unity_bridge.scenes.occupant.layers import laid_over
from unity_bridge.scenes.occupant.look import LABELS_OF_OCCUPANT, SEE_THROUGH, occupant_materials

_OCCUPANT_INSTANCE, _BELT_INSTANCE = 1, 2

# First label of each list that the generator has; parts of the interior are background.
_LABELS_OF_PART: dict[str, tuple[str, ...]] = {
    **LABELS_OF_OCCUPANT,
    "webbing": ("seat_belt",),
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
        occupant = seat_occupant(values_of(parameters, Occupant), values_of(parameters, Clothing), shape)
    worn = occupant is not None and "unbelted" not in variants and belt["state"] != "unbelted"
    route = route_belt(occupant if worn else None, anchorage, belt, shape)
    if occupant is not None:
        place("occupant", _rounded(laid_over(occupant.dressed, route.strips)), _OCCUPANT_INSTANCE)
    place("belt", _rounded(webbing(route)), _BELT_INSTANCE)
    place("belt_hardware", _rounded(belt_hardware(anchorage, route, latched=worn)))

    occupant_look = (values_of(parameters, Occupant), values_of(parameters, Clothing))
    materials = cabin_materials(parameters) | occupant_materials(*occupant_look, assets.add_png)
    lights, environment, exposure = cabin_light(parameters, assets)
    return composition.compose_frame(
        parameters,
        camera=cabin_camera(parameters, size),
        exposure=exposure,
        materials=materials,
        objects=objects,
        lights=lights,
        environment=environment,
        assets=assets,
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
    return PartBinding(material=part, label=label, instance=instance)


def _moved(offset: Vector3) -> Matrix4:
    matrix = np.eye(4)
    matrix[:3, 3] = offset
    return composition.matrix4(matrix)


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
