"""What every export shares on disk: a folder that appears when it is complete, and plain JSON."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contracts.errors import ConflictError
from registry.durable import storage_error, sync_file_system, sync_path


@contextmanager
def appearing_folder(out: Path) -> Iterator[Path]:
    """A folder under a temporary name beside `out` that takes its name when the block ends well, and else goes.

    Raises:
        ConflictError: `out` is a file, or a folder that is not empty.
        StorageError: It can't be written; nothing stays.
    """
    out = out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConflictError(
            f"{out} is there and not empty", code="export_exists", hint="export into a new or empty folder"
        )
    partial = out.with_name(f".{out.name}.{os.getpid()}.{os.urandom(4).hex()}.partial")
    try:
        partial.mkdir(parents=True)
        yield partial
        if not sync_file_system(str(partial)):
            for path in partial.rglob("*"):
                sync_path(path)
        partial.replace(out)
        sync_path(out.parent)
    except OSError as error:
        raise storage_error(error, f"write {out}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def json_bytes(value: Any) -> bytes:
    """A value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
