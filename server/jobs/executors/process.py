"""What an executor starts, and what it tells of the end; the same for every executor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel

from contracts.errors import BeltlineError


@dataclass(frozen=True)
class ProcessOrder:
    """A process to run: `python -m MODULE ORDER.json`, as `contracts.process` describes it."""

    name: str
    """What people call it, such as `shard 2`."""
    module: str
    document: BaseModel
    """The order."""
    workspace: Path
    """Where the order, progress, result and error lie."""


@dataclass(frozen=True)
class Outcome:
    """How a process ended: well, by our code's verdict, or by dying."""

    succeeded: bool
    failure: BeltlineError | None = None
    """The verdict it left."""
    death: BeltlineError | None = None
    """How it died, when it left no verdict."""


class RunningProcess(Protocol):
    """A started process."""

    order: ProcessOrder

    def poll(self) -> Outcome | None:
        """How it ended, once it has."""

    def silent_s(self) -> float:
        """Seconds since its last sign of life."""

    def stop(self, grace_s: float) -> None:
        """Ask it to end; end it after the grace. Returns at once."""

    def kill(self) -> None:
        """End it and everything it started, now."""


class Executor(Protocol):
    """Starts processes somewhere."""

    def start(self, order: ProcessOrder, log: Path) -> RunningProcess:
        """Start a process whose output is appended to `log`.

        Raises:
            OSError: It can't be started.
        """
