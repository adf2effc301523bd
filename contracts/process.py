"""How a launched worker process and whoever supervises it talk: argv names an order, files in a workspace say the rest.

A worker is started as `python -m MODULE ORDER.json`. In its workspace it keeps `progress.json` fresh (at least every
two seconds: a heartbeat), and ends by writing `result.json` (exit code 0) or `error.json` (exit code 1). Any other end
is a crash. SIGTERM asks it to stop in an orderly way; what is finished stays.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from contracts.document import Document
from contracts.errors import BeltlineError, from_dict

PROGRESS_FILE = "progress.json"
RESULT_FILE = "result.json"
ERROR_FILE = "error.json"
HEARTBEAT_S = 2.0
"""Longest pause between two writes of the progress file."""


class Progress(Document):
    """How far a process has come."""

    done: Annotated[int, Field(ge=0)]
    total: Annotated[int, Field(ge=0)]
    message: str = ""


def write_atomically(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write a file so that a reader sees the old bytes or the new ones, never a part; where it fails, nothing is left.

    Args:
        path: The file.
        data: Its content.
        mode: Its permissions; those that are usual here when not given.

    Raises:
        OSError: The disk is full, or the folder can't be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        temporary.write_bytes(data)
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_document(path: Path, document: BaseModel | dict[str, Any]) -> None:
    """Write a document as JSON, atomically."""
    value = document.model_dump(mode="json") if isinstance(document, BaseModel) else document
    write_atomically(path, json.dumps(value, ensure_ascii=False, allow_nan=False).encode())


def write_error(workspace: Path, error: BeltlineError) -> None:
    """Leave a process's last word."""
    write_document(workspace / ERROR_FILE, error.to_dict())


def read_error(workspace: Path) -> BeltlineError | None:
    """The error that a process left, if it left one."""
    try:
        return from_dict(json.loads((workspace / ERROR_FILE).read_bytes()))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def read_progress(workspace: Path) -> Progress | None:
    """The last progress of a process, if it wrote any."""
    try:
        return Progress.model_validate_json((workspace / PROGRESS_FILE).read_bytes())
    except FileNotFoundError:
        return None
