"""First answers by idempotency key: a request that is sent twice with one key is carried out once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from contracts.errors import ConfigurationError
from server.jobs import schema

LIFETIME_S = 24 * 3600.0
"""How long a first answer is kept."""


@dataclass(frozen=True)
class IdempotencyKey:
    """A caller's promise that requests with the same key are the same request."""

    key: str
    request_digest: str
    """Over method, path and body."""


@dataclass(frozen=True)
class FirstAnswer:
    """What the first request with a key was answered."""

    status: int
    body: dict[str, Any]


def recall(connection: Connection, key: IdempotencyKey, now_s: float) -> FirstAnswer | None:
    """The first answer, if the key was used before.

    Raises:
        ConfigurationError: It was used for another request.
    """
    query = select(schema.answers).where(
        schema.answers.c.key == key.key, schema.answers.c.created_s >= now_s - LIFETIME_S
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    if row["request_digest"] != key.request_digest:
        raise ConfigurationError(
            f"the idempotency key '{key.key}' was used for another request",
            code="idempotency_key_reused",
            hint="use a fresh key for every new request",
        )
    return FirstAnswer(int(row["status"]), dict(row["body"]))


def remember(connection: Connection, key: IdempotencyKey, now_s: float, answer: FirstAnswer) -> None:
    """Keep the first answer, and drop those that are too old."""
    columns = schema.answers.c
    connection.execute(
        delete(schema.answers).where((columns.created_s < now_s - LIFETIME_S) | (columns.key == key.key))
    )
    connection.execute(
        insert(schema.answers).values(
            key=key.key,
            request_digest=key.request_digest,
            status=answer.status,
            body=answer.body,
            created_s=now_s,
        )
    )
