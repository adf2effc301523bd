"""What is measured of one frame's pixels, and a table that remembers it: the same files are never measured twice."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from contracts.frame import FrameRecord, Instance
from contracts.frame_spec import IGNORE_ID
from contracts.ids import canonical_json
from registry.formats.areas import Area, find_areas
from registry.label_maps.applied import Classes, instance_keys
from registry.reader import ByteImage, Version

GRID = 8
"""Cells of the location grid along each side."""
_REVISION = "1"
"""Of what is measured; another one forgets what was measured before."""
_PENDING_MAX = 200
_LUMA = np.array([0.2126, 0.7152, 0.0722])
"""Rec. 709 weights, over sRGB values as they are stored."""


@dataclass(frozen=True)
class FrameMeasure:
    """One frame in numbers."""

    size: tuple[int, int]
    """Width, height in pixels."""
    ignored: int
    """Pixels without a label."""
    cells: dict[int, list[int]]
    """Pixels by class id, in each of the 64 cells of the grid, row by row."""
    image: dict[str, float]
    """As `VersionStatistics.image`."""
    instances: tuple[tuple[int, int], ...]
    """Class id and pixels of every instance that is left."""


def measure_frame(version: Version, record: FrameRecord, classes: Classes) -> FrameMeasure:
    """Measure a frame as these classes show it.

    Raises:
        IntegrityError: Its bytes are damaged.
    """
    mask, image = classes.read_mask(version, record), version.read_image(record)
    height, width = mask.shape
    rows = np.arange(height) * GRID // height
    columns = np.arange(width) * GRID // width
    keys = mask.astype(np.int32) * GRID**2 + (rows[:, None] * GRID + columns[None, :]).astype(np.int32)
    counts = np.bincount(keys.ravel(), minlength=256 * GRID**2).reshape(256, GRID**2)
    totals = counts.sum(axis=1)
    cells = {int(label): counts[label].tolist() for label in np.flatnonzero(totals) if label != IGNORE_ID}
    areas: list[Area] = []
    if classes.label_map is not None and "instances" in record.files:
        areas = find_areas(instance_keys(mask, version.read_instances(record)))
    instances = _numbered(classes.left(record, areas), classes)
    return FrameMeasure((width, height), int(totals[IGNORE_ID]), cells, _measure_image(image), instances)


def _numbered(instances: Iterable[Instance], classes: Classes) -> tuple[tuple[int, int], ...]:
    ids = {label.name: label.id for label in classes.labels}
    return tuple((ids.get(item.label, IGNORE_ID), item.area_px) for item in instances)


def _measure_image(image: ByteImage) -> dict[str, float]:
    pixels = image.reshape(-1, 3).astype(np.float32) / 255
    luma = pixels @ _LUMA.astype(np.float32)
    high, low = pixels.max(axis=1), pixels.min(axis=1)
    saturation = np.divide(high - low, high, out=np.zeros_like(high), where=high > 0)
    red, green, blue = pixels.mean(axis=0, dtype=np.float64)
    values = {
        "brightness": luma.mean(dtype=np.float64),
        "contrast": luma.std(dtype=np.float64),
        "saturation": saturation.mean(dtype=np.float64),
        "red": red,
        "green": green,
        "blue": blue,
    }
    return {name: round(float(value), 6) for name, value in values.items()}


class MeasureTable:
    """Measures by all that they depend on, in a file that may be deleted at any time.

    Used as a context manager by one thread.

    Args:
        path: The file; made where it is missing, and made anew where it is damaged.
    """

    _opening = threading.Lock()

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._opening:
            try:
                self._connection = _open(path)
            except sqlite3.DatabaseError:
                path.unlink(missing_ok=True)
                self._connection = _open(path)
        self._pending: list[tuple[bytes, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush()  # also what was measured before an interruption
        self._connection.close()

    def measure(self, version: Version, record: FrameRecord, classes: Classes) -> FrameMeasure:
        """As `measure_frame`, or what was found the last time."""
        key = _key(record) + _mapped_key(record, classes)
        row = self._connection.execute("SELECT value FROM measures WHERE key = ?", (key,)).fetchone()
        if row is not None:
            return _decode(json.loads(row[0]), record, classes)
        measured = measure_frame(version, record, classes)
        self._pending.append((key, json.dumps(_encode(measured, classes), separators=(",", ":"))))
        if len(self._pending) >= _PENDING_MAX:
            self._flush()
        return measured

    def _flush(self) -> None:
        if self._pending:
            with self._connection:
                self._connection.executemany("INSERT OR IGNORE INTO measures VALUES (?, ?)", self._pending)
            self._pending.clear()


def forget_measures(path: Path, records: Iterable[FrameRecord]) -> None:
    """Remove what the file remembers of frames, under whatever label map; nothing happens where there is no file."""
    if not path.exists():
        return
    connection = _open(path)
    try:
        with connection:
            connection.execute("PRAGMA secure_delete = ON")
            keys = ((key, key + b"\xff" * 33) for key in map(_key, records))
            connection.executemany("DELETE FROM measures WHERE key BETWEEN ? AND ?", keys)
    finally:
        connection.close()


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60)
    with connection:
        connection.execute("CREATE TABLE IF NOT EXISTS measures (key BLOB PRIMARY KEY, value TEXT) WITHOUT ROWID")
    return connection


def _key(record: FrameRecord) -> bytes:
    """What keys of a frame's measures begin with, under every label map."""
    return hashlib.sha256(f"{_REVISION} {record.files['image']} {record.files['mask']}".encode()).digest()


def _mapped_key(record: FrameRecord, classes: Classes) -> bytes:
    """What else a measure depends on under a label map: the map, the version's labels, and the frame's instances."""
    if classes.label_map is None:
        return b""
    found = record.model_dump(mode="json", include={"instances", "size"})
    return hashlib.sha256(
        canonical_json([classes.digest, record.files.get("instances"), found["instances"], found["size"]])
    ).digest()


def _encode(measure: FrameMeasure, classes: Classes) -> dict[str, Any]:
    """Most cells are empty: the full ones as `index, pixels` in turn. Without a map instances are the record's."""
    cells = {
        label: [number for index, count in enumerate(counts) if count for number in (index, count)]
        for label, counts in measure.cells.items()
    }
    found = {"size": measure.size, "ignored": measure.ignored, "cells": cells, "image": measure.image}
    return found if classes.label_map is None else found | {"instances": measure.instances}


def _decode(value: dict[str, Any], record: FrameRecord, classes: Classes) -> FrameMeasure:
    cells: dict[int, list[int]] = {}
    for label, pairs in value["cells"].items():
        counts = [0] * GRID**2
        for index, count in zip(pairs[::2], pairs[1::2], strict=True):
            counts[index] = count
        cells[int(label)] = counts
    width, height = value["size"]
    if classes.label_map is None:
        instances = _numbered(record.instances, classes)
    else:
        instances = tuple((class_id, area) for class_id, area in value["instances"])
    return FrameMeasure((width, height), value["ignored"], cells, value["image"], instances)
