"""One training run of a study, bound to the life of the study's process.

    python -m training.study.child ORDER.json PARENT

Does what `python -m training.run ORDER.json` does, and besides: ends when the process PARENT is gone, waits for a
predecessor in the same workspace to end, and leaves `usage.json` with the memory that the run took.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path

USAGE_FILE = "usage.json"
_LOOK_S = 0.5
_SAVE_S = 20.0
"""That a run has to save where it stands, once the study's process is gone."""


def main() -> int:
    """Carry out the order named on the command line."""
    path, parent = Path(sys.argv[1]), int(sys.argv[2])
    threading.Thread(target=_end_with, args=(parent,), name="parent watch", daemon=True).start()
    from filelock import FileLock

    workspace = path.parent
    with FileLock(workspace / "trainer.lock"):
        pass
    started = time.monotonic()
    from training import run

    code = run.main([str(path)])
    _write_usage(workspace, time.monotonic() - started, _processes(path))
    return code


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SAVE_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _processes(path: Path) -> int:
    """That share the run, this one among them."""
    try:
        return int(json.loads(path.read_bytes())["spec"].get("processes", 1))
    except (OSError, ValueError, KeyError):
        return 1


def _write_usage(workspace: Path, seconds: float, processes: int) -> None:
    import torch

    from contracts.process import write_atomically

    uses_gpu = torch.cuda.is_available() and torch.cuda.max_memory_reserved() > 0
    largest_other = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if processes > 1 else 0
    usage = {
        "memory_bytes": peak_bytes() + (processes - 1) * largest_other * 1024,
        "gpu_memory_bytes": torch.cuda.max_memory_reserved() if uses_gpu else 0,
        "gpu_total_bytes": torch.cuda.get_device_properties(0).total_memory if uses_gpu else 0,
        "seconds": seconds,
    }
    write_atomically(workspace / USAGE_FILE, json.dumps(usage).encode())


def peak_bytes() -> int:
    """Most memory that this process has held; by Linux's account of it, else by that which starts with its parent's."""
    try:
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
