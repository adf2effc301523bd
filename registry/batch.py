"""Storing many blobs together; those of a local store are in `registry.store`, beside what makes them durable."""

from __future__ import annotations

import shutil
import tempfile
import threading
from abc import ABC, abstractmethod
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from contracts.ids import Digest, digest_of
from registry.durable import storage_error
from registry.remote import RemoteFiles

if TYPE_CHECKING:
    from registry.store import Store

UPLOADS = 16
"""Uploads to a remote store at a time, and a quarter of those that may wait."""


class Batch(ABC):
    """Blobs stored together.

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

    @abstractmethod
    def add(self, data: bytes, digest: Digest | None = None) -> Digest:
        """Add bytes, hashed here once unless the caller has done so.

        Raises:
            StorageError: The store refuses.
        """

    @abstractmethod
    def scratch(self) -> Path:
        """A folder of this batch for files in the making; it goes with the batch.

        Raises:
            StorageError: It can't be made.
        """

    def add_file(self, path: Path, digest: Digest, size_bytes: int) -> None:
        """Add a file of the scratch folder, which is gone then.

        Args:
            path: The file.
            digest: Of its bytes.
            size_bytes: How many they are.

        Raises:
            StorageError: The store refuses.
        """
        if self._store.size_or_none(digest) == size_bytes:
            path.unlink()
        else:
            self._write_file(path, digest, size_bytes)

    @abstractmethod
    def flush(self) -> None:
        """Make everything added so far visible and durable."""

    @abstractmethod
    def close(self) -> None:
        """Forget what is not flushed."""

    @abstractmethod
    def _write_file(self, path: Path, digest: Digest, size_bytes: int) -> None:
        """Store a file of the scratch folder that the store has not."""


class RemoteBatch(Batch):
    """Blobs uploaded several at a time: a store far away is slow to answer, not slow to take."""

    def __init__(self, store: Store, remote: RemoteFiles) -> None:
        super().__init__(store)
        self._remote = remote
        self._pool = ThreadPoolExecutor(UPLOADS, thread_name_prefix="upload")
        self._room = threading.BoundedSemaphore(4 * UPLOADS)
        self._lock = threading.Lock()
        self._waiting: set[Future[None]] = set()
        self._failure: BaseException | None = None
        self._scratch: Path | None = None

    def add(self, data: bytes, digest: Digest | None = None) -> Digest:
        digest = digest or digest_of(data)
        self._room.acquire()
        future = self._pool.submit(self._upload, digest, data)
        with self._lock:
            self._waiting.add(future)
        future.add_done_callback(self._ended)
        self._raise_failure()
        return digest

    def flush(self) -> None:
        with self._lock:
            waiting = list(self._waiting)
        failures = [error for future in waiting if (error := future.exception()) is not None]
        self._raise_failure()
        if failures:
            raise failures[0]

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def scratch(self) -> Path:
        if self._scratch is None:
            try:
                self._scratch = Path(tempfile.mkdtemp(prefix="beltline-"))
            except OSError as error:
                raise storage_error(error, f"write in {tempfile.gettempdir()}") from error
        return self._scratch

    def _write_file(self, path: Path, digest: Digest, size_bytes: int) -> None:
        self._remote.write_file(self._store.path_of(digest), path)
        path.unlink()

    def _upload(self, digest: Digest, data: bytes) -> None:
        if self._store.size_or_none(digest) != len(data):
            self._remote.write(self._store.path_of(digest), data)

    def _ended(self, future: Future[None]) -> None:
        self._room.release()
        with self._lock:
            self._waiting.discard(future)
            if not future.cancelled() and future.exception() is not None:
                self._failure = self._failure or future.exception()

    def _raise_failure(self) -> None:
        with self._lock:
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
