"""Long lists kept in files while they are made: lines, hashed on the way, and entries that are wanted sorted.

Memory does not grow with them.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from contracts.ids import Digest

_BUFFER_BYTES = 1 << 17
_READ_ENTRIES = 256
_PREFIX = "sha256:"
DIGEST_BYTES = 32
_SIZE_BYTES = 8
_LENGTH_BYTES = 4
"""Before each entry in a file of entries that differ in width."""
_RUN_NUMBERS = itertools.count()
"""Of all lists of this process: several may lie in one folder."""
_END = b"\0\0"
"""Of a text among others that are sorted; less than any character."""
SORTED_ENTRIES = 1 << 12
"""Entries that are sorted in memory at a time."""
SORTED_BYTES = 1 << 20
"""No more of them than have this size together."""
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
    """Entries added in any order and given in the order of their bytes, each once (a merge sort on disk).

    Args:
        folder: For its files; made when the first is written.
        width_bytes: Of an entry; none where they differ.

    Raises:
        OSError: As the operating system says, in all methods.
    """

    def __init__(self, folder: Path, width_bytes: int | None = None) -> None:
        self._folder = folder
        self._width = width_bytes
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._runs: list[Path] = []

    def add(self, entry: bytes) -> None:
        """Add an entry."""
        self._waiting.append(entry)
        self._waiting_bytes += len(entry)
        if len(self._waiting) >= SORTED_ENTRIES or self._waiting_bytes >= SORTED_BYTES:
            self._write_run()

    def __iter__(self) -> Iterator[bytes]:
        """All entries so far; again from the first with every call."""
        last: bytes | None = None
        for entry in heapq.merge(sorted(self._waiting), *map(self._read_run, self._runs)):
            if entry != last:
                last = entry
                yield entry

    def _write_run(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._runs.append(self._write(sorted(self._waiting)))
        self._waiting.clear()
        self._waiting_bytes = 0
        if len(self._runs) >= RUNS_MAX:
            merged = self._write(self)
            for run in self._runs:
                run.unlink()
            self._runs = [merged]

    def _write(self, entries: Iterable[bytes]) -> Path:
        path = self._folder / f"run-{next(_RUN_NUMBERS):06d}"
        with path.open("xb", buffering=_BUFFER_BYTES) as stream:
            for entry in entries:
                if self._width is None:
                    stream.write(len(entry).to_bytes(_LENGTH_BYTES, "big"))
                stream.write(entry)
        return path

    def _read_run(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as stream:
            if self._width is None:
                while length := stream.read(_LENGTH_BYTES):
                    yield stream.read(int.from_bytes(length, "big"))
                return
            while data := stream.read(self._width * _READ_ENTRIES):
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
        self._entries = SortedEntries(folder, DIGEST_BYTES + _SIZE_BYTES)

    def add(self, digest: Digest, size_bytes: int) -> None:
        """Add a blob."""
        self._entries.add(digest_bytes(digest) + size_bytes.to_bytes(_SIZE_BYTES, "big"))

    def lines(self) -> Iterator[bytes]:
        """`digest size_bytes` by digest, without ends."""
        for entry in self._entries:
            size = int.from_bytes(entry[DIGEST_BYTES:], "big")
            yield f"{digest_text(entry[:DIGEST_BYTES])} {size}".encode()


def digest_bytes(digest: Digest) -> bytes:
    """The 32 bytes of a digest.

    Raises:
        ValueError: It is none.
    """
    return bytes.fromhex(digest[len(_PREFIX) :])


def digest_text(data: bytes) -> Digest:
    """The digest of these 32 bytes."""
    return f"{_PREFIX}{data.hex()}"


def ordered_bytes(text: str) -> bytes:
    """Bytes that sort as texts do, whatever follows them; `ordered_text` gives the text again."""
    return text.encode("utf-8", "surrogatepass").replace(b"\0", b"\0\xff") + _END


def ordered_text(data: bytes) -> tuple[str, bytes]:
    """The text of `ordered_bytes`, and what follows it."""
    end = data.index(_END)
    return data[:end].replace(b"\0\xff", b"\0").decode("utf-8", "surrogatepass"), data[end + len(_END) :]
