"""Publishing against the least that any store must do with the same bytes.

Run alone: `python tests/benchmarks/bench_registry.py`.

For the ratios a frame has two files of its own (image 2048 B, mask 512 B) and a record of about 1 kB; floor and
publishing are paired in one run, in turns, and the middle of the turns counts. The slow floor, which syncs every file
by itself, takes the first 500 frames. For flatness a frame has one file of 512 B, and each size is published once.
Staging lies in memory where the system has /dev/shm: the floor too starts from bytes in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
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
FLAT_SIZES = {"image": 512}
SEED = 3
TURNS = 3
EACH_FRAMES = 500
_MEMORY = Path("/dev/shm")


def measure(small: int = 2_000, large: int = 20_000) -> list[dict[str, object]]:
    """Rows of figures: speeds relative to the floors, and the time of a frame in small and large batches."""
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, tempfile.TemporaryDirectory(dir=memory) as staging:
        root = Path(folder)
        batch = _stage(Path(staging, "ratio"), small, FILE_SIZES)
        together, each = [], []
        for turn in range(TURNS):
            seconds = _publish(batch, root / f"home-{turn}", small)
            together.append(_floor(batch, root / f"together-{turn}", small, sync_each=False) / seconds)
            share = EACH_FRAMES / small
            each.append(_floor(batch, root / f"each-{turn}", EACH_FRAMES, sync_each=True) / share / seconds)
        frame_ms = {}
        for frames in (small, large):
            flat = _stage(Path(staging, f"flat-{frames}"), frames, FLAT_SIZES)
            frame_ms[frames] = _publish(flat, root / f"flat-{frames}", frames) / frames * 1e3
    return [
        _row(f"publish {small} frames / hash, write, fsync each file", statistics.median(each), "ratio", "higher"),
        _row(f"publish {small} frames / hash, write, one sync for all", statistics.median(together), "ratio", "higher"),
        _row(f"publish a one-file frame of {small}", frame_ms[small], "ms", "lower"),
        _row(f"publish a one-file frame of {large}", frame_ms[large], "ms", "lower"),
        _row(f"time a frame of {large} / of {small}", frame_ms[large] / frame_ms[small], "ratio", "lower"),
    ]


def _row(name: str, value: float, unit: str, better: str) -> dict[str, object]:
    return {"name": f"registry: {name}", "value": round(value, 4), "unit": unit, "better": better}


def _stage(staging: Path, frames: int, sizes: dict[str, int]) -> Path:
    random = np.random.Generator(np.random.Philox(frames))
    for index in range(frames):
        folder = staging / "frames" / f"{index:06d}"
        folder.mkdir(parents=True)
        files = {role: random.bytes(size) for role, size in sizes.items()}
        for role, data in files.items():
            (folder / f"{role}.png").write_bytes(data)
        (folder / "record.json").write_bytes(canonical_json(frame_record(SEED, index, files)))
    return staging


def _publish(staging: Path, home: Path, frames: int) -> float:
    store, catalog = Store(home / "store"), Catalog(f"sqlite:///{home / 'catalog.db'}")
    start = time.perf_counter()
    publish_batch(store, catalog, name="bench", staging=staging, generator=GENERATOR, seed=SEED, frames=frames)
    seconds = time.perf_counter() - start
    catalog.close()
    return seconds


def _floor(
    staging: Path, target: Path, frames: int, *, sync_each: bool, roles: Iterable[str] = tuple(FILE_SIZES)
) -> float:
    """Seconds to hash, write and sync the frames' files, their bytes being in memory already."""
    target.mkdir()
    folders = sorted((staging / "frames").iterdir())[:frames]
    blobs = [(folder / f"{role}.png").read_bytes() for folder in folders for role in roles]
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
