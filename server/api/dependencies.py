"""What routes ask for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from contracts.ids import VersionReference, check_name
from server.api.bodies import asked_without_body
from server.application import Application
from server.jobs.answers import IdempotencyKey
from server.resources import PAGE_SIZE, PAGE_SIZE_MAX


def _application(request: Request) -> Application:
    application: Application = request.app.state.application
    return application


def _version(
    name: Annotated[str, Path(description="Name of the dataset.", examples=["exterior"])],
    v: Annotated[int, Path(description="Number of the version.", ge=1, le=999_999_999, examples=[1])],
) -> VersionReference:
    return VersionReference(check_name(name, "dataset name"), v)


ApplicationOf = Annotated[Application, Depends(_application)]
Version = Annotated[VersionReference, Depends(_version)]
Key = Annotated[IdempotencyKey | None, Depends(asked_without_body)]
Cursor = Annotated[
    str | None, Query(description="`next_cursor` of the page before; none is the beginning.", max_length=200)
]
Limit = Annotated[int, Query(description="Items at a time.", ge=1, le=PAGE_SIZE_MAX)]
DEFAULT_LIMIT = PAGE_SIZE
