"""What jobs need of the registry."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.errors import ConfigurationError, NotFoundError
from contracts.ids import Digest
from contracts.job import Job, JobKind, JobState
from server.jobs.plans import PLAN, StudyPlan, TrainPlan
from server.jobs.rows import JobRow
from server.jobs.table import JobTable

_PAGE = 500
_REFUSALS = {ConfigurationError.default_code, NotFoundError.default_code}
_WITHOUT_NEEDS = {JobState.FAILED, JobState.CANCELLED}
"""A run that ended so has no result that anybody could walk back to its images; one that crashed may be retried."""


def training_runs(table: JobTable) -> Iterator[tuple[str, dict[str, Digest]]]:
    """Training runs and studies that need their versions, each with the digests by `name@v`: runs first, newest first.

    A study that failed or was cancelled midway has runs with results, so it needs its versions too.
    """
    for row in _rows(table, "train"):
        plan = PLAN.validate_python(row.plan)
        if isinstance(plan, TrainPlan) and row.job.state not in _WITHOUT_NEEDS:
            yield plan.run, dict(plan.versions)
    for row in _rows(table, "study"):
        plan = PLAN.validate_python(row.plan)
        if isinstance(plan, StudyPlan) and not _trained_nothing(row.job):
            yield plan.study_id, dict(plan.versions)


def _trained_nothing(job: Job) -> bool:
    """Whether a study was refused or taken back before its first run."""
    if job.state is JobState.CANCELLED:
        return job.started_at is None
    return job.state is JobState.FAILED and (job.error or {}).get("category") in _REFUSALS


def _rows(table: JobTable, kind: JobKind) -> Iterator[JobRow]:
    before: int | None = None
    while True:
        rows, before = table.page(before=before, limit=_PAGE, kind=kind)
        yield from rows
        if before is None:
            return
