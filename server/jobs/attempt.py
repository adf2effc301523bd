"""One attempt of one job, as the engine that holds it sees it: steps, processes, and what they come to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from contracts.errors import BeltlineError, StorageError
from server.jobs.executors.process import Executor, Outcome, ProcessOrder, RunningProcess
from server.jobs.limits import Limits
from server.jobs.machine import Event
from server.jobs.table import Claim, JobTable
from server.jobs.work import Work

_PROGRESS_PAUSE_S = 0.5


class RunningAttempt:
    """An attempt. `attend` is called again and again until `over`; it never waits.

    Args:
        claim: The job, held by this engine.
        work: What to do.
        log: File that all its processes print to.
        table: Where it is recorded.
        executor: Starts its processes.
        limits: How patient to be.
    """

    def __init__(
        self, claim: Claim, work: Work, log: Path, table: JobTable, executor: Executor, limits: Limits
    ) -> None:
        self.claim = claim
        self.work = work
        self.over = False
        """Whether the attempt is recorded, or lost to another engine, and no process of it is left."""
        self.succeeded = False
        self._log = log
        self._table = table
        self._executor = executor
        self._limits = limits
        self._waiting: list[ProcessOrder] = []
        self._live: list[RunningProcess] = []
        self._in_slots = False
        self._verdict: tuple[Event, BeltlineError | None] | None = None
        self._result: dict[str, Any] | None = None
        self._renewal_due = time.monotonic() + limits.lease_s / 3
        self._told = claim.job.progress
        self._tell_due = 0.0

    def slots(self) -> int:
        """Render workers that run."""
        return len(self._live) if self._in_slots else 0

    def waiting(self) -> bool:
        """Whether processes wait for room."""
        return bool(self._waiting)

    def end(self, event: Event, error: BeltlineError | None = None) -> None:
        """Bring the attempt to an end; what was decided first stands."""
        if self._verdict is None:
            self._verdict = (event, error)
            self._waiting.clear()

    def abandon(self) -> None:
        """End all processes at once and say nothing more: the job is another engine's."""
        for process in self._live:
            process.kill()
        self.over = True

    def attend(self, free_slots: int) -> None:
        """Look at the processes, start what can be started, record what has ended.

        Raises:
            LeaseLostError: Another engine holds the job.
            StorageError: The table can't be written; nothing is lost, call again.
        """
        self._hear()
        self._heed()
        if self._verdict is None:
            self._advance(free_slots)
        if self._verdict is not None:
            for process in self._live:
                process.stop(self._limits.stop_grace_s)
            if not self._live:
                self._record(*self._verdict)
                return
        self._tell()

    def _hear(self) -> None:
        for process in list(self._live):
            outcome = process.poll()
            if outcome is not None:
                self._live.remove(process)
                self._judge(outcome)
            elif process.silent_s() > self._limits.heartbeat_timeout_s:
                process.kill()
                self.end(Event.DIE, _hung(process, self._limits.heartbeat_timeout_s))

    def _judge(self, outcome: Outcome) -> None:
        if outcome.failure is not None:
            self.end(Event.FAIL, outcome.failure)
        elif outcome.death is not None:
            self.end(Event.DIE, outcome.death)

    def _heed(self) -> None:
        if time.monotonic() >= self._renewal_due:
            self._table.renew(self.claim, self._limits.lease_s)
            self._renewal_due = time.monotonic() + self._limits.lease_s / 3
        if self._verdict is None and self._table.is_to_be_cancelled(self.claim):
            self.end(Event.CANCEL)

    def _advance(self, free_slots: int) -> None:
        if not self._live and not self._waiting:
            step = self.work.next_step()
            if step is None:
                self._result = self.work.result()
                self._table.set_progress(self.claim, self.work.progress())
                self.end(Event.SUCCEED)
                return
            if step.event is not None:
                self._table.record(self.claim, step.event)
            self._waiting = list(step.processes)
            self._in_slots = step.in_slots
        while self._waiting and (free_slots > 0 or not self._in_slots):
            try:
                self._live.append(self._executor.start(self._waiting[0], self._log))
            except OSError as error:
                self.end(Event.FAIL, _not_started(self._waiting[0], error))
                return
            self._waiting.pop(0)
            free_slots -= 1

    def _record(self, event: Event, error: BeltlineError | None) -> None:
        pause = 0.0
        if event is Event.DIE:
            deaths = self._table.deaths(self.claim)
            if deaths + 1 >= self._limits.attempts_max:
                event = Event.GIVE_UP
            pause = self._limits.backoff_s * 2**deaths
        self._table.record(self.claim, event, error=error, result=self._result, retry_in_s=pause)
        self.succeeded = event is Event.SUCCEED
        self.over = True

    def _tell(self) -> None:
        if time.monotonic() < self._tell_due:
            return
        self._tell_due = time.monotonic() + _PROGRESS_PAUSE_S
        progress = self.work.progress()
        if not progress.total:  # its process does not know yet
            progress = progress.model_copy(update={"total": self._told.total})
        if progress != self._told and progress.message:
            self._table.set_progress(self.claim, progress)
            self._told = progress


def _hung(process: RunningProcess, silence_s: float) -> BeltlineError:
    return BeltlineError(
        f"the process of {process.order.name} gave no sign of life for {silence_s:g} s and was ended",
        code="process_hung",
        hint="its last words are in the job's log",
        retryable=True,
    )


def _not_started(order: ProcessOrder, error: OSError) -> BeltlineError:
    return StorageError(
        f"the process of {order.name} can't be started: {error}",
        hint="check that the home folder is writable and its disk not full, then retry",
    )
