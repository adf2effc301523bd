"""What carrying a job out means: its places, its steps, and what an engine asks of one attempt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from contracts.errors import BeltlineError
from contracts.process import Progress, read_progress
from server.estimates import Measurement
from server.jobs.executors.process import ProcessOrder
from server.jobs.machine import Event

LOCK_FILE = ".lock"
"""Beside an order: held by the process that carries it out (`server.jobs.executors.bound`)."""


@dataclass(frozen=True)
class Places:
    """Where jobs keep what they need and make."""

    jobs: Path
    runs: Path
    studies: Path
    assets: Path
    cache: Path
    store_url: str
    catalog_url: str


@dataclass(frozen=True)
class Modules:
    """Modules that carry out the steps; tests put their own in place."""

    render: str = "unity_bridge.worker"
    train: str = "training.run"
    study: str = "training.study.process"
    publish: str = "server.jobs.publish_worker"
    import_: str = "server.jobs.import_worker"


@dataclass(frozen=True)
class Step:
    """A part of a job whose processes run side by side."""

    processes: tuple[ProcessOrder, ...]
    event: Event | None = None
    """What entering the step means to the job."""
    in_slots: bool = False
    """Whether each process takes one of the engine's places for render workers."""


class Work(Protocol):
    """One attempt of one job, without its processes."""

    def next_step(self) -> Step | None:
        """The step after the last one, whose processes all ended well; none at the end."""

    def progress(self) -> Progress:
        """How far it is."""

    def result(self) -> dict[str, Any]:
        """What the job says of its success."""

    def measurement(self) -> Measurement | None:
        """How long it took, where that says something of the next one."""

    def rubbish(self, *, may_be_retried: bool) -> list[Path]:
        """Files and folders that only the making needed, in the order in which they must go.

        Args:
            may_be_retried: Whether another attempt may follow: what it could not make again is left out.
        """


def remove(rubbish: Iterable[Path]) -> None:
    """Remove files and folders, as far as they can be removed."""
    for path in rubbish:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def progress_of(workspace: Path) -> Progress:
    """How far the process of a workspace is; nowhere, where it does not say."""
    try:
        return read_progress(workspace) or Progress(done=0, total=0)
    except ValidationError:
        return Progress(done=0, total=0)


def read_json(path: Path) -> dict[str, Any]:
    """A process's result.

    Raises:
        BeltlineError: It is none (`result_unreadable`).
    """
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BeltlineError(f"{path}: no result can be read: {error}", code="result_unreadable") from None
    if not isinstance(value, dict):
        raise BeltlineError(f"{path}: not a result", code="result_unreadable")
    return value
