"""The files of a frame as PNG, with the same bytes everywhere."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

from contracts.errors import RenderError
from contracts.frame_spec import Label

_SIGNATURE_AND_HEADER = 8 + 25
_COLOUR_TYPE_PALETTE = 3


def encode_rgb(image: NDArray[np.uint8]) -> bytes:
    """PNG of an (H, W, 3) uint8 RGB image, compressed fast."""
    return _encode(np.ascontiguousarray(image[:, :, ::-1]))


def encode_grey(image: NDArray[np.uint16]) -> bytes:
    """PNG of an (H, W) uint16 image, 16-bit grey."""
    return _encode(image)


def encode_indexed(mask: NDArray[np.uint8], labels: tuple[Label, ...]) -> bytes:
    """PNG of an (H, W) uint8 label mask with the labels' colours as its palette; 255, no label, is white.

    A palette image and a grey image of the same bytes differ only in the header and the palette chunk, so the deflate
    stream comes from the same encoder as all others.
    """
    grey = _encode(mask)
    header = bytearray(grey[16:29])
    header[9] = _COLOUR_TYPE_PALETTE
    palette = np.zeros((256, 3), np.uint8)
    palette[255] = 255
    for label in labels:
        palette[label.id] = label.color
    return grey[:8] + _chunk(b"IHDR", bytes(header)) + _chunk(b"PLTE", palette.tobytes()) + grey[_SIGNATURE_AND_HEADER:]


def _encode(image: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    strategy = cv2.IMWRITE_PNG_STRATEGY_DEFAULT
    encoded, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, strategy])
    if not encoded:
        raise RenderError(f"an image of shape {image.shape} can't be encoded as PNG", code="internal")
    return bytes(data)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
