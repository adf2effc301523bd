"""Rows of the job table as documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from contracts.errors import NotFoundError
from contracts.job import Attempt, Job, JobState
from contracts.process import Progress
from server.jobs import schema


@dataclass(frozen=True)
class JobRow:
    """A job and what only engines and the application ask for."""

    job: Job
    revision: int
    run: str | None
    plan: dict[str, Any] = field(repr=False)
    cancel_requested: bool


def find_row(connection: Connection, job_id: str) -> RowMapping:
    """The row of a job.

    Raises:
        NotFoundError: There is none of that id.
    """
    row = connection.execute(select(schema.jobs).where(schema.jobs.c.id == job_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"no job '{job_id}'", code="unknown_job", hint="list the jobs for their ids")
    return row


def as_job_row(connection: Connection, row: RowMapping) -> JobRow:
    """A row with all that is kept of the job."""
    return JobRow(
        job=show_job(connection, row),
        revision=row["revision"],
        run=row["run"],
        plan=dict(row["plan"]),
        cancel_requested=bool(row["cancel_requested"]),
    )


def show_job(connection: Connection, row: RowMapping) -> Job:
    """A row as people see the job, with its attempts."""
    tries = connection.execute(
        select(schema.attempts).where(schema.attempts.c.job == row["id"]).order_by(schema.attempts.c.n)
    ).mappings()
    return Job(
        id=row["id"],
        kind=row["kind"],
        state=JobState(row["state"]),
        progress=Progress(done=row["progress_done"], total=row["progress_total"], message=row["progress_message"]),
        attempt=row["attempt"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        error=row["error"],
        result=row["result"],
        attempts=tuple(
            Attempt(
                n=item["n"],
                state=JobState(item["state"]),
                started_at=item["started_at"],
                ended_at=item["ended_at"],
                error=item["error"],
            )
            for item in tries
        ),
        request=dict(row["request"]),
    )
