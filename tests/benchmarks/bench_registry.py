"""Publishing against the least that any store must do with the same bytes.

Run alone: `python tests/benchmarks/bench_registry.py`.

Every frame has four files of its own (image 2048 B, mask 512 B, instances 512 B, depth 1024 B) and a record of about
1 kB. Floor and publishing are paired in one run, in turns; each ratio is the median of its turns.
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

FILE_SIZES = {"image": 2048, "mask": 512, "instances": 512, "depth": 1024}
SEED = 3
TURNS = 3


def measure(small: int = 2_000, large: int = 20_000) -> list[dict[str, object]]:
    """Rows of figures; `ratio` rows are speeds relative to the floor, so that higher is better."""
    with tempfile.TemporaryDirectory(prefix="bench-registry-") as folder:
        root = Path(folder)
        few = _stage(root / "few", small)
        each, together, publish_s = [], [], []
        for turn in range(TURNS):
            floor_each_s = _floor(few, root / f"each-{turn}", sync_each=True)
            seconds = _publish(few, root / f"home-{turn}", small)
            floor_together_s = _floor(few, root / f"together-{turn}", sync_each=False)
            publish_s.append(seconds)
            each.append(floor_each_s / seconds)
            together.append(floor_together_s / seconds)
        many = _stage(root / "many", large)
        large_s = _publish(many, root / "home-large", large)
        floor_large_s = _floor(many, root / "each-large", sync_each=True)
    small_ms = statistics.median(publish_s) / small * 1e3
    large_ms = large_s / large * 1e3
    return [
        _row(f"publish {small} frames / hash, write, fsync each file", statistics.median(each), "ratio", "higher"),
        _row(f"publish {small} frames / hash, write, one sync", statistics.median(together), "ratio", "higher"),
        _row(f"publish {large} frames / hash, write, fsync each file", floor_large_s / large_s, "ratio", "higher"),
        _row(f"publish a frame of {small}", small_ms, "ms", "lower"),
        _row(f"publish a frame of {large}", large_ms, "ms", "lower"),
        _row(f"time a frame, {large} / {small} frames", large_ms / small_ms, "ratio", "lower"),
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


def _floor(staging: Path, target: Path, *, sync_each: bool) -> float:
    """Seconds to hash, write and sync the frames' files, their bytes being in memory already."""
    target.mkdir()
    blobs = [path.read_bytes() for path in sorted(staging.glob("frames/*/*.png"))]
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
