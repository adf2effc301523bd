"""What people write beside versions: descriptions, tags, aliases."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from contracts.dataset import AliasDescription, VersionDescription
from server.api import examples
from server.api.bodies import Asked, asked, body_schema
from server.api.dependencies import ApplicationOf, Version
from server.resources import AliasTarget, Page, VersionChange

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

_By = Annotated[str, Query(description="Who removes it, for the history.", max_length=255)]
_Reason = Annotated[str, Query(description="Why, for the history.", max_length=1000)]


@router.patch(
    "/{name}/versions/{v}",
    summary="Change description and tags",
    responses={200: examples.answer(examples.VERSION)},
    openapi_extra=body_schema(VersionChange, {"A tag more": examples.VERSION_CHANGE}),
)
def change_version(
    application: ApplicationOf,
    reference: Version,
    body: Annotated[Asked[VersionChange], Depends(asked(VersionChange))],
) -> VersionDescription:
    """The content of a version, and so its digest, never changes; what is written beside it does."""
    return application.change_version(reference, body.document)


@router.get("/{name}/aliases", summary="List aliases", responses={200: examples.answer(examples.ALIASES)})
def list_aliases(application: ApplicationOf, name: str) -> Page[AliasDescription]:
    """All aliases that a dataset has or had, each with its history."""
    return application.aliases(name)


@router.get("/{name}/aliases/{alias}", summary="Show an alias", responses={200: examples.answer(examples.ALIAS)})
def show_alias(application: ApplicationOf, name: str, alias: str) -> AliasDescription:
    """What an alias stands for, and stood for before."""
    return application.alias(name, alias)


@router.put(
    "/{name}/aliases/{alias}",
    summary="Move an alias",
    responses={200: examples.answer(examples.ALIAS)},
    openapi_extra=body_schema(AliasTarget, {"Approve a version": examples.ALIAS_TARGET}),
)
def move_alias(
    application: ApplicationOf, name: str, alias: str, body: Annotated[Asked[AliasTarget], Depends(asked(AliasTarget))]
) -> AliasDescription:
    """Let an alias stand for a version; it leaves the one it stood for. `latest` moves by itself."""
    return application.move_alias(name, alias, body.document)


@router.delete(
    "/{name}/aliases/{alias}", summary="Remove an alias", responses={200: examples.answer(examples.REMOVED_ALIAS)}
)
def remove_alias(
    application: ApplicationOf, name: str, alias: str, by: _By = "", reason: _Reason = ""
) -> AliasDescription:
    """Let an alias stand for nothing; its history stays."""
    return application.remove_alias(name, alias, by=by, reason=reason)
