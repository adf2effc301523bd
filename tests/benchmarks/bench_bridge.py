"""What worker, bridge, gate and encoding add to a frame, against rendering the same specs by direct calls.

Run alone: `python tests/benchmarks/bench_bridge.py`.

Direct means one process that composed every spec beforehand and calls the renderer's `images`, which encodes, writes
and checks nothing. Both sides are warm: the first frame is left out. They take turns, and each figure is the median of
its turns, so that a busy machine slows both.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from contracts.generator import Generator, load_generator  # noqa: E402
from contracts.shard import BridgeSettings, ShardOrder, ShardReport  # noqa: E402
from tests.players import box_family  # noqa: E402
from tests.players.orders import write_order  # noqa: E402

SMALL_FRAMES = 60
LARGE_FRAMES = 16
TURNS = 3


def measure(small: int = SMALL_FRAMES, large: int = LARGE_FRAMES, turns: int = TURNS) -> list[dict[str, object]]:
    """Rows of figures."""
    with tempfile.TemporaryDirectory(prefix="bench-bridge-") as folder:
        root = Path(folder)
        tiny = box_family.generator(64)
        added_ms, direct_ms = [], []
        for turn in range(turns):
            direct = _direct(root / f"tiny-direct-{turn}", tiny, small, boxes=True)
            through = _through_worker(root / f"tiny-worker-{turn}", tiny, small, boxes=True)
            added_ms.append((through.frame_s - direct.frame_s) * 1e3)
            direct_ms.append(direct.frame_s * 1e3)
        exterior = load_generator("exterior", ROOT / "generator_configs", size=(256, 256))
        to_render, to_compose, frames_per_s, first_s, worker_mib, player_mib = [], [], [], [], [], []
        for turn in range(turns):
            direct = _direct(root / f"large-direct-{turn}", exterior, large)
            through = _through_worker(root / f"large-worker-{turn}", exterior, large)
            to_render.append(direct.frame_s / through.frame_s)
            to_compose.append((direct.frame_s + direct.compose_s) / through.frame_s)
            frames_per_s.append(1 / through.frame_s)
            first_s.append(through.first_frame_s)
            worker_mib.append(through.worker_mib)
            player_mib.append(through.player_mib)
    return [
        _row("bridge: added to a frame of 64x64 at 1 sample", added_ms, "ms", "lower"),
        _row("bridge: direct render of a frame of 64x64 at 1 sample", direct_ms, "ms", "lower"),
        _row("bridge: frames/s at 256x256 through worker / direct render", to_render, "ratio", "higher"),
        _row("bridge: frames/s at 256x256 through worker / direct compose and render", to_compose, "ratio", "higher"),
        _row("bridge: frames at 256x256 through worker", frames_per_s, "frames/s", "higher"),
        _row("bridge: from worker's start to first accepted frame", first_s, "s", "lower"),
        _row("bridge: peak memory of worker", worker_mib, "MiB", "lower"),
        _row("bridge: peak memory of player", player_mib, "MiB", "lower"),
    ]


class Timing:
    """Seconds a frame, and what else a run tells."""

    def __init__(
        self,
        frame_s: float,
        *,
        compose_s: float = 0.0,
        first_frame_s: float = 0.0,
        worker_mib: float = 0.0,
        player_mib: float = 0.0,
    ) -> None:
        self.frame_s = frame_s
        self.compose_s = compose_s
        self.first_frame_s = first_frame_s
        self.worker_mib = worker_mib
        self.player_mib = player_mib


def _through_worker(folder: Path, generator: Generator, frames: int, boxes: bool = False) -> Timing:
    """Run the worker and read from its records' times how long a frame took."""
    order = write_order(folder, generator, frames, seed=1, bridge=BridgeSettings(base_port=25005))
    module = "tests.players.box_worker" if boxes else "unity_bridge.worker"
    process = subprocess.Popen([sys.executable, "-m", module, str(order)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    worker_bytes = player_bytes = 0
    while process.poll() is None:
        own, children = _memory(process.pid)
        worker_bytes, player_bytes = max(worker_bytes, own), max(player_bytes, children)
        time.sleep(0.2)
    if process.returncode != 0:
        raise RuntimeError(f"the worker failed:\n{process.stderr.read() if process.stderr else ''}")
    report = ShardReport.model_validate_json((folder / "workspace" / "result.json").read_bytes())
    written = sorted(path.stat().st_mtime_ns for path in folder.rglob("record.json"))
    return Timing(
        (written[-1] - written[0]) / 1e9 / (len(written) - 1),
        first_frame_s=report.seconds_to_first_frame or 0.0,
        worker_mib=worker_bytes / 2**20,
        player_mib=player_bytes / 2**20,
    )


def _memory(pid: int) -> tuple[int, int]:
    """Resident bytes of a process and of all it started."""
    try:
        process = psutil.Process(pid)
        return process.memory_info().rss, sum(child.memory_info().rss for child in process.children(recursive=True))
    except psutil.Error:
        return 0, 0


def _direct(folder: Path, generator: Generator, frames: int, boxes: bool = False) -> Timing:
    """Render the same specs by direct calls in a process of its own."""
    order = write_order(folder, generator, frames, seed=1, bridge=BridgeSettings(base_port=25005))
    words = [sys.executable, str(Path(__file__).resolve()), "--direct", str(order), "boxes" if boxes else ""]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"direct rendering failed:\n{done.stderr}")
    seconds = json.loads(done.stdout.splitlines()[-1])
    return Timing(seconds["render"], compose_s=seconds["compose"])


def _render_directly(order_file: str, family: str) -> None:
    """Compose all specs of an order, then render each; prints mean seconds a frame, the first left out."""
    from unity_bridge.assets import write_assets
    from unity_bridge.embedded.main import make_renderer
    from unity_bridge.sampling import sample_frame
    from unity_bridge.scenes import families

    order = ShardOrder.model_validate_json(Path(order_file).read_bytes())
    if family == "boxes":
        box_family.install()
    assets = Path(order.assets)
    assets.mkdir(parents=True)
    renderer = make_renderer("auto", 0)
    specs, compose_s, render_s = [], [], []
    for index in range(order.count):
        started = time.perf_counter()
        composed = families.compose(sample_frame(order.generator, order.seed, index))
        compose_s.append(time.perf_counter() - started)
        write_assets(assets, composed)
        specs.append(composed.spec)
    for spec in specs:
        started = time.perf_counter()
        renderer.images(spec, assets)  # type: ignore[attr-defined]
        render_s.append(time.perf_counter() - started)
    print(json.dumps({"render": statistics.mean(render_s[1:]), "compose": statistics.mean(compose_s[1:])}))


def _row(name: str, values: Sequence[float], unit: str, better: str) -> dict[str, object]:
    return {"name": name, "value": round(statistics.median(values), 4), "unit": unit, "better": better}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--direct"]:
        _render_directly(sys.argv[2], sys.argv[3])
    else:
        for row in measure():
            print(json.dumps(row))
