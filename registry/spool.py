"""Long lists kept in files while they are made: lines, hashed on the way, and entries that are wanted sorted.

Memory does not grow with them.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from contracts.ids import Digest

_BUFFER_BYTES = 1 << 17
_READ_ENTRIES = 256
_PREFIX = "sha256:"
_DIGEST_BYTES = 32
_SIZE_BYTES = 8
SORTED_ENTRIES = 1 << 12
"""Entries that are sorted in memory at a time."""
RUNS_MAX = 256
"""Files of sorted entries that are open at a time; as many are merged into one."""


class LineFile:
    """Lines written one after another, hashed on the way.

    Args:
        path: The file; made here.

    Raises:
        OSError: As the operating system says, here and in all methods.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self._found = hashlib.sha256()
        self._stream = path.open("wb", buffering=_BUFFER_BYTES)

    def add(self, line: bytes) -> None:
        """Write a line, without its end."""
        data = line + b"\n"
        self._found.update(data)
        self._stream.write(data)
        self.size_bytes += len(data)

    def finish(self) -> Digest:
        """Close the file; its digest."""
        self._stream.close()
        return f"{_PREFIX}{self._found.hexdigest()}"

    def close(self) -> None:
        """Close the file, whatever became of it."""
        with suppress(OSError):  # what could not be written is not wanted any more
            self._stream.close()


class SortedEntries:
    """Entries of one width, added in any order and given in the order of their bytes, each once (a merge sort on disk).

    Args:
        folder: For its files.
        width_bytes: Of an entry.

    Raises:
        OSError: As the operating system says, in all methods.
    """

    def __init__(self, folder: Path, width_bytes: int) -> None:
        self._folder = folder
        self._width = width_bytes
        self._waiting = bytearray()
        self._runs: list[Path] = []
        self._numbers = itertools.count()

    def add(self, entry: bytes) -> None:
        """Add an entry."""
        self._waiting += entry
        if len(self._waiting) >= SORTED_ENTRIES * self._width:
            self._write_run()

    def __iter__(self) -> Iterator[bytes]:
        """All entries so far; again from the first with every call."""
        last = b""
        for entry in heapq.merge(self._split(self._sorted()), *map(self._read_run, self._runs)):
            if entry != last:
                last = entry
                yield entry

    def _sorted(self) -> bytes:
        if not self._waiting:
            return b""
        found: bytes = np.sort(np.frombuffer(self._waiting, f"V{self._width}")).tobytes()
        return found

    def _write_run(self) -> None:
        path = self._new_path()
        path.write_bytes(self._sorted())
        self._runs.append(path)
        self._waiting.clear()
        if len(self._runs) >= RUNS_MAX:
            merged = self._new_path()
            with merged.open("wb", buffering=_BUFFER_BYTES) as stream:
                stream.writelines(self)
            for run in self._runs:
                run.unlink()
            self._runs = [merged]

    def _new_path(self) -> Path:
        return self._folder / f"run-{next(self._numbers):06d}"

    def _read_run(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as stream:
            while data := stream.read(self._width * _READ_ENTRIES):
                yield from self._split(data)

    def _split(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), self._width):
            yield data[start : start + self._width]


class DigestTable:
    """Blobs with their sizes, added in any order and given sorted, each once.

    Args:
        folder: For its files.

    Raises:
        OSError: As the operating system says, in all methods.
    """

    def __init__(self, folder: Path) -> None:
        self._entries = SortedEntries(folder, _DIGEST_BYTES + _SIZE_BYTES)

    def add(self, digest: Digest, size_bytes: int) -> None:
        """Add a blob."""
        self._entries.add(digest_bytes(digest) + size_bytes.to_bytes(_SIZE_BYTES, "big"))

    def lines(self) -> Iterator[bytes]:
        """`digest size_bytes` by digest, without ends."""
        for entry in self._entries:
            size = int.from_bytes(entry[_DIGEST_BYTES:], "big")
            yield f"{digest_text(entry[:_DIGEST_BYTES])} {size}".encode()


def digest_bytes(digest: Digest) -> bytes:
    """The 32 bytes of a digest.

    Raises:
        ValueError: It is none.
    """
    return bytes.fromhex(digest[len(_PREFIX) :])


def digest_text(data: bytes) -> Digest:
    """The digest of these 32 bytes."""
    return f"{_PREFIX}{data.hex()}"
