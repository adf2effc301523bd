"""Export as YOLO segments: https://docs.ultralytics.com/datasets/segment/

images/PART/%06d.png    RGB; PART is the split, or `train`
labels/PART/%06d.txt    an object a line: class index and the corners of one polygon, as shares of width and height
data.yaml               the folder of each part, the names of the classes, license and consent

Class indices count the classes without background from 0. Polygons run along the edges of pixels, so that filling them
by pixel centres gives the very pixels; parts and holes of an object are joined by ways of no width. Where only a box is
known, the line is a box: class, centre x and y, width, height. What the format has no place for: which instance an
object is, pixels to ignore, depth, groups, and what was sampled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from contracts.frame_spec import BACKGROUND_ID
from registry.formats.areas import join, trace
from registry.formats.exported import Export, ExportedFrame, FrameObject
from registry.reader import OnProgress

_DIGITS = 8
"""After the point: far less than a thousandth of a pixel in the largest image."""


def write_yolo(export: Export, folder: Path, on_progress: OnProgress | None) -> None:
    """Write a version as YOLO segments."""
    for part in export.parts:
        for kind in ("images", "labels"):
            (folder / kind / part).mkdir(parents=True)
    for frame, image, text in export.each(_prepare, on_progress):
        (folder / "images" / frame.part / f"{frame.stem}.png").write_bytes(image)
        (folder / "labels" / frame.part / f"{frame.stem}.txt").write_text(text)
    (folder / "data.yaml").write_text(yaml.safe_dump(_document(export), sort_keys=False, allow_unicode=True))


def _prepare(frame: ExportedFrame) -> tuple[ExportedFrame, bytes, str]:
    index = {class_id: place for place, class_id in enumerate(_class_ids(frame.export))}
    lines = [f"{index[item.class_id]} {' '.join(_numbers(frame, item))}\n" for item in frame.objects]
    return frame, frame.read("image"), "".join(lines)


def _numbers(frame: ExportedFrame, item: FrameObject) -> list[str]:
    x, y, width, height = item.box
    if item.counts is None:
        points = np.array([(x + width / 2, y + height / 2), (width, height)])
    else:
        window = frame.keys[y : y + height, x : x + width] == item.key
        points = join(trace(np.asarray(window), (x, y))).astype(np.float64)
    shares = np.round(points / frame.record.size, _DIGITS)
    return [f"{share:.{_DIGITS}f}".rstrip("0").rstrip(".") for share in shares.ravel().tolist()]


def _class_ids(export: Export) -> list[int]:
    return [label.id for label in export.classes.labels if label.id != BACKGROUND_ID]


def _document(export: Export) -> dict[str, Any]:
    names = export.classes.names
    return {
        **{part: f"images/{part}" for part in export.parts},
        "names": {place: names[class_id] for place, class_id in enumerate(_class_ids(export))},
        "license": export.version.manifest.license,
        "consent": export.version.manifest.consent,
        "dataset": export.about(),
    }
