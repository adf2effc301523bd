"""A folder as a tar archive, piece by piece, its length known beforehand."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

_PIECE_BYTES = 1 << 18


def tar_stream(folder: Path) -> tuple[int, Iterator[bytes]]:
    """A tar archive of a folder, without owners and times: the same folder gives the same bytes.

    Args:
        folder: Becomes the one folder at the archive's top.

    Returns:
        Bytes in all, and the bytes.
    """
    paths = [folder, *sorted(folder.rglob("*"))]
    entries = [(path, _entry(path, folder)) for path in paths]
    size = sum(len(_header(entry)) + _padded(entry.size) for _, entry in entries) + 2 * tarfile.BLOCKSIZE
    return size, _pieces(entries)


def _pieces(entries: list[tuple[Path, tarfile.TarInfo]]) -> Iterator[bytes]:
    for path, entry in entries:
        yield _header(entry)
        if not entry.isfile():
            continue
        with path.open("rb") as stream:
            while piece := stream.read(_PIECE_BYTES):
                yield piece
        yield bytes(_padded(entry.size) - entry.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _entry(path: Path, folder: Path) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path.relative_to(folder.parent).as_posix())
    if path.is_dir():
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    else:
        entry.size, entry.mode = path.stat().st_size, 0o644
    return entry


def _header(entry: tarfile.TarInfo) -> bytes:
    return entry.tobuf(tarfile.PAX_FORMAT)


def _padded(size: int) -> int:
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
