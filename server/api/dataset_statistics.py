"""Dataset versions in numbers, and side by side.

They are counted in the background when they are first asked for, which reads every image: a request waits a while, and
then says how far they are.
"""

from __future__ import annotations

import json
import re
from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import HTMLResponse, JSONResponse

from contracts.document import parse_json
from contracts.ids import VERSION_PATTERN, VersionReference
from contracts.process import Progress
from contracts.statistics import VersionDiff, VersionStatistics
from server.api import examples
from server.api.dependencies import ApplicationOf, Version
from server.resources import AskedLabelMap, Pending, StatisticsRequest

_LABEL_MAP_LENGTH_MAX = 16_000
"""Characters; the longest shipped map has 2500 as JSON."""
_WAIT_S = 20
"""A request waits: less than clients and proxies usually do."""
_WAIT_MAX_S = 60
_RETRY_AFTER_S = 2
_LabelMapText = Annotated[
    str | None,
    Query(
        alias="label_map",
        description="Applied before anything is counted: the name of a shipped label map, or a label map as JSON, or"
        " its classes with their source labels as JSON.",
        max_length=_LABEL_MAP_LENGTH_MAX,
        examples=["carparts-5"],
    ),
]


def _label_map(text: _LabelMapText = None) -> AskedLabelMap | None:
    if text is None:
        return None
    value = f'{{"label_map":{text if text.lstrip().startswith("{") else json.dumps(text)}}}'
    return parse_json(StatisticsRequest, value, source="label_map").label_map


def _wait_s(
    prefer: Annotated[
        str | None,
        Header(
            description=f"`wait=SECONDS` (RFC 7240): how long to wait for numbers that are not counted yet, at most"
            f" {_WAIT_MAX_S}; {_WAIT_S} when left out.",
            max_length=1000,
            examples=["wait=5"],
        ),
    ] = None,
) -> float:
    found = re.search(r"(?:^|[\s,;])wait=(\d{1,9})(?![^\s,;])", prefer or "")
    return float(min(int(found[1]), _WAIT_MAX_S)) if found else float(_WAIT_S)


_LabelMap = Annotated[AskedLabelMap | None, Depends(_label_map)]
_Wait = Annotated[float, Depends(_wait_s)]
_Against = Annotated[
    str, Query(description="The other version, `name@number`.", pattern=VERSION_PATTERN, examples=["exterior@1"])
]


router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
"""The page is text, styles and drawings of its own."""
_LATER: dict[str, Any] = {"Retry-After": str(_RETRY_AFTER_S)}
_PENDING = "They are being counted: ask the same again after `Retry-After` seconds"
_Responses = dict[int | str, dict[str, Any]]
_PENDING_JSON: _Responses = {202: {"model": Pending, **examples.answer(examples.PENDING, _PENDING)}}
_PAGE: _Responses = {
    200: {"description": "One HTML page that loads nothing"},
    202: {"description": f"{_PENDING}, as the page does by itself"},
}


@router.get(
    "/{name}/versions/{v}/stats",
    summary="Show statistics",
    response_model=VersionStatistics,
    responses={200: examples.answer(examples.STATISTICS), **_PENDING_JSON},
)
def show_statistics(
    application: ApplicationOf, reference: Version, label_map: _LabelMap, wait_s: _Wait
) -> VersionStatistics | JSONResponse:
    """Counted when they are first asked for, which reads every image, and remembered; a request that has waited long
    enough is told how far they are (`202`). Under a label map classes, masks and instances are those that training and
    exports see, and the answer says which map it was."""
    found = application.statistics_within(wait_s, reference, label_map=label_map)
    return _pending(found) if isinstance(found, Progress) else found


@router.get(
    "/{name}/versions/{v}/stats/page",
    summary="Show statistics as a page",
    response_class=HTMLResponse,
    responses=_PAGE,
)
def show_statistics_page(
    application: ApplicationOf, reference: Version, label_map: _LabelMap, wait_s: _Wait
) -> HTMLResponse:
    """The same with plots."""
    found = application.statistics_within(wait_s, reference, label_map=label_map)
    if isinstance(found, Progress):
        return _pending_page(str(reference), found)
    return HTMLResponse(application.statistics_page(reference, label_map=label_map), headers=_PAGE_HEADERS)


@router.get(
    "/{name}/versions/{v}/diff",
    summary="Compare two versions",
    response_model=VersionDiff,
    responses={200: examples.answer(examples.DIFF), **_PENDING_JSON},
)
def show_diff(
    application: ApplicationOf, reference: Version, against: _Against, label_map: _LabelMap, wait_s: _Wait
) -> VersionDiff | JSONResponse:
    """Frames added, removed and changed, and how far areas, frequencies, images and sampled parameters moved; of the
    first changed frames that both versions rendered to one specification, how far their pixels lie apart. Under a label
    map areas and frequencies are those of its classes; frames are compared by their files. `202` while statistics are
    being counted."""
    found = application.diff_within(wait_s, reference, VersionReference.parse(against), label_map=label_map)
    return _pending(found) if isinstance(found, Progress) else found


@router.get(
    "/{name}/versions/{v}/diff/page",
    summary="Compare two versions on a page",
    response_class=HTMLResponse,
    responses=_PAGE,
)
def show_diff_page(
    application: ApplicationOf, reference: Version, against: _Against, label_map: _LabelMap, wait_s: _Wait
) -> HTMLResponse:
    """The same with the plots of both, one over the other."""
    other = VersionReference.parse(against)
    found = application.diff_within(wait_s, reference, other, label_map=label_map)
    if isinstance(found, Progress):
        return _pending_page(f"{reference} against {other}", found)
    return HTMLResponse(application.diff_page(reference, other, label_map=label_map), headers=_PAGE_HEADERS)


def _pending(progress: Progress) -> JSONResponse:
    return JSONResponse(Pending(progress=progress).model_dump(mode="json"), 202, _LATER)


def _pending_page(title: str, progress: Progress) -> HTMLResponse:
    text = f"{escape(title)}: {escape(progress.message)}, {progress.done} of {progress.total}"
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{text}</title></head>'
        f"<body><p>{text}. This page asks again by itself.</p></body></html>\n"
    )
    return HTMLResponse(page, 202, {**_PAGE_HEADERS, **_LATER, "Refresh": str(_RETRY_AFTER_S)})
