"""The simplistic saliency map is what [Volvo] section 3.4.1 says, for any size of image, square and batch."""

from __future__ import annotations

from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.explain.saliency import (
    ALL_CLASSES,
    enlarged,
    spread_over_pixels,
    square_distances,
    square_grid,
)

CLASSES = (ALL_CLASSES, 1, 2)


def predict(images: np.ndarray) -> np.ndarray:
    """Class ids that depend on a pixel, its neighbours, and the whole image."""
    grey = images.astype(np.int64).sum(axis=-1)
    around = grey + np.roll(grey, 3, axis=1) - np.roll(grey, 2, axis=2)
    return ((around + grey.sum(axis=(1, 2), keepdims=True) // 50) // 97 % 3).astype(np.uint8)


def picture(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def by_hand(image: np.ndarray, square_px: int) -> np.ndarray:
    """Equation 3.2 for each square of the grid, pixel by pixel."""
    height, width = image.shape[:2]
    plain = predict(image[None])[0]
    found = []
    for class_id in CLASSES:
        rows = []
        for top in range(0, height, square_px):
            row = []
            for left in range(0, width, square_px):
                changed = image.copy()
                for y in range(top, min(top + square_px, height)):
                    for x in range(left, min(left + square_px, width)):
                        changed[y, x] = 255
                other = predict(changed[None])[0]
                if class_id == ALL_CLASSES:
                    row.append(int((other != plain).sum()))
                else:
                    a, b = (plain == class_id).astype(int), (other == class_id).astype(int)
                    row.append(sum(np.linalg.norm(one, ord=1) for one in a - b))
            rows.append(row)
        found.append(rows)
    return np.array(found)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 17), st.integers(1, 17), st.integers(1, 9), st.integers(1, 7))
def test_is_the_distance_of_each_square_for_itself(seed: int, height: int, width: int, square_px: int, batch: int):
    image = picture(seed, height, width)
    found = square_distances(predict, image, CLASSES, square_px=square_px, batch=batch)
    assert found.shape[1:] == square_grid((width, height), square_px)
    np.testing.assert_array_equal(found, by_hand(image, square_px))


def test_of_what_never_changes_its_mind_is_nothing():
    image = picture(0, 20, 30)
    always = np.ones((4, 20, 30), np.uint8)
    assert not square_distances(lambda images: always, image, CLASSES, square_px=8, batch=4).any()


def test_is_white_already_or_makes_a_difference():
    """A network that looks at each pixel alone changes its mind in the square only."""
    image = np.zeros((16, 24, 3), np.uint8)
    image[:8, :8] = 255
    image[8:, 16:20] = 255
    found = square_distances(lambda images: (images[..., 0] == 255).astype(np.uint8), image, [1], square_px=8, batch=5)
    assert found.tolist() == [[[0, 64, 64], [64, 64, 32]]]


def test_of_a_photograph_of_volvo_is_a_grid_of_106_by_60():
    assert square_grid((848, 480), 8) == (60, 106)
    assert square_grid((849, 481), 8) == (61, 107)


def test_every_batch_has_the_same_size_and_progress_counts_squares():
    sizes = Mock(side_effect=lambda images: np.zeros(images.shape[:3], np.uint8))
    told: list[int] = []
    square_distances(sizes, picture(0, 10, 10), [1], square_px=4, batch=4, on_batch=told.append)
    assert {call.args[0].shape[0] for call in sizes.call_args_list} == {4}
    assert told == [0, 0, 4, 8]


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 9), st.integers(0, 2**32))
def test_on_pixels_sums_stay_what_they_are(height: int, width: int, square_px: int, seed: int):
    rows, columns = square_grid((width, height), square_px)
    distances = np.random.default_rng(seed).integers(0, 100, (rows, columns), dtype=np.int32)
    density = spread_over_pixels(distances, (width, height), square_px)
    assert density.shape == (height, width)
    assert density.sum() == pytest.approx(distances.sum())
    first = density[:square_px, :square_px]
    assert first.sum() == pytest.approx(distances[0, 0])
    large = enlarged(distances, (width, height), square_px)
    assert large[-1, -1] == distances[-1, -1]
    assert large[0, 0] == distances[0, 0]
