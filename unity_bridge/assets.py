"""The folder of content-addressed assets that workers write and players read.

Files are named by the digest of their bytes, so that two workers that write one file write the same. Scenes differ from
frame to frame and would fill any disk in time; so files that no frame has asked for in a while are removed when the
folder grows beyond its budget.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path

from contracts.errors import StorageError
from contracts.frame_spec import asset_file_name
from contracts.process import write_atomically
from unity_bridge.scenes.composition import ComposedFrame

BUDGET_BYTES = 2 << 30
"""Size of the folder from which unused files are removed."""
UNUSED_AFTER_S = 900.0
"""A file that no frame has asked for this long is unused; longer than any frame takes."""


def write_assets(folder: Path, composed: ComposedFrame) -> int:
    """Put a frame's assets into the folder; what is there already is marked as used.

    Returns:
        Bytes written.

    Raises:
        StorageError: The disk is full, or the folder can't be written.
    """
    written = 0
    for asset in composed.spec.assets:
        path = folder / asset_file_name(asset.digest, asset.media_type)
        data = composed.assets[asset.digest]
        try:
            if path.stat().st_size == len(data):
                os.utime(path)
                continue
        except FileNotFoundError:
            pass
        write_file(path, data)
        written += len(data)
    return written


def write_file(path: Path, data: bytes) -> None:
    """`write_atomically`, with the bridge's error.

    Raises:
        StorageError: The disk is full (`disk_full`), or the folder can't be written.
    """
    try:
        write_atomically(path, data)
    except OSError as error:
        raise storage_error(error, path) from error


def storage_error(error: OSError, path: Path) -> StorageError:
    """An operating system's refusal to write, in one sentence with its remedy."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageError(
            f"the disk is full: {path.parent} takes no more files",
            code="disk_full",
            hint="free space there and retry; finished frames are kept",
            context={"path": str(path)},
        )
    return StorageError(
        f"can't write {path}: {error.strerror or error}",
        hint="check that the folder exists and may be written",
        context={"path": str(path)},
    )


def remove_unused(folder: Path, budget_bytes: int = BUDGET_BYTES, unused_after_s: float = UNUSED_AFTER_S) -> int:
    """Remove the longest unused files until the folder is within its budget. Returns the bytes removed."""
    now = time.time()
    files = []
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():  # the shelf of drawn pictures, which serve every batch
                continue
            with contextlib.suppress(FileNotFoundError):
                found = entry.stat()
                total += found.st_size
                files.append((found.st_mtime, found.st_size, entry.path))
    removed = 0
    for used, size, path in sorted(files):
        if total - removed <= budget_bytes or now - used < unused_after_s:
            break
        with contextlib.suppress(FileNotFoundError):
            Path(path).unlink()
            removed += size
    return removed
