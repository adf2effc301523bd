"""What surrounds every request: a limit on its body, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.api.problems import TooLargeError, problem, response

BODY_BYTES_MAX = 1 << 20
"""Largest JSON body."""

OnRequest = Callable[[str, str, int, float], None]
"""Called with method, route, status and seconds."""


class BodyLimit:
    """Refuses bodies that are too large: at once where their length is said, else when they get so long.

    Args:
        app: What is protected.
        uploads: Limit in bytes of multipart bodies, which are written to disk as they come.
    """

    def __init__(self, app: ASGIApp, uploads: int) -> None:
        self._app = app
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        multipart = headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data")
        limit = self._uploads if multipart else BODY_BYTES_MAX
        too_large = TooLargeError(f"the body is larger than {limit} bytes", hint="send less at a time")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > limit:
            await response(problem(too_large), {"Connection": "close"})(scope, receive, send)
            return
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > limit:
                    raise too_large
            return message

        await self._app(scope, limited, send)


class Timing:
    """Tells how every request went."""

    def __init__(self, app: ASGIApp, on_request: OnRequest) -> None:
        self._app = app
        self._on_request = on_request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            # The route's pattern, never the path: a metric must not grow with what people ask for.
            route = getattr(scope.get("route"), "path", "unknown")
            self._on_request(scope["method"], route, status, time.monotonic() - began)
