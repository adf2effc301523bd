"""A service as people run it: a process of its own, with the real worker and the embedded player."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from server.client import Client

ROOT = Path(__file__).resolve().parents[2]
START_S = 60.0


class RunningService:
    """`beltline serve` on a home.

    Args:
        home: Its home.
        port: 0 takes a free one.
    """

    def __init__(self, home: Path, port: int = 0) -> None:
        self.home = home
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "server.cli", "--home", str(home), "serve", "--port", str(port)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self._address()

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def pid(self) -> int:
        return self._process.pid

    def client(self) -> Client:
        return Client(self.url)

    def processes(self) -> list[psutil.Process]:
        """Everything that it started and that lives."""
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def workers(self) -> list[psutil.Process]:
        """Its render workers."""
        return [process for process in self.processes() if "unity_bridge.worker" in _words(process)]

    def kill(self) -> list[psutil.Process]:
        """End it outright; returns what it had started."""
        started = self.processes()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)
        self._close()
        return started

    def stop(self) -> float:
        """Ask it to end, as a supervisor does; returns the seconds that took."""
        began = time.monotonic()
        self._process.terminate()
        self._process.wait(60)
        took_s = time.monotonic() - began
        self._close()
        return took_s

    def _close(self) -> None:
        self._reader.join(10)
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _read(self) -> None:
        if self._process.stderr is not None:
            for line in self._process.stderr:
                self.lines.append(line)

    def _address(self) -> str:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            found = re.search(r"listens on (http://\S+);", "".join(self.lines))
            if found:
                return found[1]
            time.sleep(0.05)
        raise AssertionError("the service did not start:\n" + "".join(self.lines))


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
