"""Export in the form of Cityscapes: https://github.com/mcordts/cityscapesScripts

leftImg8bit/PART/NAME/NAME_000000_%06d_leftImg8bit.png      RGB; PART is the split, or `train`
gtFine/PART/NAME/NAME_000000_%06d_gtFine_labelIds.png       8-bit grey, class ids, 0 background, 255 ignore
gtFine/…_gtFine_instanceIds.png                             16-bit grey: class id times 1000 and a number from 0 where
                                                            there is an instance, else the class id
gtFine/…_gtFine_color.png                                   RGBA, colours of the classes
gtFine/…_gtFine_polygons.json                               objects from back to front, corners at pixels
labels.json, version.json, license.txt

Names, kinds of files and the making of ids are those of Cityscapes; classes and their ids are the version's own. Drawn
one over the other as the tools of Cityscapes do (each with its border), the polygons give labelIds exactly. An object
in several parts has a polygon for each, with one `instance`; `background` is drawn where it lies within an object, and
`ignore` where pixels are to be ignored. What the format has no place for: ids of instances in the images (polygons
carry them), instances of which only a box is known, visible fractions, depth, and what was sampled.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from contracts.errors import ConfigurationError
from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID
from registry.formats.export_folder import json_bytes
from registry.formats.exported import Export, ExportedFrame
from registry.formats.png import palette
from registry.reader import ByteImage, OnProgress

_PER_CLASS = 1000
_HIGHEST = 65535
_LEAST_POINTS = 3


def write_cityscapes(export: Export, folder: Path, on_progress: OnProgress | None) -> None:
    """Write a version in the form of Cityscapes.

    Raises:
        ConfigurationError: Ids of instances do not fit into 16 bits (class ids above 65, or 1000 instances
            of one class in a frame).
    """
    city = export.reference.name.replace("_", "-")  # `_` parts the name of a file
    for part in export.parts:
        for kind in ("leftImg8bit", "gtFine"):
            (folder / kind / part / city).mkdir(parents=True)
    for frame, image, files in export.each(_prepare, on_progress):
        stem = f"{city}_000000_{frame.stem}"
        (folder / "leftImg8bit" / frame.part / city / f"{stem}_leftImg8bit.png").write_bytes(image)
        for ending, data in files.items():
            (folder / "gtFine" / frame.part / city / f"{stem}_gtFine_{ending}").write_bytes(data)
    (folder / "labels.json").write_bytes(json_bytes(export.described_labels()))
    (folder / "version.json").write_bytes(json_bytes(export.about()))
    (folder / "license.txt").write_text(_terms(export))


def _prepare(frame: ExportedFrame) -> tuple[ExportedFrame, bytes, dict[str, bytes]]:
    colors = palette(frame.export.classes.labels)[frame.mask]
    opaque = np.dstack([colors, np.full(frame.mask.shape, 255, np.uint8)])
    width, height = frame.record.size
    document = {"imgHeight": height, "imgWidth": width, "objects": _polygons(frame), **frame.origin()}
    return (
        frame,
        frame.read("image"),
        {
            "labelIds.png": _png(frame.mask),
            "instanceIds.png": _png(_instance_ids(frame)),
            "color.png": _png(opaque),
            "polygons.json": json_bytes(document),
        },
    )


def _instance_ids(frame: ExportedFrame) -> npt.NDArray[np.uint16]:
    ids = frame.mask.astype(np.uint16)
    counted: dict[int, int] = {}
    for item in frame.objects:
        if item.instance is None or item.counts is None:
            continue
        number = counted.get(item.class_id, 0)
        counted[item.class_id] = number + 1
        value = item.class_id * _PER_CLASS + number
        if number >= _PER_CLASS or value > _HIGHEST:
            raise ConfigurationError(
                f"frame {frame.record.index} of {frame.export.version.name}: instance {number} of class "
                f"{item.class_id} does not fit into the 16 bits of instanceIds",
                code="too_many_ids",
                hint="export with a label map of at most 65 classes, or in another format",
            )
        x, y, width, height = item.box
        window = slice(y, y + height), slice(x, x + width)
        ids[window][frame.keys[window] == item.key] = value
    return ids


@dataclass(frozen=True)
class _Piece:
    """A connected part (4 neighbours) of what is drawn in one colour."""

    value: int
    points: npt.NDArray[np.int32]
    """(N, 2) x, y of the pixels along its outer border."""
    covers_px: int
    """Pixels that drawing it covers, holes included."""
    instance_id: int | None


def _polygons(frame: ExportedFrame) -> list[dict[str, Any]]:
    """Whatever lies within something else is drawn later: larger ones first."""
    pieces: list[_Piece] = []
    for item in frame.objects:
        if item.counts is not None:
            x, y, width, height = item.box
            window = frame.keys[y : y + height, x : x + width] == item.key
            instance_id = item.instance.id if item.instance is not None else None
            pieces += _pieces(window, (x, y), item.class_id, instance_id)
    for value in (BACKGROUND_ID, IGNORE_ID):
        pieces += _pieces(frame.mask == value, (0, 0), value, None)
    pieces.sort(key=lambda piece: -piece.covers_px)
    canvas = np.full(frame.mask.shape, BACKGROUND_ID, np.uint8)
    names = {**frame.export.classes.names, IGNORE_ID: "ignore"}
    objects = []
    for piece in pieces:
        x, y = piece.points[0].tolist()
        if piece.value == BACKGROUND_ID and canvas[y, x] == BACKGROUND_ID:
            continue
        cv2.fillPoly(canvas, [piece.points], piece.value)
        points = piece.points.tolist()
        points += [points[-1]] * (_LEAST_POINTS - len(points))
        instance = {} if piece.instance_id is None else {"instance": piece.instance_id}
        objects.append({"label": names[piece.value], "polygon": points, **instance})
    return objects


def _pieces(
    window: npt.NDArray[np.bool_], origin: tuple[int, int], value: int, instance_id: int | None
) -> list[_Piece]:
    count, areas = cv2.connectedComponents(window.view(np.uint8), connectivity=4)
    boxes = _boxes(areas, count)
    found = []
    for number in range(1, count):
        x, y, width, height = boxes[number - 1]
        bits = (areas[y : y + height, x : x + width] == number).astype(np.uint8)
        contours, _ = cv2.findContours(bits, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        points = np.asarray(contours[0], np.int32)[:, 0]
        covers = int(cv2.fillPoly(bits, [points], 1).sum(dtype=np.int64))
        shift = np.array([origin[0] + x, origin[1] + y], np.int32)
        found.append(_Piece(value, points + shift, covers, instance_id))
    return found


def _boxes(areas: npt.NDArray[Any], count: int) -> list[tuple[int, int, int, int]]:
    """x, y, width, height of every number from 1."""
    if count == 1:
        return []
    rows, columns = np.nonzero(areas)
    numbers = areas[rows, columns]
    order = np.argsort(numbers, kind="stable")
    first = np.concatenate(([0], np.flatnonzero(np.diff(numbers[order])) + 1))
    low = [np.minimum.reduceat(values[order], first) for values in (columns, rows)]
    high = [np.maximum.reduceat(values[order], first) for values in (columns, rows)]
    extent = [top - bottom + 1 for top, bottom in zip(high, low, strict=True)]
    return [(int(x), int(y), int(w), int(h)) for x, y, w, h in zip(*low, *extent, strict=True)]


def _png(pixels: ByteImage | npt.NDArray[np.uint16]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=3)
    return stream.getvalue()


def _terms(export: Export) -> str:
    lines = [f"{export.reference} {export.version.digest}"]
    for item in export.licenses():
        lines.append(f"\n{item['source']}:" if "source" in item else "\nThese images:")
        lines += [f"{key}: {item[key]}" for key in ("license", "consent") if item[key] is not None]
    return "\n".join(lines) + "\n"
