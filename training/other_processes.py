"""The other processes of a run that several share: started by the first one on its machine, watched, and ended with it.

They carry out the same order with the environment that torchrun gives its processes, so a run that torchrun or
`accelerate launch` starts on several machines goes the same way, without this module.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

import torch
from torch.distributed import TCPStore

from contracts.errors import BeltlineError, TrainingError
from contracts.process import ERROR_FILE, read_error, write_error
from training.distributed import FOLDER, own_rank
from training.environment import usable_cpus
from training.process import Stopped

LOG_FILE = "log.txt"
DIED = "process_died"
"""Code of the error that one of several processes died: no verdict on the run, which may be tried again."""
PARENT = "BELTLINE_FIRST_PROCESS"
"""Environment variable of the other processes: the id of the first one, which has verified the data."""
_LOOK_S = 0.1
_NOTICE_S = 3.0
"""That a broken connection may take to be noticed, and a process's death to be seen."""
_HANG_S = 20.0
"""That this process may go on after another one has died: longer than any connection stays unbroken."""
_END_S = 10.0
"""That processes get to end by themselves, when all is done."""
_HERE = "127.0.0.1"
_SOURCE_ROOT = Path(__file__).resolve().parents[1]


def started_by_first() -> bool:
    """Whether this is one of the other processes, started by the first one on this machine."""
    return own_rank() > 0 and PARENT in os.environ


def heed_the_first() -> None:
    """Leave it to the first process when to stop, and end when it is gone; call from the main thread."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    if started_by_first():
        parent = int(os.environ[PARENT])
        threading.Thread(target=_end_with, args=(parent,), name="parent watch", daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os.kill(os.getpid(), signal.SIGKILL)  # the first process wrote all that there is to resume from


class OtherProcesses:
    """The other processes, while they are needed.

    Leaving the block without an error waits for them to end by themselves. Where one has died, the others are ended
    and its end is the error; so it is, too, where this process hangs in waiting for it.

    Args:
        order: File of the order that all carry out.
        workspace: Of the run.
        count: Processes, this one among them.

    Raises:
        TrainingError: One has died.
        BeltlineError: What one found wrong.
    """

    def __init__(self, order: Path, workspace: Path, count: int) -> None:
        self._order = order
        self._workspace = workspace
        self._count = count
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._logs: list[IO[bytes]] = []
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._watch_over, name="other processes", daemon=True)
        self._environment_before: dict[str, str | None] = {}
        self._threads_before = torch.get_num_threads()
        self._meeting = TCPStore(_HERE, 0, is_master=True, wait_for_workers=False)

    def __enter__(self) -> OtherProcesses:
        threads = max(1, int(os.environ.get("OMP_NUM_THREADS") or usable_cpus()) // self._count)
        common = {
            "WORLD_SIZE": str(self._count),
            "LOCAL_WORLD_SIZE": str(self._count),
            "MASTER_ADDR": _HERE,
            "MASTER_PORT": str(self._meeting.port),
            # As torchrun has it: the meeting point is there already, so that no two runs take one port.
            "TORCHELASTIC_USE_AGENT_STORE": "True",
            "TORCHELASTIC_RESTART_COUNT": "0",
            "OMP_NUM_THREADS": str(threads),
        }
        own = {**common, "RANK": "0", "LOCAL_RANK": "0"}
        self._environment_before = {name: os.environ.get(name) for name in own}
        os.environ.update(own)
        torch.set_num_threads(threads)
        try:
            for rank in range(1, self._count):
                self._start(rank, {**common, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        except BaseException:
            self._end()
            raise
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._watch.join()
        found: BeltlineError | None = None
        if error is None:
            self._wait(_END_S, lambda: len(self._dead()) == len(self._processes))
        elif not isinstance(error, BeltlineError | Stopped):  # its own, or a connection that broke
            self._wait(_NOTICE_S, lambda: self._verdict() is not None)
            found = self._verdict()
        self._end()
        if found is not None:
            raise found from error

    def _start(self, rank: int, environment: dict[str, str]) -> None:
        folder = self._workspace / FOLDER / str(rank)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ERROR_FILE).unlink(missing_ok=True)
        paths = os.pathsep.join(filter(None, [str(_SOURCE_ROOT), os.environ.get("PYTHONPATH")]))
        log = (folder / LOG_FILE).open("ab")
        self._logs.append(log)
        self._processes[rank] = subprocess.Popen(
            [sys.executable, "-P", "-m", "training.run", str(self._order)],
            stdin=subprocess.DEVNULL,
            process_group=0,  # what a terminal sends is for the first process
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment, "PYTHONPATH": paths, PARENT: str(os.getpid()), "PYTHONUNBUFFERED": "1"},
        )

    def _watch_over(self) -> None:
        """Should another process die and this one not notice, end this one too: it would wait for ever."""
        while not self._over.wait(_LOOK_S):
            found = self._verdict()
            if found is None:
                continue
            if not self._over.wait(_HANG_S):
                write_error(self._workspace, found)
                print(f"error: {found}", file=sys.stderr, flush=True)
                for process in self._processes.values():
                    process.kill()
                os._exit(1)
            return

    def _dead(self) -> dict[int, int]:
        """Exit codes of those that have ended, by rank."""
        codes = {rank: process.poll() for rank, process in self._processes.items()}
        return {rank: code for rank, code in codes.items() if code is not None}

    def _verdict(self) -> BeltlineError | None:
        """Why one has ended that should not have; of several, the first cause, for the others follow it."""
        dead = {rank: code for rank, code in self._dead().items() if code != 0}
        said = {rank: read_error(self._workspace / FOLDER / str(rank)) for rank in dead}
        for rank, code in dead.items():
            if code < 0:
                return self._died(rank, f"was ended by {signal.Signals(-code).name}")
        for rank, error in said.items():
            if error is not None and error.code != "internal":
                message = f"process {rank} of {self._count}: {error.message}"
                return type(error)(message, code=error.code, hint=error.hint, context=error.context)
        for rank, code in dead.items():
            error = said[rank]
            return self._died(rank, f"ended with exit code {code}" + (f": {error.message}" if error else ""))
        return None

    def _died(self, rank: int, how: str) -> TrainingError:
        return TrainingError(
            f"process {rank} of {self._count} {how}, and the others with it",
            code=DIED,
            hint=f"start the run again to go on from its last checkpoint; the log of process {rank} is"
            f" {self._workspace / FOLDER / str(rank) / LOG_FILE}",
            retryable=True,
        )

    def _wait(self, most_s: float, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + most_s
        while not until() and time.monotonic() < deadline:
            time.sleep(_LOOK_S)

    def _end(self) -> None:
        """End those that are left: nothing but the first process's files is kept."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()
        for log in self._logs:
            log.close()
        torch.set_num_threads(self._threads_before)
        for name, value in self._environment_before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
