"""Laws of choosing frames: whole groups, nested subsets, seeded, independent of order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from contracts.frame import FrameRecord
from contracts.ids import digest_of
from registry.splits import deal, leaking_groups, reserve, subset

DIGEST = digest_of(b"")
groups_of_frames = st.lists(st.one_of(st.none(), st.sampled_from(["", "a", "b", "c", "d", "e"])), max_size=30)
seeds = st.integers(0, 2**53 - 1)


def frames(groups: list[str | None]) -> list[FrameRecord]:
    return [
        FrameRecord(index=index, files={"image": DIGEST}, size=(1, 1), group=group)
        for index, group in enumerate(groups)
    ]


@given(groups_of_frames, seeds, st.data())
def test_reserving_takes_whole_groups_and_just_enough(groups: list[str | None], seed: int, data: st.DataObject) -> None:
    records = frames(groups)
    count = data.draw(st.integers(0, len(records)))
    reserved, rest = reserve(records, count, seed)
    assert sorted(record.index for record in [*reserved, *rest]) == list(range(len(records)))
    named = {record.group for record in reserved} - {None}
    assert not named & {record.group for record in rest}
    assert len(reserved) >= count
    sizes = [groups.count(group) if group is not None else 1 for group in groups]
    assert len(reserved) < count + max(sizes, default=1)
    assert [record.index for record in reserved] == sorted(record.index for record in reserved)


@given(groups_of_frames, seeds, st.randoms(use_true_random=False))
def test_the_records_order_does_not_matter(groups: list[str | None], seed: int, shuffler: random.Random) -> None:
    records = frames(groups)
    shuffled = list(records)
    shuffler.shuffle(shuffled)
    count = len(records) // 2
    assert reserve(records, count, seed) == reserve(shuffled, count, seed)
    assert subset(records, count, seed) == subset(shuffled, count, seed)


@given(st.integers(0, 40), seeds, st.data())
def test_a_larger_subset_contains_every_smaller_one(total: int, seed: int, data: st.DataObject) -> None:
    records = frames([None] * total)
    larger = data.draw(st.integers(0, total))
    smaller = data.draw(st.integers(0, larger))
    big = subset(records, larger, seed)
    assert len(big) == larger
    assert len({record.index for record in big}) == larger
    assert {record.index for record in subset(records, smaller, seed)} <= {record.index for record in big}


def test_seeds_choose_differently_and_zero_is_a_seed() -> None:
    records = frames([None] * 50)
    chosen = {tuple(record.index for record in subset(records, 10, seed)) for seed in range(20)}
    assert len(chosen) == 20
    reserved = {tuple(record.index for record in reserve(records, 10, seed)[0]) for seed in range(20)}
    assert len(reserved) == 20
    assert not chosen & reserved  # streams of their own: what is reserved does not decide what is taken


def test_every_frame_is_as_likely_as_every_other() -> None:
    records = frames([None] * 20)
    counts = [0] * 20
    for seed in range(2000):
        for record in subset(records, 5, seed):
            counts[record.index] += 1
    # Binomial with mean 500 and standard deviation 19.4: five deviations on each side.
    assert all(400 < count < 600 for count in counts)


def test_choices_stay_as_they_are_from_release_to_release() -> None:
    records = frames(["a", "a", "b", "c", "c", "c", None, None, "d", "e"])
    assert [record.index for record in subset(records, 4, 7)] == [1, 2, 4, 8]
    assert [record.index for record in reserve(records, 4, 7)[0]] == [3, 4, 5, 9]


@pytest.mark.parametrize("count", [-1, 4])
def test_more_frames_than_there_are_is_bad_input(count: int) -> None:
    with pytest.raises(ConfigurationError, match=r"use 0 to 3"):
        subset(frames([None] * 3), count, 0)
    with pytest.raises(ConfigurationError, match=r"use 0 to 3"):
        reserve(frames([None] * 3), count, 0)


def test_groups_in_two_splits_are_found() -> None:
    places = [("a", "train"), ("a", "train"), ("b", "train"), ("b", "test"), (None, "train"), (None, "test")]
    records = [
        record.model_copy(update={"split": split})
        for record, (_, split) in zip(frames([group for group, _ in places]), places, strict=True)
    ]
    assert leaking_groups((record.group, record.split) for record in records) == {"b": ["test", "train"]}


@given(
    st.lists(st.one_of(st.none(), st.sampled_from("abcdefgh")), min_size=1, max_size=60),
    st.sampled_from([{"train": 0.8, "validation": 0.2}, {"a": 0.5, "b": 0.25, "c": 0.25}, {"all": 1.0}]),
    st.integers(0, 5),
)
def test_dealing_keeps_groups_whole_and_comes_near_the_shares(
    groups: list[str | None], shares: dict[str, float], seed: int
) -> None:
    splits = deal(groups, shares, seed)
    assert splits == deal(groups, shares, seed)
    assert set(splits) <= shares.keys()
    largest = max(groups.count(group) if group is not None else 1 for group in groups)
    for split, share in shares.items():
        assert splits.count(split) <= share * len(groups) + largest
    for group in set(groups) - {None}:
        assert len({split for split, its in zip(splits, groups, strict=True) if its == group}) == 1


def test_dealing_stays_as_it_is_from_release_to_release() -> None:
    groups = ["a", "", None, "c", "c", None, "b", "a", "b", None, "d", "e"]
    shares = {"train": 0.6, "b": 0.2, "a": 0.2}
    short = {"t": "train", "a": "a", "b": "b"}
    for seed, expected in ((0, "ttbaatbtbtat"), (7, "tttbbtatatba")):
        assert deal(groups, shares, seed) == [short[letter] for letter in expected]


def test_dealing_does_not_decide_what_an_independent_subset_takes() -> None:
    records = frames([None] * 40)
    shared = 0
    for seed in range(300):
        dealt = deal([None] * 40, {"test": 0.25, "train": 0.75}, seed)
        taken = subset(records, 10, seed, subsets="independent")
        shared += sum(dealt[record.index] == "test" for record in taken)
    # Of ten frames each, 2.5 in common on average, with a standard deviation of 1.2: five of those of the mean.
    assert abs(shared / 300 - 2.5) < 0.35


def test_shares_that_are_not_a_whole_are_refused() -> None:
    for shares in ({}, {"a": 0.5}, {"a": 1.5, "b": -0.5}, {"a": 0.0, "b": 1.0}, {"a": float("nan")}):
        with pytest.raises(ConfigurationError):
            deal(["x"], shares, 0)
