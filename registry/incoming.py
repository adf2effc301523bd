"""Folders for blobs on their way into a local store, and clearing those of writers that died."""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

_LOCK_SUFFIX = ".lock"


@dataclass(frozen=True)
class Incoming:
    """A writer's own folder; a lock on the file beside it says that the writer lives."""

    folder: str
    _lock_path: Path
    _lock: int

    def close(self) -> None:
        """Remove the folder with what is left in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock_path.unlink(missing_ok=True)
        os.close(self._lock)


def clear_dead(parent: Path) -> None:
    """Remove the folders of writers that are gone."""
    for lock_path in parent.glob(f"*{_LOCK_SUFFIX}"):
        _clear_if_dead(lock_path)


def open_incoming(parent: Path) -> Incoming:
    """Make a folder for this writer.

    Raises:
        OSError: As the operating system says.
    """
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        lock_path = parent / f"{os.getpid()}-{os.urandom(6).hex()}{_LOCK_SUFFIX}"
        lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Between making and locking the file, another writer may have taken it for a dead one's and removed it.
        if os.fstat(lock).st_nlink > 0:
            break
        os.close(lock)
    folder = str(lock_path).removesuffix(_LOCK_SUFFIX)
    try:
        Path(folder).mkdir()
    except OSError:
        lock_path.unlink(missing_ok=True)
        os.close(lock)
        raise
    return Incoming(folder, lock_path, lock)


def _clear_if_dead(lock_path: Path) -> None:
    try:
        lock = os.open(lock_path, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(str(lock_path).removesuffix(_LOCK_SUFFIX), ignore_errors=True)
        lock_path.unlink(missing_ok=True)
    except BlockingIOError:
        pass
    finally:
        os.close(lock)
