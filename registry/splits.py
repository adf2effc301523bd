"""Splits; choosing frames at random, by whole groups or nested subsets. Pure, seeded, whatever the records' order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

from contracts.errors import ConfigurationError, NotFoundError, nearest
from contracts.frame import FrameRecord
from contracts.mix import Subsets

_GROUPS_STREAM = 1
_SUBSET_STREAM = 2
_INDEPENDENT_STREAM = 3
_SHARES_STREAM = 3
"""The number of independent subsets, too, and yet a stream of its own: their keys have the number of frames as a second
word, and SeedSequence mixes in every word of a key, so that one and two words give unlike states, even where the second
is 0. With another number, shares would be dealt otherwise than before."""


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
    keys = [(group, -1) if group is not None else ("", place) for place, group in enumerate(groups)]
    numbers = {key: number for number, key in enumerate(sorted(set(keys)))}
    names = sorted(shares)
    return [names[part] for part in deal_numbered(np.array([numbers[key] for key in keys], np.int64), shares, seed)]


def deal_numbered(groups: npt.NDArray[np.integer], shares: Mapping[str, float], seed: int) -> npt.NDArray[np.uint16]:
    """As `deal`, in memory of a few tens of bytes a frame.

    Args:
        groups: (N,) the number of every frame's group, from 0 without gaps: in the order of names, and a frame without
            a group as one of its own, at the place of the empty name, by the order of frames.
        shares: As for `deal`.
        seed: As for `deal`.

    Returns:
        (N,) the place of every frame's split among the names of the shares, sorted.

    Raises:
        ConfigurationError: As for `deal`.
    """
    if not shares or any(not share > 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
        raise ConfigurationError(
            f"the shares {dict(shares)} are not all above 0 with a sum of 1",
            code="invalid_split",
            hint="such as train=0.8 and validation=0.2",
        )
    lacking = [shares[split] * len(groups) for split in sorted(shares)]
    sizes = np.bincount(groups)
    parts = np.zeros(len(sizes), np.uint16)
    for number in _stream(seed, _SHARES_STREAM).permutation(len(sizes)):
        part = max(range(len(lacking)), key=lacking.__getitem__)
        parts[number] = part
        lacking[part] -= int(sizes[number])
    return np.asarray(parts[groups])


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
        placed: Group and split of every frame, those of one group one after another.
    """
    leaks: dict[str, list[str]] = {}
    for group, frames in groupby(placed, lambda frame: frame[0]):
        names = {split for _, split in frames if split is not None}
        if group is not None and len(names) > 1:
            leaks[group] = sorted(names)
    return dict(sorted(leaks.items()))


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
