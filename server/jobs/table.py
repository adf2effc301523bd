"""The durable table of jobs. Every change of state passes through `machine.next_state`, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError as DuplicateError

from contracts.errors import BeltlineError, ConflictError, NotFoundError
from contracts.job import TERMINAL_STATES, Job, JobKind, JobState
from contracts.process import Progress
from server.jobs import answers, leases, schema
from server.jobs.answers import FirstAnswer, IdempotencyKey
from server.jobs.database import Database
from server.jobs.machine import ACTIVE_STATES, ATTEMPT_END, Event, next_state
from server.jobs.rows import JobRow, as_job_row, find_row, show_job


@dataclass(frozen=True)
class NewJob:
    """A job to write."""

    id: str
    kind: JobKind
    request: Mapping[str, Any]
    """As asked."""
    plan: Mapping[str, Any]
    """Everything that carrying it out needs, resolved."""
    total: int = 0
    """Frames or steps, as far as known."""
    run: str | None = None
    """Id of the training run or study."""


@dataclass(frozen=True)
class Claim:
    """A job that an engine holds."""

    job: Job
    plan: dict[str, Any]
    owner: str


class LeaseLostError(BeltlineError):
    """Another engine holds the job now; what this one found about it no longer counts."""

    default_code = "lease_lost"


class JobTable:
    """Jobs, attempts, leases and first answers."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    # Writing and reading

    def create(self, new: NewJob, key: IdempotencyKey | None, answer: Callable[[Job], FirstAnswer]) -> FirstAnswer:
        """Write a queued job; where the key was used before, write nothing and give its first answer.

        Args:
            new: The job.
            key: Of the request, if it has one.
            answer: What the request is answered with, given the queued job.

        Raises:
            ConfigurationError: The key was used for another request.
            ConflictError: The id or run exists.
        """
        with self._database.writing() as connection:
            if key is not None:
                found = answers.recall(connection, key, self._clock())
                if found is not None:
                    return found
            try:
                connection.execute(
                    insert(schema.jobs).values(
                        id=new.id,
                        kind=new.kind,
                        state=str(JobState.QUEUED),
                        run=new.run,
                        request=dict(new.request),
                        plan=dict(new.plan),
                        progress_done=0,
                        progress_total=new.total,
                        progress_message="",
                        created_at=self._now(),
                    )
                )
            except DuplicateError:
                raise ConflictError(f"job '{new.id}' or run '{new.run}' exists", code="job_exists") from None
            first = answer(show_job(connection, find_row(connection, new.id)))
            if key is not None:
                answers.remember(connection, key, self._clock(), first)
            return first

    def get(self, job_id: str) -> Job:
        """A job.

        Raises:
            NotFoundError: There is none of that id.
        """
        return self.get_row(job_id).job

    def get_row(self, job_id: str) -> JobRow:
        """A job with its plan and revision.

        Raises:
            NotFoundError: There is none of that id.
        """
        with self._database.reading() as connection:
            return as_job_row(connection, find_row(connection, job_id))

    def get_run(self, run: str) -> JobRow:
        """The job of a training run.

        Raises:
            NotFoundError: There is none of that id.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(schema.jobs).where(schema.jobs.c.run == run)).mappings().first()
            if row is None:
                raise NotFoundError(f"no training run '{run}'", code="unknown_run", hint="list them for their ids")
            return as_job_row(connection, row)

    def page(
        self, *, before: int | None, limit: int, state: JobState | None = None, kind: JobKind | None = None
    ) -> tuple[list[JobRow], int | None]:
        """Jobs, newest first, and where the next stretch begins."""
        query = select(schema.jobs).order_by(schema.jobs.c.sequence.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(schema.jobs.c.sequence < before)
        if state is not None:
            query = query.where(schema.jobs.c.state == str(state))
        if kind is not None:
            query = query.where(schema.jobs.c.kind == kind)
        with self._database.reading() as connection:
            rows = list(connection.execute(query).mappings())
            found = [as_job_row(connection, row) for row in rows[:limit]]
        return found, int(rows[limit - 1]["sequence"]) if len(rows) > limit else None

    def counts(self) -> dict[JobState, int]:
        """Jobs by state."""
        with self._database.reading() as connection:
            found = connection.execute(select(schema.jobs.c.state, func.count()).group_by(schema.jobs.c.state)).all()
        return dict.fromkeys(JobState, 0) | {JobState(name): int(count) for name, count in found}

    @contextmanager
    def steady(self, job_id: str) -> Iterator[JobRow]:
        """A job, as `get_row`; nobody changes it or any other one while the block runs, so it must be short."""
        with self._database.writing() as connection:
            yield as_job_row(connection, find_row(connection, job_id))

    # What people ask for

    def cancel(self, job_id: str) -> Job:
        """Cancel a queued job, or ask the engine that holds it to stop it.

        Raises:
            NotFoundError: There is none of that id.
            ConflictError: It has ended.
        """
        with self._database.writing() as connection:
            row = find_row(connection, job_id)
            next_state(JobState(row["state"]), Event.CANCEL)
            if row["state"] == str(JobState.QUEUED):
                self._apply(connection, row, Event.CANCEL)
            else:
                self._update(connection, row, cancel_requested=True)
            return show_job(connection, find_row(connection, job_id))

    def retry(self, job_id: str, key: IdempotencyKey | None = None) -> Job:
        """Queue a job that ended once more.

        Raises:
            NotFoundError: There is none of that id.
            ConflictError: It has not ended, or the key was used for another request.
        """
        with self._database.writing() as connection:
            if key is not None:
                found = answers.recall(connection, key, self._clock())
                if found is not None:
                    return Job.model_validate(found.body)
            row = find_row(connection, job_id)
            self._apply(connection, row, Event.RETRY, deaths=0, not_before_s=0.0)
            job = show_job(connection, find_row(connection, job_id))
            if key is not None:
                answers.remember(connection, key, self._clock(), FirstAnswer(202, job.model_dump(mode="json")))
            return job

    # What engines do

    def claim(
        self, owner: str, lease_s: float, *, kinds: Collection[str], only: Collection[str] | None = None
    ) -> Claim | None:
        """Take the oldest job that waits, or whose engine is gone, and begin an attempt.

        Args:
            owner: From `leases.new_owner`.
            lease_s: Until when others leave it alone, unless renewed.
            kinds: Kinds that there is room for.
            only: Ids to choose from; none is all.
        """
        now = self._clock()
        columns = schema.jobs.c
        waiting = and_(columns.state == str(JobState.QUEUED), columns.not_before_s <= now)
        held = columns.state.in_([str(state) for state in ACTIVE_STATES])
        # Without plans: there may be thousands waiting, and this is asked several times a second.
        query = (
            select(columns.id, columns.state, columns.not_before_s, columns.lease_owner, columns.lease_expires_s)
            .where(columns.kind.in_(list(kinds)), or_(waiting, held))
            .order_by(columns.sequence)
        )
        if only is not None:
            query = query.where(columns.id.in_(list(only)))
        with self._database.reading() as connection:  # most looks find nothing: they need no write lock
            candidates = [row["id"] for row in connection.execute(query).mappings() if self._free(row, owner, now)]
        for job_id in candidates:
            with self._database.writing() as connection:
                row = find_row(connection, job_id)
                if not self._free(row, owner, now):
                    continue
                if JobState(row["state"]) in ACTIVE_STATES:
                    self._take_over(connection, row)
                    row = find_row(connection, job_id)
                if row["state"] != str(JobState.QUEUED):  # it was to be cancelled, and now is
                    continue
                self._apply(
                    connection,
                    row,
                    Event.START,
                    attempt=row["attempt"] + 1,
                    lease_owner=owner,
                    lease_expires_s=now + lease_s,
                    started_at=row["started_at"] or self._now(),
                )
                row = find_row(connection, job_id)
                return Claim(job=show_job(connection, row), plan=dict(row["plan"]), owner=owner)
        return None

    def is_to_be_cancelled(self, claim: Claim) -> bool:
        """Whether a person has asked to cancel a job that this engine holds.

        Raises:
            LeaseLostError: Another engine holds it now.
        """
        with self._database.reading() as connection:
            return bool(self._held(connection, claim)["cancel_requested"])

    def renew(self, claim: Claim, lease_s: float) -> None:
        """Hold a job longer.

        Raises:
            LeaseLostError: Another engine holds it now.
        """
        with self._database.writing() as connection:
            self._held(connection, claim)
            connection.execute(
                update(schema.jobs)
                .where(schema.jobs.c.id == claim.job.id)
                .values(lease_expires_s=self._clock() + lease_s)
            )

    def set_progress(self, claim: Claim, progress: Progress) -> None:
        """Record how far a job has come.

        Raises:
            LeaseLostError: Another engine holds it now.
        """
        with self._database.writing() as connection:
            self._update(
                connection,
                self._held(connection, claim),
                progress_done=progress.done,
                progress_total=progress.total,
                progress_message=progress.message,
            )

    def record(
        self,
        claim: Claim,
        event: Event,
        *,
        error: BeltlineError | None = None,
        result: Mapping[str, Any] | None = None,
        retry_in_s: float = 0.0,
    ) -> Job:
        """Record what became of a job that this engine holds.

        Args:
            claim: The job.
            event: What happened.
            error: Of a failure or death.
            result: Of a success.
            retry_in_s: Pause before the next attempt, after `Event.DIE`.

        Raises:
            LeaseLostError: Another engine holds it now.
            ConflictError: It can't happen in the job's state.
        """
        with self._database.writing() as connection:
            row = self._held(connection, claim)
            changes: dict[str, Any] = {}
            if event in (Event.DIE, Event.GIVE_UP):
                changes["deaths"] = row["deaths"] + 1
            if event is Event.DIE:
                changes["not_before_s"] = self._clock() + retry_in_s
            if event is Event.SUCCEED:
                changes |= {"result": dict(result or {}), "progress_message": ""}
                changes["progress_done"] = row["progress_total"]
            self._apply(connection, row, event, error=error, **changes)
            return show_job(connection, find_row(connection, claim.job.id))

    def deaths(self, claim: Claim) -> int:
        """Attempts since the last explicit retry whose process died."""
        with self._database.reading() as connection:
            return int(find_row(connection, claim.job.id)["deaths"])

    # Inside a transaction

    def _take_over(self, connection: Connection, row: RowMapping) -> None:
        """End the attempt of an engine that is gone, or the job where it was to be cancelled."""
        event = Event.CANCEL if row["cancel_requested"] else Event.RELEASE
        lost = BeltlineError(
            "the service that ran this attempt ended", code="engine_lost", hint="its work is kept and taken up again"
        )
        self._apply(connection, row, event, error=None if event is Event.CANCEL else lost)

    def _free(self, row: RowMapping, owner: str, now: float) -> bool:
        if row["state"] == str(JobState.QUEUED):
            return bool(row["not_before_s"] <= now)
        holder = row["lease_owner"] or ""
        active = JobState(row["state"]) in ACTIVE_STATES
        return active and holder != owner and (row["lease_expires_s"] < now or leases.is_gone(holder))

    def _held(self, connection: Connection, claim: Claim) -> RowMapping:
        row = find_row(connection, claim.job.id)
        if row["lease_owner"] != claim.owner or row["attempt"] != claim.job.attempt:
            raise LeaseLostError(f"job '{claim.job.id}' is held by another engine")
        return row

    def _apply(
        self,
        connection: Connection,
        row: RowMapping,
        event: Event,
        *,
        error: BeltlineError | None = None,
        **changes: Any,
    ) -> None:
        target = next_state(JobState(row["state"]), event)
        changes["state"] = str(target)
        if event is Event.START:
            connection.execute(
                insert(schema.attempts).values(
                    job=row["id"], n=changes["attempt"], state=str(JobState.RUNNING), started_at=self._now()
                )
            )
            changes |= {"error": None, "result": None}
        elif event in ATTEMPT_END and row["state"] != str(JobState.QUEUED):
            connection.execute(
                update(schema.attempts)
                .where(schema.attempts.c.job == row["id"], schema.attempts.c.n == row["attempt"])
                .values(state=str(ATTEMPT_END[event]), ended_at=self._now(), error=error.to_dict() if error else None)
            )
            changes |= {"lease_owner": None, "lease_expires_s": 0.0}
        elif event is Event.PUBLISH:
            connection.execute(
                update(schema.attempts)
                .where(schema.attempts.c.job == row["id"], schema.attempts.c.n == row["attempt"])
                .values(state=str(target))
            )
        if event is Event.RETRY:
            changes |= {"finished_at": None, "error": None, "result": None, "cancel_requested": False}
        if target in TERMINAL_STATES:
            changes |= {"finished_at": self._now(), "error": error.to_dict() if error else None}
        self._update(connection, row, **changes)

    def _update(self, connection: Connection, row: RowMapping, **changes: Any) -> None:
        outcome = connection.execute(
            update(schema.jobs)
            .where(schema.jobs.c.id == row["id"], schema.jobs.c.revision == row["revision"])
            .values(revision=row["revision"] + 1, **changes)
        )
        if outcome.rowcount != 1:  # only where transactions overlap, as they may on PostgreSQL
            raise ConflictError(f"job '{row['id']}' changed meanwhile", code="job_changed", hint="ask again")

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
