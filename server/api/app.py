"""The web application: `create_app(settings)`, and `serve` to run it.

The engine works in a thread of the same process; everything that takes long runs in processes of its own.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.metadata import version
from types import FrameType

import uvicorn
from fastapi import FastAPI

from contracts.errors import BeltlineError
from server.api import (
    dataset_names,
    dataset_removal,
    dataset_statistics,
    datasets,
    documentation,
    generators,
    jobs,
    mixes,
    openapi,
    problems,
    render_batches,
    service,
    studies,
    training_runs,
)
from server.api.metrics import Metrics
from server.api.middleware import BodyLimit, Timing
from server.application import Application
from server.jobs.work import Modules
from server.settings import Settings

_FINISH_S = 5
"""How long answers that are being written may take once the service stops."""


class PortTakenError(BeltlineError):
    """The address can't be listened on."""

    default_code = "address_in_use"
    exit_code = 2


def create_app(settings: Settings, *, modules: Modules | None = None) -> FastAPI:
    """The web application on a home folder. Its engine runs from startup to shutdown.

    Args:
        settings: The home and its limits.
        modules: What carries out the steps of jobs.
    """
    application = Application(settings, modules=modules)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        settings.home.mkdir(parents=True, exist_ok=True)
        app.state.stopping = asyncio.Event()
        await asyncio.to_thread(application.start_engine)
        try:
            yield
        finally:
            app.state.stopping.set()
            await asyncio.to_thread(application.close)
            app.state.preview_threads.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(
        title="Beltline",
        version=version("beltline"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.application = application
    app.state.metrics = Metrics(application)
    app.state.preview_threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="preview")
    for resource in (
        service,
        generators,
        render_batches,
        jobs,
        datasets,
        dataset_names,
        dataset_removal,
        dataset_statistics,
        mixes,
        training_runs,
        studies,
        documentation,
    ):
        app.include_router(resource.router)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(BodyLimit, uploads=settings.upload_bytes_max)
    app.add_middleware(Timing, on_request=app.state.metrics.observe)
    return app


def serve(settings: Settings, host: str, port: int) -> int:
    """Run the service until it is interrupted.

    Args:
        settings: The home and its limits.
        host: Address to listen on.
        port: 0 takes a free one; the address is printed on standard error.

    Returns:
        The exit code.

    Raises:
        PortTakenError: The address can't be listened on.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    listener = _listen(host, port)
    app = create_app(settings)
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_FINISH_S))
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listener.getsockname()[1]}"
    print(f"Beltline listens on {address}; documentation at {address}/docs", file=sys.stderr, flush=True)
    with listener:
        server.run(sockets=[listener])
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """Tells open event streams to end when the service stops; they would keep it from stopping."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        app = self.config.app
        if isinstance(app, FastAPI) and hasattr(app.state, "stopping"):
            app.state.stopping.set()
        super().handle_exit(sig, frame)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        raise PortTakenError(
            f"can't listen on {host}:{port}: {error.strerror or error}", hint="choose another port with --port"
        ) from None
    return listener
