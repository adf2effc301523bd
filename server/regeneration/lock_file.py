"""The lock's file: read strictly, written so that a crash at any point leaves the old text or the new one."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contracts.document import parse_json, read_file
from contracts.errors import ConfigurationError
from contracts.lock import DatasetsLock, LockedDataset
from registry.durable import storage_error, sync_path

_COMPACT = {"witnesses"}
"""Lists whose items stand in a line each, so that a difference in version control names the frame."""


def read_lock(path: Path) -> DatasetsLock:
    """The lock, or an empty one where there is no file yet.

    Raises:
        ConfigurationError: Not a lock, or not readable.
    """
    if not path.exists():
        return DatasetsLock()
    return parse_json(DatasetsLock, read_file(path), source=str(path))


def update_lock(path: Path, dataset: str, entry: LockedDataset) -> None:
    """Put one dataset into the lock, beside whatever others have put there meanwhile.

    Raises:
        ConfigurationError: What lies there is no lock.
        StorageError: The folder can't be written; the file is as it was.
    """
    with _holding(path.parent):
        before = read_lock(path)
        datasets = dict(sorted({**before.datasets, dataset: entry}.items()))
        _write(path, lock_text(before.model_copy(update={"datasets": datasets})).encode())


def lock_text(lock: DatasetsLock) -> str:
    """The lock as it lies in its file: sorted JSON, a frame a line."""
    return "".join(_pieces(lock.model_dump(mode="json"), "", None)) + "\n"


def _pieces(value: Any, indent: str, key: str | None) -> Iterator[str]:
    inner = indent + " "
    if isinstance(value, dict) and value:
        yield "{"
        for number, name in enumerate(sorted(value)):
            yield ("," if number else "") + f"\n{inner}{json.dumps(name, ensure_ascii=False)}: "
            yield from _pieces(value[name], inner, name)
        yield f"\n{indent}}}"
    elif isinstance(value, list) and key in _COMPACT:
        lines = (f"\n{inner}{json.dumps(item, sort_keys=True, ensure_ascii=False)}" for item in value)
        yield "[" + ",".join(lines) + f"\n{indent}]"
    else:
        yield json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _write(path: Path, data: bytes) -> None:
    """Write durably: the bytes are on disk before the name is, and the name is before this returns."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_path(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise storage_error(error, f"write {path}") from error


@contextlib.contextmanager
def _holding(folder: Path) -> Iterator[None]:
    """Hold a folder against others that write locks there; it leaves no file behind."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigurationError(f"{folder}: {error.strerror}", hint="name a lock in a folder that is there") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class UnfinishedJobs:
    """Ids of render jobs that were begun for a lock, in a small file beside it: a run that was interrupted finds them.

    Args:
        lock: The lock's path.
    """

    def __init__(self, lock: Path) -> None:
        self._path = lock.with_name(f".{lock.name}.jobs")

    def get(self, what: str) -> str | None:
        """The job that was begun for a request."""
        return self._read().get(what)

    def put(self, what: str, job: str) -> None:
        """Remember a job."""
        with _holding(self._path.parent):
            _write(self._path, json.dumps({**self._read(), what: job}, sort_keys=True).encode())

    def remove(self, what: str) -> None:
        """Forget a job; the file goes with the last one."""
        with _holding(self._path.parent):
            left = {key: job for key, job in self._read().items() if key != what}
            if left:
                _write(self._path, json.dumps(left, sort_keys=True).encode())
            else:
                self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, str]:
        try:
            value = json.loads(self._path.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return {str(key): str(job) for key, job in value.items()} if isinstance(value, dict) else {}
