"""Processes that answer a request directly, without a job: started, watched, and ended with whoever waits."""

from __future__ import annotations

import threading
import time

from contracts.errors import RenderError
from contracts.process import read_progress
from contracts.shard import ShardOrder
from server.jobs.executors.process import Executor, Outcome, ProcessOrder

_POLL_S = 0.05
_START_ALLOWANCE_S = 60.0


def patience_s(order: ShardOrder) -> float:
    """Seconds after which a shard that renders its frames one by one is given up, whatever befell it."""
    bridge = order.bridge
    redraws = order.generator.quality.redraws_max + 1
    a_frame = bridge.frame_timeout_s * (bridge.render_attempts_max + redraws)
    return bridge.launch_timeout_s + a_frame * order.count + _START_ALLOWANCE_S


def run_beside_jobs(executor: Executor, order: ProcessOrder, *, patience_s: float, closing: threading.Event) -> None:
    """Run a process to its end; its output goes to `log.txt` in its workspace.

    Args:
        executor: Starts it.
        order: What to run.
        patience_s: When it is given up.
        closing: Set where nobody waits any more.

    Raises:
        RenderError: It was interrupted, or took too long (`preview_interrupted`).
        BeltlineError: Its own verdict, or how it died.
    """
    process = executor.start(order, order.workspace / "log.txt")
    deadline = time.monotonic() + patience_s
    outcome: Outcome | None = None
    try:
        while outcome is None:
            if closing.is_set() or time.monotonic() > deadline:
                progress = read_progress(order.workspace)
                raise RenderError(
                    f"{order.name} was not finished",
                    code="preview_interrupted",
                    hint="the service is stopping" if closing.is_set() else "render a smaller frame",
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
