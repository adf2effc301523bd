"""Changes by their albumentations names: masks follow geometry exactly, colours leave masks alone, streams decide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.ids import canonical_json
from contracts.run import Augmentation
from tests.unit.training.test_batches import NOTHING
from training import augment
from training.streams import stream

MOVING = ["RandomRotate90", "RandomCrop", "ShiftScaleRotate", "ElasticTransform", "GridDistortion"]
COLORS = [
    "Solarize",
    "RandomBrightnessContrast",
    "RandomFog",
    "HueSaturationValue",
    "GaussNoise",
    "ShotNoise",
    "ImageCompression",
    "GaussianBlur",
    "MotionBlur",
    "Defocus",
    "RandomGamma",
    "PlanckianJitter",
]
IDS = {
    augment.BORDER_COLOR: 255,
    (255, 0, 0): 0,
    (0, 255, 0): 1,
    (0, 0, 255): 2,
    (255, 255, 255): 3,
    (0, 0, 0): 4,
}
"""Class ids by colours none of which is a mix of two others."""


def change(transforms, image, mask, seed=0):
    document = Augmentation.model_validate({**NOTHING, "transforms": transforms})
    return augment.build(document)(image, mask, stream(seed, "test"))


def patches(seed, width, height):
    """Rectangles of the colours above, and the ids that they stand for."""
    draws = np.random.default_rng(seed)
    colors = list(IDS)[1:]
    image, mask = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    for _ in range(12):
        color = colors[int(draws.integers(len(colors)))]
        y, x = int(draws.integers(height)), int(draws.integers(width))
        image[y : y + height // 2, x : x + width // 2] = color
    for color in colors:
        mask[np.all(image == color, axis=-1)] = IDS[color]
    return image, mask


@pytest.mark.parametrize("name", MOVING)
@given(seed=st.integers(0, 2**32), size=st.tuples(st.integers(24, 64), st.integers(24, 64)))
@settings(max_examples=20, deadline=None)
def test_masks_follow_what_moves_pixels_exactly(name, seed, size):
    """Where a changed image has one of the colours unmixed, the mask has its id, and ignore where nothing was."""
    image, mask = patches(seed, *size)
    found, moved = change([{"name": name, "p": 1}], image, mask, seed)
    assert found.shape == image.shape
    assert moved.shape == mask.shape
    unmixed = 0.0
    for color, number in IDS.items():
        pure = np.all(found == color, axis=-1)
        assert (moved[pure] == number).all(), name
        unmixed += pure.mean()
    assert unmixed > 0.3
    assert set(np.unique(moved)) <= set(IDS.values())


@pytest.mark.parametrize("name", COLORS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_changes_of_colour_change_the_image_and_not_the_mask(name, seed):
    draws = np.random.default_rng(seed)
    image = draws.integers(20, 230, (40, 48, 3), dtype=np.uint8)
    mask = draws.integers(0, 4, (40, 48), dtype=np.uint8)
    found, kept = change([{"name": name, "p": 1}], image, mask, seed)
    assert np.array_equal(kept, mask)
    assert (found.dtype, found.shape) == (np.uint8, image.shape)


@pytest.mark.parametrize("name", [*MOVING, *COLORS, "CoarseDropout"])
def test_the_stream_decides_and_the_given_image_stays(name):
    image, mask = patches(5, 64, 48)
    image = image // 4 * 3 + np.random.default_rng(1).integers(1, 60, image.shape, dtype=np.uint8)
    before = image.copy(), mask.copy()
    runs = [change([{"name": name, "p": 1}], image, mask, seed) for seed in (3, 3, 4, 5, 6)]
    assert np.array_equal(image, before[0])
    assert np.array_equal(mask, before[1])
    assert np.array_equal(runs[0][0], runs[1][0])
    assert np.array_equal(runs[0][1], runs[1][1])
    if name != "Solarize":  # its default threshold is one value
        assert any(not np.array_equal(runs[0][0], run[0]) for run in runs[2:])
    assert any(not np.array_equal(image, run[0]) for run in runs)


@pytest.mark.parametrize("kind", ["keep", "ignore"])
def test_what_is_painted_over_keeps_its_class_or_is_ignored(kind):
    image, mask = patches(1, 64, 48)
    found, changed = change([{"name": "CoarseDropout", "p": 1, "mask": kind}], image, mask)
    covered = np.all(found == augment.BORDER_COLOR, axis=-1)
    assert 0 < covered.mean() < 0.5
    assert np.array_equal(changed, np.where(covered, 255, mask) if kind == "ignore" else mask)
    assert np.array_equal(found[~covered], image[~covered])


def test_a_motion_blur_moves_nothing_aside():
    image = np.zeros((41, 41, 3), np.uint8)
    image[20, 20] = 255
    mask = np.zeros((41, 41), np.uint8)
    columns, rows = np.meshgrid(np.arange(41), np.arange(41))
    for seed in range(10):
        found = change([{"name": "MotionBlur", "p": 1, "length_px": [7, 9]}], image, mask, seed)[0][..., 0]
        weight = found / found.sum()
        assert abs((weight * columns).sum() - 20) < 0.5
        assert abs((weight * rows).sum() - 20) < 0.5


def test_documents_without_these_have_the_bytes_they_ever_had():
    assert set(Augmentation().model_dump(mode="json")) == set(NOTHING)
    assert b"transforms" not in canonical_json(Augmentation().model_dump(mode="json"))


@pytest.mark.parametrize(
    ("transform", "word"),
    [
        ({"name": "Cutout"}, "CoarseDropout"),
        ({"name": "RandomGamma", "gamma": [2, 1]}, "upside down"),
        ({"name": "RandomFog", "haze": 1}, "haze"),
        ({"name": "RandomCrop", "width_share": 0}, "width_share"),
    ],
)
def test_what_is_no_change_is_refused(transform, word):
    with pytest.raises(ValidationError, match=word):
        Augmentation.model_validate({"transforms": [transform]})
