"""What a version's documents are made of, kept in files while its frames come in: memory does not grow with them."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from contracts.ids import Digest

_BUFFER_BYTES = 1 << 20
_PREFIX = "sha256:"
_DIGEST_BYTES = 32
_SIZE_BYTES = 8
_ENTRY_BYTES = _DIGEST_BYTES + _SIZE_BYTES
SORTED_ENTRIES = 1 << 15
"""Entries that are sorted in memory at a time."""


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


class DigestTable:
    """Blobs with their sizes, added in any order and given sorted, each once (a merge sort on disk).

    Args:
        folder: For its files.

    Raises:
        OSError: As the operating system says, in all methods.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries: list[bytes] = []
        self._runs: list[Path] = []

    def add(self, digest: Digest, size_bytes: int) -> None:
        """Add a blob."""
        self._entries.append(bytes.fromhex(digest[len(_PREFIX) :]) + size_bytes.to_bytes(_SIZE_BYTES, "big"))
        if len(self._entries) >= SORTED_ENTRIES:
            self._write_run()

    def lines(self) -> Iterator[bytes]:
        """`digest size_bytes` by digest, without ends."""
        last = b""
        for entry in heapq.merge(sorted(self._entries), *map(_read_run, self._runs)):
            if entry != last:
                last = entry
                size = int.from_bytes(entry[_DIGEST_BYTES:], "big")
                yield f"{_PREFIX}{entry[:_DIGEST_BYTES].hex()} {size}".encode()

    def _write_run(self) -> None:
        path = self._folder / f"run-{len(self._runs):06d}"
        path.write_bytes(b"".join(sorted(set(self._entries))))
        self._runs.append(path)
        self._entries.clear()


def _read_run(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while data := stream.read(_ENTRY_BYTES * 256):
            for start in range(0, len(data), _ENTRY_BYTES):
                yield data[start : start + _ENTRY_BYTES]
