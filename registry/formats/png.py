"""PNG files as the registry writes them: the same pixels always give the same bytes with one version of the codec."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from contracts.frame_spec import IGNORE_ID, Label

IGNORE_COLOR = (224, 224, 192)
"""Of pixels to ignore, as in PASCAL VOC."""

_INDEXED = 3


def encode_rgb(pixels: npt.NDArray[np.uint8]) -> bytes:
    """An (H, W, 3) uint8 sRGB image as PNG without metadata."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def encode_indexed(mask: npt.NDArray[np.uint8], labels: Sequence[Label]) -> bytes:
    """An (H, W) uint8 label mask as an indexed PNG with the labels' colours."""
    picture = Image.fromarray(mask)
    picture.putpalette(palette(labels).tobytes())
    stream = io.BytesIO()
    # Without `bits`, the depth follows from the palette: 8, so that ids stay bytes.
    picture.save(stream, "PNG", compress_level=3)
    return stream.getvalue()


def encode_short(pixels: npt.NDArray[np.uint16]) -> bytes:
    """An (H, W) uint16 image, such as an instance mask, as 16-bit grey PNG."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=3)
    return stream.getvalue()


def palette(labels: Sequence[Label]) -> npt.NDArray[np.uint8]:
    """Colours by label id, (256, 3) uint8 sRGB; ids without a label are magenta, 255 is pale."""
    colors = np.empty((256, 3), np.uint8)
    colors[:] = (255, 0, 255)
    colors[IGNORE_ID] = IGNORE_COLOR
    for label in labels:
        colors[label.id] = label.color
    return colors


def is_indexed(data: bytes) -> bool:
    """Whether a PNG's colour type is indexed."""
    return header(data)[1] == _INDEXED


def header(data: bytes) -> tuple[int, int]:
    """Bit depth and colour type of a PNG (0 grey, 2 RGB, 3 indexed, 4 and 6 with alpha); (0, 0) for other data."""
    if len(data) < 26 or data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        return 0, 0
    return data[24], data[25]
