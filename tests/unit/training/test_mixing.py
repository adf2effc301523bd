"""What runs learn from: nothing that is set apart, nothing that is tested on, and batches by the shares asked for."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.document import validate
from contracts.errors import ConfigurationError
from contracts.frame import FrameRecord
from contracts.ids import digest_of
from contracts.mix import DataPlan
from training.mixing import BatchSampler, SourceSelection, draw, sources_of


def records(name: str, count: int, *, group_of: int | None = None, first: int = 0) -> list[FrameRecord]:
    return [
        FrameRecord(
            index=index,
            files={"image": digest_of(f"{name} {first + index}".encode()), "mask": digest_of(b"mask")},
            size=(8, 8),
            group=None if group_of is None else f"g{(first + index) // group_of}",
        )
        for index in range(count)
    ]


def plan(train: list[dict], **changes: object) -> DataPlan:
    values = {
        "train": train,
        "validation": {"dataset": "real@1", "split": "train", "reserve": 6, "seed": 1},
        "test": {"dataset": "real@1", "split": "test"},
    }
    return validate(DataPlan, {**values, **changes})


REAL = {
    ("real@1", "train"): records("train", 30, group_of=3),
    ("real@1", "test"): records("test", 12, group_of=3, first=300),
    ("synthetic@2", None): records("synthetic", 40),
}


def images_of(selection, data=REAL):
    return {data[selection.key][place].files["image"] for place in selection.places}


class TestSettingApart:
    def test_no_group_is_in_training_and_validation(self):
        mix = draw(plan([{"dataset": "real@1", "split": "train"}]), REAL)
        groups = [
            {REAL[selection.key][place].group for place in selection.places}
            for selection in (mix.train[0], mix.validation, mix.test)
        ]
        assert len(mix.validation.places) >= 6
        assert len(mix.train[0].places) == 30 - len(mix.validation.places)
        assert not (groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2])

    def test_validation_is_the_same_whatever_is_taken(self):
        chosen = [
            draw(plan([{"dataset": "real@1", "split": "train", "take": take, "seed": take}]), REAL).validation.places
            for take in (1, 16)
        ]
        assert np.array_equal(chosen[0], chosen[1])

    def test_reserved_groups_leave_other_versions_of_the_dataset_too(self):
        later = records("later", 30, group_of=3)  # other bytes, the same groups
        data = {**REAL, ("real@2", None): later}
        mix = draw(plan([{"dataset": "real@2"}]), data)
        reserved = {REAL[mix.validation.key][place].group for place in mix.validation.places}
        assert not reserved & {later[place].group for place in mix.train[0].places}

    def test_groups_of_other_datasets_only_share_a_name(self):
        data = {**REAL, ("other@1", None): records("other", 30, group_of=3)}
        assert len(draw(plan([{"dataset": "other@1"}]), data).train[0].places) == 30

    def test_a_reserved_image_is_not_learned_from_under_another_name(self):
        data = {**REAL, ("copy@1", None): records("train", 30)}
        mix = draw(plan([{"dataset": "copy@1"}]), data)
        assert not images_of(mix.validation) & images_of(mix.train[0], data)

    def test_more_than_there_is_cannot_be_reserved(self):
        with pytest.raises(ConfigurationError, match="reserve 31 of real@1, which has 30 images"):
            draw(
                plan([{"dataset": "synthetic@2"}], validation={"dataset": "real@1", "split": "train", "reserve": 31}),
                REAL,
            )


class TestLeaks:
    @pytest.mark.parametrize("split", ["test", None])
    def test_training_on_the_test_set_is_refused(self, split):
        data = {**REAL, ("real@1", None): REAL["real@1", "train"] + REAL["real@1", "test"]}
        with pytest.raises(ConfigurationError, match=r"data\.train\.0: 12 images of .* test set real@1/test") as caught:
            draw(plan([{"dataset": "real@1", "split": split}]), data)
        assert caught.value.code == "test_set_leak"

    def test_validating_on_the_test_set_is_refused(self):
        with pytest.raises(ConfigurationError, match=r"data\.validation"):
            draw(
                plan([{"dataset": "synthetic@2"}], validation={"dataset": "real@1", "split": "test", "reserve": 3}),
                REAL,
            )

    def test_a_group_that_the_test_set_has_part_in_is_refused(self):
        data = {
            **REAL,
            ("real@1", "train"): [*records("train", 29, group_of=3), *records("x", 1, group_of=3, first=301)],
        }
        with pytest.raises(ConfigurationError, match=r"1 images of .* group 'g100'"):
            draw(plan([{"dataset": "real@1", "split": "train"}]), data)

    def test_a_test_image_under_another_name_is_refused(self):
        data = {**REAL, ("copy@1", None): records("test", 2, first=305)}
        with pytest.raises(ConfigurationError, match="2 images of copy@1 are"):
            draw(plan([{"dataset": "copy@1"}]), data)


class TestTaking:
    @given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**53 - 1))
    def test_takes_of_one_seed_are_nested(self, one, other, seed):
        small, large = sorted((one, other))
        taken = [
            images_of(draw(plan([{"dataset": "real@1", "split": "train", "take": take, "seed": seed}]), REAL).train[0])
            for take in (small, large)
        ]
        assert len(taken[0]) == small
        assert taken[0] <= taken[1]

    def test_another_seed_takes_others(self):
        taken = [
            images_of(draw(plan([{"dataset": "real@1", "split": "train", "take": 8, "seed": seed}]), REAL).train[0])
            for seed in (0, 1)
        ]
        assert taken[0] != taken[1]

    def test_real_images_are_the_same_with_and_without_synthetic_ones(self):
        real = {"dataset": "real@1", "split": "train", "take": 8}
        alone = draw(plan([real]), REAL)
        mixed = draw(plan([real, {"dataset": "synthetic@2", "take": 20}]), REAL)
        assert np.array_equal(alone.train[0].places, mixed.train[0].places)

    def test_a_source_that_takes_nothing_is_not_even_read(self):
        nothing = plan([{"dataset": "real@1", "split": "train"}, {"dataset": "absent@1", "take": 0}])
        assert ("absent@1", None) not in sources_of(nothing)
        assert [source.name for source in draw(nothing, REAL).train] == ["real@1/train"]

    def test_more_than_is_left_is_refused_saying_what_is_set_apart(self):
        with pytest.raises(ConfigurationError, match="take 30 of real@1, which has 24 images beside the 6"):
            draw(plan([{"dataset": "real@1", "split": "train", "take": 30}]), REAL)


def source(name: str, count: int, weight: float = 1.0) -> SourceSelection:
    return SourceSelection(f"{name}@1", None, np.arange(count), name, Fraction(weight).limit_denominator(10**6))


class TestBatches:
    @given(
        st.lists(st.tuples(st.integers(1, 9), st.floats(0.01, 100)), min_size=1, max_size=4),
        st.integers(1, 17),
        st.integers(0, 60),
    )
    def test_shares_are_kept_in_every_stretch_from_the_start(self, sizes, batch_size, steps):
        sources = [source(f"s{number}", count, weight) for number, (count, weight) in enumerate(sizes)]
        sampler = BatchSampler(sources, on=None, stage="a", batch_size=batch_size, seed=1)
        counts = np.zeros(len(sources))
        for step in range(steps):
            batch = sampler.batch(step)
            assert len(batch) == batch_size
            counts += np.bincount([item.source for item in batch], minlength=len(sources))
        wanted = np.array([float(share) for share in sampler.shares]) * steps * batch_size
        assert np.all(np.abs(counts - wanted) <= len(sources))

    def test_half_and_half_is_half_of_every_batch(self):
        sampler = BatchSampler([source("a", 5), source("b", 90)], on=None, stage="s", batch_size=16, seed=0)
        assert all(sum(item.source == 0 for item in sampler.batch(step)) == 8 for step in range(20))

    def test_every_image_comes_once_before_any_comes_again(self):
        sampler = BatchSampler([source("a", 7)], on=None, stage="s", batch_size=3, seed=0)
        drawn = [item.place for step in range(7) for item in sampler.batch(step)]
        epochs = [drawn[start : start + 7] for start in (0, 7, 14)]
        assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
        assert epochs[0] != epochs[1]

    def test_a_batch_does_not_depend_on_the_batches_before_it(self):
        def fresh():
            return BatchSampler([source("a", 7), source("b", 3, 2.5)], on=None, stage="s", batch_size=5, seed=4)

        walked = fresh()
        batches = [walked.batch(step) for step in range(30)]
        assert fresh().batch(29) == batches[29]
        assert fresh().batch(11) == walked.batch(11) == batches[11]

    def test_stages_and_seeds_draw_differently(self):
        def first(stage, seed):
            return BatchSampler([source("a", 50)], on=None, stage=stage, batch_size=16, seed=seed).batch(0)

        assert first("a", 0) != first("b", 0)
        assert first("a", 0) != first("a", 1)

    def test_a_stage_draws_from_its_own_datasets(self):
        sampler = BatchSampler([source("a", 5), source("b", 5)], on=["b"], stage="s", batch_size=4, seed=0)
        assert {item.source for item in sampler.batch(0)} == {1}

    def test_a_stage_without_images_is_refused(self):
        with pytest.raises(ConfigurationError, match="stage 'pretrain' is left without images"):
            BatchSampler([source("a", 5)], on=["b"], stage="pretrain", batch_size=4, seed=0)
