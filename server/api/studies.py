"""Studies: start, list, show, report."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse

from contracts.study import Study
from server.api import report_pages, study_examples
from server.api.bodies import Asked, asked, body_schema
from server.api.dependencies import DEFAULT_LIMIT, ApplicationOf, Cursor, Limit
from server.api.examples import answer
from server.resources import Accepted, Page, StudyDescription

router = APIRouter(prefix="/v1/studies", tags=["studies"])


@router.post(
    "",
    status_code=202,
    summary="Run a study",
    responses={202: answer(study_examples.ACCEPTED, "Queued; `Location` is the job's address")},
    openapi_extra=body_schema(Study, {"What 2048 rendered vehicles are worth": study_examples.REQUEST}),
)
def run_study(
    application: ApplicationOf, response: Response, body: Annotated[Asked[Study], Depends(asked(Study))]
) -> Accepted:
    """Train every run of a table, with repeats, and report. The base run stands in the document itself; every run is
    validated, and every name resolved to a digest, before the study is queued. A run with a result is not made again.
    """
    accepted = application.study(body.document, key=body.key)
    response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    return accepted


@router.get("", summary="List studies", responses={200: answer(study_examples.STUDIES)})
def list_studies(
    application: ApplicationOf, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[StudyDescription]:
    """Studies, newest first."""
    page = application.studies(cursor=cursor, limit=limit)
    return Page[StudyDescription](items=[_addressed(study) for study in page.items], next_cursor=page.next_cursor)


@router.get("/{id}", summary="Show a study", responses={200: answer(study_examples.STUDY)})
def show_study(application: ApplicationOf, id: str) -> StudyDescription:  # noqa: A002 - the name in the address
    """What was asked, how many runs it takes and how long, and what its cells came to once it has ended."""
    return _addressed(application.study_of(id))


@router.get(
    "/{id}/report",
    summary="Read a study's report",
    response_class=HTMLResponse,
    responses=report_pages.RESPONSES,
)
def show_study_report(application: ApplicationOf, id: str) -> HTMLResponse:  # noqa: A002
    """Tables, tests and plots of a study that has ended."""
    return report_pages.report_page(application.study_report(id))


def _addressed(study: StudyDescription) -> StudyDescription:
    """The study with the report's address in place of its path on this machine."""
    return study.model_copy(update={"report": f"/v1/studies/{study.id}/report" if study.report else None})
