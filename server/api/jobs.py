"""Jobs: list, show, follow, cancel, retry, log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from contracts.job import Job, JobState
from server.api import examples
from server.api.dependencies import DEFAULT_LIMIT, ApplicationOf, Cursor, Key, Limit
from server.api.event_stream import job_events
from server.resources import Page

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.get("", summary="List jobs", responses={200: examples.answer(examples.JOBS)})
def list_jobs(
    application: ApplicationOf,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
) -> Page[Job]:
    """Jobs, newest first."""
    return application.jobs(cursor=cursor, limit=limit, state=state)


@router.get("/{id}", summary="Show a job", responses={200: examples.answer(examples.JOB)})
def show_job(application: ApplicationOf, id: str) -> Job:  # noqa: A002 - the name in the address
    """What was asked, how far it is, how it ended, and all its attempts."""
    return application.job(id)


@router.post(
    "/{id}:cancel",
    status_code=202,
    summary="Cancel a job",
    responses={202: examples.answer(examples.CANCELLED_JOB, "Cancelled, or about to be")},
)
def cancel_job(application: ApplicationOf, id: str) -> Job:  # noqa: A002
    """A queued job is cancelled at once, a running one when its processes have stopped; what is finished is kept."""
    return application.cancel(id)


@router.post(
    "/{id}:retry",
    status_code=202,
    summary="Retry a job",
    responses={202: examples.answer(examples.QUEUED_JOB, "Queued for one more attempt")},
)
def retry_job(application: ApplicationOf, response: Response, id: str, key: Key) -> Job:  # noqa: A002
    """Give a job that has ended one more attempt, which takes up what the earlier ones finished."""
    job = application.retry(id, key=key)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job


@router.get(
    "/{id}/events",
    summary="Follow a job",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `state` and `progress`, each with the job as its data. The first is "
            "the job as it is now; the stream ends when the job has ended.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'id: 4\nevent: progress\ndata: {"id": "job-3f9c01a2b4d7", "state": "running"}\n\n',
                }
            },
        }
    },
)
async def follow_job(request: Request, application: ApplicationOf, id: str) -> StreamingResponse:  # noqa: A002
    """Every change of a job as it happens."""
    return await job_events(request, application, id)


@router.get(
    "/{id}/log",
    summary="Read a job's log",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Everything that the job's processes printed",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": "4 frames in 11.1 s\n"}},
        }
    },
)
def read_log(application: ApplicationOf, id: str) -> StreamingResponse:  # noqa: A002
    """Empty before the first attempt."""
    application.job(id)
    return StreamingResponse(application.log_chunks(id), media_type="text/plain; charset=utf-8")
