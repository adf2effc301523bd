"""Dataset versions in numbers, and side by side."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from contracts.ids import VERSION_PATTERN, VersionReference
from contracts.statistics import VersionDiff, VersionStatistics
from server.api import examples
from server.api.dependencies import ApplicationOf, Version

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
"""The page is text, styles and drawings of its own."""


@router.get(
    "/{name}/versions/{v}/stats",
    summary="Show statistics",
    responses={200: examples.answer(examples.STATISTICS)},
)
def show_statistics(application: ApplicationOf, reference: Version) -> VersionStatistics:
    """Computed when they are first asked for, which reads every image, and remembered."""
    return application.statistics(reference)


@router.get(
    "/{name}/versions/{v}/stats/page",
    summary="Show statistics as a page",
    response_class=HTMLResponse,
    responses={200: {"description": "One HTML page that loads nothing"}},
)
def show_statistics_page(application: ApplicationOf, reference: Version) -> HTMLResponse:
    """The same with plots."""
    return HTMLResponse(application.statistics_page(reference), headers=_PAGE_HEADERS)


@router.get(
    "/{name}/versions/{v}/diff",
    summary="Compare two versions",
    responses={200: examples.answer(examples.DIFF)},
)
def show_diff(
    application: ApplicationOf,
    reference: Version,
    against: Annotated[
        str, Query(description="The other version, `name@number`.", pattern=VERSION_PATTERN, examples=["exterior@1"])
    ],
) -> VersionDiff:
    """Frames added, removed and changed, and how far areas, frequencies, images and sampled parameters moved."""
    return application.diff(reference, VersionReference.parse(against))
