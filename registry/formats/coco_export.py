"""Export as COCO: https://cocodataset.org/#format-data, object detection with run lengths.

images/PART/%06d.png            RGB; PART is the split, or `train`
annotations/instances_PART.json its images and annotations

Every object of a frame is an annotation with run lengths, area and box; an image's id is its frame's index. Beside what
COCO names, an image says its split, group, source and digest, and as `ignore` the run lengths of its pixels to ignore;
an annotation says the `instance_id` and the visible fraction of its instance. License and consent stand under
`licenses` and `info`. Depth and what was sampled have no place there.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID
from registry.formats.areas import encode
from registry.formats.export_folder import json_bytes
from registry.formats.exported import Export, ExportedFrame, FrameObject
from registry.reader import OnProgress

_OWN_LICENSE = 1


def write_coco(export: Export, folder: Path, on_progress: OnProgress | None) -> None:
    """Write a version as COCO."""
    (folder / "annotations").mkdir()
    with ExitStack() as stack:
        parts = {name: stack.enter_context(_Part(folder, name, export)) for name in export.parts}
        for frame, image, entry, annotations in export.each(_prepare, on_progress):
            parts[frame.part].add(f"{frame.stem}.png", image, entry, annotations)


class _Part:
    """The JSON file of a part, its annotations in a file of their own until all images are known."""

    def __init__(self, folder: Path, name: str, export: Export) -> None:
        self._images = folder / "images" / name
        self._path = folder / "annotations" / f"instances_{name}.json"
        self._count = self._annotations_count = 0
        self._images.mkdir(parents=True)
        self._document = self._path.open("wb")
        self._rest = self._path.with_suffix(".rest").open("w+b")
        head = json_bytes({"info": _info(export), "licenses": _licenses(export), "categories": _categories(export)})
        self._document.write(head[:-1] + b',"images":[')

    def __enter__(self) -> _Part:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._document, self._rest:
            if kind is None:
                self._document.write(b'\n],"annotations":[')
                self._rest.seek(0)
                shutil.copyfileobj(self._rest, self._document, 1 << 20)
                self._document.write(b"\n]}\n")
        self._path.with_suffix(".rest").unlink()

    def add(self, name: str, image: bytes, entry: dict[str, Any], annotations: list[dict[str, Any]]) -> None:
        """Write a frame."""
        (self._images / name).write_bytes(image)
        self._document.write((b",\n" if self._count else b"\n") + json_bytes(entry))
        self._count += 1
        for annotation in annotations:
            self._annotations_count += 1
            line = json_bytes({"id": self._annotations_count, **annotation})
            self._rest.write((b",\n" if self._annotations_count > 1 else b"\n") + line)


def _prepare(frame: ExportedFrame) -> tuple[ExportedFrame, bytes, dict[str, Any], list[dict[str, Any]]]:
    width, height = frame.record.size
    entry: dict[str, Any] = {
        "id": frame.record.index,
        "file_name": f"{frame.stem}.png",
        "width": width,
        "height": height,
        **({"license": _OWN_LICENSE} if frame.export.version.manifest.license is not None else {}),
        **frame.origin(),
    }
    if frame.mask.max(initial=BACKGROUND_ID) == IGNORE_ID:  # the highest id; far faster than comparing every pixel
        entry["ignore"] = {"size": [height, width], "counts": encode(np.asarray(frame.mask == IGNORE_ID))}
    return frame, frame.read("image"), entry, [_annotation(frame, item) for item in frame.objects]


def _annotation(frame: ExportedFrame, item: FrameObject) -> dict[str, Any]:
    width, height = frame.record.size
    annotation: dict[str, Any] = {
        "image_id": frame.record.index,
        "category_id": item.class_id,
        "segmentation": {"size": [height, width], "counts": item.counts} if item.counts is not None else [],
        "area": item.area_px,
        "bbox": list(item.box),
        "iscrowd": 0,
    }
    if item.instance is not None:
        annotation["instance_id"] = item.instance.id
        flags = {name: getattr(item.instance, name, None) for name in ("truncated", "occluded")}
        known = {name: value for name, value in flags.items() if value is not None}
        annotation |= {"attributes": known} if known else {}
    if item.visible_fraction is not None:
        annotation["visible_fraction"] = item.visible_fraction
    return annotation


def _categories(export: Export) -> list[dict[str, Any]]:
    return [
        {"id": label.id, "name": label.name, "supercategory": "", "color": list(label.color)}
        for label in export.classes.labels
        if label.id != BACKGROUND_ID
    ]


def _info(export: Export) -> dict[str, Any]:
    about = export.about()
    return {"description": str(export.reference), "version": str(about.pop("version")), **about}


def _licenses(export: Export) -> list[dict[str, Any]]:
    found = [item for item in export.licenses() if item["license"] is not None]
    first = _OWN_LICENSE if export.version.manifest.license is not None else _OWN_LICENSE + 1
    return [
        {
            "id": number,
            "name": item["license"],
            "url": "",
            **{key: item[key] for key in ("consent", "source") if item.get(key) is not None},
        }
        for number, item in enumerate(found, first)
    ]
