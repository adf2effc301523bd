"""What jobs that learn came to, from their folders: training runs and studies as REST and command line show them."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from contracts.document import Document
from contracts.errors import NotFoundError
from contracts.job import JobState
from contracts.process import RESULT_FILE
from contracts.run import RunResult
from contracts.study_order import ESTIMATE_FILE, StudyEstimate, StudyResult
from server.jobs.plans import PLAN, StudyPlan, TrainPlan
from server.jobs.rows import JobRow
from server.resources import Run, StudyDescription

_DocumentT = TypeVar("_DocumentT", bound=Document)


def show_run(row: JobRow, runs: Path) -> Run:
    """A training run from its job, and from its result in the folder of runs where it has one.

    Raises:
        NotFoundError: The job is no training run.
    """
    plan = PLAN.validate_python(row.plan)
    if not isinstance(plan, TrainPlan):
        raise NotFoundError(f"job '{row.job.id}' is no training run", code="unknown_run", hint="list the runs")
    folder = runs / plan.run
    result = _read(RunResult, folder / RESULT_FILE) if row.job.state is JobState.SUCCEEDED else None
    return Run(
        id=plan.run,
        job=row.job.id,
        state=row.job.state,
        created_at=row.job.created_at,
        spec=plan.spec,
        terms=plan.terms,
        result=result,
        error=row.job.error,
        report=report_path(folder, result),
    )


def show_study(row: JobRow, studies: Path) -> StudyDescription:
    """A study from its job, and from what lies in its folder in that of studies.

    Raises:
        NotFoundError: The job is no study.
    """
    plan = PLAN.validate_python(row.plan)
    if not isinstance(plan, StudyPlan):
        raise NotFoundError(f"job '{row.job.id}' is no study", code="unknown_study", hint="list the studies")
    folder = studies / plan.study_id
    result = _read(StudyResult, folder / RESULT_FILE)
    return StudyDescription(
        id=plan.study_id,
        job=row.job.id,
        state=row.job.state,
        created_at=row.job.created_at,
        study=plan.study,
        terms=plan.terms,
        estimate=_read(StudyEstimate, folder / ESTIMATE_FILE),
        result=result,
        error=row.job.error,
        report=report_path(folder, result),
    )


def report_path(folder: Path, result: RunResult | StudyResult | None) -> str | None:
    """Where the report lies that a result names; none where there is none."""
    report = result.files.get("report") if result is not None else None
    return str(folder / report) if report is not None else None


def read_report(what: str, path: str | None) -> str:
    """The HTML of a report.

    Args:
        what: What it reports on, such as `study 'carparts'`.
        path: Where it lies.

    Raises:
        NotFoundError: It is not there yet.
    """
    if path is None or not Path(path).is_file():
        raise NotFoundError(f"{what} has no report yet", code="no_report", hint="it is written at the end")
    return Path(path).read_text(encoding="utf-8")


def _read(model: type[_DocumentT], path: Path) -> _DocumentT | None:
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
