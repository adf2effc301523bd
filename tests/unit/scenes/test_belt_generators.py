"""The generations of [Volvo] as generators: what each adds over the one before is there, and nothing else moves."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

import generator_configs
from contracts.frame_spec import check_references
from contracts.generator import Generator, load_generator
from contracts.randomizers.cabin import POSES
from registry.label_maps.shipped import load_label_map
from unity_bridge.embedded.lens import check_lens
from unity_bridge.sampling import FrameParameters, sample_frame
from unity_bridge.scenes.belt.routing import Anchorage
from unity_bridge.scenes.belt.surface import DrapeSurface
from unity_bridge.scenes.cabin.compose import compose
from unity_bridge.scenes.cabin.infrared import infrared_materials
from unity_bridge.scenes.cabin.materials import cabin_materials
from unity_bridge.scenes.cabin.seat import SeatShape
from unity_bridge.scenes.cabin.seating import route_belt, seat_occupant
from unity_bridge.scenes.cabin.view import cabin_camera
from unity_bridge.scenes.composition import ComposedFrame
from unity_bridge.scenes.glb import read_glb
from unity_bridge.scenes.mesh import Part

SIZE = (64, 36)
GENERATIONS = ("belt-g1", "belt-g2", "belt-g3", "belt-g4", "belt-g5", "belt-g6")


@lru_cache(maxsize=16)
def generator(name: str) -> Generator:
    return load_generator(name, Path(generator_configs.__file__).parent)


def drawn(name: str, index: int = 0, **changes: dict[str, float | str]) -> FrameParameters:
    """A frame of a generator, with fields of some randomizers set."""
    parameters = sample_frame(generator(name), 3, index)
    values = {key: fields | changes.get(key, {}) for key, fields in parameters.values.items()}
    return replace(parameters, values=values)


@lru_cache(maxsize=4)
def composed(name: str) -> ComposedFrame:
    return compose(drawn(name, occupancy={"of": "belted"}, belt={"state": "correct"}), SIZE)


def part_of(frame: ComposedFrame, name: str, part: str) -> Part:
    item = next(item for item in frame.spec.objects if item.name == name)
    return read_glb(frame.assets[item.asset]).part(part)


def test_each_generation_adds_to_the_words_of_the_one_before() -> None:
    belts = [set(generator(name).randomizers["belt"].color.weights()) for name in GENERATIONS]
    assert belts[1] == belts[0] < belts[2] == belts[3] < belts[4] == belts[5]
    seats = [set(generator(name).randomizers["interior"].seat_color.weights()) for name in GENERATIONS]
    assert seats[1] < seats[2]
    variants = [set(generator(name).randomizers["occupancy"].of) for name in GENERATIONS]
    assert variants[1] == {"belted"} < variants[2] == {"belted", "unbelted", "empty"}
    assert [len(generator(name).labels) for name in GENERATIONS] == [1, 1, 6, 6, 6, 13]
    poses = [set(generator(name).randomizers["occupant"].pose.weights()) for name in GENERATIONS]
    assert poses[0] == poses[1] < poses[2] == poses[4] < poses[5] == set(POSES)


def test_draws_of_what_stays_do_not_depend_on_the_generation() -> None:
    first, last = drawn("belt-g3", 7).values, drawn("belt-g6", 7).values
    for field in ("gender", "age_years", "height", "turn_left_deg", "skin_color", "detail_seed"):
        assert first["occupant"][field] == last["occupant"][field]
    assert first["belt"]["d_ring_height_m"] == last["belt"]["d_ring_height_m"]
    assert first["interior"]["seat_color"] == last["interior"]["seat_color"]


def test_the_label_map_of_13_has_exactly_the_labels_of_the_sixth_generation() -> None:
    assert list(load_label_map("belt-13").classes) == list(generator("belt-g6").labels)


def test_dummies_are_of_one_colour_and_the_belt_is_not() -> None:
    frame = composed("belt-g1")
    occupant = next(item for item in frame.spec.objects if item.name == "occupant")
    colors = {frame.spec.materials[binding.material].base_color for binding in occupant.parts.values()}
    assert len(colors) == 1
    assert frame.spec.materials["webbing"].base_color not in colors


def test_belts_of_the_first_generation_stand_off_the_body_and_those_of_the_second_do_not() -> None:
    parameters = drawn("belt-g2")
    occupant = seat_occupant(parameters.of_kind("Occupant"), parameters.of_kind("Clothing"), SeatShape())
    body = DrapeSurface(occupant.dressed.trunk)
    belt = {"state": "correct", "shoulder_share": 0.5, "slack_m": 0.01, "extra_webbing_m": 0.1, "twist_at": 0.3}
    gaps = []
    for clearance_m in (0.0, 0.02):
        route = route_belt(occupant, Anchorage(), belt | {"clearance_m": clearance_m}, SeatShape())
        chest = route.strips[0].centres
        height, _ = body.signed_distance(chest[int(0.45 * len(chest)) : int(0.8 * len(chest))])
        gaps.append(float(np.median(height)))
    assert gaps[0] < 0.012
    assert 0.01 < gaps[1] - gaps[0] < 0.026


def test_the_sixth_generation_labels_the_interior_and_the_face() -> None:
    frame = composed("belt-g6")
    labels = {binding.label for item in frame.spec.objects for binding in item.parts.values()}
    worn_by_some = {"hair", "jacket", "glasses", "cap", "scarf"}
    assert labels - {None} >= set(generator("belt-g6").labels) - worn_by_some
    assert "background" not in labels
    face, skin = part_of(frame, "occupant", "face").vertices, part_of(frame, "occupant", "skin").vertices
    eyes = part_of(frame, "occupant", "eyes").vertices.mean(axis=0)
    assert np.linalg.norm(face - eyes, axis=1).max() < 0.2
    assert np.linalg.norm(face - eyes, axis=1).min() < 0.03
    assert np.linalg.norm(skin - eyes, axis=1).max() > 0.4  # hands
    assert "face" not in {part for item in composed("belt-g3").spec.objects for part in item.parts}


@pytest.mark.parametrize(("name", "label"), [("belt-g6", "interior"), ("belt-dr", "background")])
def test_what_hands_hold_is_no_part_of_the_occupant(name: str, label: str) -> None:
    changes = {"occupancy": {"of": "unbelted"}, "occupant": {"pose": "phone_in_hand"}}
    frame = compose(drawn(name, **changes), SIZE)
    occupant = next(item for item in frame.spec.objects if item.name == "occupant")
    for part in ("phone", "phone_screen"):
        assert (occupant.parts[part].label, occupant.parts[part].instance) == (label, 0)
    assert occupant.parts["pants"].instance == 1


@pytest.mark.parametrize("belts", [0, 3])
def test_cut_out_frames_have_no_cabin_and_label_flying_belts(belts: int) -> None:
    changes = {"scale": 0.5, "right_share": 0.25, "down_share": 0.0, "shapes": 4.0, "belts": float(belts)}
    parameters = drawn("belt-dr", occupancy={"of": "belted"}, belt={"state": "correct"}, cutout=changes)
    frame = compose(parameters, SIZE)
    assert check_references(frame.spec) == []
    names = {item.name for item in frame.spec.objects}
    assert not names & {"cabin_shell", "passenger_seat", "driver_seat", "belt_hardware"}
    flying = [item for item in frame.spec.objects if item.name.startswith("flying")]
    bindings = [binding for item in flying for binding in item.parts.values()]
    assert [binding.label for binding in bindings].count("seat_belt") == belts
    assert [binding.label for binding in bindings].count("background") == 4
    instances = [binding.instance for binding in bindings if binding.label == "seat_belt"]
    assert len(set(instances)) == belts
    assert not set(instances) & {0, 1, 2}
    # The cut-out has half its size, and is a quarter of the picture farther right.
    occupant = next(item for item in frame.spec.objects if item.name == "occupant")
    world = np.array(occupant.world_from_object)
    assert np.allclose(world[:3, :3], np.eye(3) * 0.5)
    camera = frame.spec.camera
    seen = [
        np.array(camera.K) @ (np.linalg.inv(np.array(camera.world_from_camera)) @ place)[:3]
        for place in (np.array([0, 0, 0.32, 1.0]), world @ np.array([0, 0, 0.32, 1.0]))
    ]
    assert seen[1][0] / seen[1][2] - seen[0][0] / seen[0][2] == pytest.approx(0.25 * SIZE[0])
    assert seen[1][1] / seen[1][2] == pytest.approx(seen[0][1] / seen[0][2])


def test_infrared_takes_colours_out_and_puts_a_lamp_beside_the_lens() -> None:
    spectrum = {"band": "near_infrared", "lamp_illuminance_lux": 1000.0, "daylight_share": 0.05}
    state = {"occupancy": {"of": "empty"}, "light": {"sun_illuminance_lux": 40000.0}}
    frame = compose(drawn("belt-g6", **state, spectrum=spectrum), SIZE)
    assert frame.spec.sensor.monochrome
    assert all(len(set(material.base_color)) == 1 for material in frame.spec.materials.values())
    assert all(light.illuminance_lux == pytest.approx(2000.0) for light in frame.spec.lights)
    lamp = next(item for item in frame.spec.objects if item.name == "infrared_lamp")
    pose = np.array(frame.spec.camera.world_from_camera)
    place = np.linalg.inv(pose) @ np.array(lamp.world_from_object)[:, 3]
    assert place[2] < 0  # behind the lens, so never in the picture
    assert np.linalg.norm(place[:3]) < 0.05
    visible = compose(drawn("belt-g6", **state, spectrum={"band": "visible"}), SIZE)
    assert not visible.spec.sensor.monochrome
    assert "infrared_lamp" not in {item.name for item in visible.spec.objects}


def test_black_cloth_may_be_bright_in_infrared_and_black_plastic_is_not() -> None:
    parameters = drawn("belt-g6", belt={"color": "black"}, interior={"trim_color": "black"})
    found = [infrared_materials(cabin_materials(parameters), {"detail_seed": seed}) for seed in range(40)]
    webbing = [materials["webbing"].base_color[0] for materials in found]
    assert min(webbing) < 0.25
    assert max(webbing) > 0.5
    assert max(materials["trim_dark"].base_color[0] for materials in found) < 0.15


@pytest.mark.parametrize(
    ("family", "left_m"), [("dash", (-0.05, 0.5)), ("mirror", (0.3, 0.45)), ("a_pillar", (0.95, 1.08))]
)
def test_built_in_cameras_stand_where_they_are_built_in(family: str, left_m: tuple[float, float]) -> None:
    eyes = []
    for index in range(5):
        place = {"family": family, "radial_distortion": -0.1, "left_m": -0.19}
        camera = cabin_camera(drawn("belt-g5", index, camera_place=place), SIZE)
        assert camera.distortion == (-0.1, 0.0, 0.0, 0.0, 0.0)
        eyes.append(np.array(camera.world_from_camera)[:3, 3])
    assert all(left_m[0] <= eye[1] <= left_m[1] for eye in eyes)
    assert np.ptp(eyes, axis=0).min() > 0.002


@pytest.mark.parametrize("fov_deg", [30.0, 65.0, 90.0, 120.0, 150.0])
@pytest.mark.parametrize("size", [(160, 96), (848, 480), (64, 64)])
def test_no_lens_folds_over_within_the_image_however_wide_it_sees(fov_deg: float, size: tuple[int, int]) -> None:
    wide = replace(drawn("belt-g5", camera_place={"radial_distortion": -0.14}), horizontal_fov_deg=fov_deg)
    camera = cabin_camera(wide, size)
    check_lens(camera)
    assert -0.14 <= camera.distortion[0] < 0
    if fov_deg < 70:
        assert camera.distortion[0] == -0.14, "what the corners allow is left alone"
