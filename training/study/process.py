"""Carry out a study.

    python -m training.study.process ORDER.json

The order (`contracts/study_order.py: StudyOrder`) names a workspace, where `progress.json` is kept fresh, the estimate
and the table are written, and `result.json` or `error.json` is left. A study that was stopped or killed goes on where
it was when it is started again; a run with a result is never made again, whichever study asks for it. Exit codes: 0
done, 1 failed, 2 the order can't be read, 143 stopped on request.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from contracts.document import parse_json, read_file
from contracts.errors import BeltlineError, StorageError, TrainingError
from contracts.process import ERROR_FILE, RESULT_FILE, write_document, write_error
from contracts.study_order import StudyOrder
from training.process import Monitor, Stopped

STOPPED_EXIT_CODE = 143
"""128 + SIGTERM, as a shell would put it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the order named on the command line."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1:
        print("usage: python -m training.study.process ORDER.json", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    try:
        order = parse_json(StudyOrder, read_file(path).encode(), source=str(path))
    except BeltlineError as error:
        if path.parent.is_dir():
            write_error(path.parent, error)  # where a supervisor that wrote the order looks
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    workspace = Path(order.workspace)
    workspace.mkdir(parents=True, exist_ok=True)
    lock = FileLock(workspace / "study.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(f"error: another process works in {workspace}", file=sys.stderr)
        return 1
    with lock:
        (workspace / ERROR_FILE).unlink(missing_ok=True)
        try:
            with Monitor(workspace, 0, order.study_id, show_bar=False) as monitor:
                monitor.stop_on_signals()
                from training.study.conductor import Conductor  # takes seconds to load, and the heart beats already

                result = Conductor(order, monitor).carry_out()
            write_document(workspace / RESULT_FILE, result)
            print(f"{result.succeeded} runs, {result.failed} failed, {result.not_run} not run", flush=True)
        except Stopped:
            print("stopped on request; start the study again to go on", file=sys.stderr)
            return STOPPED_EXIT_CODE
        except Exception as error:
            found = error if isinstance(error, BeltlineError) else _as_ours(error)
            write_error(workspace, found)
            print(f"error: {found}", file=sys.stderr)
            return 1
    return 0


def _as_ours(error: Exception) -> BeltlineError:
    if isinstance(error, OSError):
        return StorageError(f"can't write: {error}", hint="make room, or check the folder's permissions")
    traceback.print_exception(error, file=sys.stderr)
    return TrainingError(f"{type(error).__name__}: {error}", code="internal", hint="the log holds where it happened")


if __name__ == "__main__":
    sys.exit(main())
