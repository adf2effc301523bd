"""Making files durable on a local file system: what has a name here is whole and survives a power cut."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from contracts.errors import StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


def storage_error(error: OSError, action: str) -> StorageError:
    """The deliberate error for a refusal of the operating system or of a remote store.

    Args:
        error: The refusal.
        action: What was tried and where, such as `write blobs of the store /data/store`.
    """
    if error.errno in _FULL:
        return StorageError(
            f"can't {action}: no space left",
            hint="free disk space or choose another home, then repeat; nothing half-written became visible",
            context={"reason": "no_space"},
        )
    if error.errno in _DENIED:
        return StorageError(
            f"can't {action}: permission denied",
            hint="give this user write access to the folder, or choose another home",
            context={"reason": "permission_denied"},
            retryable=False,
        )
    return StorageError(
        f"can't {action}: {error.strerror or error}",
        hint="check that the store is reachable, then repeat",
        context={"reason": "unreachable"},
    )


def write_exclusively(path: str, data: bytes) -> None:
    """Write a new file in one call chain, not yet durable.

    Raises:
        OSError: As the operating system says; a partly written file may stay.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
    finally:
        os.close(handle)


def sync_path(path: str | Path) -> None:
    """Make a file's bytes, or a folder's names, durable."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file_system(folder: str) -> bool:
    """Make everything written so far on the folder's file system durable, in one call (Linux `syncfs`).

    One call costs about as much as syncing one file, so it is how thousands of small files become durable together.

    Returns:
        False where the system has no such call; then every file must be synced by itself.

    Raises:
        OSError: Writing back failed.
    """
    if _syncfs is None:
        return False
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _syncfs(handle) != 0:
            number = ctypes.get_errno()
            if number == errno.ENOSYS:
                return False
            raise OSError(number, os.strerror(number), folder)
    finally:
        os.close(handle)
    return True


def _find_syncfs() -> ctypes._NamedFuncPointer | None:
    try:
        function = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_int]
    function.restype = ctypes.c_int
    return function


_syncfs = _find_syncfs()
