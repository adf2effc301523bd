"""Garbage collection frees what ended jobs left behind, and nothing that a process or a coming attempt needs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil
import pytest

from contracts.job import JobState
from server.jobs import engine
from server.jobs.work import LOCK_FILE
from server.resources import CollectionReport, ImportUpload
from tests.service.homes import application, request

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 120.0
_SLOW = {"slow": ("pause=0.3",)}
_RENDERS = """
import sys
from pathlib import Path
from tests.service.homes import *
service = application(Path(sys.argv[1]), players={"slow": ("pause=0.3",)})
service.wait(service.render(request(frames=4, player="slow", workers=2)).job.id)
"""
_HOLDS = """
import fcntl, sys
lock = open(sys.argv[1], "a")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""
_KILLED = """
import os, signal, sys
import server.jobs.leftovers
server.jobs.leftovers.shutil.rmtree = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
from pathlib import Path
from tests.service.homes import application
application(Path(sys.argv[1])).collect_garbage(keep_days=0)
"""


def _start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_crashed_batch_goes_when_its_days_are_over_and_a_retry_begins_anew(home: Path) -> None:
    with application(home, players={"dies": ("die-at=1",)}) as service:
        job = service.wait(service.render(request(frames=2, player="dies", workers=1)).job.id)
        assert job.state is JobState.CRASHED
        folder = home / "jobs" / job.id
        assert _names(folder) == ["log.txt", "shard-0", "staging"]
        assert service.collect_garbage() == CollectionReport(dry_run=False, blobs=0, freed=0, freed_bytes=0)
        looked = service.collect_garbage(dry_run=True, keep_days=0)
        assert looked.jobs == 1
        assert _names(folder) == ["log.txt", "shard-0", "staging"]

        with _start(_HOLDS, str(folder / "shard-0" / LOCK_FILE)) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            assert service.collect_garbage(keep_days=0).jobs == 0, "a process of it lives"
            assert _names(folder) == ["log.txt", "shard-0", "staging"]
            holder.kill()

        killed = _start(_KILLED, str(home))
        killed.communicate()
        assert killed.returncode == -signal.SIGKILL
        assert _names(folder)[1:] == ["log.txt"], "put aside, and not removed yet"
        freed = service.collect_garbage(keep_days=10_000)
        assert (freed.jobs, freed.jobs_bytes) == (1, looked.jobs_bytes)
        assert freed.jobs_bytes > 0
        assert _names(folder) == ["log.txt"]
        assert service.collect_garbage(keep_days=0).jobs == 0
        again = service.wait(service.retry(job.id).id)
        assert again.state is JobState.CRASHED, "it dies at frame 1 again, so it has rendered frame 0 again"
        assert _names(folder / "staging" / "frames") == ["000000"]


def test_a_batch_whose_service_was_killed_keeps_its_frames(home: Path) -> None:
    first = _start(_RENDERS, str(home))
    deadline = time.monotonic() + PATIENCE_S
    while not (frames := sorted((home / "jobs").glob("*/staging/frames/*/record.json"))):
        if time.monotonic() > deadline:
            first.kill()
            pytest.fail("no frame")
        time.sleep(0.02)
    workers = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    first.communicate()
    with application(home, players=_SLOW) as service:
        before = [path.stat().st_mtime_ns for path in frames]
        assert service.collect_garbage(keep_days=0).jobs == 0, "the next engine takes it up"
        psutil.wait_procs(workers, timeout=10)
        assert service.collect_garbage(keep_days=0).jobs == 0
        assert [path.stat().st_mtime_ns for path in frames] == before
        assert service.wait(service.jobs().items[0].id).state is JobState.SUCCEEDED


def test_what_a_finished_job_was_not_cleared_of_goes_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "remove", lambda rubbish: None)  # as where the process was killed just before
    with application(home) as service:
        job = service.wait(service.render(request(frames=1, workers=1)).job.id)
        assert job.state is JobState.SUCCEEDED
        folder = home / "jobs" / job.id
        assert "staging" in _names(folder)
        assert service.collect_garbage().jobs == 0, "its engine may be about to"
        freed = service.collect_garbage(keep_days=0)
        assert (freed.jobs, freed.freed) == (1, 0)
        assert _names(folder) == ["log.txt"]


def test_a_failed_import_keeps_its_archive_and_what_is_no_job_is_left_alone(home: Path) -> None:
    with application(home) as service:
        archive = service.upload_path("job-upload")
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("notes.txt", "no images here")
        job = service.wait(
            service.import_archive(ImportUpload(format="masks", name="photos"), archive, "job-upload").job.id
        )
        assert job.state is JobState.FAILED
        coming = service.upload_path("job-coming")
        coming.write_bytes(b"being uploaded")
        assert _names(archive.parent) == ["import", "log.txt", "upload"]
        assert service.collect_garbage(keep_days=0).jobs == 1
        assert _names(archive.parent) == ["log.txt", "upload"]
        assert coming.read_bytes() == b"being uploaded"
        assert service.wait(service.retry(job.id).id).state is JobState.FAILED, "it is unpacked and looked at again"
