"""The OpenAPI document: FastAPI's, completed with the bodies read by `bodies.asked` and with problem documents."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from contracts.job import RenderBatchRequest
from contracts.lock import TraceRequest
from contracts.mix import MixRequest
from contracts.run import TrainingSpec
from contracts.study import Study
from server.api.problems import MEDIA_TYPE
from server.resources import (
    AliasTarget,
    CollectionRequest,
    ErasureRequest,
    ExportRequest,
    ImportRequest,
    ImportUpload,
    PreviewRequest,
    Problem,
    ValidationRequest,
    VersionChange,
)

_BODIES = (
    RenderBatchRequest,
    Study,
    TrainingSpec,
    ImportRequest,
    ImportUpload,
    ExportRequest,
    PreviewRequest,
    TraceRequest,
    MixRequest,
    ValidationRequest,
    VersionChange,
    AliasTarget,
    CollectionRequest,
    ErasureRequest,
    Problem,
)
_PREFIX = "#/components/schemas/{model}"
_DESCRIPTION = """Domain-randomized images with exact masks, versioned datasets, and training on mixes of them.

What takes time becomes a *job*: follow it at `/v1/jobs/{id}/events`. Lists come in pages: pass `next_cursor` as
`cursor`. An `Idempotency-Key` on a POST that makes or retries a job returns the first answer when it is sent again.
Every error is a problem document (RFC 9457) whose `hint` is the remedy."""

_PROBLEM_EXAMPLE = {
    "type": "urn:beltline:error:unknown_generator",
    "title": "Not found",
    "status": 404,
    "detail": "no generator 'exteriour'",
    "code": "unknown_generator",
    "category": "not_found",
    "hint": "did you mean 'exterior'?",
    "retryable": False,
    "errors": [],
}


def install(app: FastAPI) -> None:
    """Make the application describe itself at /openapi.json."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = build(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def build(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=_DESCRIPTION,
        routes=app.routes,
        separate_input_output_schemas=False,
    )
    schemas = document["components"]["schemas"]
    _, definitions = models_json_schema([(model, "validation") for model in _BODIES], ref_template=_PREFIX)
    for name, schema in definitions["$defs"].items():
        schemas.setdefault(name, schema)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = {
        "description": "Anything else: a problem document.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _PREFIX.format(model="Problem")}, "example": _PROBLEM_EXAMPLE}},
    }
    for path, methods in document["paths"].items():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            if path.startswith("/v1"):
                operation["responses"]["default"] = problem
    return document
