"""Which split each picture of an import is in: its own, or one dealt out by shares; never a group in two."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.errors import ConfigurationError
from contracts.ids import check_name
from registry.formats.findings import SHOWN_FAULTS
from registry.formats.picture_list import Picture, PictureList
from registry.splits import deal_numbered, leaking_groups
from registry.spool import SortedEntries, ordered_bytes, ordered_text

_NO_SPLIT = -1
_NAMED, _ALONE = b"\0", b"\1"
_PLACE_BYTES = 8


class Splits:
    """The splits of all pictures; a few bytes each.

    Args:
        pictures: All of them.
        shares: Share by split, where they are dealt out.
        seed: Of the dealing.
        scratch: For the list of groups.

    Raises:
        ConfigurationError: Shares are asked for and the source has splits, they are not together 1, or a group is in
            two splits.
        OSError: As the operating system says.
    """

    def __init__(self, pictures: PictureList, shares: Mapping[str, float], seed: int, scratch: Path) -> None:
        for split in shares:
            check_name(split, "split")
        self._list = pictures
        groups = SortedEntries(scratch)
        own = array("i")
        numbers: dict[str, int] = {}
        for place, picture in enumerate(pictures):
            own.append(_NO_SPLIT if picture.split is None else numbers.setdefault(picture.split, len(numbers)))
            kind = _ALONE if picture.group is None else _NAMED
            groups.add(ordered_bytes(picture.group or "") + kind + place.to_bytes(_PLACE_BYTES, "big"))
        if shares and numbers:
            raise ConfigurationError(
                "the source has splits already, and shares were asked for",
                code="invalid_split",
                hint="leave the shares out, or import a folder without splits",
            )
        self._names = sorted(shares) or list(numbers)
        parts = np.frombuffer(own, np.int32) if len(own) else np.zeros(0, np.int32)
        self.parts: npt.NDArray[np.int32] = (
            deal_numbered(_numbered(groups, len(pictures)), shares, seed).astype(np.int32) if shares else parts
        )
        """(N,) the number of every picture's split, -1 where it has none."""
        self._refuse_leaks(groups)

    def __getitem__(self, place: int) -> str | None:
        """The split of the picture at a place."""
        part = int(self.parts[place])
        return None if part == _NO_SPLIT else self._names[part]

    def pictures(self) -> Iterator[Picture]:
        """The pictures with their splits."""
        for place, picture in enumerate(self._list):
            yield replace(picture, split=self[place])

    def _refuse_leaks(self, groups: SortedEntries) -> None:
        leaks = leaking_groups(
            (ordered_text(entry)[0], self[place]) for entry, kind, place in _read(groups) if kind == _NAMED
        )
        if leaks:
            shown = [f"{group} ({', '.join(names)})" for group, names in list(leaks.items())[:SHOWN_FAULTS]]
            raise ConfigurationError(
                f"{len(leaks)} groups stand in more than one split: {'; '.join(shown)}",
                code="split_leak",
                hint="frames of one group must all be in one split, or what is measured on the other is flattered",
                context={"groups": list(leaks)[:1000]},
            )


def _numbered(groups: SortedEntries, count: int) -> npt.NDArray[np.int64]:
    """Numbers of the pictures' groups in their order; a picture without a group is one of its own."""
    numbers = np.zeros(count, np.int64)
    number, last = -1, b""
    for entry, kind, place in _read(groups):
        key = entry[:-_PLACE_BYTES]
        number += kind == _ALONE or key != last
        numbers[place], last = number, key
    return numbers


def _read(groups: SortedEntries) -> Iterator[tuple[bytes, bytes, int]]:
    for entry in groups:
        yield entry, entry[-_PLACE_BYTES - 1 : -_PLACE_BYTES], int.from_bytes(entry[-_PLACE_BYTES:], "big")
