"""The images of an import, in the order of the version: kept on disk, so that memory does not grow with them."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.errors import ConfigurationError
from registry.spool import SortedEntries, ordered_bytes

_PLACE_BYTES = 8
_LENGTH_BYTES = 4


@dataclass(frozen=True)
class Picture:
    """An image to import."""

    source: str
    """What reports and the record call it."""
    path: Path
    split: str | None
    group: str | None
    note: Any = None
    """What its format needs to annotate it: a value of JSON; paths become texts, and tuples lists."""


class PictureList:
    """Pictures, added one after another.

    Args:
        folder: For the list.
        by_source: Whether their order is that of split and source; else that of adding.

    Raises:
        OSError: As the operating system says, in all methods.
    """

    def __init__(self, folder: Path, *, by_source: bool = False) -> None:
        self._by_source = by_source
        self._entries = SortedEntries(folder)
        self._count = 0

    def add(self, picture: Picture) -> None:
        """Add a picture.

        Raises:
            ConfigurationError: Its note is nested too deeply.
        """
        key = self._count.to_bytes(_PLACE_BYTES, "big")
        if self._by_source:
            key = ordered_bytes(picture.split or "") + ordered_bytes(picture.source) + key
        fields = [picture.source, picture.path, picture.split, picture.group, picture.note]
        try:
            data = json.dumps(fields, default=os.fspath).encode()
        except RecursionError:
            raise ConfigurationError(
                f"{picture.source}: its annotation is nested too deeply",
                code="import_refused",
                hint="write it as its format says; nothing was imported",
            ) from None
        self._entries.add(key + data + len(key).to_bytes(_LENGTH_BYTES, "big"))
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Picture]:
        """All pictures; again from the first with every call."""
        for entry in self._entries:
            start = int.from_bytes(entry[-_LENGTH_BYTES:], "big")
            source, path, split, group, note = json.loads(entry[start:-_LENGTH_BYTES])
            yield Picture(source, Path(path), split, group, note)

    def sources(self, places: Collection[int]) -> dict[int, str]:
        """What the pictures at some places are called."""
        wanted = set(places)
        return {place: picture.source for place, picture in enumerate(self if wanted else ()) if place in wanted}
