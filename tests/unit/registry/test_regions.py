"""Areas as other formats write them, held against the COCO tools and against arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask

from registry.formats.photographs import Refused
from registry.formats.regions import (
    decode_run_lengths,
    fill_polygons,
    flatten_curve,
    pixel_box,
    points_of,
    region_of,
)

_MASKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 20), st.integers(1, 20)))


@given(_MASKS)
def test_run_lengths_of_the_coco_tools_are_read(mask: np.ndarray) -> None:
    height, width = mask.shape
    encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    text = {"size": [height, width], "counts": encoded["counts"].decode("ascii")}
    np.testing.assert_array_equal(decode_run_lengths(text, width, height), mask)
    plain = {"size": [height, width], "counts": _plain_counts(mask)}
    np.testing.assert_array_equal(decode_run_lengths(plain, width, height), mask)


def _plain_counts(mask: np.ndarray) -> list[int]:
    counts, value = [0], False
    for pixel in mask.T.ravel():
        if pixel != value:
            counts.append(0)
            value = not value
        counts[-1] += 1
    return counts


@pytest.mark.parametrize(
    "value",
    [
        {"size": [3, 4], "counts": [12]},
        {"size": [4, 3], "counts": [11]},
        {"size": [4, 3], "counts": [13]},
        {"size": [4, 3], "counts": [-1, 13]},
        {"size": [4, 3], "counts": [6.0, 6]},
        {"size": [4, 3], "counts": "0"},
        {"size": [4, 3], "counts": "\u20ac"},
        {"size": [4, 3], "counts": "oooooooooooooooooooooooo"},
        {"size": [4, 3], "counts": "l"},
        {"size": [4, 3]},
        {"counts": [12]},
        {"size": [4, 3], "counts": None},
        [1, 2],
    ],
)
def test_run_lengths_that_do_not_fit_are_refused(value: object) -> None:
    with pytest.raises(Refused):
        decode_run_lengths(value, 3, 4)


@given(st.text(max_size=12))
def test_any_text_is_run_lengths_or_refused(text: str) -> None:
    try:
        decoded = decode_run_lengths({"size": [5, 4], "counts": text}, 4, 5)
    except Refused:
        return
    assert decoded.shape == (5, 4)


@given(st.lists(st.tuples(st.floats(0, 16), st.floats(0, 12)), min_size=3, max_size=8))
def test_polygons_inside_are_filled_as_by_the_coco_tools(points: list[tuple[float, float]]) -> None:
    encoded = coco_mask.merge(coco_mask.frPyObjects([np.array(points).ravel().tolist()], 12, 16))
    np.testing.assert_array_equal(fill_polygons([np.array(points)], 16, 12), coco_mask.decode(encoded).astype(bool))


def test_a_polygon_reaching_far_out_costs_no_more_than_one_inside() -> None:
    far = np.array([[-1e12, -1e12], [1e12, -1e12], [1e12, 1e12], [-1e12, 1e12]])
    assert fill_polygons([far], 8, 6).all()
    assert not fill_polygons([far + 3e12], 8, 6).any()
    half = fill_polygons([np.array([[-50.0, 0.0], [4.0, 0.0], [4.0, 90.0], [-50.0, 90.0]])], 8, 6)
    np.testing.assert_array_equal(half, np.arange(8)[None, :].repeat(6, 0) < 4)


@pytest.mark.parametrize(
    "value", [[1, 2], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, float("inf")], "abc", [[1], [2], [3]], None]
)
def test_polygons_of_anything_else_are_refused(value: object) -> None:
    with pytest.raises(Refused):
        points_of(value)


def test_curves_run_through_their_ends_and_stay_within_their_control_points() -> None:
    circle = np.array([[10, 0], [10, 5.523], [5.523, 10], [0, 10], [-5.523, 10], [-10, 5.523], [-10, 0]], float)
    outline = flatten_curve(circle, "LCCCCCC")
    radius = np.hypot(*outline.T)
    assert np.abs(radius - 10).max() < 0.01
    np.testing.assert_array_equal(outline[16], [0, 10])
    square = np.array([[0, 0], [4, 0], [4, 4]], float)
    np.testing.assert_array_equal(flatten_curve(square, "LLL"), square)
    for types in ("LCC", "LL", "LXL", "CCC"):
        with pytest.raises(Refused):
            flatten_curve(square, types)


def test_a_curve_may_begin_amid_the_list() -> None:
    circle = np.array([[10, 0], [10, 5.523], [5.523, 10], [0, 10]], float)
    turned = np.roll(circle, -2, axis=0)
    expected = flatten_curve(circle, "LCCC")
    np.testing.assert_allclose(flatten_curve(turned, "CCLC"), expected)


@pytest.mark.parametrize(
    ("corners", "box"),
    [
        ((1, 2, 3, 5), (1, 2, 2, 3)),
        ((1.0004, 2, 3.0004, 5), (1, 2, 2, 3)),
        ((1.5, 2.5, 3.5, 4.5), (1, 2, 3, 3)),
        ((-5, -5, 100, 100), (0, 0, 8, 6)),
        ((9, 0, 12, 3), None),
        ((2, 2, 2, 5), None),
    ],
)
def test_a_box_is_the_pixels_it_touches(corners: tuple[float, ...], box: tuple[int, ...] | None) -> None:
    assert pixel_box(*corners, 8, 6) == box


def test_boxes_inside_out_or_of_no_numbers_are_refused() -> None:
    for corners in ((3, 0, 1, 2), (0, 3, 2, 1), (0, 0, float("nan"), 1)):
        with pytest.raises(Refused):
            pixel_box(*corners, 8, 6)


@given(_MASKS)
def test_a_region_is_the_pixels_that_are_set(mask: np.ndarray) -> None:
    region = region_of(mask)
    again = np.zeros_like(mask)
    if region is not None:
        again[region.place] = region.bits
    np.testing.assert_array_equal(again, mask)
