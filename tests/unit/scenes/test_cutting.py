"""Cutting meshes along curves: nothing is lost, borders lie on the curve, outlines are rounded where asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import IntegrityError
from unity_bridge.scenes.cutting import Patch, rounded_polygon, signed_distance, split
from unity_bridge.scenes.primitives import grid_faces

SQUARE = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])


def plane(count: int = 13) -> Patch:
    """A square of side 2 in the plane z = 0."""
    line = np.linspace(-1, 1, count)
    x, y = np.meshgrid(line, line, indexing="ij")
    flat = np.stack([x, y, 0 * x, 0 * x, 0 * x, 0 * x + 1], -1).reshape(-1, 6)
    return Patch(flat, grid_faces(count, count))


def area(patch: Patch) -> float:
    corners = patch.positions[patch.faces]
    return 0.5 * float(
        np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum()
    )


@settings(max_examples=60)
@given(st.floats(-3, 3), st.floats(-1.5, 1.5), st.floats(-3.2, 3.2))
def test_a_cut_keeps_the_area_and_the_winding(x: float, y: float, angle: float) -> None:
    patch = plane()
    region = (patch.positions[:, 0] - x) * np.cos(angle) + (patch.positions[:, 1] - y) * np.sin(angle)
    inside, outside = split(patch, region)
    assert area(inside) + area(outside) == pytest.approx(4.0, abs=1e-9)
    for piece in (inside, outside):
        corners = piece.positions[piece.faces]
        turns = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
        assert (turns >= -1e-12).all()


def test_a_round_hole_is_round_and_not_stepped() -> None:
    patch = plane(41)
    hole, rest = split(patch, 0.6 - np.hypot(patch.positions[:, 0], patch.positions[:, 1]))
    assert area(hole) == pytest.approx(np.pi * 0.36, rel=4e-3)
    border = np.setdiff1d(np.unique(rest.faces), np.arange(len(patch.attributes)))
    radius = np.hypot(rest.positions[border, 0], rest.positions[border, 1])
    # 2 cm of grid to 1 m: by face the border would step by 0.05, along the curve it is off by the chord's sagitta.
    np.testing.assert_allclose(radius, 0.6, atol=2e-3)


def test_a_region_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(IntegrityError):
        split(plane(), np.zeros(3))


@pytest.mark.parametrize(
    ("point", "expected"), [((0, 0), 1.0), ((0.9, 0), 0.1), ((1.05, 0), -0.05), ((1.03, 1.04), -0.05), ((9, 9), -0.12)]
)
def test_signed_distance_to_a_square(point: tuple[float, float], expected: float) -> None:
    assert signed_distance(np.array([point], dtype=np.float64), SQUARE)[0] == pytest.approx(expected)


def test_rounding_stays_inside_and_keeps_sharp_corners_that_ask_for_it() -> None:
    polygon = rounded_polygon(SQUARE, [0.3, 0.0, 0.3, 0.3])
    assert (np.abs(polygon) <= 1 + 1e-12).all()
    assert (polygon == [1.0, -1.0]).all(axis=1).any()
    assert not (polygon == [-1.0, -1.0]).all(axis=1).any()
