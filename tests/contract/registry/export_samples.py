"""Versions for the tests of exports: rendered frames with all that is hard to keep, and photographs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from registry_samples import GENERATOR, png

from contracts.frame import FrameRecord
from contracts.frame_spec import Label
from contracts.ids import VersionReference, canonical_json, digest_of
from contracts.label_map import LabelMap
from registry.reader import Version, open_version
from registry.store import Store
from registry.version_writer import VersionWriter

REFERENCE = VersionReference("cars_in_town", 3)
LABELS = (
    Label(id=0, name="background", color=(0, 0, 0)),
    Label(id=1, name="front_door", color=(200, 10, 10)),
    Label(id=4, name="mirror", color=(10, 200, 10)),
    Label(id=7, name="window", color=(10, 200, 10)),
)
MAP = LabelMap(name="doors", classes={"door": ["front_door", "window"]}, ignore=["mirror"])
LICENSE, CONSENT = "CC-BY-4.0", "all shown have agreed to research use"
SIZE = (40, 30)


@dataclass(frozen=True)
class Frame:
    """What a frame holds."""

    image: np.ndarray
    mask: np.ndarray
    instances: np.ndarray | None = None
    depth: np.ndarray | None = None
    known: dict[str, Any] | None = None


def rendered(seed: int, split: str | None = None) -> Frame:
    """A frame with a hole, an instance in two parts, one of two labels, areas without an instance, and ignored ones."""
    random = np.random.Generator(np.random.Philox(seed))
    mask, instances = np.zeros((30, 40), np.uint8), np.zeros((30, 40), np.uint16)
    door = slice(4, 16), slice(3 + seed % 3, 20)
    mask[door], instances[door] = 1, 301
    hole = slice(7, 11), slice(8, 13)
    mask[hole], instances[hole] = 0, 0
    mask[8:10, 9:11], instances[8:10, 9:11] = 4, 65535  # lies in the hole
    mask[12:15, 14:19] = 7  # the window of the door
    mask[20:24, 2:6], instances[20:24, 2:6] = 4, 5
    mask[25:27, 30:33], instances[25:27, 30:33] = 4, 5
    mask[0:2, 30:40] = 7  # two areas of no instance
    mask[18:20, 33:40] = 7
    mask[28:30, 0:9] = 255
    mask[5, 22], instances[5, 22] = 1, 7  # a single pixel
    listed = [
        thing(301, "front_door", instances),
        thing(65535, "mirror", instances, visible_fraction=0.25),
        thing(5, "mirror", instances),
        thing(7, "front_door", instances),
    ]
    known = {
        "seed": 11,
        "split": split,
        "group": f"car {seed}" if split else None,
        "source": f"drive/{seed}.jpg" if split else None,
        "parameters": {"sun.elevation_deg": 12.5},
        "instances": listed,
        "camera": {
            "K": [[40.0, 0.0, 18.0], [0.0, 42.0, 16.0], [0.0, 0.0, 1.0]],
            "distortion": [0.0] * 5,
            "world_from_camera": [[0, 0, 1, 1.5], [-1, 0, 0, 0.5], [0, -1, 0, 2.0], [0, 0, 0, 1]],
        },
    }
    image = random.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return Frame(image, mask, instances, random.integers(0, 60000, (30, 40), dtype=np.uint16), known)


def photograph(seed: int, split: str | None = None) -> Frame:
    """A frame that tells no instances apart."""
    frame = rendered(seed)
    return Frame(frame.image, frame.mask, known={"split": split, "source": f"{seed}.jpg"})


def thing(number: int, label: str, instances: np.ndarray, **known: Any) -> dict[str, Any]:
    rows, columns = np.nonzero(instances == number)
    x, y = int(columns.min()), int(rows.min())
    box = [x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y]
    return {"id": number, "label": label, "area_px": len(rows), "box": box, **known}


def make_version(base: Path, frames: Sequence[Frame], *, labels: tuple[Label, ...] = LABELS) -> Version:
    """Publish frames into a store under `base`."""
    store = Store(base / "store")
    with VersionWriter(store) as writer:
        for frame in frames:
            stream = io.BytesIO()
            Image.fromarray(frame.mask).save(stream, "PNG")
            files = {"image": png(frame.image), "mask": stream.getvalue()}
            if frame.instances is not None:
                files["instances"] = png(frame.instances)
            if frame.depth is not None:
                files["depth"] = png(frame.depth)
            size = (frame.mask.shape[1], frame.mask.shape[0])
            record = FrameRecord.model_validate(
                {"index": 0, "size": size, "files": {role: digest_of(data) for role, data in files.items()}}
                | (frame.known or {})
            )
            writer.add(record, files, what="frame")  # type: ignore[arg-type]
        manifest = writer.finish(labels, generator=GENERATOR, seed=11, license_terms=LICENSE, consent=CONSENT)
    return open_version(store, digest_of(canonical_json(manifest)), name=str(REFERENCE))


def objects_of(version: Version, index: int) -> set[tuple[int, int, bytes]]:
    """What a frame shows: (instance id or 0, label id, pixels) of each instance and label; areas by label together."""
    record = version.records()[index]
    mask = version.read_mask(record)
    ids = version.read_instances(record) if "instances" in record.files else np.zeros(mask.shape, np.uint16)
    pairs = {(int(a), int(b)) for a, b in zip(ids.ravel(), mask.ravel(), strict=True) if b not in (0, 255)}
    return {(a, b, np.packbits((ids == a) & (mask == b)).tobytes()) for a, b in pairs}
