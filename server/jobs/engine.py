"""The engine: takes jobs that wait, starts and watches their processes, and records what becomes of them.

One loop reconciles what the table says with what runs. Any number of engines may share a table: a lease keeps each job
to one of them, and an engine that lost a lease ends its processes and says nothing more about the job.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
import traceback
from collections.abc import Collection

from contracts.errors import BeltlineError
from server.estimates import Estimates
from server.jobs import leases
from server.jobs.attempt import RunningAttempt
from server.jobs.executors.process import Executor
from server.jobs.limits import Limits
from server.jobs.machine import Event
from server.jobs.plan_work import work_of
from server.jobs.plans import PLAN
from server.jobs.table import Claim, JobTable, LeaseLostError
from server.jobs.work import Modules, Places, remove

_logger = logging.getLogger("beltline.engine")
_PAUSE_AFTER_ERROR_S = 1.0
_LOG_FILE = "log.txt"


class Engine:
    """Carries out jobs.

    Args:
        table: The jobs.
        executor: Starts processes.
        places: Folders and stores.
        limits: How many processes, and how patient.
        estimates: Learns how long batches take.
        modules: What carries out the steps.
        only: Ids of the jobs to care for; none is all.
    """

    def __init__(
        self,
        table: JobTable,
        executor: Executor,
        places: Places,
        limits: Limits,
        estimates: Estimates,
        *,
        modules: Modules | None = None,
        only: Collection[str] | None = None,
    ) -> None:
        self._table = table
        self._executor = executor
        self._places = places
        self._limits = limits
        self._estimates = estimates
        self._modules = modules or Modules()
        self._only = None if only is None else set(only)
        self._owner = leases.new_owner()
        self._attempts: list[RunningAttempt] = []
        self._cleaners: list[threading.Thread] = []
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._looked_at = time.monotonic()

    def start(self) -> None:
        """Work in a thread until `stop`."""
        self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop all processes in an orderly way and hand their jobs back; returns when that is done."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self._wind_down()

    def wake(self) -> None:
        """Look now, for there is something to do."""
        self._wake.set()

    @property
    def alive(self) -> bool:
        """Whether the thread runs and came round within the last lease."""
        running = self._thread is not None and self._thread.is_alive()
        return running and time.monotonic() - self._looked_at < self._limits.lease_s

    @property
    def idle(self) -> bool:
        """Whether nothing runs."""
        return not self._attempts

    def look(self) -> None:
        """Take what waits, as far as there is room, and attend to what runs.

        Raises:
            StorageError: The table can't be read.
        """
        self._looked_at = time.monotonic()
        self._cleaners = [thread for thread in self._cleaners if thread.is_alive()]
        self._attend()
        while (kinds := self._kinds_with_room()) and self._has_space():
            claim = self._table.claim(self._owner, self._limits.lease_s, kinds=kinds, only=self._only)
            if claim is None:
                break
            self._begin(claim)
            self._attend()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except BeltlineError as error:  # such as a full disk under the table: it may have room again
                _logger.error("%s", error)
                self._stopping.wait(_PAUSE_AFTER_ERROR_S)
            except Exception:
                _logger.exception("unexpected error")
                self._stopping.wait(_PAUSE_AFTER_ERROR_S)
            self._wake.wait(self._limits.poll_s)
            self._wake.clear()

    def _wind_down(self) -> None:
        stopped = BeltlineError(
            "the service was stopped", code="service_stopped", hint="its work is kept and taken up again"
        )
        for attempt in self._attempts:
            attempt.end(Event.RELEASE, stopped)
        deadline = time.monotonic() + self._limits.stop_grace_s + self._limits.lease_s
        while self._attempts and time.monotonic() < deadline:
            self._attend()
            time.sleep(min(0.05, self._limits.poll_s))
        for attempt in self._attempts:  # the table could not be written: the lease runs out by itself
            attempt.abandon()
        self._attempts.clear()
        for thread in self._cleaners:
            thread.join()

    def _kinds_with_room(self) -> list[str]:
        kinds = [attempt.claim.job.kind for attempt in self._attempts]
        room = []
        if sum(attempt.slots() for attempt in self._attempts) < self._limits.workers and not any(
            attempt.waiting() for attempt in self._attempts
        ):
            room.append("render")
        if kinds.count("import") < self._limits.imports:
            room.append("import")
        if kinds.count("train") < self._limits.training_runs:
            room.append("train")
        if kinds.count("study") < self._limits.studies:
            room.append("study")
        return room

    def _has_space(self) -> bool:
        return shutil.disk_usage(self._places.jobs).free >= self._limits.free_bytes_min

    def _begin(self, claim: Claim) -> None:
        _logger.info("job %s: attempt %d", claim.job.id, claim.job.attempt)
        try:
            plan = PLAN.validate_json(json.dumps(claim.plan))
            work = work_of(plan, claim.job, self._places, self._modules)
        except ValueError as error:
            unreadable = BeltlineError(
                f"the job's plan can't be read: {error}", code="plan_unreadable", hint="ask for the same once more"
            )
            self._table.record(claim, Event.FAIL, error=unreadable)
            return
        log = self._places.jobs / claim.job.id / _LOG_FILE
        self._attempts.append(RunningAttempt(claim, work, log, self._table, self._executor, self._limits))

    def _attend(self) -> None:
        for attempt in list(self._attempts):
            free = self._limits.workers - sum(other.slots() for other in self._attempts)
            try:
                attempt.attend(free)
            except LeaseLostError as error:
                _logger.warning("%s: its processes are ended", error.message)
                attempt.abandon()
            except BeltlineError as error:
                if error.retryable:  # the table refuses: what has ended is recorded on a later look
                    _logger.error("job %s: %s", attempt.claim.job.id, error)
                else:
                    attempt.end(Event.FAIL, error)
            except Exception as error:
                _logger.exception("job %s", attempt.claim.job.id)
                attempt.end(Event.FAIL, _internal(error))
            if attempt.over:
                self._attempts.remove(attempt)
                if attempt.succeeded:
                    self._finish(attempt)

    def _finish(self, attempt: RunningAttempt) -> None:
        measurement = attempt.work.measurement()
        if measurement is not None:
            self._estimates.record(measurement)
        # A hundred thousand files take longer to remove than a lease may stay silent.
        rubbish = attempt.work.rubbish(may_be_retried=False)
        cleaner = threading.Thread(target=remove, args=(rubbish,), name=f"clean {attempt.claim.job.id}")
        cleaner.start()
        self._cleaners.append(cleaner)


def _internal(error: Exception) -> BeltlineError:
    return BeltlineError(
        f"unexpected {type(error).__name__}: {error}",
        code="internal_error",
        hint="this is a defect of Beltline: report it with the traceback",
        context={"traceback": traceback.format_exc().splitlines()},
    )
