"""The render worker: `python -m unity_bridge.worker ORDER.json` carries out a `ShardOrder`.

In the order's workspace it keeps `progress.json` fresh, and ends with `result.json` (exit 0) or `error.json` (exit 1);
see `contracts/process.py`. It resumes: frames that have a valid record are left alone. On SIGTERM it ends its player,
leaves an error with the code `stopped`, and exits within a second or two; what is finished stays.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import BeltlineError, ConflictError
from contracts.heartbeat import Heartbeat
from contracts.process import ERROR_FILE, RESULT_FILE, write_document, write_error
from contracts.shard import ShardOrder
from unity_bridge.assets import storage_error

logger = logging.getLogger("unity_bridge.worker")

LOCK_FILE = "worker.lock"
_RESERVE_FILE = ".reserve"
_RESERVE_BYTES = 32 * 1024
"""Kept on disk so that the last word can be written when the disk is full."""
_LOCK_PATIENCE_S = 5.0


def main(arguments: list[str] | None = None) -> int:
    """Carry out the order in the file named by the only argument; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 1:
        print("usage: python -m unity_bridge.worker ORDER.json", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        order = ShardOrder.model_validate_json(Path(words[0]).read_bytes())
    except OSError as error:
        print(f"can't read {words[0]}: {error.strerror}", file=sys.stderr)
        return 2
    except ValidationError as error:
        print(f"{words[0]} is not a shard order: {error}", file=sys.stderr)
        return 2
    workspace = Path(order.workspace)
    try:
        _prepare(order)
        with _locked(workspace):
            return _work(order, workspace)
    except BeltlineError as error:
        return _fail(workspace, error)


def _prepare(order: ShardOrder) -> None:
    """Make the folders, and remove the last words of an earlier attempt."""
    workspace = Path(order.workspace)
    try:
        for folder in (workspace, Path(order.staging), Path(order.assets)):
            folder.mkdir(parents=True, exist_ok=True)
        (workspace / _RESERVE_FILE).write_bytes(bytes(_RESERVE_BYTES))
        for name in (RESULT_FILE, ERROR_FILE):
            (workspace / name).unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, Path(error.filename or workspace)) from error


def _work(order: ShardOrder, workspace: Path) -> int:
    stop = threading.Event()

    def interrupted() -> None:
        if stop.is_set():
            raise BeltlineError(
                "the worker was asked to stop",
                code="stopped",
                hint="start it again: finished frames are kept",
                retryable=True,
            )

    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    signal.signal(signal.SIGINT, lambda number, frame: stop.set())
    with Heartbeat(workspace, order.count, "starting") as heartbeat:
        try:
            from unity_bridge.shard import ShardRunner  # heavy: the heart beats first

            runner = ShardRunner(order, progress=heartbeat.report, interrupted=interrupted)
            report = runner.run()
            busy = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in sorted(runner.seconds.items()))
            logger.info("%d frames in %.1f s (%s)", report.frames, report.seconds, busy or "nothing to do")
            write_document(workspace / RESULT_FILE, report)
            (workspace / _RESERVE_FILE).unlink(missing_ok=True)
        except BeltlineError as error:
            return _fail(workspace, error)
        except OSError as error:
            logger.exception("the worker failed")
            return _fail(workspace, storage_error(error, Path(error.filename or workspace)))
        except Exception as error:
            logger.exception("the worker failed")
            said = f"the worker failed: {type(error).__name__}: {error}"
            return _fail(
                workspace, BeltlineError(said, code="internal", hint="this is a bug; the log has the traceback")
            )
    return 0


def _fail(workspace: Path, error: BeltlineError) -> int:
    """Leave the last word, where a full disk allows it."""
    logger.error("%s", error)
    with contextlib.suppress(OSError):
        (workspace / _RESERVE_FILE).unlink(missing_ok=True)
    try:
        write_error(workspace, error)
    except OSError as fault:
        logger.error("can't write %s: %s", workspace / ERROR_FILE, fault)
    return 1


@contextlib.contextmanager
def _locked(workspace: Path) -> Iterator[None]:
    """Hold the workspace: two workers on one shard would clear each other's folders.

    Raises:
        ConflictError: Another worker still holds it after some seconds.
    """
    with (workspace / LOCK_FILE).open("w") as file:
        deadline = time.monotonic() + _LOCK_PATIENCE_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ConflictError(
                        f"another worker holds {workspace}", hint="wait for it, or end it, and start again"
                    ) from None
                time.sleep(0.1)
        yield


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # a scene that is still being composed must not hold up the end
