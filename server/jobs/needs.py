"""What jobs need of the registry."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.ids import Digest
from contracts.job import JobState
from server.jobs.plans import PLAN, TrainPlan
from server.jobs.table import JobTable

_PAGE = 500
_WITHOUT_NEEDS = {JobState.FAILED, JobState.CANCELLED}
"""A run that ended so has no result that anybody could walk back to its images; one that crashed may be retried."""


def training_runs(table: JobTable) -> Iterator[tuple[str, dict[str, Digest]]]:
    """Training runs that need their versions, newest first, each with the digests by `name@v`."""
    before: int | None = None
    while True:
        rows, before = table.page(before=before, limit=_PAGE, kind="train")
        for row in rows:
            plan = PLAN.validate_python(row.plan)
            if isinstance(plan, TrainPlan) and row.job.state not in _WITHOUT_NEEDS:
                yield plan.run, dict(plan.versions)
        if before is None:
            return
