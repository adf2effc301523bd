"""What the service's own worker processes share: a heartbeat, and leaving a result or an error."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from contracts.document import Document, parse_json
from contracts.errors import BeltlineError
from contracts.process import (
    HEARTBEAT_S,
    PROGRESS_FILE,
    RESULT_FILE,
    Progress,
    write_document,
    write_error,
)

_OrderT = TypeVar("_OrderT", bound=Document)

OnProgress = Callable[[int, int], None]


class Heartbeat:
    """Keeps `progress.json` fresh from a thread, however long a single item takes."""

    def __init__(self, workspace: Path) -> None:
        self._path = workspace / PROGRESS_FILE
        self._now = Progress(done=0, total=0)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> OnProgress:
        write_document(self._path, self._now)
        self._thread.start()
        return self._set

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _set(self, done: int, total: int) -> None:
        self._now = Progress(done=done, total=total)

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_S / 4):
            try:
                write_document(self._path, self._now)
            except OSError:  # a full disk is reported by whoever writes what matters
                continue
        write_document(self._path, self._now)


def carry_out(order_type: type[_OrderT], work: Callable[[_OrderT, OnProgress], dict[str, Any]]) -> int:
    """Read the order named by the command line, carry it out, and leave its result or error.

    Returns:
        The exit code.
    """
    path = Path(sys.argv[1])
    workspace = path.parent
    try:
        order = parse_json(order_type, path.read_bytes(), source=str(path))
        with Heartbeat(workspace) as on_progress:
            result = work(order, on_progress)
    except BeltlineError as error:
        traceback.print_exc()
        write_error(workspace, error)
        return 1
    write_document(workspace / RESULT_FILE, result)
    return 0
