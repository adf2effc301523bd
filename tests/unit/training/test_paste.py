"""Cut and paste: pixels and classes come together, from training images alone."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.augmentation import Paste
from tests.unit.training.test_run import run, same_weights, weights
from tests.unit.training.training_samples import order, picture
from training.mixing import SourceSelection
from training.paste import Paster, regions
from training.streams import stream


class Pictures:
    """Images whose pixels say which image, row and column they are of."""

    def __init__(self, first: int, count: int) -> None:
        self.targets = [picture(first + place)[1] for place in range(count)]
        for target in self.targets:
            target[target == 3] = 1
        rows, columns = np.indices(self.targets[0].shape)
        self.images = [
            np.stack([np.full_like(rows, first + place), rows, columns], axis=-1).astype(np.uint8)
            for place in range(count)
        ]
        self.seen: set[int] = set()

    def image(self, place: int) -> np.ndarray:
        self.seen.add(place)
        return self.images[place]

    def target(self, place: int) -> np.ndarray:
        return self.targets[place]


def paster(**changes):
    frames = {0: Pictures(0, 6), 1: Pictures(100, 6)}
    selections = [
        SourceSelection(f"{name}@1", None, np.array([1, 3, 4]), name, Fraction(1)) for name in ("photos", "made")
    ]
    return Paster(Paste.model_validate({"p": 1, "scale": [1, 1], **changes}), selections, frames), frames


@given(seed=st.integers(0, 2**32), cut=st.sampled_from(["object", "class"]))
@settings(max_examples=60, deadline=None)
def test_every_pixel_has_the_class_it_had_where_it_came_from(seed, cut):
    made, frames = paster(cut=cut)
    image, target = frames[0].image(0), frames[0].target(0)
    frames[0].seen.clear()
    found, ids = made.paste(0, image, target, stream(seed, "test"))
    for (number, row, column), label in zip(found.reshape(-1, 3), ids.reshape(-1), strict=True):
        source, place = frames[int(number >= 100)], int(number) % 100
        assert source.targets[place][row, column] == label
    changed = np.any(found != image, axis=-1)
    assert not (ids[changed] == 0).any()
    assert not (ids[changed] == 255).any()
    assert frames[0].seen | frames[1].seen <= {1, 3, 4}, "images that the mix does not hold"


@given(seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_scaled_things_bring_only_classes_that_there_are(seed):
    made, frames = paster(scale=[0.3, 2.0], things=[1, 4])
    image, target = frames[0].image(0), frames[0].target(0)
    before = image.copy(), target.copy()
    found, ids = made.paste(0, image, target, stream(seed, "test"))
    assert set(np.unique(ids)) <= {0, 1, 2, 255}
    assert np.array_equal(ids[np.all(found == image, axis=-1)], target[np.all(found == image, axis=-1)])
    assert np.array_equal(image, before[0])
    assert np.array_equal(target, before[1])


def test_the_stream_decides():
    made, frames = paster(scale=[0.5, 1.5])
    draws = [made.paste(0, frames[0].image(0), frames[0].target(0), stream(seed, "test"))[0] for seed in (1, 1, 2)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_of_and_onto_name_the_sources():
    made, frames = paster(of=["made"], onto=["photos"])
    image, target = frames[0].image(0), frames[0].target(0)
    found = made.paste(0, image, target, stream(1, "test"))[0]
    assert set(np.unique(found[..., 0])) > {0}
    assert all(number == 0 or number >= 100 for number in np.unique(found[..., 0]))
    again = made.paste(1, frames[1].image(0), frames[1].target(0), stream(1, "test"))[0]
    assert np.array_equal(again, frames[1].image(0))


def test_small_regions_stay_and_a_class_is_cut_by_itself():
    target = np.zeros((20, 20), np.uint8)
    target[2:8, 2:8], target[2:8, 8:10], target[15, 15] = 1, 2, 1
    assert [region.sum() for region in regions(target, Paste(smallest_share=0.01))] == [48]
    assert [region.sum() for region in regions(target, Paste(smallest_share=0.01, cut="class"))] == [36, 12]


def test_ranges_upside_down_are_refused():
    with pytest.raises(ValidationError, match="things: the range"):
        Paste(things=(3, 1))


def test_a_run_that_pastes_is_repeatable_and_another_run(shapes, workplace):
    with_paste = {"augmentation": {"paste": {"p": 1, "of": ["shapes"]}, "transforms": [{"name": "GridDistortion"}]}}
    orders = [
        order(shapes, workplace, run=name, **settings)
        for name, settings in (("run-1", with_paste), ("run-2", with_paste), ("run-3", {}))
    ]
    for asked in orders:
        run(asked)
    assert same_weights(weights(orders[0]), weights(orders[1]))
    assert not same_weights(weights(orders[0]), weights(orders[2]))
    with pytest.raises(Exception, match="no training source 'shape'"):
        order(shapes, workplace, augmentation={"paste": {"of": ["shape"]}})
