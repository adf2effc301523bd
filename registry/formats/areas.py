"""Areas of an image on their way out: run lengths and polygons, exact to the pixel. (`regions.py` reads them.)

Run lengths are those of COCO (`rleToString` of its mask API): column by column, zeros and ones in turn, each count from
the fourth on as the difference to the one before the last, five bits a character. They are made for all areas of an
image at once, in time that grows with the pixels and the runs, and not with areas times pixels.

Polygons run along the edges of pixels: x and y count pixels from the top left corner of the image, so that the pixel in
column 3 reaches from 3 to 4. Filled by pixel centres (`fill`), or by the rule of the COCO tools, they give the very
area back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Points = npt.NDArray[np.int32]
"""(N, 2) x, y of a closed polygon's corners."""

_MOST_CHARACTERS = 7
"""Of one count: 35 bits."""


@dataclass(frozen=True)
class Area:
    """The pixels of one image that bear one key."""

    key: int
    area_px: int
    box: tuple[int, int, int, int]
    """x, y, width, height in pixels from the top left corner, half open."""
    counts: str
    """COCO's compressed run lengths."""


def find_areas(keys: npt.NDArray[np.uint32]) -> list[Area]:
    """The areas of all keys but 0, in the order of their keys.

    Args:
        keys: (H, W) uint32.
    """
    height, width = keys.shape
    starts = _run_starts(keys)
    ends = np.append(starts[1:], keys.size)
    columns, rows = np.divmod(starts, height)
    run_keys = keys[rows, columns]
    shown = np.flatnonzero(run_keys)
    if not shown.size:
        return []
    order = shown[np.argsort(run_keys[shown], kind="stable")]
    starts, ends, run_keys = starts[order], ends[order], run_keys[order]
    first = np.concatenate(([0], np.flatnonzero(run_keys[1:] != run_keys[:-1]) + 1))
    # A run that reaches into the next column covers the lowest and the highest row.
    left, right = starts // height, (ends - 1) // height
    whole = left != right
    top, bottom = np.where(whole, 0, starts - left * height), np.where(whole, height - 1, ends - 1 - right * height)
    x0, x1 = np.minimum.reduceat(left, first), np.maximum.reduceat(right, first)
    y0, y1 = np.minimum.reduceat(top, first), np.maximum.reduceat(bottom, first)
    areas = np.add.reduceat(ends - starts, first)
    texts = _encode(starts, ends, first, height * width)
    boxes = np.stack((x0, y0, x1 - x0 + 1, y1 - y0 + 1), axis=1).tolist()
    return [
        Area(key, area, (box[0], box[1], box[2], box[3]), text)
        for key, area, box, text in zip(run_keys[first].tolist(), areas.tolist(), boxes, texts, strict=True)
    ]


def _run_starts(keys: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """Where pixels differ from the one before them, column by column; the first always does.

    Rows are compared as they lie, and only the few places that differ are put in the order of columns: turning the
    whole image takes twice as long.
    """
    height, width = keys.shape
    rows, columns = np.divmod(np.flatnonzero(keys[1:] != keys[:-1]), width)
    tops = np.flatnonzero(keys[0, 1:] != keys[-1, :-1]) + 1
    starts = np.concatenate(([0], tops * height, columns * height + rows + 1))
    starts.sort()
    return starts


def encode(mask: npt.NDArray[np.bool_]) -> str:
    """COCO's compressed run lengths of one (H, W) mask."""
    found = find_areas(mask.astype(np.uint32))
    none = np.zeros(0, np.int64)
    return found[0].counts if found else _encode(none, none, np.zeros(1, np.int64), mask.size)[0]


def _encode(
    starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], first: npt.NDArray[np.int64], pixels: int
) -> list[str]:
    """Texts of several areas.

    Args:
        starts: First pixel of every run, column by column, the areas one after another.
        ends: The pixel after its last one.
        first: Place of every area's first run.
        pixels: Of the image.
    """
    runs = np.diff(np.append(first, len(starts)))
    last_end = ends[first + runs - 1] if len(starts) else np.zeros(1, np.int64)
    open_ended = last_end < pixels
    sizes = 2 * runs + open_ended
    offsets = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    counts = np.empty(int(sizes.sum()), np.int64)
    if len(starts):
        before = np.concatenate(([0], ends[:-1]))
        before[first] = 0
        places = np.repeat(offsets - 2 * first, runs) + 2 * np.arange(len(starts))
        counts[places] = starts - before
        counts[places + 1] = ends - starts
    counts[(offsets + sizes - 1)[open_ended]] = (pixels - last_end)[open_ended]
    values = counts.copy()
    position = np.arange(len(counts)) - np.repeat(offsets, sizes)
    later = np.flatnonzero(position > 2)
    values[later] -= counts[later - 2]
    return _characters(values, offsets)


def _characters(values: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64]) -> list[str]:
    characters = np.zeros((len(values), _MOST_CHARACTERS), np.uint8)
    going = np.ones(len(values), bool)
    used = np.zeros(len(values), np.int64)
    for place in range(_MOST_CHARACTERS):
        five = values & 0x1F
        values = values >> 5
        more = np.where(five & 0x10, values != -1, values != 0)
        characters[:, place] = np.where(going, five + 48 + np.where(more, 0x20, 0), 0)
        used += going
        going = going & more
        if not going.any():
            break
    text = characters[characters != 0].tobytes().decode("ascii")
    length = np.concatenate(([0], np.cumsum(used)))
    return [text[start:end] for start, end in pairwise([*length[offsets].tolist(), int(length[-1])])]


def trace(mask: npt.NDArray[np.bool_], origin: tuple[int, int] = (0, 0)) -> list[Points]:
    """The outlines of an area along the edges of its pixels: of its parts and of their holes.

    Args:
        mask: (H, W).
        origin: x, y of the mask's corner in the image; added to the points.
    """
    # Of an image of twice the size, the even pixels of a contour stand for left and top edges, the odd for the others.
    double = np.repeat(np.repeat(mask.astype(np.uint8), 2, axis=0), 2, axis=1)
    contours, _ = cv2.findContours(double, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [_corners(np.asarray(contour, np.int32)[:, 0]) + np.asarray(origin, np.int32) for contour in contours]


def _corners(doubled: npt.NDArray[np.int32]) -> Points:
    """Points without repetitions and without those on a straight way, from those of an image of twice the size."""
    points = (doubled + 1) // 2
    points = points[np.any(points != np.roll(points, 1, axis=0), axis=1)]
    into, out = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    return np.asarray(points[np.any(into != out, axis=1)], np.int32)


def join(outlines: list[Points]) -> Points:
    """One polygon of the same area: outlines joined by ways of no width, to and fro between nearest corners."""
    ordered = sorted(outlines, key=len, reverse=True)
    whole = ordered[0]
    for outline in ordered[1:]:
        apart, nearest = cKDTree(whole).query(outline, p=1)
        there = int(np.argmin(apart))
        here = int(nearest[there])
        turned = np.roll(outline, -there, axis=0)
        whole = np.concatenate((whole[: here + 1], turned, turned[:1], whole[here:]))
    return whole


def fill(polygons: Sequence[npt.NDArray[Any]], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The pixels whose centre is inside, by the even-odd rule over all polygons together.

    Args:
        polygons: (N, 2) x, y each.
        size: Width, height of the image in pixels.

    Returns:
        (H, W).
    """
    width, height = size
    toggles = np.zeros((height, width + 1), bool)
    for polygon in polygons:
        ends = np.asarray(polygon, np.float64)
        starts = np.roll(ends, 1, axis=0)
        # An edge is the same whichever way it is gone, or ways to and fro would leave a seam.
        upper = np.where((starts[:, 1] <= ends[:, 1])[:, None], starts, ends)
        lower = np.where((starts[:, 1] <= ends[:, 1])[:, None], ends, starts)
        from_row = np.clip(np.ceil(upper[:, 1] - 0.5), 0, height).astype(np.int64)
        to_row = np.clip(np.ceil(lower[:, 1] - 0.5), 0, height).astype(np.int64)
        for edge in np.flatnonzero(to_row > from_row):
            rows = np.arange(from_row[edge], to_row[edge])
            (x0, y0), (x1, y1) = upper[edge], lower[edge]
            crossing = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
            toggles[rows, np.clip(np.ceil(crossing - 0.5), 0, width).astype(np.int64)] ^= True
    return np.asarray(np.logical_xor.accumulate(toggles, axis=1)[:, :width])
