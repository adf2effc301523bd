"""Every error as one shape: RFC 9457 problem documents."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from contracts.errors import BeltlineError, ConfigurationError
from server.resources import Problem

MEDIA_TYPE = "application/problem+json"
_logger = logging.getLogger("beltline.api")

_TITLES = {
    400: "Bad request",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid request",
    500: "Internal error",
    501: "Not available on this machine",
    503: "Not ready",
    507: "Storage refused",
}
_HINTS = {
    404: "see /docs for what there is",
    405: "see /docs for the methods of this address",
}


class TooLargeError(ConfigurationError):
    """The request's body is larger than allowed."""

    default_code = "body_too_large"
    status = 413


class MediaTypeError(ConfigurationError):
    """The request's body is of another kind than expected."""

    default_code = "unsupported_media_type"
    status = 415


def problem(error: BeltlineError) -> Problem:
    """An error as a problem document."""
    return Problem(
        type=f"urn:beltline:error:{error.code}",
        title=_TITLES.get(error.status, "Error"),
        status=error.status,
        detail=error.message,
        code=error.code,
        category=error.default_code,
        hint=error.hint,
        retryable=error.retryable,
        errors=_places(error.context.get("errors")),
    )


def response(found: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem document as an answer."""
    return JSONResponse(found.model_dump(mode="json"), found.status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem document."""

    @app.exception_handler(BeltlineError)
    async def _deliberate(request: Request, error: BeltlineError) -> JSONResponse:
        if error.status >= 500:
            _logger.error("%s %s: %s", request.method, request.url.path, error)
        return response(problem(error))

    @app.exception_handler(RequestValidationError)
    async def _parameters(request: Request, error: RequestValidationError) -> JSONResponse:
        places = [
            {"location": ".".join(str(part) for part in item["loc"]), "message": str(item["msg"])}
            for item in error.errors()
        ]
        first = places[0]
        invalid = ConfigurationError(
            f"{first['location']}: {first['message']}",
            code="invalid_parameter",
            hint="see /docs for the parameters of this address",
            context={"errors": places},
        )
        return response(problem(invalid))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        title = _TITLES.get(error.status_code, "Error")
        code = title.lower().replace(" ", "_")
        found = Problem(
            type=f"urn:beltline:error:{code}",
            title=title,
            status=error.status_code,
            detail=f"{request.method} {request.url.path}: {error.detail}",
            code=code,
            category=code,
            hint=_HINTS.get(error.status_code, "see /docs"),
        )
        return response(found, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        _logger.error("%s %s", request.method, request.url.path, exc_info=error)
        unexpected = BeltlineError(
            "the service failed on this request",
            code="internal_error",
            hint="this is a defect of Beltline: report it with the service's log",
        )
        return response(problem(unexpected))


def _places(errors: Any) -> list[dict[str, Any]]:
    return [dict(item) for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []
