"""Deleting versions, and freeing what nothing names any more."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from contracts.dataset import Deletion
from server.api import examples
from server.api.bodies import Asked, asked, body_schema
from server.api.dependencies import ApplicationOf, Version
from server.resources import CollectionReport, CollectionRequest

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
    ":collect-garbage",
    summary="Free what nothing names",
    responses={200: examples.answer(examples.COLLECTION)},
    openapi_extra=body_schema(CollectionRequest, {"Look only": examples.COLLECTION_REQUEST}),
)
def collect_garbage(
    application: ApplicationOf, body: Annotated[Asked[CollectionRequest], Depends(asked(CollectionRequest))]
) -> CollectionReport:
    """Removes the stored files that no version and no training run needs; without `"dry_run": false` it only looks.
    Others may publish meanwhile."""
    return application.collect_garbage(dry_run=body.document.dry_run)
