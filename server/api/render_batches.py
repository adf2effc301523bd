"""Render batches: ask for images."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from contracts.job import RenderBatchRequest
from server.api import examples
from server.api.bodies import Asked, asked, body_schema
from server.api.dependencies import ApplicationOf
from server.resources import Accepted

router = APIRouter(prefix="/v1/render-batches", tags=["render batches"])


@router.post(
    "",
    status_code=202,
    summary="Render a batch",
    responses={202: examples.answer(examples.ACCEPTED, "Queued; `Location` is the job's address")},
    openapi_extra=body_schema(
        RenderBatchRequest,
        {"A hundred frames": examples.RENDER_REQUEST, "With everything said": examples.RENDER_REQUEST_FULL},
    ),
)
def render(
    application: ApplicationOf,
    response: Response,
    body: Annotated[Asked[RenderBatchRequest], Depends(asked(RenderBatchRequest))],
) -> Accepted:
    """Render frames of a generator and publish them as a dataset version. Validated whole before it is queued.

    The same generator, seed and count give a version with the same digest, however often it was interrupted.
    """
    accepted = application.render(body.document, key=body.key)
    response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    return accepted
