"""Asking a service over HTTP: requests, pages, downloads, and problem documents as the errors that they describe."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from contracts.errors import (
    BeltlineError,
    CapabilityMissingError,
    ConfigurationError,
    ConflictError,
    NotFoundError,
    StorageError,
    from_dict,
)
from contracts.ids import VersionReference
from server.resources import PAGE_SIZE, Page

ModelT = TypeVar("ModelT", bound=BaseModel)

TIMEOUT_S = 30.0
"""For an answer, where nothing is rendered."""
SLOW_TIMEOUT_S = 600.0
"""For an answer that takes a rendered frame or a whole dataset."""
_PAUSE_MAX_S = 60

# For answers that do not come from the service itself, such as a proxy's.
_KIND_BY_STATUS: dict[int, type[BeltlineError]] = {
    400: ConfigurationError,
    404: NotFoundError,
    409: ConflictError,
    413: ConfigurationError,
    422: ConfigurationError,
    501: CapabilityMissingError,
    507: StorageError,
}


class ServiceUnreachableError(BeltlineError):
    """No service answers at the address."""

    default_code = "service_unreachable"
    default_retryable = True
    status = 503


class Requests:
    """A service at an address. Not for use by several threads at once."""

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        """
        Args:
            url: Such as `http://127.0.0.1:8000`.
            transport: Another way to the service, for example to an application in this process.

        Raises:
            ConfigurationError: Not an http address.
        """
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(f"'{url}' is not the address of a service", hint="such as http://127.0.0.1:8000")
        self.url = url.rstrip("/")
        self.http = httpx.Client(base_url=self.url, timeout=TIMEOUT_S, transport=transport, follow_redirects=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def get(self, path: str, model: type[ModelT]) -> ModelT:
        return parse_answer(model, self.request("GET", path))

    def post(self, path: str, body: BaseModel | None, model: type[ModelT], *, timeout_s: float = TIMEOUT_S) -> ModelT:
        return self.send("POST", path, body, model, timeout_s=timeout_s)

    def send(
        self, method: str, path: str, body: BaseModel | None, model: type[ModelT], *, timeout_s: float = TIMEOUT_S
    ) -> ModelT:
        value = None if body is None else body.model_dump(mode="json")
        return parse_answer(model, self.request(method, path, json=value, timeout=timeout_s))

    def page(
        self, path: str, model: type[ModelT], cursor: str | None, limit: int, **filters: str | None
    ) -> Page[ModelT]:
        parameters = {"cursor": cursor, "limit": str(limit), **filters}
        wanted = {key: value for key, value in parameters.items() if value is not None}
        return parse_answer(Page[model], self.request("GET", path, params=wanted))  # type: ignore[valid-type]

    def all(self, path: str, model: type[ModelT]) -> Iterator[ModelT]:
        cursor: str | None = None
        while True:
            page = self.page(path, model, cursor, PAGE_SIZE)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self.http.request(method, path, **options)
        except httpx.TransportError as error:
            raise self.unreachable(error) from error
        raise_for(response)
        return response

    def get_when_ready(self, path: str, parameters: Mapping[str, str]) -> httpx.Response:
        """Ask for what the service works out in the background, until it is there.

        Raises:
            BeltlineError: The service refuses, or can't work it out.
        """
        while True:
            prefer = {"Prefer": f"wait={round(TIMEOUT_S)}"}
            response = self.request("GET", path, params=parameters, headers=prefer, timeout=SLOW_TIMEOUT_S)
            if response.status_code != httpx.codes.ACCEPTED:
                return response
            time.sleep(_pause_s(response))

    def download(self, path: str, body: dict[str, Any], target: Path) -> None:
        try:
            with (
                self.http.stream("POST", path, json=body, timeout=SLOW_TIMEOUT_S) as response,
                target.open("wb") as sink,
            ):
                if response.is_error:
                    response.read()
                    raise_for(response)
                for chunk in response.iter_bytes():
                    sink.write(chunk)
        except httpx.TransportError as error:
            raise self.unreachable(error) from error
        except OSError as error:
            raise StorageError(f"{target} can't be written: {error.strerror}", hint="free disk space") from error

    def unreachable(self, error: httpx.TransportError) -> ServiceUnreachableError:
        return ServiceUnreachableError(
            f"no service answers at {self.url}: {error}",
            hint="start one with `beltline serve`, or leave out --url to work on this machine",
        )


def _pause_s(response: httpx.Response) -> float:
    """What the service says of when to ask again."""
    said = response.headers.get("Retry-After", "")
    return float(min(int(said), _PAUSE_MAX_S)) if said.isdecimal() else 1.0


def raise_for(response: httpx.Response) -> None:
    """Raise the error that a problem document describes.

    Raises:
        BeltlineError: The service refused or failed.
    """
    if not response.is_error:
        return
    try:
        problem = response.json()
        message = str(problem.get("detail") or problem.get("title"))
    except (json.JSONDecodeError, AttributeError):
        problem, message = {}, f"the service answered {response.status_code} {response.reason_phrase}"
    code = str(problem.get("code", f"http_{response.status_code}"))
    hint = str(problem.get("hint", ""))
    context = {"errors": problem["errors"]} if problem.get("errors") else {}
    if "category" in problem:
        raise from_dict({**problem, "code": code, "message": message, "hint": hint, "context": context})
    raise _KIND_BY_STATUS.get(response.status_code, BeltlineError)(message, code=code, hint=hint, context=context)


def parse_answer(model: type[ModelT], response: httpx.Response) -> ModelT:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise BeltlineError(
            f"{response.request.url}: the answer is not a {model.__name__}: {error.errors()[0]['msg']}",
            code="unexpected_answer",
            hint="service and command line must be of one version",
        ) from None


def path_part(text: str) -> str:
    """A part of a path, with everything escaped that could leave it."""
    return quote(text, safe="")


def version_path(reference: VersionReference) -> str:
    return f"/v1/datasets/{path_part(reference.name)}/versions/{reference.number}"
