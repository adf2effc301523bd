"""The whole way over HTTP with the real worker and player: what is killed on the way changes no byte of the version."""

from __future__ import annotations

import io
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import httpx
import psutil
import pytest
from PIL import Image

from contracts.ids import VersionReference
from contracts.job import TERMINAL_STATES, Job, JobState, RenderBatchRequest
from server.client import Client
from server.resources import PictureKind
from tests.service.running import RunningService

FRAMES = 4
CALM = VersionReference("calm", 1)
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service") / "home"


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[RunningService]:
    running = RunningService(home)
    yield running
    running.stop()


@pytest.fixture
def client(service: RunningService) -> Iterator[Client]:
    with service.client() as client:
        yield client


def _request(dataset: str, seed: int = 5) -> RenderBatchRequest:
    return RenderBatchRequest(
        generator="exterior",
        frames=FRAMES,
        seed=seed,
        size="32x32",
        dataset=dataset,
        workers=1,
        overrides={"render.samples_per_pixel": 1, "render.denoise": False},
    )


def _rendered(home: Path, job: Job) -> int:
    return len(list((home / "jobs" / job.id / "staging" / "frames").glob("*/record.json")))


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def undisturbed(service: RunningService) -> str:
    """Digest of the batch when nothing happens to it; the service answers all the while."""
    slowest_s = 0.0
    with service.client() as client, httpx.Client(base_url=service.url) as http:
        job = client.render(_request("calm")).job
        while job.state not in TERMINAL_STATES:
            began = time.monotonic()
            assert http.get("/healthz").status_code == 200
            slowest_s = max(slowest_s, time.monotonic() - began)
            time.sleep(0.05)
            job = client.job(job.id)
    assert job.state is JobState.SUCCEEDED, job.error
    assert slowest_s < 3.0, "rendering or publishing held up the service"
    assert job.result is not None
    return str(job.result["digest"])


def test_pictures_of_a_version(client: Client, undisturbed: str) -> None:
    version = client.version(CALM)
    assert (version.digest, version.frame_count) == (undisturbed, FRAMES)
    for kind in get_args(PictureKind):
        data = client.picture(CALM, FRAMES - 1, kind)
        assert Image.open(io.BytesIO(data)).size == (32, 32)
    frames = client.frames(CALM).items
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert all(frame.player is not None and frame.player.name == "embedded" for frame in frames)


def test_a_worker_killed_after_its_second_frame(
    service: RunningService, client: Client, home: Path, undisturbed: str
) -> None:
    job = client.render(_request("worker-killed")).job
    _until(lambda: _rendered(home, job) >= 2, "two frames")
    workers = service.workers()
    assert len(workers) == 1
    workers[0].send_signal(signal.SIGKILL)
    done = client.wait(job.id)
    assert done.state is JobState.SUCCEEDED, done.error
    assert [attempt.state for attempt in done.attempts] == [JobState.CRASHED, JobState.SUCCEEDED]
    assert done.attempts[0].error is not None
    assert done.attempts[0].error["code"] == "process_died"
    assert done.result is not None
    assert done.result["digest"] == undisturbed


def test_a_service_killed_in_the_middle(tmp_path: Path, undisturbed: str) -> None:
    """The client follows one job over the death of the service; nothing that it had started lives on."""
    home = tmp_path / "home"
    first = RunningService(home)
    ended: list[Job] = []
    with first.client() as client:
        job = client.render(_request("service-killed")).job

    def follow() -> None:
        with Client(first.url) as client:
            ended.append(client.wait(job.id))

    follower = threading.Thread(target=follow)
    follower.start()
    _until(lambda: _rendered(home, job) >= 1, "a frame")
    started = first.kill()
    assert started
    _, alive = psutil.wait_procs(started, timeout=5)
    assert not alive, f"orphans: {alive}"
    second = RunningService(home, port=first.port)
    try:
        follower.join(PATIENCE_S)
        assert ended, "the client never heard the end"
        assert ended[0].state is JobState.SUCCEEDED, ended[0].error
        assert [attempt.state for attempt in ended[0].attempts] == [JobState.CRASHED, JobState.SUCCEEDED]
        assert ended[0].result is not None
        assert ended[0].result["digest"] == undisturbed
    finally:
        assert second.stop() < 15


def test_stopping_does_not_wait_for_those_who_listen(tmp_path: Path) -> None:
    running = RunningService(tmp_path / "home")
    with running.client() as client:
        job = client.render(_request("listened-to")).job
    with httpx.stream("GET", f"{running.url}/v1/jobs/{job.id}/events", timeout=60) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry")
        _until(lambda: len(running.workers()) == 1, "a worker")
        started = running.processes()
        assert running.stop() < 15
        assert not [line for line in lines if line.startswith("data") and '"succeeded"' in line]
    _, alive = psutil.wait_procs(started, timeout=5)
    assert not alive
    assert not [line for line in running.lines if "Traceback" in line]
