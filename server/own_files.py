"""Puts users' own files where workers find them: into the folder of assets, named by their digests."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

from contracts.errors import ConflictError, StorageError
from contracts.ids import digest_of
from contracts.own_assets import OWN_FILES, own_file_name


def keep_own_files(own: Mapping[str, Path], assets: Path) -> None:
    """Copy own files that are not there yet.

    Args:
        own: Where each lies, by digest.
        assets: The home's folder of assets.

    Raises:
        ConflictError: A file has changed since its digest was taken.
        StorageError: The folder takes no more files.
    """
    for digest, source in own.items():
        path = assets / OWN_FILES / own_file_name(digest)
        try:
            if path.is_file() and path.stat().st_size == source.stat().st_size:
                continue
            data = source.read_bytes()
            if digest_of(data) != digest:
                raise ConflictError(f"{source} has changed while it was read", hint="try again", retryable=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            try:
                temporary.write_bytes(data)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            raise StorageError(
                f"can't keep {source} in {path.parent}: {error.strerror or error}",
                code="disk_full" if full else None,
                hint="free space there and retry" if full else "check that the folder may be written",
            ) from error
