"""The exterior family: pure, whole, and as the generator says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.camera import Camera
from contracts.generator import Generator, load_generator
from contracts.ids import canonical_json
from contracts.randomizers import exterior as documents
from unity_bridge.sampling import FrameParameters, sample_frame
from unity_bridge.scenes.composition import ComposedFrame
from unity_bridge.scenes.exterior.compose import automatic_ev, compose
from unity_bridge.scenes.exterior.framing import framed_camera
from unity_bridge.scenes.exterior.materials import vehicle_materials
from unity_bridge.scenes.glb import read_glb
from unity_bridge.scenes.surroundings.environments import ENVIRONMENTS
from unity_bridge.scenes.surroundings.textures import GROUNDS, WALLS
from unity_bridge.scenes.vehicle.labels import FINE_LABELS
from unity_bridge.scenes.vehicle.shape import BODY_STYLES

FOLDER = Path(__file__).parents[3] / "generator_configs"
SIZE = (96, 80)


def generator(**overrides: Any) -> Generator:
    return load_generator(
        "exterior", FOLDER, overrides={key.replace("__", "."): value for key, value in overrides.items()}
    )


def frame(index: int = 0, seed: int = 3, **overrides: Any) -> tuple[FrameParameters, ComposedFrame]:
    parameters = sample_frame(generator(**overrides), seed, index)
    return parameters, compose(parameters, SIZE)


def projected(camera: Camera, points: np.ndarray) -> np.ndarray:
    pose, K = np.array(camera.world_from_camera), np.array(camera.K)
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    assert (local[:, 2] > 0).all()
    return (local / local[:, 2:]) @ K.T


def vehicle_points(composed: ComposedFrame) -> np.ndarray:
    item = next(item for item in composed.spec.objects if item.name == "vehicle")
    return np.concatenate([part.vertices for part in read_glb(composed.assets[item.asset]).parts]).astype(np.float64)


def test_documents_and_code_know_the_same_words() -> None:
    assert documents.BODY_STYLES == BODY_STYLES
    assert documents.ENVIRONMENTS == ENVIRONMENTS
    assert documents.GROUNDS == GROUNDS
    assert ("none", *WALLS) == documents.WALLS


def test_the_shipped_generator_has_every_fine_label() -> None:
    assert set(generator().labels) == set(FINE_LABELS)


def test_composing_is_pure_and_every_asset_is_there() -> None:
    _, first = frame()
    _, second = frame()
    assert canonical_json(first.spec) == canonical_json(second.spec)
    assert first.assets == second.assets
    assert {asset.digest for asset in first.spec.assets} == set(first.assets)
    _, other = frame(index=1)
    assert canonical_json(other.spec) != canonical_json(first.spec)


def test_only_the_vehicle_is_labelled_and_all_of_it() -> None:
    _, composed = frame(randomizers__surroundings__other_vehicles=2, randomizers__surroundings__clutter=5)
    for item in composed.spec.objects:
        labels = {binding.label for binding in item.parts.values()}
        if item.name == "vehicle":
            assert "background" not in labels
            assert {binding.instance for binding in item.parts.values()} == {1}
        else:
            assert labels == {"background"}
        assert set(read_glb(composed.assets[item.asset]).part_names) == set(item.parts)


@pytest.mark.parametrize("azimuth", [0, 40, 90, 180, 250])
@pytest.mark.parametrize(("fill", "squeeze"), [(0.5, 1.0), (0.9, 1.0), (0.9, 0.75)])
def test_the_vehicle_takes_the_wanted_share_of_the_picture(azimuth: float, fill: float, squeeze: float) -> None:
    _, composed = frame(
        randomizers__sensor={"kind": "Sensor", "aspect_ratio": SIZE[0] / SIZE[1] / squeeze},
        randomizers__camera__azimuth_deg=azimuth,
        randomizers__camera__azimuth_jitter_deg=0,
        randomizers__camera__fill=fill,
        randomizers__camera__offset_x=0.05,
        randomizers__camera__offset_y=-0.05,
    )
    assert composed.spec.camera.K[0][0] / composed.spec.camera.K[1][1] == pytest.approx(squeeze)
    seen = projected(composed.spec.camera, vehicle_points(composed))[:, :2] / SIZE
    assert np.ptp(seen, axis=0).max() == pytest.approx(fill, abs=0.03)
    middle = 0.5 * (seen.min(axis=0) + seen.max(axis=0))
    np.testing.assert_allclose(middle, [0.55, 0.45], atol=0.03)
    pose = np.array(composed.spec.camera.world_from_camera)
    assert np.rad2deg(np.arctan2(pose[1, 3], pose[0, 3])) % 360 == pytest.approx(azimuth % 360, abs=6)


@pytest.mark.parametrize("azimuth", [0, 45, 90])
def test_the_camera_never_stands_in_the_vehicle(azimuth: float) -> None:
    points = np.array([[x, y, z] for x in (-2.3, 2.3) for y in (-0.9, 0.9) for z in (0.0, 1.5)])
    orbit = {
        "azimuth_deg": azimuth, "azimuth_jitter_deg": 0, "height_m": 1.5, "fill": 3.0, "roll_deg": 5,
        "offset_x": 0, "offset_y": 0,
    }  # fmt: skip
    eye = np.array(framed_camera(points, orbit, 110, SIZE).world_from_camera)[:3, 3]
    assert (np.abs(eye[:2]) > [2.3 + 0.4, 0.9 + 0.4]).any()


def test_number_plates_have_darker_characters_or_covered_ones() -> None:
    paint = {"color": "white", "finish": "solid", "dirt": 0.0}
    panes = dict.fromkeys((f"{pane}_transmittance" for pane in ("windshield", "front", "back", "rear")), 0.3)
    ratios = []
    for seed in range(60):
        made = vehicle_materials(paint, panes, seed, 0)
        plate, characters = np.array(made["plate"].base_color), np.array(made["characters"].base_color)
        assert (characters <= plate).all()
        ratios.append(float(characters.mean() / plate.mean()))
    assert 0.1 < np.mean(np.array(ratios) < 0.2) < 0.6


def test_surroundings_do_not_touch_the_vehicle() -> None:
    _, plain = frame(randomizers__surroundings__wall="none")
    _, walled = frame(randomizers__surroundings__wall="bricks")
    assert plain.spec.objects[0] == walled.spec.objects[0]
    assert plain.spec.camera == walled.spec.camera
    assert {item.name for item in walled.spec.objects} - {item.name for item in plain.spec.objects} == {"wall"}


def test_only_the_busy_environment_turns_about_all_axes() -> None:
    for kind, upright in (("busy", False), ("sky", True), ("studio", True)):
        _, composed = frame(randomizers__surroundings__environment=kind)
        up = np.array(composed.spec.environment.world_from_environment)[:, 2]
        assert (abs(up[2] - 1) < 1e-6) == upright
        turn = np.array(composed.spec.environment.world_from_environment)
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)


def test_the_sun_shines_outdoors_only() -> None:
    bright = {"randomizers__light__sun_illuminance_lux": 70000}
    _, outdoors = frame(randomizers__surroundings__environment="sky", **bright)
    _, studio = frame(randomizers__surroundings__environment="studio", **bright)
    assert outdoors.spec.lights[0].illuminance_lux == 70000
    assert outdoors.spec.lights[0].direction[2] < 0
    assert studio.spec.lights == ()


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.9), st.floats(0, 0.9))
def test_automatic_exposure_lifts_the_dark_and_never_turns_the_order_around(
    dark: float, bright: float, one: float, other: float
) -> None:
    dark, bright, one, other = min(dark, bright), max(dark, bright), min(one, other), max(one, other)
    lifted, lowered = automatic_ev((dark,) * 3, one), automatic_ev((bright,) * 3, other)
    assert -0.7 <= lowered <= lifted <= 1.3
    # What reflects more stays brighter in the picture.
    assert (dark + one) * 2**lifted <= (bright + other) * 2**lowered + 1e-9


def test_a_black_car_is_exposed_longer_than_a_white_one() -> None:
    exposed = {
        color: frame(randomizers__paint__color=color)[1].spec.exposure.ev100 for color in ("black", "grey", "white")
    }
    assert exposed["black"] < exposed["grey"] < exposed["white"]


def test_a_generator_may_leave_randomizers_and_labels_out() -> None:
    document = {
        "schema_version": 1, "name": "plain", "scenario": "exterior", "camera": {"size": [64, 64]},
        "randomizers": {"car": {"kind": "Vehicle", "body": "hatchback"}}, "labels": {"wheel": {}},
    }  # fmt: skip
    composed = compose(sample_frame(Generator.model_validate(document), 0, 0), (64, 64))
    labels = {binding.label for binding in composed.spec.objects[0].parts.values()}
    assert labels == {"wheel", "background"}
