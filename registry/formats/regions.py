"""Areas of an image as other formats write them: run lengths, polygons, curves, boxes.

Polygons are filled by the rule of the COCO tools, so that an area here is the area there. Whatever comes from a file is
checked before it reaches a library: sums of runs, finite numbers, and nothing outside the image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from registry.formats.photographs import Refused

Bits = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]

BEZIER_STEPS = 16
"""Straight pieces that a cubic curve is drawn as."""
_REACH_PX = 1.0
"""Points this far outside are rounding, not worth a word."""
_CURVE = 3


@dataclass(frozen=True)
class Region:
    """The pixels of one thing, cut to their bounding box."""

    x: int
    y: int
    bits: Bits
    """(h, w); the box's top left corner is at (x, y)."""

    @property
    def area_px(self) -> int:
        return int(self.bits.sum())

    @property
    def place(self) -> tuple[slice, slice]:
        """Where it lies in the image's arrays."""
        return slice(self.y, self.y + self.bits.shape[0]), slice(self.x, self.x + self.bits.shape[1])


def region_of(bits: npt.NDArray[Any]) -> Region | None:
    """The pixels that are set in an (H, W) array; none where there are none."""
    rows = np.flatnonzero(bits.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(bits.any(axis=0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    return Region(left, top, np.array(bits[top:bottom, left:right], dtype=bool))


def decode_run_lengths(value: Any, width: int, height: int) -> Bits:
    """A COCO run-length encoding, compressed (a string) or not (a list).

    Args:
        value: `{"size": [height, width], "counts": …}`.
        width: Of the image, pixels.
        height: Of the image, pixels.

    Returns:
        (height, width) bool.

    Raises:
        Refused: Of another size, or its runs don't fill the image.
    """
    size, counts = (value.get("size"), value.get("counts")) if isinstance(value, dict) else (None, None)
    if size != [height, width]:
        raise Refused(f"its run lengths are of size {size}, the image is [{height}, {width}] (height, width)")
    runs = _parse_compressed(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or any(type(run) is not int or run < 0 for run in runs):
        raise Refused("its run lengths are neither a string nor a list of counts from 0")
    if sum(runs) != width * height:
        raise Refused(f"its run lengths add up to {sum(runs)} pixels, the image has {width * height}")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def _parse_compressed(text: str) -> list[int]:
    """Counts of a compressed encoding: little groups of 5 bits, from the third on as differences to two before."""
    runs: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 60:
            raise Refused("its compressed run lengths are damaged")
        value |= (code & 0x1F) << shift
        shift += 5
        if not code & 0x20:
            if code & 0x10:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift:
        raise Refused("its compressed run lengths end too early")
    return runs


def points_of(value: Any) -> Points:
    """A polygon's points from `[x, y, x, y, …]` or `[[x, y], …]`.

    Returns:
        (N, 2) float64, N at least 3.

    Raises:
        Refused: Fewer than three points, or anything but finite numbers.
    """
    try:
        points = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise Refused("its polygon is not a list of numbers") from None
    if points.size % 2 or points.ndim not in (1, 2) or (points.ndim == 2 and points.shape[1] != 2):
        raise Refused("its polygon is not a list of x, y pairs")
    points = points.reshape(-1, 2)
    if not np.isfinite(points).all():
        raise Refused("its polygon has coordinates that are not finite")
    if len(points) < 3:
        raise Refused(f"its polygon has {len(points)} points; it takes 3")
    return points


def reaches_out(points: Points, width: int, height: int) -> bool:
    """Whether points lie more than a pixel outside an image."""
    low, high = points.min(axis=0), points.max(axis=0)
    return bool((low < -_REACH_PX).any() or high[0] > width + _REACH_PX or high[1] > height + _REACH_PX)


def fill_polygons(polygons: Sequence[Points], width: int, height: int) -> Bits:
    """The union of polygons, cut at the image's border.

    Args:
        polygons: (N, 2) float64 each, pixels; (0, 0) is the image's top left corner.
        width: Of the image, pixels.
        height: Of the image, pixels.

    Returns:
        (height, width) bool.
    """
    inside = [clipped for clipped in (clip_polygon(points, width, height) for points in polygons) if len(clipped) >= 3]
    if not inside:
        return np.zeros((height, width), bool)
    encoded = coco_mask.frPyObjects([points.ravel().tolist() for points in inside], height, width)
    filled: Bits = coco_mask.decode(coco_mask.merge(encoded)).astype(bool)
    return filled


def clip_polygon(points: Points, width: int, height: int) -> Points:
    """A polygon cut at the image's border (Sutherland and Hodgman, 1974)."""
    for axis, limit, sign in ((0, 0.0, 1.0), (0, float(width), -1.0), (1, 0.0, 1.0), (1, float(height), -1.0)):
        if not len(points):
            break
        inside = sign * (points[:, axis] - limit) >= 0
        if inside.all():
            continue
        following = np.roll(points, -1, axis=0)
        crosses = inside != np.roll(inside, -1)
        kept: list[npt.NDArray[np.float64]] = []
        for point, after, is_inside, crossing in zip(points, following, inside, crosses, strict=True):
            if is_inside:
                kept.append(point)
            if crossing:
                share = (limit - point[axis]) / (after[axis] - point[axis])
                cut = point + share * (after - point)
                cut[axis] = limit
                kept.append(cut)
        points = np.array(kept).reshape(-1, 2)
    return points


def flatten_curve(points: Points, types: str) -> Points:
    """A closed outline of straight lines and cubic Bézier curves, as straight lines.

    Args:
        points: (N, 2) vertices and control points in order.
        types: `L` for a vertex and `C` for a point of a curve, one a point: three `C` in a row are the two control
            points and the end of a curve that starts at the vertex before.

    Raises:
        Refused: As many letters as points are missing, or curves are not of three points.
    """
    if len(types) != len(points) or set(types) - {"L", "C"}:
        raise Refused(f"its outline has {len(points)} points and the types '{types[:40]}'")
    if "C" not in types:
        return points
    start = types.find("L")
    if start < 0:
        raise Refused("its outline is all control points")
    points, types = np.roll(points, -start, axis=0), types[start:] + types[:start]
    outline: list[npt.NDArray[np.float64]] = []
    share = np.linspace(0, 1, BEZIER_STEPS + 1)[1:, None]
    place = 0
    while place < len(types):
        if types[place] == "L":
            outline.append(points[place])
            place += 1
            continue
        if types[place : place + _CURVE] != "C" * _CURVE:
            raise Refused("its curves are not of three points each")
        begin, (one, two, end) = outline[-1], points[place : place + _CURVE]
        outline.extend(
            (1 - share) ** 3 * begin + 3 * (1 - share) ** 2 * share * one + 3 * (1 - share) * share**2 * two
            + share**3 * end
        )  # fmt: skip
        place += _CURVE
    return np.array(outline)


def pixel_box(left: float, top: float, right: float, bottom: float, width: int, height: int) -> tuple[int, ...] | None:
    """The pixels that a box touches, cut at the image's border.

    Returns:
        x, y, width, height; none where it lies outside or is empty.

    Raises:
        Refused: It is not of finite numbers, or turned inside out.
    """
    if not all(math.isfinite(value) for value in (left, top, right, bottom)):
        raise Refused("its box is not of finite numbers")
    if right < left or bottom < top:
        raise Refused("its box has a negative width or height")
    # A thousandth of a pixel is rounding of decimals, not a pixel more.
    x, y = max(0, math.floor(left + 1e-3)), max(0, math.floor(top + 1e-3))
    x_end, y_end = min(width, math.ceil(right - 1e-3)), min(height, math.ceil(bottom - 1e-3))
    return (x, y, x_end - x, y_end - y) if x_end > x and y_end > y else None
