"""What can be asked of jobs: a part of `server.application.Application`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from contracts.job import TERMINAL_STATES, Job, JobState
from server.application_base import HomeCalls
from server.jobs.answers import IdempotencyKey
from server.paging import cursor_number, number_cursor, page_limit
from server.resources import PAGE_SIZE, JobEvent, Page
from server.service import OnJob

_WATCH_S = 0.1


class JobCalls(HomeCalls):
    """Jobs of one home."""

    def job(self, job_id: str) -> Job:
        return self._parts.table().get(job_id)

    def jobs(self, *, cursor: str | None = None, limit: int = PAGE_SIZE, state: JobState | None = None) -> Page[Job]:
        rows, following = self._parts.table().page(before=cursor_number(cursor), limit=page_limit(limit), state=state)
        return Page[Job](items=[row.job for row in rows], next_cursor=number_cursor(following))

    def job_counts(self) -> dict[JobState, int]:
        """Jobs by state."""
        return self._parts.table().counts()

    def cancel(self, job_id: str) -> Job:
        job = self._parts.table().cancel(job_id)
        self._wake()
        return job

    def retry(self, job_id: str, *, key: IdempotencyKey | None = None) -> Job:
        job = self._parts.table().retry(job_id, key)
        self._wake()
        return job

    def job_event(self, job_id: str, before: JobEvent | None = None) -> JobEvent:
        """The job now, as a change from an earlier one."""
        row = self._parts.table().get_row(job_id)
        same = before is not None and before.job.state == row.job.state and before.job.attempt == row.job.attempt
        return JobEvent(id=str(row.revision), type="progress" if same else "state", job=row.job)

    def events(self, job_id: str) -> Iterator[JobEvent]:
        last: JobEvent | None = None
        while True:
            event = self.job_event(job_id, last)
            if last is None or event.id != last.id:
                last = event
                yield event
            if event.job.state in TERMINAL_STATES:
                return
            time.sleep(_WATCH_S)

    def wait(self, job_id: str, on_change: OnJob | None = None) -> Job:
        last = self.job_event(job_id)
        if on_change is not None:
            on_change(last.job)
        if last.job.state in TERMINAL_STATES:
            return last.job
        # Without an engine of its own this process lends one to the job, unless another process holds it already.
        engine = self._new_engine({job_id}) if self._engine is None else None
        try:
            while True:
                if engine is not None:
                    engine.look()
                event = self.job_event(job_id, last)
                if event.id != last.id and on_change is not None:
                    on_change(event.job)
                last = event
                if event.job.state in TERMINAL_STATES:
                    return event.job
                time.sleep(min(_WATCH_S, self.settings.jobs.poll_s))
        finally:
            if engine is not None:
                engine.stop()

    def log(self, job_id: str) -> str:
        return b"".join(self.log_chunks(job_id)).decode("utf-8", "replace")

    def log_chunks(self, job_id: str) -> Iterator[bytes]:
        """What a job's processes printed, piece by piece."""
        path = self.log_path(job_id)
        if path is not None:
            with path.open("rb") as stream:
                while piece := stream.read(1 << 16):
                    yield piece

    def log_path(self, job_id: str) -> Path | None:
        """File of what a job's processes printed, if they have begun."""
        path = self.settings.jobs_folder / self.job(job_id).id / "log.txt"
        return path if path.is_file() else None
