"""Splits; choosing frames at random, by whole groups or nested subsets. Pure, seeded, whatever the records' order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from contracts.errors import ConfigurationError, NotFoundError, nearest
from contracts.frame import FrameRecord
from contracts.mix import Subsets

_GROUPS_STREAM = 1
_SUBSET_STREAM = 2
_INDEPENDENT_STREAM = 3
_SHARES_STREAM = 3


def reserve(records: Sequence[FrameRecord], count: int, seed: int) -> tuple[list[FrameRecord], list[FrameRecord]]:
    """Set frames apart by whole groups, taken in random order until `count` frames are reached.

    A frame without a group is a group of its own.

    Args:
        records: Frames of one version.
        count: Least number of frames to reserve.
        seed: Of the random order of the groups.

    Returns:
        The reserved frames and the rest, both in the order of their index. No group is in both.

    Raises:
        ConfigurationError: There are fewer than `count` frames.
    """
    _check_count(count, len(records), "reserve")
    groups: dict[tuple[str, int], list[FrameRecord]] = {}
    for record in _in_order(records):
        key = (record.group, -1) if record.group is not None else ("", record.index)
        groups.setdefault(key, []).append(record)
    reserved: list[FrameRecord] = []
    rest: list[FrameRecord] = []
    keys = sorted(groups)
    for place in _stream(seed, _GROUPS_STREAM).permutation(len(keys)):
        (reserved if len(reserved) < count else rest).extend(groups[keys[place]])
    return _in_order(reserved), _in_order(rest)


def deal(groups: Sequence[str | None], shares: Mapping[str, float], seed: int) -> list[str]:
    """Deal frames out to splits by whole groups: in random order, each to the split that lacks most of its share.

    A frame without a group is a group of its own.

    Args:
        groups: The group of every frame.
        shares: Share of the frames by split, each above 0, together 1.
        seed: Of the random order of the groups.

    Returns:
        The split of every frame.

    Raises:
        ConfigurationError: Shares are not positive or don't add up to 1.
    """
    if not shares or any(not share > 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
        raise ConfigurationError(
            f"the shares {dict(shares)} are not all above 0 with a sum of 1",
            code="invalid_split",
            hint="such as train=0.8 and validation=0.2",
        )
    places: dict[tuple[str, int], list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault((group, -1) if group is not None else ("", place), []).append(place)
    keys = sorted(places)
    lacking = {split: share * len(groups) for split, share in sorted(shares.items())}
    splits = [""] * len(groups)
    for number in _stream(seed, _SHARES_STREAM).permutation(len(keys)):
        split = max(lacking, key=lambda name: lacking[name])
        for place in places[keys[number]]:
            splits[place] = split
        lacking[split] -= len(places[keys[number]])
    return splits


def subset(records: Sequence[FrameRecord], take: int, seed: int, *, subsets: Subsets = "nested") -> list[FrameRecord]:
    """Take frames at random without repetition.

    Args:
        records: Frames of one version.
        take: How many.
        seed: Of the random order of the frames.
        subsets: `nested`: with one seed, every larger subset contains each smaller one ([BMW] figure 5);
            `independent`: each number of frames has a random order of its own.

    Returns:
        The frames in the order of their index.

    Raises:
        ConfigurationError: There are fewer than `take` frames.
    """
    _check_count(take, len(records), "take")
    ordered = _in_order(records)
    stream = (_SUBSET_STREAM,) if subsets == "nested" else (_INDEPENDENT_STREAM, take)
    places = _stream(seed, *stream).permutation(len(ordered))[:take]
    return [ordered[place] for place in sorted(places)]


def check_split(what: str, split: str | None, splits: Collection[str]) -> None:
    """Raise NotFoundError, naming the nearest split, when a version has no such split.

    Args:
        what: What an error calls the version.
        split: The split; none is all frames.
        splits: Those of the version.
    """
    if split is not None and split not in splits:
        raise NotFoundError(
            f"{what} has no split '{split}'",
            code="unknown_split",
            hint=nearest(split, splits) or "it has no splits: leave the split out",
        )


def leaking_groups(placed: Iterable[tuple[str | None, str | None]]) -> dict[str, list[str]]:
    """Groups that stand in more than one split, with those splits.

    Args:
        placed: Group and split of every frame.
    """
    splits: dict[str, set[str]] = {}
    for group, split in placed:
        if group is not None and split is not None:
            splits.setdefault(group, set()).add(split)
    return {group: sorted(names) for group, names in sorted(splits.items()) if len(names) > 1}


def _in_order(records: Iterable[FrameRecord]) -> list[FrameRecord]:
    return sorted(records, key=lambda record: record.index)


def _stream(seed: int, *stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=stream)))


def _check_count(count: int, available: int, field: str) -> None:
    if not 0 <= count <= available:
        raise ConfigurationError(
            f"{field}: {count} frames where there are {available}",
            code="too_few_frames",
            hint=f"use 0 to {available}",
        )
