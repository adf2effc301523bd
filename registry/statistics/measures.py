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

from contracts.frame import FrameRecord
from contracts.frame_spec import IGNORE_ID
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
    """Pixels by label id, in each of the 64 cells of the grid, row by row."""
    image: dict[str, float]
    """As `VersionStatistics.image`."""


def measure_frame(version: Version, record: FrameRecord) -> FrameMeasure:
    """Measure a frame.

    Raises:
        IntegrityError: Its bytes are damaged.
    """
    mask, image = version.read_mask(record), version.read_image(record)
    height, width = mask.shape
    rows = np.arange(height) * GRID // height
    columns = np.arange(width) * GRID // width
    keys = mask.astype(np.int32) * GRID**2 + (rows[:, None] * GRID + columns[None, :]).astype(np.int32)
    counts = np.bincount(keys.ravel(), minlength=256 * GRID**2).reshape(256, GRID**2)
    totals = counts.sum(axis=1)
    cells = {int(label): counts[label].tolist() for label in np.flatnonzero(totals) if label != IGNORE_ID}
    return FrameMeasure((width, height), int(totals[IGNORE_ID]), cells, _measure_image(image))


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
    """Measures by the digests of image and mask, in a file that may be deleted at any time.

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

    def measure(self, version: Version, record: FrameRecord) -> FrameMeasure:
        """As `measure_frame`, or what was found the last time."""
        key = _key(record)
        row = self._connection.execute("SELECT value FROM measures WHERE key = ?", (key,)).fetchone()
        if row is not None:
            return _decode(json.loads(row[0]))
        measured = measure_frame(version, record)
        self._pending.append((key, json.dumps(_encode(measured), separators=(",", ":"))))
        if len(self._pending) >= _PENDING_MAX:
            self._flush()
        return measured

    def _flush(self) -> None:
        if self._pending:
            with self._connection:
                self._connection.executemany("INSERT OR IGNORE INTO measures VALUES (?, ?)", self._pending)
            self._pending.clear()


def forget_measures(path: Path, records: Iterable[FrameRecord]) -> None:
    """Remove what the file remembers of frames; nothing happens where there is no file."""
    if not path.exists():
        return
    connection = _open(path)
    try:
        with connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.executemany("DELETE FROM measures WHERE key = ?", ((_key(record),) for record in records))
    finally:
        connection.close()


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60)
    with connection:
        connection.execute("CREATE TABLE IF NOT EXISTS measures (key BLOB PRIMARY KEY, value TEXT) WITHOUT ROWID")
    return connection


def _key(record: FrameRecord) -> bytes:
    return hashlib.sha256(f"{_REVISION} {record.files['image']} {record.files['mask']}".encode()).digest()


def _encode(measure: FrameMeasure) -> dict[str, Any]:
    """Most cells are empty: the full ones as `index, pixels` in turn."""
    cells = {
        label: [number for index, count in enumerate(counts) if count for number in (index, count)]
        for label, counts in measure.cells.items()
    }
    return {"size": measure.size, "ignored": measure.ignored, "cells": cells, "image": measure.image}


def _decode(value: dict[str, Any]) -> FrameMeasure:
    cells: dict[int, list[int]] = {}
    for label, pairs in value["cells"].items():
        counts = [0] * GRID**2
        for index, count in zip(pairs[::2], pairs[1::2], strict=True):
            counts[index] = count
        cells[int(label)] = counts
    width, height = value["size"]
    return FrameMeasure((width, height), value["ignored"], cells, value["image"])
