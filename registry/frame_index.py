"""The index of a version's frames: where each line of `frames.jsonl` lies, and what is looked for most often.

Made in one pass over the lines, kept beside the registry as a file that can be made again, and named by the version's
digest: what it is made of never changes. With it a page is read without the lines before it, and two versions are
compared without a line of either. Memory: 70 bytes a frame and a bit for each label; twice that, and a byte for each
label, while it is made.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.errors import IntegrityError
from contracts.process import write_atomically
from registry.durable import storage_error
from registry.reader import Version
from registry.streaming import read_lines

ROLES = ("image", "mask", "instances", "depth")
_FORM = 2
"""Of the file; another one is made again."""
_COLUMNS = ("offsets", "lines", "content", "origin", "files")
_ROLE_PLACES = {role.encode(): place for place, role in enumerate(ROLES)}
_LABEL_KEY = b'"label":"'
_SEEDS_KEPT = 1000
Words64 = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FrameIndex:
    """All frames of a version, each by its index."""

    offsets: Words64
    """(N + 1,) bytes before each line; the last is the size of all."""
    lines: Words64
    """(N,) of each whole line: what is read later is held against it."""
    content: Words64
    """(N,) of all files of a frame."""
    origin: Words64
    """(N,) of where a frame comes from: source and split of an imported one, seed and index of a rendered one."""
    files: Words64
    """(N, 4) of image, mask, instances, depth; 0 where there is none."""
    labels: dict[str, npt.NDArray[np.uint8]]
    """By label: a bit a frame, set where an instance has it."""
    splits: dict[str, npt.NDArray[np.uint8]]
    """By split: a bit a frame."""

    def __len__(self) -> int:
        return len(self.lines)

    def with_label(self, label: str) -> Places:
        """Indices of the frames that have an instance with a label."""
        return self._places(self.labels.get(label))

    def in_split(self, split: str) -> Places:
        """Indices of the frames of a split."""
        return self._places(self.splits.get(split))

    def _places(self, bits: npt.NDArray[np.uint8] | None) -> Places:
        return np.zeros(0, np.int64) if bits is None else np.flatnonzero(np.unpackbits(bits, count=len(self)))

    def read(self, version: Version, indices: Sequence[int]) -> list[bytes]:
        """Lines of some frames, verified.

        Raises:
            IntegrityError: `frames.jsonl` is missing, or a line is not what it was.
            StorageError: The store refuses to read.
        """
        digest = version.manifest.frames.digest
        found = []
        try:
            with version.store.open(digest) as stream:
                for index in indices:
                    start, stop = int(self.offsets[index]), int(self.offsets[index + 1])
                    stream.seek(start)
                    line = stream.read(stop - start)
                    if _word(line) != int(self.lines[index]):
                        raise damaged(version, index)
                    found.append(line.rstrip(b"\n"))
        except FileNotFoundError:
            raise damaged(version, indices[0]) from None
        except OSError as error:
            raise storage_error(error, f"read {version.store.path_of(digest)}") from error
        return found


def frame_index(version: Version, cache: Path | None) -> FrameIndex:
    """The index of a version, from the cache where it has it.

    Args:
        version: The version.
        cache: Folder of indexes; none keeps nothing.

    Raises:
        IntegrityError: `frames.jsonl` is damaged or no list of frame records.
        StorageError: The store refuses to read.
    """
    path = cache / f"{version.digest.removeprefix('sha256:')}.npz" if cache is not None else None
    if path is not None and (known := _load(path)) is not None and len(known) == len(version):
        return known
    found = _build(version)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, _packed(found))
    return found


def _build(version: Version) -> FrameIndex:
    count = len(version)
    made = _Columns(count)
    seen = 0
    for number, line in enumerate(_lines(version)):
        seen = number + 1
        if seen > count:
            break
        try:
            made.add(number, line)
        except (ValueError, KeyError):
            raise damaged(version, number) from None
    if seen != count:
        raise damaged(version, min(seen, count))
    return made.index()


class _Columns:
    """What is taken down of every line, in their order.

    Canonical lines are searched, not parsed, in a fifth of the time: their keys are sorted, so that files and instances
    come before whatever a parameter may say, and seed, source and split after the player, which no parameter can stand
    behind.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._words = array("Q")
        self._labels: dict[bytes, bytearray] = {}
        self._splits: dict[bytes, bytearray] = {}
        self._origins: dict[bytes, int] = {}

    def add(self, number: int, line: bytes) -> None:
        """Take down a line.

        Raises:
            ValueError, KeyError: It is no frame record.
        """
        files = _part(line, b'"files":{', b"}").split(b'"')  # "", role, ":", digest, "," and so on
        instances = _part(line, b'"instances":[', b'],"parameters":')
        tail = line[line.rindex(b'"player":') :]
        split, source = _value(tail, b'"split":'), _value(tail, b'"source":')
        roles = [0] * len(ROLES)
        for role, digest in zip(files[1::4], files[3::4], strict=True):
            roles[_ROLE_PLACES[role]] = int(digest[7:23], 16)
        if source == b"null":
            origin, place = self._origin_of(_value(tail, b'"seed":')), number + 1
        else:
            origin, place = _word(source + split), 0
        self._words.extend((len(line) + 1, _word(line + b"\n"), origin, place, *roles))
        for label in {part[: part.index(b'"')] for part in instances.split(_LABEL_KEY)[1:]}:
            self._mark(self._labels, label, number)
        if split != b"null":
            self._mark(self._splits, split[1:-1], number)

    def index(self) -> FrameIndex:
        """All lines that were taken down."""
        words = np.frombuffer(self._words, np.uint64).reshape(self._count, -1)
        return FrameIndex(
            offsets=np.concatenate([np.zeros(1, np.uint64), np.cumsum(words[:, 0], dtype=np.uint64)]),
            lines=np.ascontiguousarray(words[:, 1]),
            content=_mixed(words[:, 4:]),
            origin=_mixed(words[:, 2:4]),
            files=np.ascontiguousarray(words[:, 4:]),
            labels=_packed_bits(self._labels),
            splits=_packed_bits(self._splits),
        )

    def _origin_of(self, seed: bytes) -> int:
        if seed not in self._origins:
            if len(self._origins) >= _SEEDS_KEPT:
                self._origins.clear()
            self._origins[seed] = _word(seed)
        return self._origins[seed]

    def _mark(self, kind: dict[bytes, bytearray], name: bytes, number: int) -> None:
        if name not in kind:
            kind[name] = bytearray(self._count)
        kind[name][number] = 1


def _packed_bits(marks: dict[bytes, bytearray]) -> dict[str, npt.NDArray[np.uint8]]:
    return {name.decode(): np.packbits(np.frombuffer(bits, np.bool_)) for name, bits in sorted(marks.items())}


def _mixed(columns: Words64) -> Words64:
    """One word of several, which another value in any of them changes (the finalizer of splitmix64: Steele, Lea and
    Flood, OOPSLA 2014).

    Args:
        columns: (N, k).

    Returns:
        (N,).
    """
    found = np.zeros(len(columns), np.uint64)
    for place in range(columns.shape[1]):
        found += columns[:, place] + np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            found ^= found >> np.uint64(shift)
            found *= np.uint64(factor)
        found ^= found >> np.uint64(31)
    return found


def _lines(version: Version) -> Iterator[bytes]:
    return read_lines(version.store, version.manifest.frames.digest, what=f"frames.jsonl of {version.name}")


def _part(line: bytes, before: bytes, after: bytes) -> bytes:
    start = line.index(before) + len(before)
    return line[start : line.index(after, start)]


def _value(tail: bytes, key: bytes) -> bytes:
    """A JSON word, or the number of `seed`, of the end of a line."""
    start = tail.index(key) + len(key)
    if tail.startswith(b"null", start):
        return b"null"
    if tail[start : start + 1] != b'"':
        return tail[start : tail.index(b",", start)]  # none of them is the last
    stop = start + 1
    while tail[stop : stop + 1] != b'"':
        stop += 2 if tail[stop : stop + 1] == b"\\" else 1
        if stop >= len(tail):
            raise ValueError(key)
    return tail[start : stop + 1]


def _word(data: bytes) -> int:
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def damaged(version: Version, number: int) -> IntegrityError:
    """The error for a line that is no frame record."""
    return IntegrityError(
        f"frames.jsonl of {version.name}, line {number + 1}, is no frame record",
        hint="`beltline verify` names the file",
    )


def _packed(index: FrameIndex) -> bytes:
    stream = io.BytesIO()
    arrays: dict[str, Any] = {"form": np.array(_FORM)}
    arrays |= {name: getattr(index, name) for name in _COLUMNS}
    arrays |= {f"label {name}": bits for name, bits in index.labels.items()}
    arrays |= {f"split {name}": bits for name, bits in index.splits.items()}
    np.savez(stream, **arrays)
    return stream.getvalue()


def _load(path: Path) -> FrameIndex | None:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
            if int(found["form"]) != _FORM:
                return None
            parts = {
                kind: {name.partition(" ")[2]: found[name] for name in found.files if name.startswith(f"{kind} ")}
                for kind in ("label", "split")
            }
            columns = {name: found[name] for name in _COLUMNS}
            return FrameIndex(**columns, labels=parts["label"], splits=parts["split"])
    except (FileNotFoundError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None  # never made, by another release, or not whole
