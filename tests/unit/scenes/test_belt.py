"""A belt lies on every body, on the right side, at its true width; hanging belts hang."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from contracts.errors import RenderError
from unity_bridge.scenes.belt.drape import (
    WEBBING_THICKNESS_M,
    WEBBING_WIDTH_M,
    Strip,
    elastic_band,
    thicken,
    widen,
)
from unity_bridge.scenes.belt.routing import Anchorage, route_stowed, shoulder_crossing
from unity_bridge.scenes.belt.surface import DrapeSurface, closest_on_triangles
from unity_bridge.scenes.cabin.seat import SeatShape
from unity_bridge.scenes.cabin.seating import route_belt, seat_occupant
from unity_bridge.scenes.mesh import Surface, face_normals
from unity_bridge.scenes.occupant.body import SHAPE_RANGES
from unity_bridge.scenes.occupant.pose import NAMED_POSES
from unity_bridge.scenes.primitives import ellipsoid

CLOTHES = {
    "sleeve_length": 1.9, "trouser_length": 1.93, "collar": "crew", "looseness_m": 0.011, "wrinkle_m": 0.0035,
    "hair": "short", "hair_volume_m": 0.014, "detail_seed": 1,
}  # fmt: skip
BELT = {
    "state": "correct", "shoulder_share": 0.5, "slack_m": 0.012, "extra_webbing_m": 0.1, "twist_at": 0.3,
}  # fmt: skip


def ball(radius_m: float = 0.2) -> DrapeSurface:
    sphere = ellipsoid((radius_m,) * 3, (0.0, 0.0, 0.0), 60, 120)
    return DrapeSurface(Surface(sphere.vertices, sphere.faces, sphere.normals))


def test_closest_points_agree_with_a_dense_search() -> None:
    rng = np.random.Generator(np.random.Philox(3))
    corners = rng.normal(size=(40, 3, 3))
    places = rng.normal(size=(40, 3)) * 2
    nearest, share = closest_on_triangles(places, corners[:, 0], corners[:, 1], corners[:, 2])
    assert np.allclose(np.einsum("nc,ncj->nj", share, corners), nearest)
    assert share.min() > -1e-9
    assert np.allclose(share.sum(axis=1), 1)
    grid = np.array([(i, j) for i in range(61) for j in range(61 - i)]) / 60
    weights = np.concatenate([1 - grid.sum(1, keepdims=True), grid], axis=1)
    dense = np.linalg.norm(np.einsum("gc,ncj->ngj", weights, corners) - places[:, None], axis=2).min(axis=1)
    exact = np.linalg.norm(places - nearest, axis=1)
    assert (exact <= dense + 1e-9).all()
    assert (dense - exact).max() < 0.08


def test_distances_to_a_ball_are_those_of_a_ball() -> None:
    surface = ball()
    rng = np.random.Generator(np.random.Philox(5))
    directions = rng.normal(size=(200, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for height in (-0.02, -0.002, 0.003, 0.03):
        places = directions * (0.2 + height)
        exact, _ = surface.signed_distance(places)
        smooth, normal = surface.clearance(places)
        assert np.abs(exact - height).max() < 5e-4
        assert np.abs(smooth - height).max() < 1.5e-3
        assert np.einsum("ij,ij->i", normal, directions).min() > 0.99


def test_a_band_over_a_ball_is_the_shortest_way_outside() -> None:
    radius, margin = 0.2, 0.003
    start, end = np.array([0.0, -0.4, 0.0]), np.array([0.0, 0.4, 0.0])
    line = elastic_band(
        ball(radius), [start, np.array([0.3, -0.3, 0]), np.array([0.4, 0, 0]), np.array([0.3, 0.3, 0]), end], margin
    )
    length = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    # Two tangents and the arc between them.
    reach = radius + margin
    tangent = np.sqrt(0.4**2 - reach**2)
    arc = reach * (np.pi - 2 * np.arccos(reach / 0.4))
    assert length == pytest.approx(2 * tangent + arc, rel=0.01)
    assert np.linalg.norm(line, axis=1).min() > radius


def test_a_strip_over_a_ball_touches_it_and_keeps_its_width() -> None:
    surface = ball()
    start, end = np.array([0.0, -0.4, 0.0]), np.array([0.0, 0.4, 0.0])
    line = elastic_band(surface, [start, np.array([0.3, -0.3, 0]), np.array([0.3, 0.3, 0]), end], 0.003)
    strip = widen(surface, line, (np.array([0.7, -0.7, 0]), np.array([0.7, 0.7, 0])))
    grid = strip.grid()
    assert np.allclose(np.linalg.norm(grid[:, -1] - grid[:, 0], axis=1), WEBBING_WIDTH_M)
    heights = surface.signed_distance(grid.reshape(-1, 3))[0]
    assert 0 <= heights.min() < 0.003


def test_webbing_is_a_closed_solid_of_its_thickness() -> None:
    count = 20
    x = np.linspace(0, 0.5, count)
    strip = Strip(
        np.stack([x, 0 * x, 0 * x], 1), np.tile([0.0, -1.0, 0.0], (count, 1)), np.tile([0.0, 0.0, 1.0], (count, 1))
    )
    solid = thicken(strip)
    faces = np.asarray(solid.faces)
    _, welded = np.unique(np.round(solid.vertices, 9), axis=0, return_inverse=True)
    loops = welded.ravel()[faces]
    directed = np.concatenate([loops[:, [0, 1]], loops[:, [1, 2]], loops[:, [2, 0]]])
    pairs = {tuple(edge) for edge in directed.tolist()}
    assert len(pairs) == len(directed)
    assert all((b, a) in pairs for a, b in pairs)
    corners = solid.vertices[faces]
    volume = np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert volume == pytest.approx(0.5 * WEBBING_WIDTH_M * WEBBING_THICKNESS_M, rel=1e-6)
    assert (np.einsum("ij,ij->i", face_normals(solid.vertices, faces), solid.normals[faces[:, 0]]) > 0).all()


BODIES = st.fixed_dictionaries(
    {name: st.floats(low, high) for name, (low, high) in SHAPE_RANGES.items()}
    | {"pose": st.sampled_from(sorted(NAMED_POSES))}
    | {"turn_left_deg": st.floats(-8, 8), "lean_left_deg": st.floats(-5, 5)}
    | {"head_turn_left_deg": st.just(0.0), "head_nod_deg": st.just(0.0), "detail_seed": st.just(0)}
)


@given(BODIES, st.floats(0.3, 0.7), st.floats(0.58, 0.74))
@settings(max_examples=6, phases=[Phase.generate])
def test_a_worn_belt_never_sinks_into_any_body(body: dict[str, float], share: float, d_ring_height_m: float) -> None:
    occupant = seat_occupant(body, CLOTHES, SeatShape())
    anchorage = Anchorage(d_ring=(-0.33, -0.362, d_ring_height_m))
    try:
        route = route_belt(occupant, anchorage, BELT | {"shoulder_share": share}, SeatShape())
    except RenderError:  # refused, so that the frame is drawn anew
        return
    surface = DrapeSurface(occupant.dressed.trunk)
    for strip in route.strips:
        grid = strip.grid(25)
        grid = np.concatenate([grid, (grid[1:] + grid[:-1]) / 2])
        heights = surface.signed_distance(grid.reshape(-1, 3))[0]
        assert heights.min() > -0.001
        steps = np.diff(strip.centres, axis=0)
        steps /= np.linalg.norm(steps, axis=1, keepdims=True)
        turn = np.rad2deg(np.arccos(np.clip((steps[1:] * steps[:-1]).sum(1), -1, 1)))
        assert turn.max() < 40
    shoulder, lap = route.strips
    assert shoulder.length_m < 1.45
    assert lap.length_m < 1.25
    # From the right shoulder to the left hip, in front of the trunk's middle; the lap strip from left to right.
    assert np.allclose(shoulder.centres[0], anchorage.d_ring)
    assert shoulder.centres[0, 1] < -0.3
    assert shoulder.centres[-1, 1] > 0.2
    assert lap.centres[-1, 1] < -0.25
    middle = shoulder.centres[np.abs(shoulder.centres[:, 1]).argmin()]
    near = surface.points[np.linalg.norm(surface.points - middle, axis=1).argmin()]
    assert middle[0] > near[0] - 0.01


def test_a_belt_worn_near_the_neck_crosses_nearer_to_it() -> None:
    body = {name: sum(limits) / 2 for name, limits in SHAPE_RANGES.items()} | {
        "pose": "hands_on_thighs", "turn_left_deg": 0, "lean_left_deg": 0, "head_turn_left_deg": 0, "head_nod_deg": 0,
    }  # fmt: skip
    occupant = seat_occupant(body, CLOTHES, SeatShape())
    surface = DrapeSurface(occupant.dressed.trunk)
    near, far = (shoulder_crossing(surface, occupant.neck, occupant.shoulder, share) for share in (0.3, 0.7))
    assert far[1] < near[1] - 0.03 < -0.03


def test_a_body_without_a_shoulder_is_an_error() -> None:
    with pytest.raises(RenderError, match="shoulder"):
        shoulder_crossing(ball(0.05), np.array([0, 0, 1.0]), np.array([0, -0.2, 1.0]), 0.5)


def test_a_belt_not_worn_hangs_between_its_ends() -> None:
    anchorage = Anchorage()
    strip = route_stowed(anchorage, 0.02).strips[0]
    assert np.allclose(strip.centres[0], anchorage.d_ring)
    assert np.allclose(strip.centres[-1], anchorage.outboard)
    straight = np.linalg.norm(np.subtract(anchorage.d_ring, anchorage.outboard))
    assert straight < strip.length_m < straight * 1.05
    assert (strip.centres[:, 1] < -0.2).all()
    assert np.allclose(np.linalg.norm(strip.across, axis=1), 1)
