"""What jobs that have ended left behind: staged frames, unpacked archives and workspaces, which only the making needed.

A job that waits or runs keeps all of it, also where its engine is gone: the next engine takes it up. One that ended is
left by a retry alone, which goes on with what is there; so its leftovers stay for some days. Those of a job that
succeeded stay for the time that its engine may need to remove them itself.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from contracts.errors import NotFoundError
from contracts.job import TERMINAL_STATES, Job, JobState
from registry.durable import storage_error
from server.jobs.plan_work import work_of
from server.jobs.plans import PLAN
from server.jobs.rows import JobRow
from server.jobs.table import JobTable
from server.jobs.work import LOCK_FILE, Modules, Places

_DAY_S = 86400
_CLEANING_S = 3600
_TAKEN = ".leftovers-"
"""What names a folder of things that are on their way out."""


@dataclass(frozen=True)
class Leftovers:
    """What was freed, or would be."""

    jobs: int = 0
    """Ended jobs that left something behind."""
    bytes: int = 0


def collect_leftovers(table: JobTable, places: Places, *, keep_days: int, dry_run: bool) -> Leftovers:
    """Remove what jobs that have ended left behind, but for the log, and for what a retry could not make again.

    It may be stopped at any moment: what it has begun to remove, the next one removes.

    Args:
        table: The jobs.
        places: Their folders.
        keep_days: How long the leftovers of a job that did not succeed stay for a retry.
        dry_run: Whether to look only.

    Raises:
        StorageError: The job database or the folders refuse.
    """
    jobs = freed_bytes = 0
    try:
        for folder in sorted(_folders(places.jobs)):
            taken = sorted(folder.glob(f"{_TAKEN}*"))
            if dry_run:
                found = [*taken, *_ended_rubbish(table, places, folder.name, keep_days)]
            else:
                _take(table, places, folder, keep_days)
                found = taken = sorted(folder.glob(f"{_TAKEN}*"))
            jobs += bool(found)
            freed_bytes += sum(map(_size_bytes, found))
            if not dry_run:
                for path in taken:
                    shutil.rmtree(path, ignore_errors=True)
    except OSError as error:
        raise storage_error(error, f"look through {places.jobs}") from error
    return Leftovers(jobs, freed_bytes)


def _folders(parent: Path) -> Iterator[Path]:
    if parent.is_dir():
        with os.scandir(parent) as entries:
            yield from (Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))


def _ended_rubbish(table: JobTable, places: Places, job_id: str, keep_days: int) -> list[Path]:
    try:
        row = table.get_row(job_id)
    except NotFoundError:  # such as an upload whose job is about to be written
        return []
    return _rubbish(row, places) if _is_over(row.job, keep_days) else []


def _take(table: JobTable, places: Places, folder: Path, keep_days: int) -> None:
    """Put the rubbish of a job aside. Meanwhile nobody can retry the job, so this must be short: nothing is removed."""
    if not _ended_rubbish(table, places, folder.name, keep_days):
        return
    with table.steady(folder.name) as row, ExitStack() as locks:
        if not _is_over(row.job, keep_days):
            return
        found = _rubbish(row, places)
        if not all(_lock(locks, path) for path in found):
            return  # a process of it still lives
        aside = folder / f"{_TAKEN}{secrets.token_hex(4)}"
        for number, path in enumerate(found):
            aside.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):  # its engine was just removing it
                path.rename(aside / f"{number}-{path.name}")


def _is_over(job: Job, keep_days: int) -> bool:
    if job.state not in TERMINAL_STATES or job.finished_at is None:
        return False
    kept_s = keep_days * _DAY_S
    if job.state is JobState.SUCCEEDED:
        kept_s = min(kept_s, _CLEANING_S)
    return (datetime.now(UTC) - datetime.fromisoformat(job.finished_at)).total_seconds() >= kept_s


def _rubbish(row: JobRow, places: Places) -> list[Path]:
    """What is there of it, in the order in which it must go."""
    try:
        work = work_of(PLAN.validate_json(json.dumps(row.plan)), row.job, places, Modules())
    except ValueError:  # of another version of Beltline
        return []
    home = places.jobs / row.job.id
    found = work.rubbish(may_be_retried=row.job.state is not JobState.SUCCEEDED)
    return [path for path in found if path.is_relative_to(home) and path.exists()]


def _lock(locks: ExitStack, workspace: Path) -> bool:
    """Whether no process works in a folder; none can begin to before the locks are released."""
    try:
        handle = locks.enter_context((workspace / LOCK_FILE).open("r"))
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (FileNotFoundError, NotADirectoryError):
        pass
    return True


def _size_bytes(path: Path) -> int:
    files = [path] if path.is_file() else (Path(root) / name for root, _, names in os.walk(path) for name in names)
    size_bytes = 0
    for file in files:
        with suppress(FileNotFoundError):
            size_bytes += file.lstat().st_size
    return size_bytes
