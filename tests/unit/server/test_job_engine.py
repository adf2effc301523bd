"""The engine with real processes: what they say, how they die, and what is kept of their work."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from contracts.errors import NotFoundError
from contracts.ids import VersionReference
from contracts.job import Job, JobState
from server.application import Application
from server.jobs.render_work import RenderWork
from tests.service.homes import QUICK, application, request

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 30.0


@pytest.fixture
def make(home: Path) -> Iterator[Callable[..., Application]]:
    """Makes applications on one home, and closes them."""
    made: list[Application] = []

    def open_application(**changes: Any) -> Application:
        made.append(application(home, **changes))
        return made[-1]

    yield open_application
    for item in made:
        item.close()


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def earlier() -> set[int]:
    """Processes that earlier tests' libraries keep, such as the resource tracker of multiprocessing."""
    return {process.pid for process in psutil.Process().children(recursive=True)}


def _descendants(earlier: set[int]) -> list[psutil.Process]:
    return [process for process in psutil.Process().children(recursive=True) if process.pid not in earlier]


def _rendered(home: Path, job: Job) -> int:
    return len(list((home / "jobs" / job.id / "staging" / "frames").glob("*/record.json")))


def test_a_batch_becomes_a_version(make: Callable[..., Application], home: Path) -> None:
    service = make()
    states: list[JobState] = []
    accepted = service.render(request(frames=9, workers=3))
    job = service.wait(accepted.job.id, lambda now: states.append(now.state))
    assert job.state is JobState.SUCCEEDED, job.error
    assert states[0] is JobState.QUEUED
    assert job.result is not None
    assert job.result["dataset"] == "boxes@1"
    assert (job.progress.done, job.progress.total) == (9, 9)
    version = service.version(VersionReference("boxes", 1))
    assert version.digest == job.result["digest"]
    assert (version.frame_count, version.seed) == (9, 1)
    assert version.operation["workers"] == 3
    assert str(version.operation["platform"]).startswith(f"{platform.system()}, {platform.machine()}")
    assert version.operation["job"] == job.id
    log = service.log(job.id)
    assert {f"shard from {first}, 3 frames" for first in (0, 3, 6)} <= set(log.splitlines())
    assert sorted(path.name for path in (home / "jobs" / job.id).iterdir()) == ["log.txt"]


def test_the_digest_depends_on_content_alone(make: Callable[..., Application]) -> None:
    service = make(players={"dies": ("die-at=2", "once")})
    digests = set()
    for number, changes in enumerate(({"workers": 1}, {"workers": 4}, {"player": "dies", "workers": 2})):
        job = service.wait(service.render(request(frames=6, dataset=f"set-{number}", **changes)).job.id)
        assert job.result is not None, job.error
        digests.add(job.result["digest"])
    assert len(digests) == 1
    again = service.wait(service.render(request(frames=6, dataset="set-0", workers=1)).job.id)
    assert again.result is not None
    assert again.result["dataset"] == "set-0@1", "the same content under one name is the version that is there"


def test_a_death_ends_the_attempt_and_not_the_job(make: Callable[..., Application]) -> None:
    service = make(players={"dies": ("die-at=3", "once")})
    job = service.wait(service.render(request(frames=5, player="dies", workers=1)).job.id)
    assert job.state is JobState.SUCCEEDED
    assert [attempt.state for attempt in job.attempts] == [JobState.CRASHED, JobState.SUCCEEDED]
    error = job.attempts[0].error
    assert error is not None
    assert error["code"] == "process_died"
    assert "SIGKILL" in error["message"]
    assert "about to die" in error["context"]["log_tail"]


def test_the_third_death_is_the_last(make: Callable[..., Application], home: Path) -> None:
    service = make(players={"dies": ("die-at=3",)})
    job = service.wait(service.render(request(frames=5, player="dies", workers=1)).job.id)
    assert job.state is JobState.CRASHED
    assert [attempt.state for attempt in job.attempts] == [JobState.CRASHED] * 3
    assert job.error is not None
    assert _rendered(home, job) == 3
    with pytest.raises(NotFoundError):
        service.dataset("boxes")
    assert len(service.wait(service.retry(job.id).id).attempts) == 6, "a retry has its own three tries"


def test_a_verdict_fails_the_job_at_once(make: Callable[..., Application], home: Path) -> None:
    service = make(players={"fails": ("fail-at=5",)})
    job = service.wait(service.render(request(frames=6, player="fails", workers=2)).job.id)
    assert job.state is JobState.FAILED
    assert len(job.attempts) == 1
    assert job.error is not None
    assert (job.error["code"], job.error["hint"]) == ("frame_rejected", "look at it")
    assert (home / "jobs" / job.id / "staging").is_dir(), "what was rendered is kept for a retry"
    with pytest.raises(NotFoundError):
        service.dataset("boxes")


def test_a_hung_process_is_ended(make: Callable[..., Application]) -> None:
    patience = QUICK.model_copy(update={"heartbeat_timeout_s": 1.5, "attempts_max": 1})
    service = make(players={"hangs": ("hang-at=1", "deaf")}, jobs=patience)
    job = service.wait(service.render(request(frames=2, player="hangs", workers=1)).job.id)
    assert job.state is JobState.CRASHED
    assert job.error is not None
    assert job.error["code"] == "process_hung"


def test_declared_gaps_reach_the_version(make: Callable[..., Application]) -> None:
    service = make(players={"gaps": ("gap=1",)})
    job = service.wait(service.render(request(frames=3, player="gaps", allow_gaps=True)).job.id)
    assert job.state is JobState.SUCCEEDED, job.error
    version = service.version(VersionReference("boxes", 1))
    assert (version.frame_count, version.quality.gaps) == (2, (1,))


def test_cancelling_ends_the_whole_group(make: Callable[..., Application], home: Path, earlier: set[int]) -> None:
    service = make(players={"slow": ("pause=0.2", "deaf", "child")})
    service.start_engine()
    job = service.render(request(frames=50, player="slow", workers=2)).job
    _until(lambda: _rendered(home, job) > 1, "frames")
    children = [int(path.read_text()) for path in (home / "jobs" / job.id).glob("shard-*/child.pid")]
    assert len(children) == 2
    service.cancel(job.id)
    job = service.wait(job.id)
    assert job.state is JobState.CANCELLED
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in children)
    assert _descendants(earlier) == []


def test_a_retry_keeps_what_was_rendered(make: Callable[..., Application], home: Path) -> None:
    service = make(players={"slow": ("pause=0.15",)})
    service.start_engine()
    job = service.render(request(frames=8, player="slow", workers=1)).job
    _until(lambda: _rendered(home, job) >= 2, "two frames")
    service.cancel(job.id)
    service.wait(job.id)
    first = home / "jobs" / job.id / "staging" / "frames" / "000000" / "record.json"
    written = first.stat().st_mtime_ns
    service.retry(job.id)
    _until(lambda: _rendered(home, job) == 8, "all frames")
    if first.exists():  # not yet published and removed
        assert first.stat().st_mtime_ns == written
    assert service.wait(job.id).state is JobState.SUCCEEDED


def test_stopping_hands_jobs_back(make: Callable[..., Application], home: Path, earlier: set[int]) -> None:
    service = make(players={"slow": ("pause=0.2",)})
    service.start_engine()
    job = service.render(request(frames=6, player="slow", workers=1)).job
    _until(lambda: _rendered(home, job) >= 1, "a frame")
    service.close()
    assert _descendants(earlier) == []
    successor = make(players={"slow": ("pause=0.2",)})
    assert successor.job(job.id).state is JobState.QUEUED
    done = successor.wait(job.id)
    assert done.state is JobState.SUCCEEDED
    assert done.attempts[0].error is not None
    assert done.attempts[0].error["code"] == "service_stopped"


def test_places_for_workers_are_shared(make: Callable[..., Application], earlier: set[int]) -> None:
    service = make(players={"slow": ("pause=0.1",)}, workers=2)
    service.start_engine()
    ids = [
        service.render(request(frames=6, seed=seed, player="slow", workers=3, dataset=f"s{seed}")).job.id
        for seed in (1, 2)
    ]
    most = 0
    while any(service.job(job_id).state in (JobState.QUEUED, JobState.RUNNING) for job_id in ids):
        lines = [" ".join(process.cmdline()) for process in _descendants(earlier) if process.status() != "zombie"]
        most = max(most, sum("stand_in_worker" in line for line in lines))
        time.sleep(0.01)
    assert most == 2
    assert [service.wait(job_id).state for job_id in ids] == [JobState.SUCCEEDED] * 2


def test_two_publishes_of_one_name_at_once(make: Callable[..., Application]) -> None:
    service = make()
    service.start_engine()
    ids = [service.render(request(frames=2, seed=seed, workers=1)).job.id for seed in range(4)]
    jobs = [service.wait(job_id) for job_id in ids]
    assert sorted(str((job.result or {})["dataset"]) for job in jobs) == [f"boxes@{number}" for number in (1, 2, 3, 4)]


def test_a_full_disk_keeps_jobs_waiting(make: Callable[..., Application]) -> None:
    service = make()
    job = service.render(request()).job
    service.close()
    full = make(free_bytes_min=1 << 62)
    full.start_engine()
    time.sleep(0.3)
    assert full.job(job.id).state is JobState.QUEUED


def test_two_applications_share_a_home(make: Callable[..., Application]) -> None:
    services = [make(), make()]
    for service in services:
        service.start_engine()
    ids = [services[0].render(request(frames=3, seed=seed, dataset=f"s{seed}")).job.id for seed in range(4)]
    jobs = [services[1].wait(job_id) for job_id in ids]
    assert [(job.state, job.attempt) for job in jobs] == [(JobState.SUCCEEDED, 1)] * 4


def test_processes_die_with_their_starter(home: Path) -> None:
    """Killed outright, an application takes its processes along; the next one takes up the job."""
    code = (
        "import sys; from pathlib import Path; from tests.service.homes import *\n"
        "service = application(Path(sys.argv[1]), players={'slow': ('pause=0.25', 'deaf')})\n"
        "service.wait(service.render(request(frames=8, player='slow', workers=2)).job.id)\n"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", code, str(home)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    frames = home / "jobs"
    _until(lambda: len(list(frames.glob("*/staging/frames/*/record.json"))) >= 2, "two frames")
    workers = psutil.Process(first.pid).children(recursive=True)
    assert len(workers) >= 2
    first.send_signal(signal.SIGKILL)
    first.wait()
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive
    with application(home, players={"slow": ("pause=0.25", "deaf")}) as successor:
        job = successor.wait(successor.jobs().items[0].id)
        assert job.state is JobState.SUCCEEDED, job.error
        assert [attempt.state for attempt in job.attempts] == [JobState.CRASHED, JobState.SUCCEEDED]
        calm = successor.wait(successor.render(request(frames=8, dataset="calm", workers=1)).job.id)
        assert (calm.result or {})["digest"] == (job.result or {})["digest"]


def test_an_unexpected_error_fails_the_job_and_not_the_engine(
    make: Callable[..., Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make()
    monkeypatch.setattr(RenderWork, "next_step", lambda self: 1 // 0)
    job = service.wait(service.render(request()).job.id)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error["code"] == "internal_error"
    monkeypatch.undo()
    assert service.wait(service.retry(job.id).id).state is JobState.SUCCEEDED


def test_events_tell_every_change_in_order(make: Callable[..., Application]) -> None:
    service = make(players={"slow": ("pause=0.4",)})
    service.start_engine()
    job = service.render(request(frames=4, player="slow", workers=1)).job
    events = list(service.events(job.id))
    assert [int(event.id) for event in events] == sorted({int(event.id) for event in events})
    assert events[-1].job.state is JobState.SUCCEEDED
    assert "progress" in {event.type for event in events}
    states = [event.job.state for event in events]
    assert [JobState.RUNNING in states, JobState.SUCCEEDED in states] == [True, True]


def test_waiting_from_several_threads(make: Callable[..., Application]) -> None:
    service = make()
    service.start_engine()
    job = service.render(request()).job
    found: list[JobState] = []
    threads = [threading.Thread(target=lambda: found.append(service.wait(job.id).state)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [JobState.SUCCEEDED] * 3
