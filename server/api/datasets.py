"""Datasets: versions, frames, pictures, import and export."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from contracts.dataset import VersionDescription
from contracts.document import parse_json
from contracts.frame import FrameRecord
from contracts.ids import new_id
from server.api import examples, multipart
from server.api.bodies import Asked, asked, body_schema, idempotency_key
from server.api.dependencies import DEFAULT_LIMIT, ApplicationOf, Cursor, Limit, Version
from server.api.tar_stream import tar_stream
from server.application import Application
from server.resources import (
    Accepted,
    DatasetSummary,
    ExportRequest,
    ImportRequest,
    ImportUpload,
    Page,
    PictureKind,
)

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

_IMPORT_BODY = body_schema(
    ImportRequest,
    {"A folder of the service's machine": examples.IMPORT_REQUEST, "COCO": examples.IMPORT_COCO_REQUEST},
)
_IMPORT_BODY["requestBody"]["content"]["multipart/form-data"] = {
    "schema": {
        "type": "object",
        "required": ["request", "archive"],
        "properties": {
            "request": {"$ref": "#/components/schemas/ImportUpload"},
            "archive": {"type": "string", "format": "binary", "description": "A zip or tar archive."},
        },
    },
    "encoding": {"request": {"contentType": "application/json"}},
}


@router.get("", summary="List datasets", responses={200: examples.answer(examples.DATASETS)})
def list_datasets(
    application: ApplicationOf,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
    tag: Annotated[str | None, Query(description="Only versions that carry this tag.", max_length=160)] = None,
) -> Page[DatasetSummary]:
    """Datasets with their versions, sorted by name."""
    return application.datasets(cursor=cursor, limit=limit, tag=tag)


@router.post(
    ":import",
    status_code=202,
    summary="Import real images",
    responses={202: examples.answer(examples.ACCEPTED_IMPORT, "Queued; `Location` is the job's address")},
    openapi_extra=_IMPORT_BODY,
)
async def import_dataset(request: Request, response: Response, application: ApplicationOf) -> Accepted:
    """Import images and annotations from under one of the service's import roots, or from an uploaded archive. The
    job's `result.report` lists what was not taken, and images that look alike in different splits."""
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        accepted = await _import_upload(request, application)
    else:
        body: Asked[ImportRequest] = await asked(ImportRequest)(request)
        accepted = await run_in_threadpool(application.import_dataset, body.document, key=body.key)
    response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    return accepted


async def _import_upload(request: Request, application: Application) -> Accepted:
    job_id = new_id("job")
    path = application.upload_path(job_id)
    accepted: Accepted | None = None
    try:
        data, archive_digest = await multipart.receive(request, path)
        wish = parse_json(ImportUpload, data, source="request")
        canonical = json.dumps(wish.model_dump(mode="json"), sort_keys=True).encode()
        key = idempotency_key(request, canonical + archive_digest)
        accepted = await run_in_threadpool(application.import_archive, wish, path, job_id, key=key)
        return accepted
    finally:
        if accepted is None or accepted.job.id != job_id:  # refused, or it was asked for before
            await run_in_threadpool(shutil.rmtree, path.parent, ignore_errors=True)


@router.get("/{name}", summary="Show a dataset", responses={200: examples.answer(examples.DATASET)})
def show_dataset(application: ApplicationOf, name: str) -> DatasetSummary:
    """All versions of a dataset, and its latest one in full."""
    return application.dataset(name)


@router.get("/{name}/versions/{v}", summary="Show a version", responses={200: examples.answer(examples.VERSION)})
def show_version(application: ApplicationOf, reference: Version) -> VersionDescription:
    """What a version holds and how it came to be."""
    return application.version(reference)


@router.get("/{name}/versions/{v}/frames", summary="List frames", responses={200: examples.answer(examples.FRAMES)})
def list_frames(
    application: ApplicationOf,
    reference: Version,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
    label: Annotated[str | None, Query(description="Only frames that show this label.", max_length=64)] = None,
    split: Annotated[str | None, Query(description="Only frames of this split.", max_length=64)] = None,
) -> Page[FrameRecord]:
    """Frames of a version in their order."""
    return application.frames(reference, cursor=cursor, limit=limit, label=label, split=split)


@router.get(
    "/{name}/versions/{v}/frames/{i}/{picture}",
    summary="Get a picture of a frame",
    response_class=Response,
    responses={
        200: {
            "description": "PNG: `image` RGB, `mask` indexed label ids, `overlay` of both, 16-bit `instances`, `depth`",
            "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def show_picture(
    request: Request, application: ApplicationOf, reference: Version, i: int, picture: PictureKind
) -> Response:
    """A picture never changes: it may be kept."""
    tag = f'"{application.version(reference).digest.removeprefix("sha256:")[:32]}-{i}-{picture}"'
    headers = {"ETag": tag, "Cache-Control": "public, max-age=31536000, immutable"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(application.picture(reference, i, picture), media_type="image/png", headers=headers)


@router.post(
    "/{name}/versions/{v}:export",
    summary="Export a version",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A tar archive of the exported folder",
            "content": {"application/x-tar": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
    openapi_extra=body_schema(
        ExportRequest,
        {"The raw format": examples.EXPORT_REQUEST, "COCO, with a label map": examples.EXPORT_MAPPED_REQUEST},
    ),
)
def export(
    application: ApplicationOf,
    reference: Version,
    body: Annotated[Asked[ExportRequest], Depends(asked(ExportRequest))],
) -> StreamingResponse:
    """The version as a folder in the wanted format, in one tar archive. With a label map, classes stand for labels."""
    exports = application.settings.cache / "exports"
    application.version(reference)
    exports.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="export-", dir=exports))
    name = f"{reference.name}-{reference.number}"
    try:
        application.export(reference, body.document, folder / name)
        size, pieces = tar_stream(folder / name)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return StreamingResponse(
        _then_remove(pieces, folder),
        media_type="application/x-tar",
        headers={"Content-Length": str(size), "Content-Disposition": f'attachment; filename="{name}.tar"'},
    )


def _then_remove(pieces: Iterator[bytes], folder: Path) -> Iterator[bytes]:
    try:
        yield from pieces
    finally:
        shutil.rmtree(folder, ignore_errors=True)
