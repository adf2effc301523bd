"""Training processes of a study, side by side: started, heard, stopped, and started again where they died."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from contracts.errors import BeltlineError, TrainingError
from contracts.process import ERROR_FILE, PROGRESS_FILE, read_error, write_document
from contracts.run import TrainingOrder
from training.process import STOPPED_EXIT_CODE
from training.study.child import USAGE_FILE

ATTEMPTS_MAX = 3
"""Tries of a run whose process dies."""
STOP_GRACE_S = 8.0
"""That runs have to save where they stand when the study is stopped."""
_SOURCE_ROOT = Path(__file__).resolve().parents[2]
LOG_FILE = "log.txt"
ORDER_FILE = "asked.json"


@dataclass(frozen=True)
class Usage:
    """What a process took."""

    memory_bytes: int
    gpu_memory_bytes: int
    gpu_total_bytes: int
    seconds: float


@dataclass(frozen=True)
class Ended:
    """A run whose process has ended for good."""

    run: str
    error: BeltlineError | None = None
    """Why it has no result."""
    was_killed: bool = False
    """Whether it was killed time and again, as where memory runs out."""


@dataclass
class _Process:
    order: TrainingOrder
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    attempt: int = 1


class Pool:
    """Training processes.

    Args:
        threads: Of each; 0 leaves the choice to it.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._live: dict[str, _Process] = {}

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, run: str) -> bool:
        return run in self._live

    def start(self, order: TrainingOrder) -> None:
        """Start a run; what lies in its workspace is resumed.

        Raises:
            OSError: The workspace can't be written, or no process can be made.
        """
        self._live[order.run] = self._process(order, 1)

    def ended(self) -> list[Ended]:
        """Runs that have ended since the last call; one that died is started again a few times first."""
        found = []
        for run, live in list(self._live.items()):
            code = live.process.poll()
            if code is None:
                continue
            live.log.close()
            error = _verdict(live, code)
            if error is not None and error.retryable and live.attempt < ATTEMPTS_MAX:
                self._live[run] = self._process(live.order, live.attempt + 1)
                continue
            del self._live[run]
            found.append(Ended(run, error, was_killed=error is not None and error.code == "run_killed"))
        return found

    def stop(self) -> None:
        """Ask all processes to save and end, and end those that do not in time."""
        for live in self._live.values():
            live.process.terminate()
        deadline = time.monotonic() + STOP_GRACE_S
        for live in self._live.values():
            try:
                live.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                live.process.kill()
                live.process.wait()
            live.log.close()
        self._live.clear()

    def _process(self, order: TrainingOrder, attempt: int) -> _Process:
        workspace = Path(order.workspace)
        workspace.mkdir(parents=True, exist_ok=True)
        for stale in (PROGRESS_FILE, ERROR_FILE):  # of a former process
            (workspace / stale).unlink(missing_ok=True)
        path = workspace / ORDER_FILE
        write_document(path, order)
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_SOURCE_ROOT), os.environ.get("PYTHONPATH")]))
        if self.threads:
            environment["OMP_NUM_THREADS"] = str(self.threads)
        log = (workspace / LOG_FILE).open("ab")
        command = [sys.executable, "-P", "-m", "training.study.child", str(path), str(os.getpid())]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
        )
        return _Process(order, process, log, attempt)


def usage(workspace: Path) -> Usage | None:
    """What the last process of a run took; none where it left no word."""
    try:
        return Usage(**json.loads((workspace / USAGE_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def run_all(
    orders: Sequence[TrainingOrder], *, parallel: int, threads: int, look: Callable[[int], None]
) -> dict[str, BeltlineError | None]:
    """Carry out runs and wait for them; by run, why it has no result, or none where it has.

    Args:
        orders: The runs.
        parallel: Runs at a time.
        threads: Of each.
        look: Told again and again how many have ended; what it raises ends the others and is passed on.
    """
    pool = Pool(threads)
    waiting = list(orders)
    outcomes: dict[str, BeltlineError | None] = {}
    try:
        while waiting or len(pool):
            while waiting and len(pool) < parallel:
                pool.start(waiting.pop(0))
            for ended in pool.ended():
                outcomes[ended.run] = ended.error
            look(len(outcomes))
            time.sleep(0.1)
    finally:
        pool.stop()
    return outcomes


def _verdict(live: _Process, code: int) -> BeltlineError | None:
    """Why a process that ended has no result; retryable where it died."""
    if code == 0:
        return None
    error = read_error(Path(live.order.workspace)) if code in (1, 2, 3) else None
    if error is not None:
        return error
    killed = code < 0 and -code == 9
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    if code == STOPPED_EXIT_CODE:
        how = "was stopped"
    return TrainingError(
        f"run {live.order.run} {how}",
        code="run_killed" if killed else "run_died",
        hint=f"its log is {Path(live.order.workspace) / LOG_FILE}",
        retryable=True,
    )
