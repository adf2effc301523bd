"""Reading large blobs line by line, verified, without holding one in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from contracts.errors import BeltlineError, IntegrityError
from contracts.ids import Digest
from registry.durable import storage_error
from registry.store import Store

_CHUNK_BYTES = 1 << 17


def read_lines(store: Store, digest: Digest, *, what: str = "") -> Iterator[bytes]:
    """A blob's lines without their ends; the bytes are verified when the last line has been given.

    A caller that must not act on damaged bytes keeps what it makes of the lines to itself until the end.

    Raises:
        IntegrityError: The blob is missing (at once) or damaged (after the last line).
        StorageError: The store refuses to read.
    """
    found = hashlib.sha256()
    rest = b""
    try:
        for chunk in _chunks(store, digest):
            found.update(chunk)
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            yield from lines
    except FileNotFoundError:
        raise _fault(store, digest, what, "is missing") from None
    if rest:
        yield rest
    if f"sha256:{found.hexdigest()}" != digest:
        raise _fault(store, digest, what, "is damaged")


def hash_blob(store: Store, digest: Digest) -> tuple[Digest, int]:
    """Digest and size in bytes of what a blob holds, read piece by piece.

    Raises:
        FileNotFoundError: The blob is missing.
        StorageError: The store refuses to read.
    """
    found = hashlib.sha256()
    size_bytes = 0
    for chunk in _chunks(store, digest):
        found.update(chunk)
        size_bytes += len(chunk)
    return f"sha256:{found.hexdigest()}", size_bytes


def _chunks(store: Store, digest: Digest) -> Iterator[bytes]:
    path = store.path_of(digest)
    try:
        with store.open(digest) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk
    except FileNotFoundError:
        raise
    except OSError as error:
        raise storage_error(error, f"read {path}") from error
    except BeltlineError:
        raise
    except Exception as error:  # a remote store's stream raises errors of its own libraries
        raise storage_error(OSError(str(error) or type(error).__name__), f"read {path}") from error


def _fault(store: Store, digest: Digest, what: str, fault: str) -> IntegrityError:
    path = store.path_of(digest)
    return IntegrityError(
        f"{what + ': ' if what else ''}blob {digest} {fault} in {path}",
        hint="`beltline verify` lists every damaged file; restore the store from a copy or make the version again",
        context={"digest": digest, "path": path, "what": what},
    )
