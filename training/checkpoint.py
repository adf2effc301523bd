"""Checkpoints: tensors and plain values, written atomically, read without running any code that a file may hold."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import torch

from contracts.errors import IntegrityError, StorageError

LAST = "checkpoints/last.pt"
"""Where training stands; what a run resumes from."""
BEST = "checkpoints/best.pt"
"""The network that scored best on the validation images; what a run results in."""


def save(path: Path, values: dict[str, Any]) -> None:
    """Write a checkpoint: complete and on the disk, or not at all.

    Raises:
        StorageError: It can't be written.
    """
    buffer = io.BytesIO()
    torch.save(values, buffer)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(
            f"the checkpoint {path} can't be written: {error.strerror or error}", hint="make room for it"
        ) from error


def sweep(path: Path) -> None:
    """Remove what processes that were killed while they wrote a checkpoint have left beside it."""
    for unfinished in path.parent.glob(f".{path.name}.*.tmp"):
        unfinished.unlink(missing_ok=True)


def load(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint onto the CPU; none when there is no such file.

    Raises:
        IntegrityError: It is damaged, or holds more than tensors and plain values.
    """
    try:
        values: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except Exception as error:  # unpickling raises whatever damage leads to
        raise IntegrityError(
            f"the checkpoint {path} can't be read: {str(error).splitlines()[0]}",
            hint="remove it to start the run anew",
            context={"path": str(path)},
        ) from error
    return values
