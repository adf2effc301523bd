"""Ports for players, leased across all processes of one user on one machine.

A lease is an exclusive lock on a file named by the port. The kernel releases it with the process that holds it, so that
a killed worker leaves nothing to clean up. What others listen on is skipped.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from contracts.errors import PlayerLaunchError

PORTS_TRIED = 512
"""Ports above the first one that are tried."""
_PAUSE_S = 0.2
_NO_IPV6 = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
"""The machine has no IPv6, or no loopback address in it."""


class PortLease:
    """A port that no other lease holds and nothing listened on when it was given."""

    def __init__(self, port: int, descriptor: int) -> None:
        self.port = port
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Give the port back; idempotent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> PortLease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lease_port(base_port: int, *, folder: Path | None = None, patience_s: float = 10.0) -> PortLease:
    """Lease the first free port from `base_port` on.

    Args:
        base_port: First port that is tried.
        folder: Where lock files lie; by default a folder of this user's under the system's temporary one.
        patience_s: How long to go on trying when every port is taken.

    Raises:
        PlayerLaunchError: No port became free.
    """
    place = folder or own_folder("ports")
    deadline = time.monotonic() + patience_s
    while True:
        for lease in _candidates(base_port, place):
            return lease
        if time.monotonic() >= deadline:
            last = min(base_port + PORTS_TRIED, 65536) - 1
            raise PlayerLaunchError(
                f"no free port for a player between {base_port} and {last}",
                hint="set another base_port, or end what listens there",
            )
        time.sleep(_PAUSE_S)


def _candidates(base_port: int, folder: Path) -> Iterator[PortLease]:
    for port in range(base_port, min(base_port + PORTS_TRIED, 65536)):
        descriptor = os.open(folder / f"{port}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        if is_free(port):
            yield PortLease(port, descriptor)
            return
        os.close(descriptor)


def is_free(port: int) -> bool:
    """Whether a server could listen on the port of every loopback address that this machine has."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as candidate:
                candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                candidate.bind((address, port))
        except OSError as error:
            if family == socket.AF_INET6 and error.errno in _NO_IPV6:
                continue
            return False
    return True


def own_folder(purpose: str) -> Path:
    """A folder of this user's under the system's temporary one, where nobody else may write.

    Raises:
        PlayerLaunchError: Someone else has made it.
    """
    folder = Path(tempfile.gettempdir()) / f"beltline-{purpose}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PlayerLaunchError(
            f"{folder} belongs to someone else", hint="remove it, or set TMPDIR to a folder of your own"
        )
    return folder
