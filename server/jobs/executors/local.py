"""Processes on this machine: each in a group of its own, bound to the life of this one, heard through its files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

import psutil

from contracts.errors import BeltlineError
from contracts.process import ERROR_FILE, PROGRESS_FILE, RESULT_FILE, read_error, write_document
from server.jobs.executors.process import Outcome, ProcessOrder

ORDER_FILE = "order.json"
_SOURCE_ROOT = Path(__file__).resolve().parents[3]
_LOG_TAIL_LINES = 12
STOPPED_CODE = "stopped"
"""Left by a process that was asked to end: no verdict on its work. Where nobody of ours asked, it counts as a death."""
DIED_CODE = "process_died"
"""Of a death; also left by a process that needs others, one of which has died."""


class LocalExecutor:
    """Starts processes on this machine."""

    def start(self, order: ProcessOrder, log: Path) -> LocalProcess:
        """Start a process.

        Args:
            order: What to run.
            log: File that its output is appended to.

        Raises:
            OSError: The workspace can't be written, or no process can be made.
        """
        return LocalProcess(order, log)


class LocalProcess:
    """A process, from its start to its end."""

    def __init__(self, order: ProcessOrder, log: Path) -> None:
        self.order = order
        self._log = log
        self._stop_deadline: float | None = None
        workspace = order.workspace
        workspace.mkdir(parents=True, exist_ok=True)
        (workspace / ERROR_FILE).unlink(missing_ok=True)
        write_document(workspace / ORDER_FILE, order.document)
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(
            part for part in (str(_SOURCE_ROOT), os.environ.get("PYTHONPATH", "")) if part
        )
        log.parent.mkdir(parents=True, exist_ok=True)
        self._started = time.time()
        with log.open("ab") as output:
            self._log_start = output.tell()
            # -P: a folder named like one of our packages, where the service was started, must not stand before ours.
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "server.jobs.executors.bound",
                    order.module,
                    str(workspace / ORDER_FILE),
                ],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id, and id of the process group."""
        return self._process.pid

    def silent_s(self) -> float:
        """Seconds since its last sign of life."""
        try:
            heard = (self.order.workspace / PROGRESS_FILE).stat().st_mtime
        except FileNotFoundError:
            heard = 0.0
        return max(0.0, time.time() - max(heard, self._started))

    def stop(self, grace_s: float) -> None:
        """Ask it to end, and see to it after the grace; `poll` tells when it has."""
        if self._stop_deadline is None:
            self._stop_deadline = time.monotonic() + grace_s
            if not self._has_ended():
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it, everything in its group, and everything that descends from it, now."""
        if self._process.returncode is not None:
            return
        strays = _descendants(self.pid)  # a player is launched into a group of its own
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        for stray in strays:
            with suppress(psutil.NoSuchProcess):
                stray.kill()

    def poll(self) -> Outcome | None:
        """How it ended, once it has."""
        if self._process.returncode is None and not self._has_ended():
            if self._stop_deadline is not None and time.monotonic() > self._stop_deadline:
                self.kill()
            return None
        self.kill()  # what it left behind in its group, while the group's number is still its own
        code = self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        return self._outcome(code)

    def _has_ended(self) -> bool:
        """Whether the process has ended; it is not reaped yet, so that its group's number stays taken."""
        if self._process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _outcome(self, code: int) -> Outcome:
        workspace = self.order.workspace
        if code == 0 and (workspace / RESULT_FILE).exists():
            return Outcome(succeeded=True)
        verdict = read_error(workspace)
        if verdict is not None and code > 0 and verdict.code == DIED_CODE:
            return Outcome(succeeded=False, death=verdict)
        if verdict is not None and code > 0 and verdict.code != STOPPED_CODE:
            return Outcome(succeeded=False, failure=verdict)
        if code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        elif code == 0:
            how = "ended without a result"
        else:
            how = f"ended with exit code {code}"
        return Outcome(
            succeeded=False,
            death=BeltlineError(
                f"the process of {self.order.name} {how}",
                code=DIED_CODE,
                hint="its last words are in the job's log",
                context={"exit_code": code, "log_tail": self._last_words()},
                retryable=True,
            ),
        )

    def _last_words(self) -> list[str]:
        try:
            with self._log.open("rb") as stream:
                stream.seek(self._log_start)
                return [line.decode("utf-8", "replace").rstrip() for line in deque(stream, _LOG_TAIL_LINES)]
        except OSError:
            return []


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
