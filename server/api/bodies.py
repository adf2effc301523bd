"""Request bodies, read as strictly as their JSON Schema, with the caller's idempotency key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel

from contracts.document import Document, parse_json
from contracts.errors import ConfigurationError
from server.api.problems import MediaTypeError
from server.jobs.answers import IdempotencyKey

DocumentT = TypeVar("DocumentT", bound=Document)
KEY_HEADER = "Idempotency-Key"
_KEY_LENGTH_MAX = 200


@dataclass(frozen=True)
class Asked(Generic[DocumentT]):
    """A request's document, and the key that makes repeating it harmless."""

    document: DocumentT
    key: IdempotencyKey | None


def asked(model: type[DocumentT]) -> Callable[[Request], Awaitable[Asked[DocumentT]]]:
    """A dependency that reads a JSON body.

    Raises:
        ConfigurationError: Not JSON, or not such a document; every fault with its place.
    """

    async def read(request: Request) -> Asked[DocumentT]:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise MediaTypeError(
                f"the body's type is '{kind}', not application/json",
                hint="send JSON with the header Content-Type: application/json",
            )
        body = await request.body()
        document = parse_json(model, body, source="body")
        return Asked(document, idempotency_key(request, _canonical(document)))

    return read


async def asked_without_body(request: Request) -> IdempotencyKey | None:
    """A dependency for a POST that says all in its address."""
    return idempotency_key(request, b"")


def idempotency_key(request: Request, content: bytes) -> IdempotencyKey | None:
    """The key that a caller sent, with a digest of what it stands for.

    Raises:
        ConfigurationError: The key is empty, too long or not plain ASCII.
    """
    key = request.headers.get(KEY_HEADER)
    if key is None:
        return None
    if not (0 < len(key) <= _KEY_LENGTH_MAX and key.isascii() and key.isprintable()):
        raise ConfigurationError(
            f"the header {KEY_HEADER} is not a key",
            code="invalid_idempotency_key",
            hint=f"use 1 to {_KEY_LENGTH_MAX} printable ASCII characters, such as a UUID",
        )
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + content).hexdigest()
    return IdempotencyKey(key, f"sha256:{digest}")


def _canonical(document: BaseModel) -> bytes:
    """The document in one form, however it was spaced and ordered. (RFC 8785 knows no integers beyond 2^53.)"""
    return json.dumps(document.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()


def body_schema(model: type[BaseModel], examples: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """OpenAPI of a route whose body `asked` reads.

    Args:
        model: The document.
        examples: By summary.
    """
    content = {
        "schema": {"$ref": f"#/components/schemas/{model.__name__}"},
        "examples": {
            name.lower().replace(" ", "-"): {"summary": name, "value": value} for name, value in examples.items()
        },
    }
    return {"requestBody": {"required": True, "content": {"application/json": content}}}
