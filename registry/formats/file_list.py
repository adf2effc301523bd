"""Files of folders in the order of their names, and what stands in several such lists.

They are kept on disk: memory does not grow with them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby, repeat
from pathlib import Path

from registry.spool import SortedEntries, ordered_bytes, ordered_text


class FileList:
    """Files by keys, in the order of the keys, then of the paths; each once.

    Args:
        base: A folder that all of them lie in.
        scratch: For the list.

    Raises:
        OSError: As the operating system says, in all methods.
    """

    def __init__(self, base: Path, scratch: Path) -> None:
        self._base = base
        self._entries = SortedEntries(scratch)

    def add(self, key: str, path: Path) -> None:
        """Add a file."""
        self._entries.add(ordered_bytes(key) + ordered_bytes(str(path.relative_to(self._base))))

    def __iter__(self) -> Iterator[tuple[str, Path]]:
        """Keys and files so far; again from the first with every call."""
        for entry in self._entries:
            key, rest = ordered_text(entry)
            yield key, self._base / ordered_text(rest)[0]


def list_folder(folder: Path, scratch: Path, *, deep: bool) -> FileList:
    """Everything in a folder but what is hidden, by path without suffix relative to the folder.

    Args:
        folder: The folder.
        scratch: For the list.
        deep: Whether folders are entered, those that are links excepted, instead of listed.

    Raises:
        OSError: As the operating system says.
    """
    found = FileList(folder, scratch)
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:  # iterdir makes a list of them
            for entry in entries:
                path = Path(entry.path)
                if entry.name.startswith("."):
                    continue
                if deep and entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                else:
                    found.add(path.relative_to(folder).with_suffix("").as_posix(), path)
    return found


def matched(*lists: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, tuple[Path | None, ...]]]:
    """Every key of some lists with its file in each of them: the last of several, none where there is none.

    Args:
        lists: Each in the order of its keys.
    """
    numbered = (zip(files, repeat(number), strict=False) for number, files in enumerate(lists))
    for key, found in groupby(merge(*numbered, key=lambda item: (item[0][0], item[1])), lambda item: item[0][0]):
        row: list[Path | None] = [None] * len(lists)
        for (_, path), number in found:
            row[number] = path
        yield key, tuple(row)
