"""Content-addressed blobs on a local folder or any fsspec URL.

A blob's name is the SHA-256 of its bytes: `<root>/blobs/sha256/<2 hex digits>/<62 hex digits>`. A name appears only
when all its bytes are there and durable; it never changes afterwards. Local writes go to `<root>/incoming/` first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import fsspec
from fsspec.implementations.local import LocalFileSystem

from contracts.errors import IntegrityError, NotFoundError
from contracts.ids import Digest, digest_of
from registry.durable import storage_error, sync_file_system, sync_path, write_exclusively
from registry.incoming import Incoming, clear_dead, open_incoming

GROUP_FILES = 4096
GROUP_BYTES = 256 << 20
"""A batch makes its blobs durable in groups of at most this many files and bytes: few enough syncs to be fast, small
enough groups that the wait stays short."""
SYNC_EACH_MAX = 8
"""Up to this many files are synced one by one; more with one call for the whole file system."""


class Store:
    """A store of immutable blobs.

    Args:
        url: A folder, or any fsspec URL such as `s3://bucket/prefix` or `memory://name`.

    Raises:
        StorageError: The place can't be reached or created.
    """

    def __init__(self, url: str | Path) -> None:
        self.url = str(url)
        self._file_system, self.root = _open_file_system(self.url)
        self.is_local = isinstance(self._file_system, LocalFileSystem)

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    def put(self, data: bytes) -> Digest:
        """Store bytes; durable on return. Storing what is there already writes nothing.

        Raises:
            StorageError: The store refuses, for example because the disk is full; nothing became visible.
        """
        with self.batch() as batch:
            return batch.add(data)

    def put_file(self, path: Path) -> Digest:
        """Store a local file's bytes, as `put`.

        Raises:
            NotFoundError: There is no such file.
        """
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise NotFoundError(f"no file {path}", hint="check the path") from None
        return self.put(data)

    def batch(self, *, hold: bool = False) -> Batch:
        """Store many blobs that become durable together; they are visible and durable when the block ends well.

        Args:
            hold: Whether a local store shows none of them before that, so that a failure leaves nothing behind;
                else they appear in groups on the way. Remote stores show each as it arrives.
        """
        return LocalBatch(self, hold) if self.is_local else Batch(self)

    def read(self, digest: Digest, *, what: str = "") -> bytes:
        """A blob's bytes, re-hashed.

        Args:
            digest: The blob.
            what: What the blob is to the caller, for the error: such as `image of frame 7 of exterior@2`.

        Raises:
            IntegrityError: The blob is missing or its bytes are not what its digest says.
            StorageError: The store refuses to read.
        """
        try:
            data = self.read_unverified(digest)
        except FileNotFoundError:
            raise self._integrity_error(digest, what, "is missing") from None
        if digest_of(data) != digest:
            raise self._integrity_error(digest, what, f"is damaged ({len(data)} bytes of another content)")
        return data

    def read_unverified(self, digest: Digest) -> bytes:
        """A blob's bytes as they are, for callers that check them.

        Raises:
            FileNotFoundError: The blob is missing.
            StorageError: The store refuses to read.
        """
        path = self.path_of(digest)
        try:
            if self.is_local:
                with open(path, "rb") as stream:  # noqa: PTH123 - a blob path is made for every read
                    return stream.read()
            data: bytes = self._file_system.cat_file(path)
            return data
        except FileNotFoundError:
            raise
        except OSError as error:
            raise storage_error(error, f"read {path}") from error

    def exists(self, digest: Digest) -> bool:
        """Whether the blob is there (its bytes are not read)."""
        return self.size_or_none(digest) is not None

    def size(self, digest: Digest) -> int:
        """A blob's size in bytes.

        Raises:
            IntegrityError: The blob is missing.
        """
        size = self.size_or_none(digest)
        if size is None:
            raise self._integrity_error(digest, "", "is missing")
        return size

    def remove(self, digest: Digest) -> int | None:
        """Remove a blob; its size in bytes, or none where it was not there. Only garbage collection may ask for it.

        Raises:
            StorageError: The store refuses.
        """
        size = self.size_or_none(digest)
        if size is None:
            return None
        path = self.path_of(digest)
        try:
            if self.is_local:
                os.unlink(path)  # noqa: PTH108 - as for reading
            else:
                self._file_system.rm_file(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, f"remove {path}") from error
        return size

    def open(self, digest: Digest) -> BinaryIO:
        """A blob's bytes as a stream, not verified; `registry.streaming.read_lines` verifies.

        Raises:
            FileNotFoundError: The blob is missing.
            OSError: As the store says.
        """
        path = self.path_of(digest)
        stream: BinaryIO = open(path, "rb") if self.is_local else self._file_system.open(path, "rb")  # noqa: PTH123, SIM115
        return stream

    def path_of(self, digest: Digest) -> str:
        """Where the blob lies or would lie: a local path, or a path of the fsspec file system."""
        algorithm, _, name = digest.partition(":")
        return f"{self.root}/blobs/{algorithm}/{name[:2]}/{name[2:]}"

    def digests(self) -> Iterator[Digest]:
        """All blobs of the store, sorted."""
        root = f"{self.root}/blobs/sha256"
        for folder in sorted(self._names(root)):
            for name in sorted(self._names(f"{root}/{folder}")):
                if len(folder) == 2 and len(name) == 62:
                    yield f"sha256:{folder}{name}"

    def _names(self, folder: str) -> list[str]:
        try:
            if self.is_local:
                return os.listdir(folder)  # noqa: PTH208 - plain names are wanted
            return [str(item).rstrip("/").rsplit("/", 1)[-1] for item in self._file_system.ls(folder, detail=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise storage_error(error, f"list {folder}") from error

    def size_or_none(self, digest: Digest) -> int | None:
        """A blob's size in bytes; none where it is missing.

        Raises:
            StorageError: The store refuses.
        """
        path = self.path_of(digest)
        try:
            if self.is_local:
                return os.stat(path).st_size  # noqa: PTH116 - a blob path is made for every call
            return int(self._file_system.info(path)["size"])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, f"look up {path}") from error

    def _integrity_error(self, digest: Digest, what: str, fault: str) -> IntegrityError:
        path = self.path_of(digest)
        return IntegrityError(
            f"{what + ': ' if what else ''}blob {digest} {fault} in {path}",
            hint="`beltline verify` lists every damaged file; restore the store from a copy or make the version again",
            context={"digest": digest, "path": path, "what": what},
        )


class Batch:
    """Blobs stored together; on a remote store each is written whole by the store itself.

    Used as a context manager; `add` may be called from several threads.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.flush()
        self.close()

    def add(self, data: bytes, digest: Digest | None = None) -> Digest:
        """Add bytes, hashed here once unless the caller has done so.

        Raises:
            StorageError: The store refuses.
        """
        digest = digest or digest_of(data)
        if self._store.size_or_none(digest) != len(data):
            self._write(digest, data)
        return digest

    def flush(self) -> None:
        """Make everything added so far visible and durable."""

    def close(self) -> None:
        """Forget what is not flushed."""

    def _write(self, digest: Digest, data: bytes) -> None:
        path = self._store.path_of(digest)
        try:
            # Object stores make an object visible when all of it has arrived; others get a rename.
            self._store._file_system.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            self._store._file_system.pipe_file(path, data)
        except OSError as error:
            raise storage_error(error, f"write {path}") from error


class LocalBatch(Batch):
    """Blobs written under temporary names; in groups they are synced, then renamed, then the names are synced."""

    def __init__(self, store: Store, hold: bool) -> None:
        super().__init__(store)
        clear_dead(self._folder)
        self._hold = hold
        self._incoming: Incoming | None = None
        self._waiting: dict[Digest, str] = {}
        self._waiting_bytes = 0

    @property
    def _folder(self) -> Path:
        return Path(self._store.root, "incoming")

    def flush(self) -> None:
        if not self._waiting:
            return
        try:
            self._sync_and_rename()
        except OSError as error:
            raise storage_error(error, f"write blobs of the store {self._store.root}") from error

    def close(self) -> None:
        self._waiting.clear()
        if self._incoming is not None:
            self._incoming.close()
            self._incoming = None

    def _write(self, digest: Digest, data: bytes) -> None:
        if digest in self._waiting:
            return
        try:
            if self._incoming is None:
                self._incoming = open_incoming(self._folder)
            path = f"{self._incoming.folder}/{digest.partition(':')[2]}"
            write_exclusively(path, data)
        except OSError as error:
            raise storage_error(error, f"write blobs of the store {self._store.root}") from error
        self._waiting[digest] = path
        self._waiting_bytes += len(data)
        if not self._hold and (len(self._waiting) >= GROUP_FILES or self._waiting_bytes >= GROUP_BYTES):
            self.flush()

    def _sync_and_rename(self) -> None:
        blobs = f"{self._store.root}/blobs/sha256"
        os.makedirs(blobs, exist_ok=True)  # noqa: PTH103
        whole = len(self._waiting) > SYNC_EACH_MAX and sync_file_system(self._store.root)
        if not whole:
            for path in self._waiting.values():
                sync_path(path)
        folders: set[str] = set()
        for digest, path in self._waiting.items():
            final = self._store.path_of(digest)
            folder = final.rsplit("/", 1)[0]
            if folder not in folders:
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103
                folders.add(folder)
            os.replace(path, final)  # noqa: PTH105
        self._waiting.clear()
        self._waiting_bytes = 0
        if not (whole and sync_file_system(self._store.root)):
            for folder in sorted(folders):
                sync_path(folder)
            sync_path(blobs)


def _open_file_system(url: str) -> tuple[Any, str]:
    try:
        file_system, path = fsspec.core.url_to_fs(url)
        if isinstance(file_system, LocalFileSystem):
            path = str(Path(path).absolute())
            os.makedirs(path, exist_ok=True)  # noqa: PTH103
    except OSError as error:
        raise storage_error(error, f"open the store {url}") from error
    except (ValueError, ImportError) as error:
        raise storage_error(OSError(str(error)), f"open the store {url}") from error
    return file_system, path.rstrip("/")
