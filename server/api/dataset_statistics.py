"""Dataset versions in numbers, and side by side."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from contracts.document import parse_json
from contracts.ids import VERSION_PATTERN, VersionReference
from contracts.statistics import VersionDiff, VersionStatistics
from server.api import examples
from server.api.dependencies import ApplicationOf, Version
from server.resources import AskedLabelMap, StatisticsRequest

_LABEL_MAP_LENGTH_MAX = 16_000
"""Characters; the longest shipped map has 2500 as JSON."""
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


_LabelMap = Annotated[AskedLabelMap | None, Depends(_label_map)]


router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
"""The page is text, styles and drawings of its own."""


@router.get(
    "/{name}/versions/{v}/stats",
    summary="Show statistics",
    responses={200: examples.answer(examples.STATISTICS)},
)
def show_statistics(application: ApplicationOf, reference: Version, label_map: _LabelMap) -> VersionStatistics:
    """Computed when they are first asked for, which reads every image, and remembered. Under a label map classes, masks
    and instances are those that training and exports see, and the answer says which map it was."""
    return application.statistics(reference, label_map=label_map)


@router.get(
    "/{name}/versions/{v}/stats/page",
    summary="Show statistics as a page",
    response_class=HTMLResponse,
    responses={200: {"description": "One HTML page that loads nothing"}},
)
def show_statistics_page(application: ApplicationOf, reference: Version, label_map: _LabelMap) -> HTMLResponse:
    """The same with plots."""
    return HTMLResponse(application.statistics_page(reference, label_map=label_map), headers=_PAGE_HEADERS)


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
    label_map: _LabelMap,
) -> VersionDiff:
    """Frames added, removed and changed, and how far areas, frequencies, images and sampled parameters moved.
    Under a label map areas and frequencies are those of its classes; frames are compared by their files."""
    return application.diff(reference, VersionReference.parse(against), label_map=label_map)
