"""Publishing against the least that any store must do with the same bytes.

Run alone: `python tests/benchmarks/bench_registry.py`.

Every frame has two files of its own (image 2048 B, mask 512 B) and a record of about 1 kB. Floor and publishing are
paired in one run, in turns, and the middle of the turns counts. The large batch is measured once, and so is the slow
floor that syncs every file by itself, on the first 500 frames.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "registry"))

from registry_samples import GENERATOR, frame_record

from contracts.ids import canonical_json
from registry.catalog import Catalog
from registry.durable import sync_file_system
from registry.publish import publish_batch
from registry.store import Store

FILE_SIZES = {"image": 2048, "mask": 512}
SEED = 3
TURNS = 3
EACH_FRAMES = 500


def measure(small: int = 2_000, large: int = 20_000) -> list[dict[str, object]]:
    """Rows of figures; `ratio` rows are speeds relative to the floor, so that higher is better."""
    with tempfile.TemporaryDirectory(prefix="bench-registry-") as folder:
        root = Path(folder)
        few, many = _stage(root / "few", small), _stage(root / "many", large)
        large_ms = 0.0
        ratios, small_ms = [], []
        for turn in range(TURNS):
            seconds = _publish(few, root / f"home-{turn}", small)
            ratios.append(_floor(few, root / f"together-{turn}", sync_each=False) / seconds)
            small_ms.append(seconds / small * 1e3)
            if turn == TURNS // 2:
                each = _floor(few, root / "each", sync_each=True, frames=EACH_FRAMES) / EACH_FRAMES * small / seconds
                large_ms = _publish(many, root / "home-large", large) / large * 1e3
    flatness = large_ms / statistics.median(small_ms)
    return [
        _row(f"publish {small} frames / hash, write, fsync each file", each, "ratio", "higher"),
        _row(f"publish {small} frames / hash, write, one sync for all", statistics.median(ratios), "ratio", "higher"),
        _row(f"publish a frame of {small}", statistics.median(small_ms), "ms", "lower"),
        _row(f"publish a frame of {large}", large_ms, "ms", "lower"),
        _row(f"time a frame of {large} / of {small}", flatness, "ratio", "lower"),
    ]


def _row(name: str, value: float, unit: str, better: str) -> dict[str, object]:
    return {"name": f"registry: {name}", "value": round(value, 4), "unit": unit, "better": better}


def _stage(staging: Path, frames: int) -> Path:
    random = np.random.Generator(np.random.Philox(frames))
    for index in range(frames):
        folder = staging / "frames" / f"{index:06d}"
        folder.mkdir(parents=True)
        files = {role: random.bytes(size) for role, size in FILE_SIZES.items()}
        for role, data in files.items():
            (folder / f"{role}.png").write_bytes(data)
        (folder / "record.json").write_bytes(canonical_json(frame_record(SEED, index, files)))
    os.sync()  # what staging left to write is not publishing's to pay
    return staging


def _publish(staging: Path, home: Path, frames: int) -> float:
    store, catalog = Store(home / "store"), Catalog(f"sqlite:///{home / 'catalog.db'}")
    start = time.perf_counter()
    publish_batch(store, catalog, name="bench", staging=staging, generator=GENERATOR, seed=SEED, frames=frames)
    seconds = time.perf_counter() - start
    catalog.close()
    return seconds


def _floor(staging: Path, target: Path, *, sync_each: bool, frames: int | None = None) -> float:
    """Seconds to hash, write and sync the frames' files, their bytes being in memory already."""
    target.mkdir()
    folders = sorted((staging / "frames").iterdir())[:frames]
    blobs = [(folder / f"{role}.png").read_bytes() for folder in folders for role in FILE_SIZES]
    start = time.perf_counter()
    for number, data in enumerate(blobs):
        hashlib.sha256(data).hexdigest()
        handle = os.open(f"{target}/{number}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(handle, data)
        if sync_each:
            os.fsync(handle)
        os.close(handle)
    if not sync_each and not sync_file_system(str(target)):
        os.sync()
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
