"""A version of 100 000 frames: publishing beside the floor, opening, paging by label, and comparing with another one.

Run alone: `python tests/benchmarks/bench_registry_scale.py [FRAMES]`; some minutes, and 2 GB in memory or on disk.

A frame has one file of 512 B and a record of about 1 kB. The floor hashes, writes and syncs the files' bytes, once for
all. Pages have 50 frames; each is asked for by a process that has read the index before, as a service has. Two versions
differ in one frame of a hundred; their statistics are not part of what is timed: they read every image, once.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from bench_registry import _MEMORY, FLAT_SIZES, GENERATOR, SEED, _floor, _publish, _stage
from peak_memory import forget_peak, peak_mib
from registry_samples import frame_record

from contracts.ids import VersionReference, canonical_json
from registry.catalog import Catalog
from registry.frame_index import frame_index
from registry.publish import publish_batch
from registry.reader import open_version
from registry.statistics.difference import compare_frames
from registry.store import Store
from server.dataset_frames import DatasetFrames

SMALL = 2_000
PAGES = 20
PAGE_FRAMES = 50


def measure(frames: int = 100_000) -> list[dict[str, object]]:
    """Rows of figures for a version of so many frames."""
    memory = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, tempfile.TemporaryDirectory(dir=memory) as staging:
        root, home = Path(folder), Path(folder, "home")
        ratios, frame_ms = {}, {}
        for count in (SMALL, frames):
            batch = _stage(Path(staging, f"{count}"), count, FLAT_SIZES)
            target = home if count == frames else root / "small"
            seconds = _publish(batch, target, count)
            frame_ms[count] = seconds / count * 1e3
            ratios[count] = _floor(batch, root / f"floor-{count}", count, sync_each=False, roles=FLAT_SIZES) / seconds
        _publish_changed(batch, home, frames)
        rows = [
            _row(f"publish {SMALL} one-file frames / hash, write, one sync", ratios[SMALL], "ratio", "higher"),
            _row(f"publish {frames} one-file frames / hash, write, one sync", ratios[frames], "ratio", "higher"),
            _row(f"publish a one-file frame of {frames}", frame_ms[frames], "ms", "lower"),
            _row(f"time a frame of {frames} / of {SMALL}", frame_ms[frames] / frame_ms[SMALL], "ratio", "lower"),
        ]
        return rows + _reading(home, frames)


def _reading(home: Path, frames: int) -> list[dict[str, object]]:
    store, catalog = Store(home / "store"), Catalog(f"sqlite:///{home / 'catalog.db'}")
    reference, other = VersionReference("bench", 1), VersionReference("bench", 2)
    versions, opened_s = _timed(
        lambda: [open_version(store, catalog.resolve(item), name=str(item)) for item in (reference, other)]
    )
    indexes = home / "indexes"
    _, index_s = _timed(lambda: frame_index(versions[0], indexes))
    pages = DatasetFrames(store, catalog, home / "labels", indexes)
    page_ms = []
    for number in range(PAGES + 1):
        start = number * (frames // (PAGES + 1))
        page, seconds = _timed(
            lambda start=start: pages.page(reference, start=start, limit=PAGE_FRAMES, label="mirror", split=None)
        )
        assert len(page.items) == PAGE_FRAMES
        page_ms.append(seconds * 1e3)
    forget_peak()
    before_mib = peak_mib()
    found, cold_s = _timed(lambda: compare_frames(*versions))
    added_mib = peak_mib() - before_mib
    again, warm_s = _timed(lambda: compare_frames(*versions, indexes))
    assert found == again
    assert found.changed == len(range(0, frames, 100))
    catalog.close()
    return [
        _row(f"open a version of {frames} frames", opened_s / 2, "s", "lower"),
        _row(f"index {frames} frames, once", index_s, "s", "lower"),
        _row(f"first page by label of {frames} frames, indexed before", page_ms[0], "ms", "lower"),
        _row(f"page by label of {frames} frames", statistics.median(page_ms[1:]), "ms", "lower"),
        _row(f"diff of two versions of {frames} frames, not indexed", cold_s, "s", "lower"),
        _row(f"diff of two versions of {frames} frames, one indexed", warm_s, "s", "lower"),
        _row(f"memory that a diff of {frames} frames adds at its peak", added_mib, "MiB", "lower"),
    ]


def _publish_changed(staging: Path, home: Path, frames: int) -> None:
    """The same batch with another image in one frame of a hundred."""
    for index in range(0, frames, 100):
        folder = staging / "frames" / f"{index:06d}"
        files = {"image": f"another image {index}".encode().ljust(FLAT_SIZES["image"])}
        (folder / "image.png").write_bytes(files["image"])
        (folder / "record.json").write_bytes(canonical_json(frame_record(SEED, index, files)))
    store, catalog = Store(home / "store"), Catalog(f"sqlite:///{home / 'catalog.db'}")
    publish_batch(store, catalog, name="bench", staging=staging, generator=GENERATOR, seed=SEED, frames=frames)
    catalog.close()


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    found = work()
    return found, time.perf_counter() - start


def _row(name: str, value: float, unit: str, better: str) -> dict[str, object]:
    return {"name": f"registry: {name}", "value": round(value, 4), "unit": unit, "better": better}


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:])), indent=1))
