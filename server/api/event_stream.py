"""Server-sent events of one job: its state now, then every change, until it has ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from contracts.errors import BeltlineError
from contracts.job import TERMINAL_STATES
from server.application import Application
from server.resources import JobEvent

_LOOK_S = 0.25
_HEARTBEAT_S = 10.0
_RECONNECT_MS = 1000


async def job_events(request: Request, application: Application, job_id: str) -> StreamingResponse:
    """The stream. `Last-Event-ID` needs no heed: the first event is always the job as it is now.

    Raises:
        NotFoundError: There is no such job.
    """
    first = await run_in_threadpool(application.job_event, job_id)
    stopping: asyncio.Event = request.app.state.stopping
    return StreamingResponse(
        _stream(application, first, stopping),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(application: Application, event: JobEvent, stopping: asyncio.Event) -> AsyncIterator[str]:
    yield f"retry: {_RECONNECT_MS}\n\n"
    yield _text(event)
    spoken = time.monotonic()
    while event.job.state not in TERMINAL_STATES and not stopping.is_set():
        try:
            await asyncio.wait_for(stopping.wait(), _LOOK_S)
        except TimeoutError:
            pass
        else:
            return  # the client comes back to the next service
        try:
            now = await run_in_threadpool(application.job_event, event.job.id, event)
        except BeltlineError:  # such as a busy table: look again
            now = event
        if now.id != event.id:
            event = now
            spoken = time.monotonic()
            yield _text(event)
        elif time.monotonic() - spoken > _HEARTBEAT_S:
            spoken = time.monotonic()
            yield ": still here\n\n"


def _text(event: JobEvent) -> str:
    return f"id: {event.id}\nevent: {event.type}\ndata: {event.job.model_dump_json()}\n\n"
