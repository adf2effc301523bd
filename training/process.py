"""The trainer as a supervised process: a heartbeat in its workspace, a bar on the terminal, and orderly stops."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from types import FrameType, TracebackType

from tqdm import tqdm

from contracts.process import HEARTBEAT_S, PROGRESS_FILE, Progress, write_document


class Stopped(Exception):  # noqa: N818 - an ending, not an error
    """The process was asked to stop; where training stands is saved. The run goes on when started again."""


class Monitor:
    """How far a run is, told to a file, to the terminal, and to nobody in between.

    Args:
        workspace: Where `progress.json` goes.
        total: Optimizer steps of the run.
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
            total=total,
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
        self._bar.set_postfix_str(message, refresh=False)
        self._bar.update(done - self._bar.n)

    def say(self, message: str) -> None:
        """Say what is going on, with as many steps done as before.

        Raises:
            Stopped: The process was asked to stop.
        """
        self._progress = Progress(done=self._progress.done, total=self._progress.total, message=message)
        self._bar.set_postfix_str(message, refresh=False)
        if self.should_stop:
            raise Stopped

    def _write_regularly(self) -> None:
        while not self._ended.wait(HEARTBEAT_S / 3):
            self._write()

    def _write(self) -> None:
        try:
            write_document(self._path, self._progress)
        except OSError as error:  # a full disk stops the run where it matters: at its checkpoint
            print(f"progress can't be written: {error}", file=sys.stderr)
