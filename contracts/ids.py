"""Names, version references, digests and the canonical bytes that digests are taken over."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Annotated, Any

import rfc8785
from pydantic import BaseModel, Field, StringConstraints

from contracts.errors import ConfigurationError

NAME_PATTERN = r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$"
DIGEST_PATTERN = r"^sha256:[0-9a-f]{64}$"
VERSION_PATTERN = r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?@[1-9][0-9]{0,8}$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A safe name: lower-case letters, digits, dot, dash, underscore; 1 to 64 characters, starting and ending with a letter
or digit; so never a path."""

Digest = Annotated[str, StringConstraints(pattern=DIGEST_PATTERN)]
"""`sha256:` and 64 hexadecimal digits, over raw bytes."""

Seed = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""Of a random choice, from 0; as large as JSON carries exactly (RFC 8785)."""

VersionText = Annotated[str, StringConstraints(pattern=VERSION_PATTERN)]
"""A dataset version as `name@number`."""


@dataclass(frozen=True, order=True)
class VersionReference:
    """A dataset version: a name and a number from 1."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"{self.name}@{self.number}"

    @classmethod
    def parse(cls, text: str) -> VersionReference:
        """Read `name@number`.

        Raises:
            ConfigurationError: The text is not a version reference.
        """
        if not re.fullmatch(VERSION_PATTERN, text):
            raise ConfigurationError(
                f"'{text}' is not a dataset version",
                code="invalid_version",
                hint="write name@number, such as exterior@2",
            )
        name, number = text.split("@")
        return cls(name, int(number))


def check_name(text: str, what: str = "name") -> str:
    """Return `text` when it is a safe name.

    Raises:
        ConfigurationError: It is not; the message says what a name may hold.
    """
    if not re.fullmatch(NAME_PATTERN, text):
        raise ConfigurationError(
            f"{what} {text!r} is not a valid name",
            code="invalid_name",
            hint="use 1 to 64 lower-case letters, digits, '.', '-' and '_', starting and ending with a letter or digit",
        )
    return text


def digest_of(data: bytes) -> str:
    """SHA-256 of raw bytes, as `sha256:<hex>`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def canonical_json(value: Any) -> bytes:
    """The one way to write a value as bytes: RFC 8785 (JSON Canonicalization Scheme), UTF-8.

    Args:
        value: JSON types or a pydantic model; numbers must be finite.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return rfc8785.dumps(value)


def new_id(prefix: str) -> str:
    """A fresh random identifier such as `job-3f9c01a2b4d7`."""
    return f"{prefix}-{secrets.token_hex(6)}"
