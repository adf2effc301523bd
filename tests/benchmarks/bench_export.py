"""COCO export against plain pycocotools, and what memory exports of small and large versions take.

Run alone: `python tests/benchmarks/bench_export.py`.

The floor does what any script does with pycocotools: of every instance a binary mask, its run lengths, area and box,
and in the end one JSON file. One floor decodes the instance masks from PNG, as the export does; the other has them
decoded in memory. The export reads the store, verifies three files a frame, decodes two of them, compares them pixel
by pixel, and writes images and JSON to disk. All take turns, and the middle of the turns counts.

Memory is the peak of a process of its own that exports tiny frames (32x24 px), less that of one that exports one frame.
"""

from __future__ import annotations

import io
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from pycocotools import mask as run_lengths

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "registry"))

from peak_memory import CHILD_PEAK
from registry_samples import GENERATOR, frame_files, frame_record, png

from contracts.frame import FrameRecord
from contracts.ids import VersionReference, canonical_json, digest_of
from registry.formats.exporting import export_version
from registry.formats.registered import load_writer
from registry.reader import Version, open_version
from registry.store import Store
from registry.version_writer import VersionWriter

REFERENCE = VersionReference("bench", 1)
SIZE = (640, 480)
INSTANCES = (24, 12, 6)
"""Things in a frame: an export pays once a frame, pycocotools once a thing."""
TURNS = 5
MEMORY_FORMATS = ("coco", "parquet")
_CHILD = f"""
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[5])
from contracts.ids import VersionReference
from registry.formats.exporting import export_version
from registry.formats.registered import load_writer
from registry.reader import open_version
version = open_version(sys.argv[1], sys.argv[2])
export_version(load_writer(sys.argv[3]), version, VersionReference("bench", 1), Path(sys.argv[4]))
{CHILD_PEAK}
"""


def measure(frames: int = 40, small: int = 2_000, large: int = 20_000) -> list[dict[str, object]]:
    """Rows of figures: the ratio of times, and peak memory by format and size."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = Path(folder)
        rows = [row for count in INSTANCES for row in _ratios(root / f"ratio-{count}", frames, count)]
        versions = {count: _tiny(root / f"tiny-{count}", count) for count in (1, small, large)}
        for name in MEMORY_FORMATS:
            peaks = {count: _peak_mib(root / f"tiny-{count}", version, name) for count, version in versions.items()}
            for count in (small, large):
                what = f"{name}, peak memory of {count} tiny frames above that of one"
                rows.append(_row(what, max(0.0, peaks[count] - peaks[1]), "MiB", "lower"))
    return rows


def _row(name: str, value: float, unit: str, better: str) -> dict[str, object]:
    return {"name": f"export: {name}", "value": round(value, 4), "unit": unit, "better": better}


def _ratios(home: Path, frames: int, instances: int) -> list[dict[str, object]]:
    version = _version(home, [_scene(index, instances) for index in range(frames)])
    files = [version.read_file(record, "instances") for record in version.records()]
    masks = [_decode(data) for data in files]
    ratios: dict[str, list[float]] = {"pycocotools that decodes the same masks": [], "plain pycocotools encoding": []}
    for turn in range(TURNS):
        floors = [_timed(lambda: _plain(map(_decode, files), home / "a.json"))]
        floors.append(_timed(lambda: _plain(masks, home / "b.json")))
        out = home / f"out-{turn}"
        seconds = _timed(lambda out=out: export_version(load_writer("coco"), version, REFERENCE, out))
        shutil.rmtree(out)
        for found, floor in zip(ratios.values(), floors, strict=True):
            found.append(seconds / floor)
    what = f"coco, {frames} frames of {SIZE[0]}x{SIZE[1]} with {instances} instances"
    return [_row(f"{what} / {floor}", statistics.median(found), "ratio", "lower") for floor, found in ratios.items()]


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _decode(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.array(picture)


def _plain(masks: Iterable[np.ndarray], path: Path) -> None:
    annotations = []
    for image, ids in enumerate(masks):
        for number in np.unique(ids)[1:].tolist():
            found = run_lengths.encode(np.asfortranarray(ids == number, dtype=np.uint8))
            area, box = int(run_lengths.area(found)), run_lengths.toBbox(found).tolist()
            text = {"size": found["size"], "counts": found["counts"].decode()}
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "segmentation": text, "area": area, "bbox": box}
            )
    path.write_text(json.dumps({"annotations": annotations}))


def _scene(index: int, count: int) -> tuple[FrameRecord, dict[str, bytes]]:
    """Smooth shapes of all sizes over one another, as in a rendered frame."""
    random = np.random.Generator(np.random.Philox(index))
    width, height = SIZE
    mask, instances = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint16)
    for number in range(1, count + 1):
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        radius = random.uniform(10, 120) * (1 + 0.3 * np.sin(angles * random.integers(2, 6) + random.uniform(0, 6)))
        centre = random.uniform((0, 0), SIZE)
        points = np.stack((centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles)), axis=1)
        cv2.fillPoly(mask, [points.astype(np.int32)], 1 + number % 2)
        cv2.fillPoly(instances, [points.astype(np.int32)], number)
    coarse = random.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    image = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
    noisy = np.clip(image.astype(np.int16) + random.integers(-3, 4, image.shape), 0, 255).astype(np.uint8)
    files = {"image": png(noisy), "mask": png(mask), "instances": png(instances)}
    names = {1: "front_door", 2: "mirror"}
    listed = []
    for number in np.unique(instances)[1:].tolist():
        rows, columns = np.nonzero(instances == number)
        x, y = int(columns.min()), int(rows.min())
        box = [x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y]
        listed.append({"id": number, "label": names[1 + number % 2], "area_px": len(rows), "box": box})
    digests = {role: digest_of(data) for role, data in files.items()}
    return FrameRecord.model_validate({"index": index, "files": digests, "size": SIZE, "instances": listed}), files


def _tiny(home: Path, count: int) -> Version:
    """Frames of a few files in turn: as many records as wanted in a small store."""
    made = [frame_files(3, index) for index in range(50)]
    return _version(home, ((frame_record(3, index, made[index % 50]), made[index % 50]) for index in range(count)))


def _version(home: Path, frames: object) -> Version:
    store = Store(home / "store")
    with VersionWriter(store) as writer:
        for record, files in frames:  # type: ignore[attr-defined]
            writer.add(record, files, what="frame")
        manifest = writer.finish(GENERATOR.label_table(), generator=GENERATOR, seed=3)
    return open_version(store, digest_of(canonical_json(manifest)), name=str(REFERENCE))


def _peak_mib(home: Path, version: Version, name: str) -> float:
    order = [sys.executable, "-c", _CHILD, str(home / "store"), version.digest, name, str(home / name)]
    order.append(str(Path(__file__).parent))
    ended = subprocess.run(order, capture_output=True, text=True, check=True)
    shutil.rmtree(home / name)
    return float(ended.stdout)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
