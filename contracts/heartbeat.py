"""The heartbeat of a launched process: `contracts.process` says who listens."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Self

from contracts.process import HEARTBEAT_S, PROGRESS_FILE, Progress, write_document

_logger = logging.getLogger("beltline.heartbeat")


class Heartbeat:
    """Writes a workspace's progress from a thread: at every change and at least every second, whatever the work does.

    Args:
        workspace: Where `progress.json` goes.
        total: What there is to do, as far as known.
        message: What is going on.
    """

    def __init__(self, workspace: Path, total: int = 0, message: str = "") -> None:
        self._path = workspace / PROGRESS_FILE
        self._progress = Progress(done=0, total=total, message=message)
        self._changed = threading.Event()
        self._ended = False
        self._complained = False
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._changed.set()
        self._thread.join(HEARTBEAT_S)

    def report(self, done: int, total: int, message: str = "") -> None:
        """Tell how far the work is."""
        self._progress = Progress(done=done, total=total, message=message)
        self._changed.set()

    def _beat(self) -> None:
        while True:
            self._changed.clear()
            last = self._ended
            try:
                write_document(self._path, self._progress)
            except OSError as error:  # a full disk: the work itself will say so, and better
                if not self._complained:
                    _logger.warning("can't write %s: %s", self._path, error)
                    self._complained = True
            if last:
                return
            self._changed.wait(HEARTBEAT_S / 2)
            time.sleep(0.05)  # many changes in a moment are one
