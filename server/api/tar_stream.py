"""A folder as a tar archive, piece by piece, its length known beforehand."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

_PIECE_BYTES = 1 << 18


def tar_stream(folder: Path) -> tuple[int, Iterator[bytes]]:
    """A tar archive of a folder, without owners and times: the same folder gives the same bytes.

    The folder is walked twice, and of its files only the names of one folder at a time are held.

    Args:
        folder: Becomes the one folder at the archive's top.

    Returns:
        Bytes in all, and the bytes.
    """
    size = sum(len(_header(entry)) + _padded(entry.size) for _, entry in _walk(folder)) + 2 * tarfile.BLOCKSIZE
    return size, _pieces(folder)


def _walk(folder: Path) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """The folder and all that is in it, in the order of names."""
    top = len(str(folder.parent)) + 1
    waiting = [str(folder)]
    while waiting:
        path = waiting.pop()
        entry = tarfile.TarInfo(path[top:])
        status = os.stat(path)  # noqa: PTH116 - strings are a tenth the size of paths, and there may be many
        if stat.S_ISDIR(status.st_mode):
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            yield path, entry
            waiting += [f"{path}/{name}" for name in sorted(os.listdir(path), reverse=True)]  # noqa: PTH208
        else:
            entry.size, entry.mode = status.st_size, 0o644
            yield path, entry


def _pieces(folder: Path) -> Iterator[bytes]:
    for path, entry in _walk(folder):
        yield _header(entry)
        if not entry.isfile():
            continue
        with open(path, "rb") as stream:  # noqa: PTH123
            while piece := stream.read(_PIECE_BYTES):
                yield piece
        yield bytes(_padded(entry.size) - entry.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _header(entry: tarfile.TarInfo) -> bytes:
    return entry.tobuf(tarfile.PAX_FORMAT)


def _padded(size: int) -> int:
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
