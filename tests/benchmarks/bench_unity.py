"""The C# half of the Unity player, under Mono without Unity, against the embedded player's transport.

Run alone: `python tests/benchmarks/bench_unity.py`; with `--frames 10000`, whether that many leave memory or handles
behind.

An exchange is one empty step of the environment. A frame of the player under Mono is one of three boxes on a floor at
848x480: casting rays, PNG encoding and all files included. The embedded player's transport of the same frame is an
exchange, the encoding of its four images and the writing of its files, without rendering anything. Both sides take
turns, and each figure is the median of its turns, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from contracts.frame_spec import asset_file_name  # noqa: E402
from contracts.ids import canonical_json  # noqa: E402
from contracts.process import write_atomically  # noqa: E402
from tests.player_session import Session, session  # noqa: E402
from tests.players import box_family  # noqa: E402
from tests.unity import mono_core  # noqa: E402
from unity_bridge.embedded.frame_files import encode_grey, encode_indexed, encode_rgb  # noqa: E402
from unity_bridge.embedded.launcher import embedded_player_path  # noqa: E402
from unity_bridge.sampling import sample_frame  # noqa: E402

SIZE_PX = (848, 480)
SMALL_PX = (48, 32)
EXCHANGES = 1000
FRAMES = 6
TURNS = 3


def measure(exchanges: int = EXCHANGES, frames: int = FRAMES, turns: int = TURNS) -> list[dict[str, object]]:
    """Rows of figures; none where Mono is not installed."""
    reason = mono_core.missing()
    if reason:
        print(f"bench_unity: {reason}", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory(prefix="bench-unity-") as text:
        folder = Path(text)
        spec, assets = _frame(folder / "assets", SIZE_PX)
        (folder / "out").mkdir()
        rates, mono_rates, rate_ratios, frame_rates, frame_ratios = [], [], [], [], []
        with (
            session(embedded_player_path(folder), ["--threads", "1"], folder) as embedded,
            session(mono_core.build_player(folder), [], folder) as mono,
        ):
            for opened in (embedded, mono):
                _exchanges_per_s(opened, exchanges // 10)
            mono.render(spec, assets, folder / "out")
            for _ in range(turns):
                there, here = _exchanges_per_s(mono, exchanges), _exchanges_per_s(embedded, exchanges)
                rates.append(here)
                mono_rates.append(there)
                rate_ratios.append(there / here)
                start = time.perf_counter()
                for number in range(frames):
                    answer = mono.render(spec, assets, folder / "out", number + 1)
                    assert answer.type == "done", answer
                frame_rates.append(frames / (time.perf_counter() - start))
                frame_ratios.append(frame_rates[-1] * (1 / here + _transport_s(folder / "out", folder, frames)))
    size = "{}x{}".format(*SIZE_PX)
    return [
        _row("unity: exchanges of the player under Mono", mono_rates, "exchanges/s", "higher"),
        _row("unity: exchanges of the embedded player", rates, "exchanges/s", "higher"),
        _row("unity: exchanges/s under Mono / embedded", rate_ratios, "ratio", "higher"),
        _row(f"unity: frames of the player under Mono at {size}", frame_rates, "frames/s", "higher"),
        _row(f"unity: frames/s under Mono at {size} / embedded transport", frame_ratios, "ratio", "higher"),
    ]


def _frame(folder: Path, size_px: tuple[int, int]) -> tuple[str, Path]:
    """Text and assets of a frame of boxes."""
    frame = box_family.compose(sample_frame(box_family.generator(), 1, 0), size_px)
    folder.mkdir()
    for asset in frame.spec.assets:
        (folder / asset_file_name(asset.digest, asset.media_type)).write_bytes(frame.assets[asset.digest])
    return canonical_json(frame.spec).decode(), folder


def _exchanges_per_s(opened: Session, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        opened.environment.step()
    return count / (time.perf_counter() - start)


def _transport_s(rendered: Path, folder: Path, frames: int) -> float:
    """Seconds in which the embedded player encodes and writes a frame that is there."""
    images = {path.name: cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in rendered.glob("*.png")}
    mask = images["mask.png"]
    # cv2 gives a palette image its colours; which ids they stand for changes nothing here.
    ids = np.ascontiguousarray(mask[..., 0] if mask.ndim == 3 else mask)
    rgb = np.ascontiguousarray(images["image.png"][..., ::-1])
    sidecar = (rendered / "sidecar.json").read_bytes()
    start = time.perf_counter()
    for _ in range(frames):
        files = {
            "image.png": encode_rgb(rgb),
            "mask.png": encode_indexed(ids, ()),
            "instances.png": encode_grey(images["instances.png"]),
            "depth.png": encode_grey(images["depth.png"]),
            "sidecar.json": sidecar,
        }
        for name, data in files.items():
            write_atomically(folder / f"written-{name}", data)
    return (time.perf_counter() - start) / frames


def endure(frames: int) -> bool:
    """Render many small frames in one process; whether after a third it grew by no handle and by less than 32 MiB."""
    with tempfile.TemporaryDirectory(prefix="bench-unity-") as text:
        folder = Path(text)
        spec, assets = _frame(folder / "assets", SMALL_PX)
        with session(mono_core.build_player(folder), [], folder) as opened:
            process = psutil.Process(opened.pid)
            seen = []
            start = time.perf_counter()
            for number in range(1, frames + 1):
                answer = opened.render(spec, assets, folder / "out", number)
                assert answer.type == "done", answer
                if number % max(frames // 10, 1) == 0:
                    seen.append((number, process.num_fds(), process.memory_info().rss / 2**20))
                    print(f"{number:6d} frames: {seen[-1][1]} handles, {seen[-1][2]:.1f} MiB", flush=True)
            rate = frames / (time.perf_counter() - start)
    third = seen[len(seen) // 3]
    print(f"{rate:.0f} frames/s at {SMALL_PX[0]}x{SMALL_PX[1]}")
    return seen[-1][1] <= third[1] and seen[-1][2] < third[2] + 32


def _row(name: str, values: list[float], unit: str, better: str) -> dict[str, object]:
    return {"name": name, "value": statistics.median(values), "unit": unit, "better": better}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=0, help="render this many in one process instead")
    asked = parser.parse_args()
    if asked.frames:
        sys.exit(0 if endure(asked.frames) else 1)
    for row in measure():
        print(f"{row['name']:62s} {row['value']:10.3f} {row['unit']}")
