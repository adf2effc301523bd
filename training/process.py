"""The trainer as a supervised process: a heartbeat in its workspace, a bar on the terminal, and orderly stops."""

from __future__ import annotations

import errno
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel
from tqdm import tqdm

from contracts.document import parse_json, read_file
from contracts.errors import BeltlineError, StorageError, TrainingError
from contracts.process import (
    ERROR_FILE,
    HEARTBEAT_S,
    PROGRESS_FILE,
    RESULT_FILE,
    Progress,
    write_document,
    write_error,
)

STOPPED_EXIT_CODE = 143
"""128 + SIGTERM, as a shell would put it."""

_OrderT = TypeVar("_OrderT", bound=BaseModel)


class Stopped(Exception):  # noqa: N818 - an ending, not an error
    """The process was asked to stop; where training stands is saved. The run goes on when started again."""


class Monitor:
    """How far a run is, told to a file, to the terminal, and to nobody in between.

    Args:
        workspace: Where `progress.json` goes.
        total: Optimizer steps of the run; 0 where they are not known yet.
        label: What the bar is called.
        show_bar: Whether to draw one on standard error.
    """

    def __init__(self, workspace: Path, total: int, label: str, *, show_bar: bool = True) -> None:
        self._path = workspace / PROGRESS_FILE
        self._progress = Progress(done=0, total=total, message="starting")
        self._wanted_to_stop = threading.Event()
        self._ended = threading.Event()
        self._writer = threading.Thread(target=self._write_regularly, name="heartbeat", daemon=True)
        quiet = not sys.stderr.isatty()
        self._bar = tqdm(
            total=total or None,
            desc=label,
            unit="step",
            file=sys.stderr,
            disable=not show_bar,
            mininterval=10 if quiet else 0.2,
            dynamic_ncols=not quiet,
            ncols=100 if quiet else None,
        )

    def __enter__(self) -> Monitor:
        self._write()
        self._writer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._writer.join()
        self._bar.close()
        if kind is None:
            self._write()

    def stop_on_signals(self) -> None:
        """Take SIGTERM and SIGINT as the wish to stop; call from the main thread."""

        def stop(number: int, frame: FrameType | None) -> None:
            self._wanted_to_stop.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)

    @property
    def should_stop(self) -> bool:
        return self._wanted_to_stop.is_set()

    def stop(self) -> None:
        """Wish to stop, as the signals do."""
        self._wanted_to_stop.set()

    def step(self, done: int, message: str, total: int | None = None) -> None:
        """Say how many optimizer steps are done, and where that has changed, of how many."""
        self._progress = Progress(done=done, total=self._progress.total if total is None else total, message=message)
        self._bar.total = self._progress.total or None
        self._bar.set_postfix_str(message, refresh=False)
        self._bar.update(done - self._bar.n)

    def say(self, message: str) -> None:
        """Say what is going on, with as many steps done as before.

        Raises:
            Stopped: The process was asked to stop.
        """
        self.tell(message)
        if self.should_stop:
            raise Stopped

    def tell(self, message: str) -> None:
        """Say what is going on where this process can't stop alone."""
        self._progress = Progress(done=self._progress.done, total=self._progress.total, message=message)
        self._bar.set_postfix_str(message, refresh=False)

    def _write_regularly(self) -> None:
        while not self._ended.wait(HEARTBEAT_S / 3):
            self._write()

    def _write(self) -> None:
        try:
            write_document(self._path, self._progress)
        except OSError as error:  # a full disk stops the run where it matters: at its checkpoint
            print(f"progress can't be written: {error}", file=sys.stderr)


def carry_out_order(
    order_type: type[_OrderT],
    work: Callable[[_OrderT], None],
    module: str,
    arguments: Sequence[str] | None,
    *,
    lock: str | None = None,
    again: str = "",
    share: Callable[[_OrderT], _OrderT] = lambda order: order,
) -> int:
    """Be a process that carries out one order, and leaves its last word in the order's workspace.

    Args:
        order_type: Kind of the order; it has a field `workspace`.
        work: What to do.
        module: Name of the module that is run.
        arguments: Command line without the program's name; none is the process's own.
        lock: File of the workspace that one process holds at a time; none where nothing is kept from start to start.
        again: What to do after a stop, for the log.
        share: What this process makes of the order as written, where several carry it out.

    Returns:
        The exit code: 0 done, 1 failed, 2 the order can't be read, 143 stopped on request.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1:
        print(f"usage: python -m {module} ORDER.json", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    try:
        order: Any = share(parse_json(order_type, read_file(path).encode(), source=str(path)))
    except BeltlineError as error:
        if path.parent.is_dir():
            write_error(path.parent, error)  # where a supervisor that wrote the order looks
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    workspace = Path(order.workspace)
    workspace.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(workspace / lock, blocking=False) if lock is not None else nullcontext():
            return _last_word(work, order, workspace, again)
    except Timeout:
        print(f"error: another process works in {workspace}", file=sys.stderr)
        return 1


def _last_word(work: Callable[[_OrderT], None], order: _OrderT, workspace: Path, again: str) -> int:
    (workspace / ERROR_FILE).unlink(missing_ok=True)
    try:
        work(order)
    except Stopped:
        print(f"stopped on request{again and f'; {again}'}", file=sys.stderr)
        return STOPPED_EXIT_CODE
    except Exception as error:
        found = error if isinstance(error, BeltlineError) else _as_ours(error)
        write_error(workspace, found)
        print(f"error: {found}", file=sys.stderr)
        return 1
    return 0


def leaving_result(work: Callable[[_OrderT, Monitor], BaseModel], module: str) -> Callable[[_OrderT], None]:
    """Short work without a bar, for `carry_out_order`: its result is left in the workspace."""

    def carry_out(order: Any) -> None:
        workspace = Path(order.workspace)
        with Monitor(workspace, 0, module, show_bar=False) as monitor:
            monitor.stop_on_signals()
            result = work(order, monitor)
        write_document(workspace / RESULT_FILE, result)

    return carry_out


def _as_ours(error: Exception) -> BeltlineError:
    """What broke, as an error with a remedy where we know one."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT):
        return StorageError(f"can't write: {error}", hint="make room, or check the folder's permissions")
    traceback.print_exception(error, file=sys.stderr)
    return TrainingError(f"{type(error).__name__}: {error}", code="internal", hint="the log holds where it happened")
