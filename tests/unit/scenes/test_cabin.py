"""Frames of the cabin: what is drawn follows from what was drawn by lot, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import generator_configs
from contracts.frame_spec import check_references
from contracts.generator import Generator, load_generator
from contracts.ids import canonical_json
from unity_bridge.sampling import FrameParameters, sample_frame
from unity_bridge.scenes.belt.routing import Anchorage, route_stowed
from unity_bridge.scenes.cabin.compose import compose
from unity_bridge.scenes.cabin.interior import belt_hardware, cabin_shell, front_seat, windscreen_x
from unity_bridge.scenes.cabin.seat import SeatShape, pillow, seated_offset
from unity_bridge.scenes.cabin.seating import seat_occupant
from unity_bridge.scenes.composition import ComposedFrame
from unity_bridge.scenes.glb import read_glb

SIZE = (64, 36)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return load_generator("belt-g3", Path(generator_configs.__file__).parent)


def drawn(generator: Generator, variant: str, seed: int = 3) -> FrameParameters:
    for index in range(200):
        parameters = sample_frame(generator, seed, index)
        if variant in parameters.variants():
            return parameters
    raise AssertionError(f"no frame of variant {variant} among 200")


def changed(parameters: FrameParameters, randomizer: str, **fields: float | str) -> FrameParameters:
    values = dict(parameters.values)
    values[randomizer] = values[randomizer] | fields
    return replace(parameters, values=values)


def parts(frame: ComposedFrame) -> dict[str, str | None]:
    return {part: binding.label for item in frame.spec.objects for part, binding in item.parts.items()}


@pytest.fixture(scope="module")
def belted(generator: Generator) -> ComposedFrame:
    return compose(drawn(generator, "belted"), SIZE)


def test_a_belted_frame_has_all_labels_and_demands_the_belt(generator: Generator, belted: ComposedFrame) -> None:
    labels = parts(belted)
    assert belted.spec.must_appear == ("seat_belt",)
    assert labels["webbing"] == "seat_belt"
    assert {"skin", "shirt", "pants", "shoes"} <= set(labels.values())
    # Tongue, D-ring, buckle and anchor are no webbing.
    assert labels["hardware_dark"] == labels["hardware_metal"] == labels["button"] == "background"
    assert check_references(belted.spec) == []
    assert set(belted.assets) == {asset.digest for asset in belted.spec.assets}


def test_every_bound_part_is_in_its_file_and_none_is_left_out(belted: ComposedFrame) -> None:
    for item in belted.spec.objects:
        assert set(item.parts) == set(read_glb(belted.assets[item.asset]).part_names)


def test_window_glass_is_seen_through_and_the_rest_is_labelled(belted: ComposedFrame) -> None:
    for item in belted.spec.objects:
        for name, binding in item.parts.items():
            assert binding.see_through == (name == "glass")
            assert (binding.label is None) == (name == "glass")


def test_an_empty_seat_has_no_occupant_but_a_belt(generator: Generator) -> None:
    frame = compose(drawn(generator, "empty"), SIZE)
    assert "occupant" not in {item.name for item in frame.spec.objects}
    assert parts(frame)["webbing"] == "seat_belt"
    assert frame.spec.must_appear == ()


def belt_points(frame: ComposedFrame) -> np.ndarray:
    belt = next(item for item in frame.spec.objects if item.name == "belt")
    return read_glb(frame.assets[belt.asset]).part("webbing").vertices


def test_an_unbelted_occupants_belt_stays_at_the_pillar(generator: Generator, belted: ComposedFrame) -> None:
    frame = compose(drawn(generator, "unbelted"), SIZE)
    assert "occupant" in {item.name for item in frame.spec.objects}
    assert belt_points(frame)[:, 1].max() < -0.2
    assert belt_points(belted)[:, 1].max() > 0.2


def test_the_belt_randomizers_own_state_counts_too(generator: Generator) -> None:
    frame = compose(changed(drawn(generator, "belted"), "belt", state="unbelted"), SIZE)
    assert belt_points(frame)[:, 1].max() < -0.2


def test_facts_say_who_sits_there_and_where_the_belt_runs(generator: Generator, belted: ComposedFrame) -> None:
    assert belted.spec.facts == {
        "occupancy": "belted",
        "belt_state": "correct",
        "belt_route": ("d_ring", "shoulder", "chest", "tongue", "lap", "outboard"),
    }
    for variant in ("unbelted", "empty"):
        facts = compose(drawn(generator, variant), SIZE).spec.facts
        assert facts["occupancy"] == variant
        assert facts["belt_state"] == "unbelted"
        assert "chest" not in facts["belt_route"]


def test_the_same_parameters_give_the_same_bytes(generator: Generator, belted: ComposedFrame) -> None:
    again = compose(drawn(generator, "belted"), SIZE)
    assert canonical_json(again.spec) == canonical_json(belted.spec)
    assert again.assets == belted.assets


def test_colours_change_materials_and_no_geometry(generator: Generator, belted: ComposedFrame) -> None:
    parameters = changed(drawn(generator, "belted"), "belt", color="pink")
    frame = compose(parameters, SIZE)
    assert [item.asset for item in frame.spec.objects] == [item.asset for item in belted.spec.objects]
    red, green, _ = frame.spec.materials["webbing"].base_color
    assert red > green
    assert frame.spec.materials["seat_middle"] == belted.spec.materials["seat_middle"]


def test_detail_seeds_shade_colours(generator: Generator, belted: ComposedFrame) -> None:
    frame = compose(changed(drawn(generator, "belted"), "interior", detail_seed=12345), SIZE)
    assert frame.spec.materials["seat_middle"] != belted.spec.materials["seat_middle"]
    assert frame.spec.materials["shirt"] == belted.spec.materials["shirt"]


def test_a_binary_generator_labels_the_belt_alone(generator: Generator) -> None:
    binary = generator.model_copy(update={"labels": {"seat_belt": generator.labels["seat_belt"]}})
    frame = compose(replace(drawn(generator, "belted"), generator=binary), SIZE)
    assert set(parts(frame).values()) == {"seat_belt", "background", None}


def test_no_sun_below_the_horizon(generator: Generator) -> None:
    parameters = changed(drawn(generator, "empty"), "sun", elevation_deg=-1.0)
    assert compose(parameters, SIZE).spec.lights == ()
    high = changed(changed(drawn(generator, "empty"), "sun", elevation_deg=90.0), "light", sun_illuminance_lux=1e4)
    assert np.allclose(compose(high, SIZE).spec.lights[0].direction, (0, 0, -1), atol=1e-9)


@pytest.mark.parametrize("index", range(6))
def test_the_camera_is_inside_the_cabin_and_sees_the_passengers_chest(generator: Generator, index: int) -> None:
    frame = compose(sample_frame(generator, 11, index), (848, 480))
    camera = frame.spec.camera
    pose = np.array(camera.world_from_camera)
    for item in frame.spec.objects:
        offset = np.array(item.world_from_object)[:3, 3]
        for part in read_glb(frame.assets[item.asset]).parts:
            if part.name != "glass":
                assert np.linalg.norm(part.vertices + offset - pose[:3, 3], axis=1).min() > 0.04, (item.name, part.name)
    chest = np.linalg.inv(pose) @ [-0.1, 0.0, 0.35, 1.0]
    pixel = np.array(camera.K) @ chest[:3]
    assert pixel[2] > 0.4
    assert 848 * 0.1 < pixel[0] / pixel[2] < 848 * 0.9
    assert 480 * 0.1 < pixel[1] / pixel[2] < 480 * 0.9


@pytest.mark.parametrize("weight", [0.12, 0.5, 0.93])
def test_bodies_press_a_little_into_the_seat(generator: Generator, weight: float) -> None:
    seat = SeatShape()
    values = drawn(generator, "belted").of_kind("Occupant") | {"weight": weight, "pose": "hands_on_thighs"}
    values |= {"turn_left_deg": 0.0, "lean_left_deg": 0.0}
    occupant = seat_occupant(values, drawn(generator, "belted").of_kind("Clothing"), seat)
    points = np.asarray(occupant.dressed.trunk.vertices)
    bottom = points[(points[:, 0] > -0.16) & (points[:, 0] < 0.2) & (np.abs(points[:, 1]) < 0.24)]
    sunk = (seat.cushion_height(bottom[:, 0]) - bottom[:, 2]).max()
    assert 0.01 < sunk < 0.065
    back = points[(points[:, 2] > 0.1) & (points[:, 2] < 0.5) & (np.abs(points[:, 1]) < 0.2)]
    assert 0.005 < seat.depth_in_back(back).max() < 0.06


def test_a_body_off_the_seat_is_brought_onto_it() -> None:
    seat = SeatShape()
    rng = np.random.Generator(np.random.Philox(1))
    cloud = rng.uniform([-0.1, -0.1, -0.1], [0.3, 0.1, 0.45], size=(4000, 3))
    first = seated_offset(seat, cloud, 0.5)
    moved = seated_offset(seat, cloud + np.array([0.0, 0.0, 0.2]), 0.5)
    assert np.allclose(first - moved, [0, 0, 0.2], atol=0.02)


def test_models_are_whole() -> None:
    assert "glass" in cabin_shell().part_names
    assert set(front_seat(SeatShape()).part_names) == {"seat_middle", "seat_side", "headrest", "seat_frame"}
    hardware = belt_hardware(Anchorage(), route_stowed(Anchorage()), latched=False)
    assert set(hardware.part_names) == {"hardware_dark", "hardware_metal", "button"}


def test_a_pillow_fills_its_box_and_is_closed() -> None:
    cushion = pillow((0.5, 0.4, 0.2), 12)
    assert np.allclose(np.ptp(cushion.vertices, axis=0), [0.5, 0.4, 0.2])
    faces = np.asarray(cushion.faces)
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()


def test_a_camera_asked_for_beyond_the_windscreen_stays_behind_it(generator: Generator) -> None:
    asked = changed(drawn(generator, "empty"), "camera_place", forward_m=0.84, up_m=0.72)
    eye = np.array(compose(asked, SIZE).spec.camera.world_from_camera)[:3, 3]
    assert eye[2] == pytest.approx(0.72)
    assert 0.04 < windscreen_x(0.72) - eye[0] < 0.06
