"""Peak memory of publishing, importing, verifying, collecting, counting and comparing small and large versions.

Run alone: `python tests/benchmarks/bench_memory.py`.

Frames are tiny (32x24 px): to publish, to verify and to collect, each has a file of 512 B of its own; statistics read
images and masks of fifty frames in turn; versions that are compared, by their frames and statistics, differ in every
fiftieth image; imported are images of noise, 16x12 px, with masks. A figure is the peak of a process of its own, less
that of one that does the same with one frame. Exports are in `bench_export.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from bench_export import _tiny, _version
from bench_registry import _MEMORY, FLAT_SIZES, _stage
from peak_memory import CHILD_PEAK
from registry_samples import frame_files, frame_record, png

from registry.reader import Version

_START = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from registry_samples import GENERATOR
from registry.catalog import Catalog
from registry.collection import collect_garbage
from registry.formats.importing import import_dataset
from registry.formats.masks import open_masks
from registry.publish import publish_batch
from registry.reader import open_version
from registry.statistics.difference import compare_versions
from registry.statistics.version import version_statistics
from registry.store import Store
from registry.verify import verify
home, count, digests = Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]
store, catalog = Store(home / "store"), Catalog(f"sqlite:///{home / 'catalog.db'}")
"""
_OPERATIONS = {
    "publish": "publish_batch(store, catalog, name='b', staging=home, generator=GENERATOR, seed=3, frames=count)",
    "verify": "assert verify(store, catalog) == []",
    "collect": "assert collect_garbage(store, catalog).freed == 0",
    "import": "import_dataset(open_masks, store, catalog, home / 'photographs', name='b')",
    "statistics": "version_statistics(open_version(store, digests[0]), home / 'cache')",
    "difference": "versions = [open_version(store, digest) for digest in digests];"
    "numbers = [version_statistics(version, home / 'cache') for version in versions];"
    "assert compare_versions(*versions, *numbers, home / 'cache').frames.changed == -(-count // 50)",
}


def measure(small: int = 2_000, large: int = 20_000) -> list[dict[str, object]]:
    """Rows of peak memory by operation and size."""
    peaks: dict[tuple[str, int], float] = {}
    for count in (1, small, large):
        with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
            home = _stage(Path(folder) / "flat", count, FLAT_SIZES)
            for name in ("publish", "verify", "collect"):
                peaks[name, count] = _peak_mib(name, home, count)
            peaks["import", count] = _peak_mib("import", _photographs(Path(folder) / "import", count), count)
        with tempfile.TemporaryDirectory() as folder:
            digests = [_tiny(Path(folder), count).digest, _changed(Path(folder), count).digest]
            peaks["statistics", count] = _peak_mib("statistics", Path(folder), count, digests[0])
            peaks["difference", count] = _peak_mib("difference", Path(folder), count, *digests)
    return [
        {
            "name": f"memory: {name} of {count} tiny frames, peak above that of one",
            "value": round(max(0.0, peaks[name, count] - peaks[name, 1]), 2),
            "unit": "MiB",
            "better": "lower",
        }
        for name in _OPERATIONS
        for count in (small, large)
    ]


def _changed(home: Path, count: int) -> Version:
    """The frames of `_tiny` with another image in every fiftieth."""
    made = [frame_files(3, index) for index in range(50)]
    made[0] = {**made[0], "image": png(np.full((24, 32, 3), 90, np.uint8))}
    return _version(home, ((frame_record(3, index, made[index % 50]), made[index % 50]) for index in range(count)))


def _photographs(home: Path, count: int) -> Path:
    """A home with a folder of images and masks to import."""
    random = np.random.default_rng(3)
    mask = np.zeros((12, 16), np.uint8)
    mask[3:9, 4:12] = 1
    for role in ("images", "masks"):
        (home / "photographs" / role).mkdir(parents=True)
    (home / "photographs" / "classes.json").write_text(json.dumps({"classes": {"0": "background", "1": "belt"}}))
    for number in range(count):
        noise = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        for role, pixels in (("images", noise), ("masks", mask)):
            Image.fromarray(pixels).save(home / "photographs" / role / f"{number:06d}.png")
    return home


def _peak_mib(name: str, home: Path, count: int, *digests: str) -> float:
    here = Path(__file__).parent
    code = f"{_START}{_OPERATIONS[name]}\n{CHILD_PEAK}"
    samples = here.parent / "unit" / "registry"
    order = [sys.executable, "-c", code, str(samples), str(here), str(home), str(count), *digests]
    ended = subprocess.run(order, capture_output=True, text=True, check=True)
    return float(ended.stdout)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
