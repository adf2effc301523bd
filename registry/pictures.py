"""Pictures for people: masks in colour, overlays on images, contact sheets with a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID, Label
from registry.formats.png import palette

ByteImage = npt.NDArray[np.uint8]

SHEET_WIDTH_MAX_PX = 1800
"""Contact sheets are about as wide as a screen."""
_PAPER = (255, 255, 255)
_INK = (32, 32, 32)
_FAINT_INK = (112, 112, 112)
_RULE = (208, 208, 208)
_MOUNT = (242, 242, 242)
_GAP_PX = 10
_MARGIN_PX = 16


def colorize(mask: ByteImage, labels: Sequence[Label]) -> ByteImage:
    """A mask in its labels' colours.

    Args:
        mask: (H, W) uint8 label ids, 255 ignore.
        labels: Classes with their colours.

    Returns:
        (H, W, 3) uint8 sRGB; ignored pixels are pale, ids without a label magenta.
    """
    return palette(labels)[mask]


def overlay(image: ByteImage, mask: ByteImage, labels: Sequence[Label], alpha: float = 0.5) -> ByteImage:
    """An image tinted where labels are, with every area's edge drawn in full colour.

    Args:
        image: (H, W, 3) uint8 sRGB.
        mask: (H, W) uint8 label ids, 255 ignore.
        labels: Classes with their colours.
        alpha: Strength of the tint, 0 to 1.

    Returns:
        (H, W, 3) uint8 sRGB; background stays as it is, ignored pixels are hatched.
    """
    colors = colorize(mask, labels)
    strength = np.where(mask == BACKGROUND_ID, 0.0, alpha).astype(np.float32)
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    ignored = mask == IGNORE_ID
    strength[ignored] = np.broadcast_to(np.where((rows + columns) % 6 < 2, 0.8, 0.15), mask.shape)[ignored]
    strength[_edges(mask)] = 1.0
    tinted = image + (colors.astype(np.float32) - image) * strength[..., None]
    return np.clip(tinted + 0.5, 0, 255).astype(np.uint8)


def contact_sheet(
    frames: Sequence[tuple[ByteImage, ByteImage]],
    labels: Sequence[Label],
    *,
    captions: Sequence[str] | None = None,
    title: str = "",
    columns: int | None = None,
    cell_width_px: int | None = None,
    alpha: float = 0.5,
) -> ByteImage:
    """Overlays of many frames on one sheet, captioned, with a legend of the classes that appear.

    Args:
        frames: (image, mask) of every frame, as `overlay` takes them; sizes may differ.
        labels: Classes with their colours.
        captions: A line above every frame; its place from 0 when not given.
        title: A line above all.
        columns: Frames in a row; chosen for a sheet of pleasant shape when not given.
        cell_width_px: Width of a frame on the sheet; chosen when not given.
        alpha: Strength of the tint, 0 to 1.

    Returns:
        (H, W, 3) uint8 sRGB.

    Raises:
        ValueError: There are no frames, or not one caption for each.
    """
    if not frames:
        raise ValueError("a contact sheet needs at least one frame")
    if captions is None:
        captions = [f"frame {place}" for place in range(len(frames))]
    if len(captions) != len(frames):
        raise ValueError(f"{len(captions)} captions for {len(frames)} frames")
    aspect = float(np.median([image.shape[0] / image.shape[1] for image, _ in frames]))
    columns = columns or _pleasant_columns(len(frames), aspect)
    if cell_width_px is None:
        available = (SHEET_WIDTH_MAX_PX - 2 * _MARGIN_PX - (columns - 1) * _GAP_PX) // columns
        cell_width_px = max(96, min(available, max(max(image.shape[1] for image, _ in frames), 240)))
    cell = (cell_width_px, max(1, round(cell_width_px * aspect)))
    width = 2 * _MARGIN_PX + columns * cell[0] + (columns - 1) * _GAP_PX
    caption_px = 14 if cell[0] < 200 else 16
    line_px = caption_px + 6
    rows = math.ceil(len(frames) / columns)
    legend = _legend(frames, labels, width - 2 * _MARGIN_PX)
    top = _MARGIN_PX + (34 if title else 0)
    height = top + rows * (line_px + cell[1] + _GAP_PX) + _GAP_PX + legend.height + _MARGIN_PX
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((_MARGIN_PX, _MARGIN_PX - 2), _shortened(title, width - 2 * _MARGIN_PX, 22), _INK, _font(22))
    for place, ((image, mask), caption) in enumerate(zip(frames, captions, strict=True)):
        left = _MARGIN_PX + place % columns * (cell[0] + _GAP_PX)
        upper = top + place // columns * (line_px + cell[1] + _GAP_PX)
        draw.text((left, upper), _shortened(caption, cell[0], caption_px), _FAINT_INK, _font(caption_px))
        picture = _fitted(image, mask, labels, alpha, cell)
        draw.rectangle((left, upper + line_px, left + cell[0] - 1, upper + line_px + cell[1] - 1), _MOUNT)
        offset = ((cell[0] - picture.width) // 2, (cell[1] - picture.height) // 2)
        sheet.paste(picture, (left + offset[0], upper + line_px + offset[1]))
    upper = top + rows * (line_px + cell[1] + _GAP_PX)
    draw.line((_MARGIN_PX, upper, width - _MARGIN_PX, upper), _RULE)
    sheet.paste(legend, (_MARGIN_PX, upper + _GAP_PX))
    return np.array(sheet, dtype=np.uint8)


def _fitted(
    image: ByteImage, mask: ByteImage, labels: Sequence[Label], alpha: float, cell: tuple[int, int]
) -> Image.Image:
    """The overlay at the largest size that fits the cell. The mask is scaled before edges are drawn, so that they stay
    one pixel wide at every scale."""
    height, width = mask.shape
    scale = min(cell[0] / width, cell[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image_filter = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST
    scaled_image = np.array(Image.fromarray(image).resize(size, image_filter), dtype=np.uint8)
    scaled_mask = np.array(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST), dtype=np.uint8)
    return Image.fromarray(overlay(scaled_image, scaled_mask, labels, alpha))


def _legend(frames: Sequence[tuple[ByteImage, ByteImage]], labels: Sequence[Label], width: int) -> Image.Image:
    """Swatches with the names of the classes that appear, and in how many frames they do."""
    counts = np.zeros(256, np.int64)
    for _, mask in frames:
        counts += np.bincount(mask.ravel(), minlength=256) > 0
    colors = palette(labels)
    names = {label.id: label.name for label in labels} | {IGNORE_ID: "ignored"}
    entries = [
        (colors[number], f"{names.get(int(number), f'id {number}, no label')} ({counts[number]} of {len(frames)})")
        for number in np.flatnonzero(counts)
        if number != BACKGROUND_ID
    ]
    absent = [label.name for label in labels if label.id != BACKGROUND_ID and not counts[label.id]]
    font, swatch, row_px = _font(16), 16, 26
    places: list[tuple[int, int]] = []
    left, row = 0, 0
    for _, text in entries:
        extent = swatch + 8 + math.ceil(font.getlength(text)) + 24
        if left and left + extent - 24 > width:
            left, row = 0, row + 1
        places.append((left, row * row_px))
        left += extent
    rows = row + 1 if entries else 0
    legend = Image.new("RGB", (width, max(1, rows + bool(absent)) * row_px), _PAPER)
    draw = ImageDraw.Draw(legend)
    for (color, text), (x, y) in zip(entries, places, strict=True):
        fill = (int(color[0]), int(color[1]), int(color[2]))
        draw.rectangle((x, y + 3, x + swatch, y + 3 + swatch), fill, _FAINT_INK)
        draw.text((x + swatch + 8, y + 2), text, _INK, font)
    if absent:
        text = _shortened(f"in no frame here: {', '.join(absent)}", width, 14)
        draw.text((0, rows * row_px + 3), text, _FAINT_INK, _font(14))
    return legend


def _edges(mask: ByteImage) -> npt.NDArray[np.bool_]:
    """Labelled pixels with a neighbour of another label."""
    padded = np.pad(mask, 1, mode="edge")
    centre = padded[1:-1, 1:-1]
    neighbours = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    differs = np.logical_or.reduce([centre != neighbour for neighbour in neighbours])
    result: npt.NDArray[np.bool_] = differs & (mask != BACKGROUND_ID) & (mask != IGNORE_ID)
    return result


def _pleasant_columns(count: int, aspect: float) -> int:
    """Columns that bring the sheet nearest to 3:2, with as few empty places as that allows."""

    def cost(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log((columns / (rows * aspect)) / 1.5)) + 2.0 * (rows * columns - count) / count

    return min(range(1, min(count, 8) + 1), key=cost)


def _shortened(text: str, width_px: int, size_px: int) -> str:
    font = _font(size_px)
    if font.getlength(text) <= width_px:
        return text
    while text and font.getlength(text + "…") > width_px:
        text = text[:-1]
    return text.rstrip() + "…"


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)
