"""Choosing frames at random: by whole groups, or nested subsets. Pure, seeded, independent of the records' order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from contracts.errors import ConfigurationError
from contracts.frame import FrameRecord

_GROUPS_STREAM = 1
_SUBSET_STREAM = 2


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


def subset(records: Sequence[FrameRecord], take: int, seed: int) -> list[FrameRecord]:
    """Take frames at random without repetition; with one seed, every larger subset contains each smaller one.

    Args:
        records: Frames of one version.
        take: How many.
        seed: Of the random order of the frames.

    Returns:
        The frames in the order of their index.

    Raises:
        ConfigurationError: There are fewer than `take` frames.
    """
    _check_count(take, len(records), "take")
    ordered = _in_order(records)
    places = _stream(seed, _SUBSET_STREAM).permutation(len(ordered))[:take]
    return [ordered[place] for place in sorted(places)]


def leaking_groups(records: Iterable[FrameRecord]) -> dict[str, list[str]]:
    """Groups that stand in more than one split, with those splits."""
    splits: dict[str, set[str]] = {}
    for record in records:
        if record.group is not None and record.split is not None:
            splits.setdefault(record.group, set()).add(record.split)
    return {group: sorted(names) for group, names in sorted(splits.items()) if len(names) > 1}


def _in_order(records: Iterable[FrameRecord]) -> list[FrameRecord]:
    return sorted(records, key=lambda record: record.index)


def _stream(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(stream,))))


def _check_count(count: int, available: int, field: str) -> None:
    if not 0 <= count <= available:
        raise ConfigurationError(
            f"{field}: {count} frames where there are {available}",
            code="too_few_frames",
            hint=f"use 0 to {available}",
        )
