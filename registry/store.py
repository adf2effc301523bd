"""Content-addressed blobs on a local folder or any fsspec URL.

A blob's name is the SHA-256 of its bytes: `<root>/blobs/sha256/<2 hex digits>/<62 hex digits>`. A name appears only
when all its bytes are there and durable; it never changes afterwards. Local writes go to `<root>/incoming/` first, and
`registry.remote` says how other stores come to the same.

Beside the blobs lie a few notes about versions, `<root>/notes/<kind>/<digest>/<name>`, for readers without a catalog.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from contracts.errors import IntegrityError, NotFoundError
from contracts.ids import Digest, digest_of
from registry.batch import Batch, RemoteBatch
from registry.durable import storage_error, sync_file_system, sync_path, write_exclusively
from registry.incoming import Incoming, clear_dead, open_incoming
from registry.remote import RemoteFiles, is_local, open_file_system
from registry.spool import DIGEST_BYTES, SortedEntries, digest_bytes, digest_text

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
        CapabilityMissingError: What its protocol needs is not installed.
    """

    def __init__(self, url: str | Path) -> None:
        self.url = str(url)
        file_system, self.root = open_file_system(self.url)
        self._remote = None if is_local(file_system) else RemoteFiles(self.url)
        if self._remote is None:
            self.root = _local_folder(self.root, self.url)

    @property
    def is_local(self) -> bool:
        """Whether the blobs lie in a folder of this machine."""
        return self._remote is None

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
        return RemoteBatch(self, self._remote) if self._remote is not None else LocalBatch(self, hold)

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
        if self._remote is not None:
            data = self._remote.read(path)
            # Half an answer is no damage: what the store holds is what it says twice.
            return data if digest_of(data) == digest else self._remote.read(path)
        try:
            with open(path, "rb") as stream:  # noqa: PTH123 - a blob path is made for every read
                return stream.read()
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
            if self._remote is not None:
                self._remote.remove(path)
            else:
                os.unlink(path)  # noqa: PTH108 - as for reading
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, f"remove {path}") from error
        return size

    def remove_history(self, digest: Digest) -> None:
        """Remove what the store itself keeps of a blob that was removed, such as a bucket with versioning.

        Raises:
            StorageError: The store refuses.
        """
        if self._remote is not None:
            self._remote.remove_history(self.path_of(digest))

    def open(self, digest: Digest) -> BinaryIO:
        """A blob's bytes as a stream, not verified; `registry.streaming.read_lines` verifies.

        Raises:
            FileNotFoundError: The blob is missing.
            StorageError: A remote store refuses.
            OSError: As the operating system says.
        """
        path = self.path_of(digest)
        return self._remote.open(path) if self._remote is not None else open(path, "rb")  # noqa: PTH123

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

    def put_note(self, kind: str, digest: Digest, name: str, data: bytes) -> None:
        """Write a note about a version, whole and durable on return; one of that name is replaced.

        Args:
            kind: What the note is about, such as `erased`.
            digest: The version.
            name: The note's own.
            data: A small document.

        Raises:
            StorageError: The store refuses.
        """
        path = f"{self._notes(kind, digest)}/{name}"
        if self._remote is not None:
            self._remote.write(path, data)
            return
        unfinished = f"{path}.{os.getpid()}-{secrets.token_hex(6)}.tmp"
        try:
            os.makedirs(self._notes(kind, digest), exist_ok=True)  # noqa: PTH103
            write_exclusively(unfinished, data)
            sync_path(unfinished)
            os.replace(unfinished, path)  # noqa: PTH105
            for folder in (self._notes(kind, digest), f"{self.root}/notes/{kind}", f"{self.root}/notes", self.root):
                sync_path(folder)
        except OSError as error:
            raise storage_error(error, f"write {path}") from error

    def notes(self, kind: str, digest: Digest) -> dict[str, bytes]:
        """Notes of a kind about a version, by name.

        Raises:
            StorageError: The store refuses.
        """
        folder = self._notes(kind, digest)
        found: dict[str, bytes] = {}
        for name in sorted(self._names(folder)):
            if not name.endswith(".tmp"):
                try:
                    found[name] = self._read_note(f"{folder}/{name}")
                except FileNotFoundError:  # removed meanwhile
                    continue
        return found

    def _read_note(self, path: str) -> bytes:
        if self._remote is not None:
            return self._remote.read(path)
        try:
            return Path(path).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise storage_error(error, f"read {path}") from error

    def _notes(self, kind: str, digest: Digest) -> str:
        return f"{self.root}/notes/{kind}/{digest.partition(':')[2]}"

    def _names(self, folder: str) -> list[str]:
        if self._remote is not None:
            return self._remote.names(folder)
        try:
            return os.listdir(folder)  # noqa: PTH208 - plain names are wanted
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
        if self._remote is not None:
            return self._remote.size_or_none(path)
        try:
            return os.stat(path).st_size  # noqa: PTH116 - a blob path is made for every call
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


class LocalBatch(Batch):
    """Blobs written under temporary names; in groups they are synced, then renamed, then the names are synced."""

    def __init__(self, store: Store, hold: bool) -> None:
        super().__init__(store)
        clear_dead(self._folder)
        self._hold = hold
        self._incoming: Incoming | None = None
        self._waiting: SortedEntries | None = None
        self._waiting_files = 0
        self._waiting_bytes = 0

    @property
    def _folder(self) -> Path:
        return Path(self._store.root, "incoming")

    def add(self, data: bytes, digest: Digest | None = None) -> Digest:
        digest = digest or digest_of(data)
        if self._store.size_or_none(digest) == len(data):
            return digest
        path = self._waiting_path(digest)
        with self._writing():
            try:
                write_exclusively(path, data)
            except FileExistsError:  # it waits already
                return digest
            except OSError:
                Path(path).unlink(missing_ok=True)  # half of it must not be taken for it
                raise
        self._wait(digest, len(data))
        return digest

    def flush(self) -> None:
        if self._waiting is not None:
            with self._writing():
                self._sync_and_rename(self._waiting)

    def close(self) -> None:
        self._waiting = None
        if self._incoming is not None:
            self._incoming.close()
            self._incoming = None

    def scratch(self) -> Path:
        folder = Path(self._open().folder, "scratch")
        with self._writing():
            folder.mkdir(exist_ok=True)
        return folder

    def _open(self) -> Incoming:
        if self._incoming is None:
            with self._writing():
                self._incoming = open_incoming(self._folder)
        return self._incoming

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise storage_error(error, f"write blobs of the store {self._store.root}") from error

    def _waiting_path(self, digest: Digest) -> str:
        return f"{self._open().folder}/{digest.partition(':')[2]}"

    def _write_file(self, path: Path, digest: Digest, size_bytes: int) -> None:
        with self._writing():
            os.replace(path, self._waiting_path(digest))  # noqa: PTH105
        self._wait(digest, size_bytes)

    def _wait(self, digest: Digest, size_bytes: int) -> None:
        if self._waiting is None:
            self._waiting = SortedEntries(Path(self._open().folder, "scratch"), DIGEST_BYTES)
            self._waiting_files = self._waiting_bytes = 0
        with self._writing():
            self._waiting.add(digest_bytes(digest))
        self._waiting_files += 1
        self._waiting_bytes += size_bytes
        if not self._hold and (self._waiting_files >= GROUP_FILES or self._waiting_bytes >= GROUP_BYTES):
            self.flush()

    def _sync_and_rename(self, waiting: SortedEntries) -> None:
        blobs = f"{self._store.root}/blobs/sha256"
        os.makedirs(blobs, exist_ok=True)  # noqa: PTH103
        whole = self._waiting_files > SYNC_EACH_MAX and sync_file_system(self._store.root)
        if not whole:
            for entry in waiting:
                sync_path(self._waiting_path(digest_text(entry)))
        folders: set[str] = set()
        for entry in waiting:
            final = self._store.path_of(digest_text(entry))
            folder = final.rsplit("/", 1)[0]
            if folder not in folders:
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103
                folders.add(folder)
            os.replace(self._waiting_path(digest_text(entry)), final)  # noqa: PTH105
        self._waiting = None
        if not (whole and sync_file_system(self._store.root)):
            for folder in sorted(folders):
                sync_path(folder)
            sync_path(blobs)


def _local_folder(path: str, url: str) -> str:
    folder = str(Path(path).absolute())
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    except OSError as error:
        raise storage_error(error, f"open the store {url}") from error
    return folder
