"""Files on a file system of fsspec: S3 and other object stores, or anything that can be renamed.

A name appears only when all its bytes are there. Object stores do that themselves: an object is seen when its upload is
complete, and an upload that ends early leaves none. Elsewhere a file is written under another name, then renamed.
Nothing is remembered of listings or sizes: other machines write here too.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from contracts.errors import BeltlineError, CapabilityMissingError, StorageError

_COMPLETE_UPLOADS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss", "memory"}
"""Protocols of stores that show an object when all of it has arrived, and not before."""
_PACKAGES = {
    "s3": "'beltline[s3]'",
    "s3a": "'beltline[s3]'",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "az": "adlfs",
}
_READ_AHEAD_BYTES = 4 << 20


class RemoteFiles:
    """Files of one fsspec URL. Safe for several threads, and in a process forked from the one that made it.

    Args:
        url: Such as `s3://bucket/prefix`. Credentials come from the environment, as its implementation reads them.

    Raises:
        StorageError: The URL is none that fsspec knows.
        CapabilityMissingError: What fsspec needs for it is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._process = os.getpid()
        self._files, self.root = open_file_system(url)

    @property
    def _file_system(self) -> Any:
        if self._process != os.getpid():  # connections and threads stay behind in a fork
            self._files, self.root = open_file_system(self.url)
            self._process = os.getpid()
        return self._files

    def read(self, path: str) -> bytes:
        """A file's bytes.

        Raises:
            FileNotFoundError: There is none.
            StorageError: The store refuses, or answers nonsense.
        """
        with refusals(f"read {path}"):
            data: bytes = self._file_system.cat_file(path)
            return data

    def open(self, path: str) -> BinaryIO:
        """A file's bytes as a stream; wrap reading from it in `refusals`.

        Raises:
            FileNotFoundError, StorageError: As `read`.
        """
        with refusals(f"read {path}"):
            stream: BinaryIO = self._file_system.open(path, "rb", block_size=_READ_AHEAD_BYTES)
            return stream

    def size_or_none(self, path: str) -> int | None:
        """A file's size in bytes; none where there is none.

        Raises:
            StorageError: As `read`.
        """
        try:
            with refusals(f"look up {path}"):
                return int(self._file_system.info(path)["size"])
        except FileNotFoundError:
            return None

    def names(self, folder: str) -> list[str]:
        """Names in a folder; none where there is no such folder.

        Raises:
            StorageError: As `read`.
        """
        try:
            with refusals(f"list {folder}"):
                items = self._file_system.ls(folder, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [str(item).rstrip("/").rsplit("/", 1)[-1] for item in items]

    def write(self, path: str, data: bytes) -> None:
        """Write a file: whole and durable on return, not there before.

        Raises:
            StorageError: The store refuses; an older file of that name is still there.
        """
        self._write(path, lambda files, place: files.pipe_file(place, data))

    def write_file(self, path: str, source: Path) -> None:
        """As `write`, with the bytes of a local file, a part at a time."""
        self._write(path, lambda files, place: files.put_file(str(source), place))

    def _write(self, path: str, send: Callable[[Any, str], None]) -> None:
        files = self._file_system
        try:
            with refusals(f"write {path}"):
                if _shows_complete_files_only(files) or type(files).mv is AbstractFileSystem.mv:
                    send(files, path)
                    return
                files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
                files.makedirs(f"{self.root}/incoming", exist_ok=True)
                unfinished = f"{self.root}/incoming/{os.getpid()}-{secrets.token_hex(6)}"
                send(files, unfinished)
                files.mv(unfinished, path)
        except FileNotFoundError as error:
            raise _refused(f"write {path}", error) from error

    def remove(self, path: str) -> None:
        """Remove a file, if it is there.

        Raises:
            StorageError: As `read`.
        """
        try:
            with refusals(f"remove {path}"):
                self._file_system.rm_file(path)
        except FileNotFoundError:
            pass

    def remove_history(self, path: str) -> None:
        """Remove what a bucket with versioning keeps of a file: every version of it, and the marks of its deletion.

        Raises:
            StorageError: As `read`; such as where the credentials may not delete versions.
        """
        files = self._file_system
        if not hasattr(files, "call_s3"):
            return
        with refusals(f"remove the history of {path}"):
            bucket, key, _ = files.split_path(path)
            found = files.call_s3("list_object_versions", Bucket=bucket, Prefix=key)
            for item in [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]:
                if item["Key"] == key:
                    files.call_s3("delete_object", Bucket=bucket, Key=key, VersionId=item["VersionId"])


def open_file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path on it.

    Raises:
        StorageError, CapabilityMissingError: As `RemoteFiles`.
    """
    protocol = url.partition("://")[0]
    try:
        file_system, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        raise CapabilityMissingError(
            f"can't open the store {url}: {error}",
            hint=f"pip install {_PACKAGES.get(protocol, 'what the message names')}",
        ) from None
    except (OSError, ValueError) as error:
        raise _refused(f"open the store {url}", error) from error
    return file_system, path.rstrip("/")


def is_local(file_system: Any) -> bool:
    """Whether files lie in folders of this machine."""
    return isinstance(file_system, LocalFileSystem)


@contextmanager
def refusals(action: str) -> Iterator[None]:
    """Turn what an implementation raises into one kind of error; a file that is not there passes as it is.

    Args:
        action: What was tried, such as `read s3://…`.
    """
    try:
        yield
    except (BeltlineError, FileNotFoundError, NotADirectoryError):
        raise
    except Exception as error:  # each implementation raises errors of its own libraries
        raise _refused(action, error) from error


def _refused(action: str, error: Exception) -> StorageError:
    number = error.errno if isinstance(error, OSError) else None
    said = (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip()
    if isinstance(error, PermissionError) or "credentials" in said.lower():
        return StorageError(
            f"can't {action}: {said}",
            hint="check the credentials in the environment, and what they allow",
            context={"reason": "permission_denied"},
            retryable=False,
        )
    if number in (errno.ENOSPC, errno.EDQUOT):
        reason, hint = "no_space", "make room in the store, then repeat; nothing half-written became visible"
    else:
        reason, hint = "unreachable", "check that the store is there and can be reached, then repeat"
    return StorageError(f"can't {action}: {said}", hint=hint, context={"reason": reason})


def _shows_complete_files_only(file_system: Any) -> bool:
    protocol = file_system.protocol
    return not _COMPLETE_UPLOADS.isdisjoint([protocol] if isinstance(protocol, str) else protocol)
