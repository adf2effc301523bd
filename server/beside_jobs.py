"""Shards of a few frames that answer a request directly, without a job: rendered, watched, ended with whoever waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import RenderError
from contracts.process import read_progress
from contracts.shard import ShardOrder
from server.jobs.executors.process import Executor, Outcome, ProcessOrder
from server.jobs.work import Modules
from server.settings import Settings

_POLL_S = 0.05
_START_ALLOWANCE_S = 60.0


class BesideJobs:
    """Render workers that run beside those of jobs, as many at a time as jobs may have.

    Args:
        settings: How many there may be.
        executor: Starts them.
        modules: Which module is the worker.
    """

    def __init__(self, settings: Settings, executor: Executor, modules: Modules) -> None:
        self._executor = executor
        self._modules = modules
        self._places = threading.BoundedSemaphore(settings.workers)
        self._closing = threading.Event()

    def close(self) -> None:
        """End what is being rendered."""
        self._closing.set()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until one more worker may run."""
        with self._places:
            yield

    def render(self, name: str, order: ShardOrder) -> None:
        """Run a worker to its end; its output goes to `log.txt` in the order's workspace.

        Args:
            name: What people call it.
            order: What to render.

        Raises:
            RenderError: It was interrupted, or took too long (`preview_interrupted`).
            BeltlineError: Its own verdict, or how it died.
        """
        workspace = Path(order.workspace)
        process = self._executor.start(
            ProcessOrder(name, self._modules.render, order, workspace), workspace / "log.txt"
        )
        deadline = time.monotonic() + _patience_s(order)
        outcome: Outcome | None = None
        try:
            while outcome is None:
                if self._closing.is_set() or time.monotonic() > deadline:
                    progress = read_progress(workspace)
                    raise RenderError(
                        f"{name} was not finished",
                        code="preview_interrupted",
                        hint="the service is stopping" if self._closing.is_set() else "render a smaller frame",
                        context={"progress": progress.message if progress is not None else ""},
                        retryable=True,
                    )
                time.sleep(_POLL_S)
                outcome = process.poll()
        finally:
            process.kill()
            while process.poll() is None:
                time.sleep(_POLL_S)
        error = outcome.failure or outcome.death
        if error is not None:
            raise error


def _patience_s(order: ShardOrder) -> float:
    """Seconds after which a shard that renders its frames one by one is given up, whatever befell it."""
    bridge = order.bridge
    redraws = order.generator.quality.redraws_max + 1
    a_frame = bridge.frame_timeout_s * (bridge.render_attempts_max + redraws)
    return bridge.launch_timeout_s + a_frame * order.count + _START_ALLOWANCE_S
