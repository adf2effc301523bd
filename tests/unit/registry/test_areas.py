"""Run lengths as pycocotools makes them, and polygons that give the very pixels back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from registry.formats.areas import Points, encode, fill, find_areas, join, trace

KEYS = st.tuples(st.integers(1, 14), st.integers(1, 14)).flatmap(
    lambda size: arrays(np.uint32, size, elements=st.integers(0, 4))
)


def reference(mask: np.ndarray) -> dict[str, object]:
    return coco.encode(np.asfortranarray(mask.astype(np.uint8)))


def filled(polygon: Points, shape: tuple[int, ...]) -> np.ndarray:
    """As the COCO tools fill a polygon."""
    return coco.decode(coco.frPyObjects([polygon.astype(float).ravel().tolist()], *shape))[..., 0].astype(bool)


@given(KEYS)
def test_areas_are_those_that_pycocotools_finds(keys: np.ndarray) -> None:
    found = find_areas(keys)
    assert [area.key for area in found] == [key for key in np.unique(keys).tolist() if key]
    for area in found:
        expected = reference(keys == area.key)
        assert area.counts == expected["counts"].decode()
        assert area.area_px == coco.area(expected)
        assert list(area.box) == coco.toBbox(expected).tolist()


def test_long_runs_take_several_characters() -> None:
    mask = np.zeros((3000, 4000), bool)
    mask[1:2999, 7:3990] = True
    mask[1500, 2000] = False
    assert encode(mask) == reference(mask)["counts"].decode()


@pytest.mark.parametrize("value", [False, True])
def test_an_empty_and_a_full_mask(value: bool) -> None:
    mask = np.full((5, 3), value)
    assert encode(mask) == reference(mask)["counts"].decode()


@given(KEYS)
@settings(max_examples=60)
def test_the_one_polygon_of_an_area_gives_its_pixels_back(keys: np.ndarray) -> None:
    mask = keys > 2
    if not mask.any():
        return
    whole = join(trace(mask))
    np.testing.assert_array_equal(filled(whole, mask.shape), mask)
    np.testing.assert_array_equal(fill([whole], mask.shape[::-1]), mask)
    rows, columns = np.nonzero(mask)
    assert whole.min(axis=0).tolist() == [columns.min(), rows.min()]
    assert whole.max(axis=0).tolist() == [columns.max() + 1, rows.max() + 1]


def test_an_outline_has_corners_only() -> None:
    mask = np.zeros((9, 9), bool)
    mask[2:6, 1:8] = True
    (outline,) = trace(mask, (100, 200))
    assert sorted(map(tuple, outline.tolist())) == [(101, 202), (101, 206), (108, 202), (108, 206)]


def test_a_pixel_is_inside_when_its_centre_is() -> None:
    triangle = np.array([(0.0, 0.0), (4.0, 0.0), (0.0, 4.0)])
    expected = np.array([[column + row + 1 < 4 for column in range(4)] for row in range(4)])
    np.testing.assert_array_equal(fill([triangle], (4, 4)), expected)
    outside = np.array([(-5.0, -5.0), (2.0, -5.0), (2.0, 9.0), (-5.0, 9.0)])
    assert fill([outside], (4, 4)).sum() == 8
