"""Deleting versions, erasing a group's frames from one, and freeing what nothing names any more."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from contracts.dataset import Deletion
from contracts.erasure import ErasureReport
from server.api import examples
from server.api.bodies import Asked, asked, body_schema
from server.api.dependencies import ApplicationOf, Version
from server.resources import CollectionReport, CollectionRequest, ErasureRequest

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])


@router.delete("/{name}/versions/{v}", summary="Delete a version", responses={200: examples.answer(examples.DELETION)})
def delete_version(
    application: ApplicationOf,
    reference: Version,
    by: Annotated[str, Query(description="Who deletes it.", max_length=255)] = "",
    reason: Annotated[str, Query(description="Why.", max_length=1000)] = "",
) -> Deletion:
    """Refused (`409`, `version_needed`) where an alias, another version or a training run needs it. Its number is never
    given again, and its bytes stay until garbage is collected."""
    return application.delete_version(reference, by=by, reason=reason)


@router.post(
    "/{name}/versions/{v}:erase",
    summary="Erase a group's frames",
    responses={200: examples.answer(examples.ERASURE)},
    openapi_extra=body_schema(ErasureRequest, {"Look only": examples.ERASURE_REQUEST}),
)
def erase_group(
    application: ApplicationOf,
    reference: Version,
    body: Annotated[Asked[ErasureRequest], Depends(asked(ErasureRequest))],
) -> ErasureReport:
    """Removes the bytes of a group's frames for good, such as a person's; without `"dry_run": false` it only looks. The
    version stays with its digest and shows the erasure; what was made of the frames is named, and what stays because
    another group's frames hold the very same bytes. It can't be undone."""
    return application.erase(reference, body.document)


@router.post(
    ":collect-garbage",
    summary="Free what nothing names",
    responses={200: examples.answer(examples.COLLECTION)},
    openapi_extra=body_schema(CollectionRequest, {"Look only": examples.COLLECTION_REQUEST}),
)
def collect_garbage(
    application: ApplicationOf, body: Annotated[Asked[CollectionRequest], Depends(asked(CollectionRequest))]
) -> CollectionReport:
    """Removes the stored files that no version and no training run needs, and what jobs left behind that have ended;
    without `"dry_run": false` it only looks. Others may publish meanwhile. What a job that did not succeed had finished
    stays for `keep_days`, 7 unless asked otherwise: a retry goes on with it."""
    return application.collect_garbage(dry_run=body.document.dry_run, keep_days=body.document.keep_days)
