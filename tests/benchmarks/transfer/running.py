"""Carrying out training orders with the project's own trainer: each in its process, resumable, with one bar for all."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from contracts.document import parse_json
from contracts.errors import BeltlineError, TrainingError
from contracts.ids import Digest
from contracts.process import PROGRESS_FILE, RESULT_FILE, Progress, read_error, write_document
from contracts.run import RunResult, TrainingOrder, TrainingSpec
from registry.label_maps.shipped import load_label_map
from server.commands.session import progress_bar
from training.run import order_digest

POLL_S = 0.5
STOP_TIMEOUT_S = 60.0
"""That a run has to save where it stands."""


@dataclass(frozen=True)
class Task:
    """A run to carry out."""

    order: TrainingOrder
    digest: Digest
    """Of what the run is; its workspace is named by it, so that a run with a result is never repeated."""

    @property
    def workspace(self) -> Path:
        return Path(self.order.workspace)

    @property
    def steps(self) -> int:
        return self.order.spec.known_steps


def task(spec: TrainingSpec, versions: Mapping[str, Digest], *, store: str, cache: Path, runs: Path) -> Task:
    """The order of a run, its workspace named by what it is.

    Args:
        spec: The run; its label map is a shipped one.
        versions: Digests by `name@version`, of all that the spec names or more.
        store: URL of the store.
        cache: Folder of decoded images.
        runs: Folder of the runs' workspaces.
    """
    named = {source.dataset for source in (*spec.data.train, spec.data.validation, spec.data.test)}
    order = TrainingOrder(
        run="unnamed",
        spec=spec,
        label_map=load_label_map(str(spec.label_map)),
        versions={name: versions[name] for name in sorted(named)},
        store=store,
        workspace=str(runs),
        cache=str(cache),
    )
    digest = order_digest(order)
    run = f"{spec.name}-{digest.removeprefix('sha256:')[:12]}"
    return Task(order.model_copy(update={"run": run, "workspace": str(runs / run)}), digest)


def finished(task: Task) -> RunResult | None:
    """The result that lies in the workspace; none where there is none, or it is of something else."""
    try:
        result = parse_json(RunResult, (task.workspace / RESULT_FILE).read_bytes(), source=str(task.workspace))
    except (FileNotFoundError, BeltlineError):
        return None
    return result if result.order_digest == task.digest else None


def carry_out(
    tasks: Sequence[Task], *, parallel: int = 1, say: Callable[[str], None]
) -> dict[str, RunResult | BeltlineError]:
    """Train what has no result yet; a failed run does not keep the others from theirs.

    Interrupted, it asks the runs to save and stop; started again, they go on from there.

    Args:
        tasks: The runs.
        parallel: Runs at a time, which share the processors.
        say: Told of every run that ends.

    Returns:
        Result or error by run.

    Raises:
        KeyboardInterrupt: Passed on once the runs have stopped.
    """
    outcomes: dict[str, RunResult | BeltlineError] = {}
    waiting = []
    for each in tasks:
        result = finished(each)
        if result is None:
            waiting.append(each)
        else:
            outcomes[each.order.run] = result
    if outcomes:
        say(f"{len(outcomes)} of {len(tasks)} runs have their result already")
    done = sum(each.steps for each in tasks if each.order.run in outcomes)
    running: dict[str, _Running] = {}
    with progress_bar(sum(each.steps for each in tasks), "training", "step") as bar:
        try:
            while waiting or running:
                while waiting and len(running) < parallel:
                    started = _start(waiting.pop(0), parallel)
                    running[started.task.order.run] = started
                time.sleep(POLL_S)
                for run, process in list(running.items()):
                    if process.process.poll() is None:
                        continue
                    del running[run]
                    process.log.close()
                    outcome = _outcome(process)
                    outcomes[run] = outcome
                    done += process.task.steps
                    say(_line(run, outcome))
                now = done + sum(_steps_done(process.task) for process in running.values())
                bar.set_postfix_str(f"{len(outcomes)}/{len(tasks)} runs", refresh=False)
                bar.update(now - bar.n)
        finally:
            _stop(list(running.values()))
    return outcomes


@dataclass(frozen=True)
class _Running:
    task: Task
    process: subprocess.Popen[bytes]
    log: IO[bytes]


def _start(task: Task, parallel: int) -> _Running:
    task.workspace.mkdir(parents=True, exist_ok=True)
    (task.workspace / PROGRESS_FILE).unlink(missing_ok=True)  # of a former process
    path = task.workspace / "asked.json"
    write_document(path, task.order)
    environment = dict(os.environ)
    if parallel > 1:
        threads = max(1, len(os.sched_getaffinity(0)) // parallel)
        environment.setdefault("OMP_NUM_THREADS", str(threads))
    log = (task.workspace / "trainer.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "training.run", str(path)],
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,  # Ctrl-C is ours to pass on
        preexec_fn=_end_with_parent,
    )
    return _Running(task, process, log)


def _end_with_parent() -> None:
    """Have the kernel ask a child to stop when this process is gone, however it went."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _outcome(process: _Running) -> RunResult | BeltlineError:
    result = finished(process.task)
    if process.process.returncode == 0 and result is not None:
        return result
    return read_error(process.task.workspace) or TrainingError(
        f"run {process.task.order.run} ended with exit code {process.process.returncode}",
        code="run_died",
        hint=f"its log is {process.task.workspace / 'trainer.log'}; start the study again to go on",
    )


def _line(run: str, outcome: RunResult | BeltlineError) -> str:
    if isinstance(outcome, BeltlineError):
        return f"{run}: failed: {outcome}"
    return (
        f"{run}: {outcome.test.mean_dataset_iou:.3f} on {outcome.test.images} images,"
        f" validation {outcome.validation.mean_dataset_iou:.3f}, {outcome.seconds:.0f} s"
    )


def _steps_done(task: Task) -> int:
    try:
        return Progress.model_validate_json((task.workspace / PROGRESS_FILE).read_bytes()).done
    except (FileNotFoundError, ValidationError):
        return 0


def _stop(running: Sequence[_Running]) -> None:
    for each in running:
        each.process.terminate()
    deadline = time.monotonic() + STOP_TIMEOUT_S
    for each in running:
        try:
            each.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            each.process.kill()
            each.process.wait()
        each.log.close()
