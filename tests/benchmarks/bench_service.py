"""What the whole service costs: from `serve` to the first frame, memory, and frames a second against direct calls.

Run alone: `python tests/benchmarks/bench_service.py`.

The service renders with one worker, so that it has one renderer as the direct calls have; both take turns, and each
figure is the median of its turns, so that a busy machine slows both. The first turn finds an empty home and draws the
pictures that frames share; the others find them there, as all but the first batch of a user do. A steady frame is the
time between two records on disk; the whole batch counts everything from the request to the visible version.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from contracts.generator import load_generator  # noqa: E402
from contracts.job import TERMINAL_STATES, JobState, RenderBatchRequest  # noqa: E402
from tests.players.orders import write_order  # noqa: E402
from tests.service.running import RunningService  # noqa: E402

FRAMES = 48
TURNS = 3
GENERATOR = "exterior"
SIDE_PX = 256
SEED = 1
_LOOK_EVERY_S = 0.5
"""Seldom, as whoever looks takes the cores that are measured: ten times as often cost a fiftieth of the frames."""
_LOOKS_A_QUESTION = 4
"""While frames are under way, memory is noted and the service is asked at every fourth look."""


def measure(frames: int = FRAMES, turns: int = TURNS) -> list[dict[str, object]]:
    """Rows of figures."""
    runs, direct_s = [], []
    with tempfile.TemporaryDirectory(prefix="bench-service-") as folder:
        for turn in range(turns):
            direct_s.append(_direct(Path(folder) / f"direct-{turn}", frames))
            runs.append(_through_service(Path(folder) / "home", frames))
    steady = [direct / run.frame_s for direct, run in zip(direct_s, runs, strict=True)]
    size = f"{SIDE_PX}x{SIDE_PX}"
    return [
        _row(f"service: frames/s at {size} through the whole service / direct calls", steady, "ratio", "higher"),
        _row("service: the same in an empty home", steady[:1], "ratio", "higher"),
        _row(f"service: frames at {size}, steady", [1 / run.frame_s for run in runs], "frames/s", "higher"),
        _row(
            f"service: frames at {size}, from request to version, {frames} frames",
            [frames / run.batch_s for run in runs],
            "frames/s",
            "higher",
        ),
        _row("service: from serve to answering", [run.answering_s for run in runs], "s", "lower"),
        _row("service: from serve to first accepted frame, empty home", [runs[0].first_frame_s], "s", "lower"),
        _row("service: from last frame to visible version, empty home", [runs[0].publishing_s], "s", "lower"),
        _row("service: peak memory of service", [run.service_mib for run in runs], "MiB", "lower"),
        _row("service: peak memory of worker", [run.worker_mib for run in runs], "MiB", "lower"),
        _row("service: peak memory of player", [run.player_mib for run in runs], "MiB", "lower"),
    ]


@dataclass(frozen=True)
class Run:
    """One batch through a fresh service."""

    frame_s: float
    batch_s: float
    answering_s: float
    first_frame_s: float
    publishing_s: float
    service_mib: float
    worker_mib: float
    player_mib: float


def _through_service(home: Path, frames: int) -> Run:
    began = time.time()
    service = RunningService(home)
    answering_s = time.time() - began
    request = RenderBatchRequest(generator=GENERATOR, frames=frames, seed=SEED, size=f"{SIDE_PX}x{SIDE_PX}", workers=1)
    seen: dict[int, float] = {}
    peaks = {"service": 0, "worker": 0, "player": 0}
    try:
        with service.client() as client:
            asked = time.time()
            job = client.render(request).job
            records = home / "jobs" / job.id / "staging" / "frames"
            look = 0
            while job.state not in TERMINAL_STATES:
                for index in range(frames):
                    path = records / f"{index:06d}" / "record.json"
                    if index not in seen and path.exists():
                        seen[index] = path.stat().st_mtime
                if look % _LOOKS_A_QUESTION == 0 or len(seen) == frames:
                    job = client.job(job.id)
                    _note_memory(service, peaks)
                look += 1
                time.sleep(_LOOK_EVERY_S)
            ended = time.time()
    finally:
        service.stop()
    if job.state is not JobState.SUCCEEDED or len(seen) < frames:
        raise RuntimeError(f"the batch did not succeed: {job.error}")
    times = sorted(seen.values())
    return Run(
        frame_s=(times[-1] - times[0]) / (len(times) - 1),
        batch_s=ended - asked,
        answering_s=answering_s,
        first_frame_s=times[0] - began,
        publishing_s=ended - times[-1],
        **{f"{name}_mib": peak / 2**20 for name, peak in peaks.items()},
    )


def _note_memory(service: RunningService, peaks: dict[str, int]) -> None:
    """Raise the peaks of resident bytes by role: what a worker starts is the player."""
    try:
        processes = {"service": [psutil.Process(service.pid)], "worker": service.workers(), "player": []}
        processes["player"] = [child for worker in processes["worker"] for child in worker.children(recursive=True)]
        for role, found in processes.items():
            peaks[role] = max(peaks[role], sum(process.memory_info().rss for process in found))
    except psutil.NoSuchProcess:
        return


def _direct(folder: Path, frames: int) -> float:
    """Seconds a frame when one process renders the same specs by direct calls, the first left out."""
    generator = load_generator(GENERATOR, ROOT / "generator_configs", size=(SIDE_PX, SIDE_PX))
    path = write_order(folder, generator, frames, seed=SEED)
    script = ROOT / "tests" / "benchmarks" / "bench_bridge.py"
    done = subprocess.run(
        [sys.executable, str(script), "--direct", str(path), ""], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"direct rendering failed:\n{done.stderr}")
    return float(json.loads(done.stdout.splitlines()[-1])["render"])


def _row(name: str, values: Sequence[float], unit: str, better: str) -> dict[str, object]:
    return {"name": name, "value": round(statistics.median(values), 4), "unit": unit, "better": better}


if __name__ == "__main__":
    for row in measure():
        print(json.dumps(row))
