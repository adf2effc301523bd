"""Vehicles: the right parts in the right places, outward faces, left told from right, the same bytes every time."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from contracts.errors import ConfigurationError
from unity_bridge.scenes.glb import write_glb
from unity_bridge.scenes.mesh import Model, face_normals
from unity_bridge.scenes.vehicle.build import build_vehicle
from unity_bridge.scenes.vehicle.labels import COARSE_LABELS, FINE_LABELS, PARTS, label_of
from unity_bridge.scenes.vehicle.shape import BODY_STYLES, VehicleShape, draw_shape

BMW_CLASSES = {
    "back_door", "back_window", "rear_window", "front_door", "front_window", "door_handle", "mirror", "tail_light",
}  # fmt: skip


@lru_cache(maxsize=32)
def built(style: str, seed: int) -> tuple[VehicleShape, Model]:
    shape = draw_shape(style, seed)
    return shape, build_vehicle(shape)


def center(model: Model, name: str) -> np.ndarray:
    vertices = model.part(name).vertices
    return 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))


@pytest.mark.parametrize("style", BODY_STYLES)
def test_every_style_has_the_classes_it_must_have(style: str) -> None:
    shape, model = built(style, 1)
    labels = {label_of(name, COARSE_LABELS) for name in model.part_names}
    missing = {"back_door", "back_window"} if shape.door_count == 2 else set()
    assert BMW_CLASSES - labels <= missing
    assert {"wheel", "head_light", "front_bumper", "back_bumper", "hood", "roof", "trunk", "body", "glass"} <= labels
    assert labels <= set(COARSE_LABELS)
    fine = {label_of(name, FINE_LABELS) for name in model.part_names}
    assert fine <= set(FINE_LABELS)
    assert {shape.lid} == fine & {"trunk", "tailgate"}
    assert ("back_left_door" in model.part_names) == (shape.door_count == 4)
    assert 60_000 <= model.triangle_count <= 170_000


def test_a_part_gets_the_finest_label_that_is_listed() -> None:
    assert label_of("front_left_door", ["front_door", "front_left_door"]) == "front_left_door"
    assert label_of("front_left_door", ["front_door", "front_right_door"]) == "front_door"
    assert label_of("tailgate_plate", ["trunk"]) == "trunk"
    assert label_of("hood", ["roof"]) == "background"


def test_fine_labels_name_the_side_that_the_part_is_on() -> None:
    for name, part in PARTS.items():
        sides = {side for side in ("left", "right") if side in name.split("_")}
        named = {side for side in ("left", "right") if side in part.labels[0].split("_")}
        assert named <= sides, name
        assert part.labels[-1] in COARSE_LABELS
    assert len(FINE_LABELS) == 33


@settings(max_examples=16)
@given(st.sampled_from(BODY_STYLES), st.integers(0, 2**31))
def test_any_seed_gives_a_vehicle_with_its_parts_in_place(style: str, seed: int) -> None:
    shape = draw_shape(style, seed)
    model = build_vehicle(shape, detail=0.5)
    low, high = model.bounds
    assert high[0] - low[0] == pytest.approx(shape.length_m, abs=0.12)
    assert high[2] == pytest.approx(shape.height_m, abs=0.09)
    assert abs(low[2]) < 0.01
    assert shape.width_m * 0.97 < high[1] - low[1] < shape.width_m + 0.75
    axle = shape.wheelbase_m / 2
    front_door, front_window = center(model, "front_left_door"), center(model, "front_left_window")
    assert -axle < front_door[0] < axle
    assert front_window[2] > front_door[2]
    assert abs(front_window[0] - front_door[0]) < 0.6
    if shape.door_count == 4:
        assert center(model, "back_left_door")[0] < front_door[0] - 0.5
        assert model.part("back_left_door").vertices[:, 0].max() < front_door[0]
        handle = center(model, "back_left_door_handle")
        assert -axle - 0.35 < handle[0] < front_door[0]
    assert center(model, "windshield")[0] > center(model, "roof")[0] > center(model, "rear_window")[0]
    assert center(model, "hood")[0] > axle - 0.3
    assert center(model, "left_tail_light")[0] < -axle < axle < center(model, "left_head_lamp")[0]
    mirror = center(model, "left_mirror")
    assert mirror[1] > shape.width_m / 2
    assert center(model, "front_left_tyre")[2] == pytest.approx(shape.wheel_radius_m, abs=1e-3)


@pytest.mark.parametrize("style", BODY_STYLES)
def test_sides_mirror_each_other_and_left_is_positive_y(style: str) -> None:
    _, model = built(style, 2)
    for name in model.part_names:
        if "left" not in name:
            continue
        left, right = model.part(name), model.part(name.replace("left", "right"))
        assert left.vertices[:, 1].mean() > 0.3
        np.testing.assert_array_equal(left.vertices * np.float32([1, -1, 1]), right.vertices)


@pytest.mark.parametrize("style", ["sedan", "suv", "pickup"])
def test_faces_agree_with_normals_and_panels_face_outward(style: str) -> None:
    _, model = built(style, 3)
    for part in model.parts:
        along = np.einsum("ij,ij->i", face_normals(part.vertices, part.faces), part.normals[part.faces].mean(axis=1))
        area = np.linalg.norm(face_normals(part.vertices, part.faces), axis=1)
        assert area[along > 0].sum() > 0.985 * area.sum(), part.name
    for name, direction in {
        "front_left_door": (0, 1, 0), "front_right_door": (0, -1, 0), "hood": (0, 0, 1), "roof": (0, 0, 1),
        "front_bumper": (1, 0, 0), "back_bumper": (-1, 0, 0), "windshield": (1, 0, 0), "rear_window": (-1, 0, 0),
        "left_mirror_glass": (-1, 0, 0), "underbody": (0, 0, 0),
    }.items():  # fmt: skip
        part = model.part(name)
        weighted = face_normals(part.vertices, part.faces).sum(axis=0)
        assert weighted @ np.array(direction) >= 0, name


def area_m2(model: Model, *names: str) -> float:
    parts = [part for part in model.parts if part.name in names]
    return sum(0.5 * np.linalg.norm(face_normals(part.vertices, part.faces), axis=1).sum() for part in parts)


def test_trim_is_cut_out_of_its_panel_and_keeps_its_label() -> None:
    plain = dataclasses.replace(
        draw_shape("sedan", 4), moulding_m=0.0, side_band_m=0.0, hood_stripe_m=0.0, screen_band_m=0.0
    )
    dressed = dataclasses.replace(plain, moulding_m=0.05, side_band_m=0.1, hood_stripe_m=0.2, screen_band_m=0.1)
    before, after = build_vehicle(plain), build_vehicle(dressed)
    for panel, *trim in (
        ("front_left_door", "front_left_door_moulding", "front_left_door_decal"),
        ("hood", "hood_decal"),
        ("windshield", "windshield_decal"),
    ):
        assert set(trim) <= set(after.part_names) - set(before.part_names)
        assert area_m2(after, panel, *trim) == pytest.approx(area_m2(before, panel), rel=0.02)
        assert area_m2(after, panel) < 0.98 * area_m2(before, panel)
        assert {label_of(name, FINE_LABELS) for name in trim} == {label_of(panel, FINE_LABELS)}


@pytest.mark.parametrize("style", BODY_STYLES)
@pytest.mark.parametrize("seed", range(4))
def test_lamps_lie_as_high_as_on_production_cars(style: str, seed: int) -> None:
    """Half way up a passenger car from the side: photographs have head lamps at 0.51 to 0.62 of the height."""
    shape, model = built(style, seed)
    head = center(model, "left_head_lamp")[2] / shape.height_m
    tail = center(model, "left_tail_light")[2] / shape.height_m
    assert 0.42 < head < 0.64
    assert 0.46 < tail < 0.76
    assert center(model, "left_head_lamp")[2] > center(model, "front_plate")[2]


@pytest.mark.parametrize("style", ["coupe", "suv"])
def test_mirrors_stand_close_to_the_doors(style: str) -> None:
    """Passenger cars measure 1.1 to 1.3 times as much across their mirrors as without."""
    shape, model = built(style, 0)
    cap, lower = model.part("left_mirror"), model.part("left_mirror_lower")
    assert label_of(lower.name, FINE_LABELS) == label_of(cap.name, FINE_LABELS) == "left_mirror"
    assert 1.08 < 2 * cap.vertices[:, 1].max() / shape.width_m < 1.30
    assert cap.vertices[:, 2].mean() > lower.vertices[:, 2].mean()
    door = np.concatenate([model.part(f"front_left_{name}").vertices for name in ("door", "window")])
    away, _ = cKDTree(door).query(lower.vertices)
    assert away.min() < 0.05


def test_the_clear_band_of_a_tail_light_takes_its_share() -> None:
    shares = []
    for share in (0.1, 0.4):
        shape = dataclasses.replace(
            draw_shape("suv", 4), tail_light_style="upright", tail_light_clear_at=0.4, tail_light_clear_share=share
        )
        model = build_vehicle(shape)
        clear = area_m2(model, "left_tail_light_clear")
        shares.append(clear / (clear + area_m2(model, "left_tail_light")))
    assert shares == pytest.approx([0.1, 0.4], abs=0.06)


@pytest.mark.parametrize("style", BODY_STYLES)
def test_lettering_lies_on_the_lid(style: str) -> None:
    shape = dataclasses.replace(draw_shape(style, 2), lettering="small")
    model = build_vehicle(shape)
    letters = model.part(f"{shape.lid}_lettering")
    panels = np.concatenate([part.vertices for part in model.parts if part.name.startswith((shape.lid, "body"))])
    assert label_of(letters.name, FINE_LABELS) == shape.lid
    away, _ = cKDTree(panels).query(letters.vertices)
    assert away.max() < 0.06


def test_wheel_openings_are_round() -> None:
    shape, model = built("sedan", 1)
    body = np.concatenate([model.part(name).vertices for name in ("body", "front_bumper", "back_bumper")])
    axle = np.array([shape.wheelbase_m / 2, shape.wheel_radius_m])
    side = body[np.abs(body[:, 1]) > 0.6 * shape.width_m / 2]
    away = np.hypot(side[:, 0] - axle[0], side[:, 2] - axle[1])
    assert away.min() > shape.arch_radius_m - 0.002
    edge = side[away < shape.arch_radius_m + 0.002]
    angle = np.rad2deg(np.arctan2(edge[:, 2] - axle[1], edge[:, 0] - axle[0]))
    assert len(np.unique(np.round(angle / 10))) >= 18


def test_doors_end_where_windows_and_shut_lines_begin() -> None:
    shape, model = built("hatchback", 2)
    door, window = model.part("front_left_door"), model.part("front_left_window")
    inside = (door.vertices[:, None, (0, 2)] - window.vertices[None, ::7, (0, 2)]).astype(np.float64)
    assert np.linalg.norm(inside, axis=2).min() > 0.004
    gap = model.part("front_left_door").vertices[:, 0].min() - model.part("back_left_door").vertices[:, 0].max()
    assert 0.003 < abs(gap) < 0.15
    assert shape.door_count == 4


@pytest.mark.parametrize("style", BODY_STYLES)
def test_shut_lines_and_recesses_leave_no_crack_to_look_through(style: str) -> None:
    """Their edges are the edges of the panels beside them: a groove or a step would be open to its sides."""
    _, model = built(style, 3)
    for name in ("hood_seam", "front_left_door_seam", "front_bumper_seam", "lower_grille"):
        vertices = model.part(name).vertices
        others = np.concatenate([part.vertices for part in model.parts if part.name not in (name, "lining")])
        away, _ = cKDTree(others).query(vertices[_edge_vertices(model, name)])
        assert np.mean(away < 1e-5) > 0.95, name  # the others end on an edge, without a vertex there


def _edge_vertices(model: Model, name: str) -> np.ndarray:
    """Vertices on edges that only one triangle has, but for those in the plane of symmetry, where the halves meet."""
    part = model.part(name)
    _, welded = np.unique(np.round(part.vertices, 6), axis=0, return_inverse=True)
    faces = welded.reshape(-1)[part.faces]
    edges = np.sort(np.concatenate([faces[:, (0, 1)], faces[:, (1, 2)], faces[:, (2, 0)]]), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    on_edge = np.isin(welded.reshape(-1), unique[count == 1])
    return np.flatnonzero(on_edge & (np.abs(part.vertices[:, 1]) > 1e-4))


def test_the_same_shape_gives_the_same_bytes_and_another_seed_does_not() -> None:
    first = write_glb(build_vehicle(draw_shape("suv", 5), detail=0.4))
    assert write_glb(build_vehicle(draw_shape("suv", 5), detail=0.4)) == first
    assert write_glb(build_vehicle(draw_shape("suv", 6), detail=0.4)) != first


def test_front_wheels_steer_together_to_the_left() -> None:
    model = build_vehicle(draw_shape("sedan", 1), detail=0.4, steering_deg=30)
    for side in ("left", "right"):
        vertices = model.part(f"front_{side}_tyre").vertices
        leading = vertices[vertices[:, 0] > np.quantile(vertices[:, 0], 0.97)]
        trailing = vertices[vertices[:, 0] < np.quantile(vertices[:, 0], 0.03)]
        assert leading[:, 1].mean() > trailing[:, 1].mean() + 0.2
        back = model.part(f"back_{side}_tyre").vertices
        assert np.ptp(back[:, 1]) < 0.3


def test_impossible_shapes_are_refused() -> None:
    shape = draw_shape("sedan", 0)
    with pytest.raises(ConfigurationError, match="hatchback"):
        draw_shape("hatchbak", 0)
    for change in ({"door_count": 3}, {"length_m": 2.0}, {"width_m": float("nan")}, {"body_style": "lorry"}):
        with pytest.raises(ConfigurationError):
            dataclasses.replace(shape, **change)


@pytest.mark.parametrize("seed", range(6))
def test_a_pickups_bed_stays_inside_its_tailgate(seed: int) -> None:
    shape, model = built("pickup", seed)
    bed = model.part("cargo_bed").vertices
    assert bed[:, 0].min() > model.part("tailgate").vertices[:, 0].max()
    assert np.abs(bed[:, 1]).max() < shape.width_m / 2 - 0.04
