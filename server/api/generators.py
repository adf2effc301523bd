"""Generators: list, show, validate, preview, trace."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from contracts.lock import Trace, TraceRequest
from server.api import examples
from server.api.bodies import Asked, asked, body_schema
from server.api.dependencies import ApplicationOf
from server.resources import (
    GeneratorDescription,
    GeneratorSummary,
    Page,
    Preview,
    PreviewRequest,
    ValidationRequest,
    ValidationResult,
)

router = APIRouter(prefix="/v1/generators", tags=["generators"])


@router.get("", summary="List generators", responses={200: examples.answer(examples.GENERATORS)})
def list_generators(application: ApplicationOf) -> Page[GeneratorSummary]:
    """All generators that requests can name, sorted, in one page."""
    return Page[GeneratorSummary](items=application.generators())


@router.get("/{name}", summary="Show a generator", responses={200: examples.answer(examples.GENERATOR)})
def show_generator(application: ApplicationOf, name: str) -> GeneratorDescription:
    """A generator with what it extends merged in."""
    return application.generator(name)


@router.post(
    ":validate",
    summary="Check a document",
    responses={200: examples.answer(examples.VALIDATION)},
    openapi_extra=body_schema(ValidationRequest, {"A generator as YAML": examples.VALIDATION_REQUEST}),
)
def validate(
    application: ApplicationOf, body: Annotated[Asked[ValidationRequest], Depends(asked(ValidationRequest))]
) -> ValidationResult:
    """Check a generator, training run, study or label map; a fault is answered with line, field and nearest word."""
    return application.validate(body.document.document)


@router.post(
    "/{name}:preview",
    summary="Render one frame",
    responses={200: examples.answer(examples.PREVIEW)},
    openapi_extra=body_schema(PreviewRequest, {"Frame 0 of seed 7": examples.PREVIEW_REQUEST}),
)
async def preview(
    request: Request,
    application: ApplicationOf,
    name: str,
    body: Annotated[Asked[PreviewRequest], Depends(asked(PreviewRequest))],
) -> Preview:
    """Render one frame without a job; nothing is published. Answers when it is rendered, which takes some seconds."""
    # A pool of their own: waiting previews must not take the threads that answer everything else.
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(request.app.state.preview_threads, application.preview, name, body.document)


@router.post(
    "/{name}:trace",
    summary="Render frames anew and say what they are made of",
    responses={200: examples.answer(examples.TRACE)},
    openapi_extra=body_schema(TraceRequest, {"Two frames of seed 7": examples.TRACE_REQUEST}),
)
async def trace(
    request: Request,
    application: ApplicationOf,
    name: str,
    body: Annotated[Asked[TraceRequest], Depends(asked(TraceRequest))],
) -> Trace:
    """Parameters, digests of spec, scene assets and decoded pixels, and the platform: what `beltline regenerate`
    compares. Frames that were rendered before are not used; nothing is kept. Without frames only the generator is
    resolved."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(request.app.state.preview_threads, application.trace, name, body.document)
