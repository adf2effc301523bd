"""Real kills at counted points: a child process that dies by SIGKILL before its n-th step towards the disk."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from registry_homes import Home
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

import registry.store
from contracts.ids import VersionReference
from registry.collection import collect_garbage
from registry.deletion import delete_version
from registry.erasure import erase_group, finish_erasures

_FAILED = 70
_WRITES = os.O_WRONLY | os.O_RDWR
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
"""Audit events of the interpreter; what databases do inside is counted by statements."""
_MEMORY = Path("/dev/shm")


def fast_folder() -> Path:
    """A new folder, in memory where the system has that: a kill loses nothing that was written there either."""
    return Path(tempfile.mkdtemp(prefix="kills-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None))


def killed(action: Callable[[], object], step: int, log: Path) -> bool:
    """Carry an action out in a child that is killed before its step of that number, counted from 1.

    Args:
        action: Opens all that it needs itself; the caller has no database open.
        step: Statements, commits, and files and folders made, synced, renamed and removed count.
        log: Where a failure of the child is written.

    Returns:
        Whether it was killed; otherwise it ended well.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside other tests' threads
        child = os.fork()
    if child == 0:
        try:
            _die_before(step)
            action()
            os._exit(0)
        except BaseException:
            log.write_text(traceback.format_exc())
            os._exit(_FAILED)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, log.read_text()
    return False


def delete(home: Home, name: str, number: int, **options: Any) -> None:
    """Delete a version."""
    delete_version(home.catalog, VersionReference(name, number), **options)


def erase(home: Home, name: str, number: int, group: str) -> None:
    """Erase a group's frames."""
    erase_group(home.store, home.catalog, VersionReference(name, number), group)


def collect(home: Home) -> int:
    """Collect garbage, as the service does; the number of blobs freed."""
    finish_erasures(home.store, home.catalog)
    return collect_garbage(home.store, home.catalog).freed


def _die_before(step: int) -> None:
    left = [step]

    def count() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            count()
            return real(*arguments, **named)

        setattr(owner, name, wrapped)

    for owner, name in (
        (registry.store, "sync_file_system"),
        (registry.store, "sync_path"),
        (Session, "commit"),
    ):
        counted(owner, name)

    def audited(name: str, arguments: tuple[Any, ...]) -> None:
        if name in _CHANGES or (name == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES):
            count()

    sys.addaudithook(audited)  # in the child, which ends with it
    event.listen(Engine, "before_cursor_execute", lambda *_: count())
    sys.stdout.flush()
