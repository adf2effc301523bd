"""Runs a module bound to the life of the process that started it: `python -m server.jobs.executors.bound MODULE ORDER`.

Standard input is a pipe that the starter holds open and never writes to. When it ends, the starter is gone, however it
died, and this process group goes too. A lock beside the order keeps a successor from working in the same folder before
its predecessor is gone. Only the standard library is imported here: the module that runs must not pay for ours.
"""

from __future__ import annotations

import fcntl
import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO

EXIT_WORKSPACE_BUSY = 75
_STOP_GRACE_S = 2.0
_LOCK_WAIT_S = 20.0


def main() -> None:
    """Bind this process, then run the module as if it had been started itself."""
    module, order = sys.argv[1:3]
    lifeline = os.dup(0)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    threading.Thread(target=_end_with_starter, args=(lifeline,), name="lifeline", daemon=True).start()
    lock = _lock(Path(order).with_name(".lock"))
    if lock is None:
        sys.stderr.write(f"{order}: another process still works here after {_LOCK_WAIT_S:.0f} s\n")
        sys.exit(EXIT_WORKSPACE_BUSY)
    sys.argv = [module, order]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_starter(lifeline: int) -> None:
    while os.read(lifeline, 4096):
        pass
    group = os.getpgrp()
    if group != os.getpid():  # not started as the leader of a group of its own: end this process alone
        os.kill(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_STOP_GRACE_S)
    os.killpg(group, signal.SIGKILL)


def _lock(path: Path) -> IO[str] | None:
    handle = path.open("a")
    until = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                handle.close()
                return None
            time.sleep(0.05)
        else:
            return handle


if __name__ == "__main__":
    main()
