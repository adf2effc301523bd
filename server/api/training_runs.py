"""Training runs: start, list, show, report."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse

from contracts.run import TrainingSpec
from server.api import examples, report_pages
from server.api.bodies import Asked, asked, body_schema
from server.api.dependencies import DEFAULT_LIMIT, ApplicationOf, Cursor, Limit
from server.resources import Accepted, Page, Run

router = APIRouter(prefix="/v1/training-runs", tags=["training runs"])


@router.post(
    "",
    status_code=202,
    summary="Train a network",
    responses={202: examples.answer(examples.ACCEPTED_TRAINING, "Queued; `Location` is the job's address")},
    openapi_extra=body_schema(
        TrainingSpec, {"Sixteen photographs and 2048 rendered frames": examples.TRAINING_REQUEST}
    ),
)
def train(
    application: ApplicationOf,
    response: Response,
    body: Annotated[Asked[TrainingSpec], Depends(asked(TrainingSpec))],
) -> Accepted:
    """Train a network on a mix of dataset versions. Every name is resolved to a digest before it is queued."""
    accepted = application.train(body.document, key=body.key)
    response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    return accepted


@router.get("", summary="List training runs", responses={200: examples.answer(examples.RUNS)})
def list_runs(application: ApplicationOf, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Page[Run]:
    """Training runs, newest first."""
    page = application.runs(cursor=cursor, limit=limit)
    return Page[Run](items=[_addressed(run) for run in page.items], next_cursor=page.next_cursor)


@router.get("/{id}", summary="Show a training run", responses={200: examples.answer(examples.RUN)})
def show_run(application: ApplicationOf, id: str) -> Run:  # noqa: A002 - the name in the address
    """What was asked, and the scores once it has ended."""
    return _addressed(application.run(id))


@router.get(
    "/{id}/report",
    summary="Read a training run's report",
    response_class=HTMLResponse,
    responses=report_pages.RESPONSES,
)
def show_report(application: ApplicationOf, id: str) -> HTMLResponse:  # noqa: A002
    """Curves, tables and pictures of a run that has ended."""
    return report_pages.report_page(application.report(id))


def _addressed(run: Run) -> Run:
    """The run with the report's address in place of its path on this machine."""
    return run.model_copy(update={"report": f"/v1/training-runs/{run.id}/report" if run.report else None})
