"""Decoding other people's images and masks: strictly, with everything but the pixels left behind."""

from __future__ import annotations

import io
import os
import stat
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from contracts.camera import MAXIMUM_SIDE_PX
from registry.durable import storage_error
from registry.formats.png import header

MAXIMUM_FILE_BYTES = 256 << 20
_GREY = 0
_RGBA = 6
_INDEXED = 3
_DECODING_ERRORS = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
)


class Refused(Exception):  # noqa: N818 - a reason on its way into a report, not an error of its own
    """Why a file can't be taken."""


def read_source(path: Path, most_bytes: int = MAXIMUM_FILE_BYTES) -> bytes:
    """The bytes of a file that somebody wants imported.

    Raises:
        Refused: It is not there, no plain file, too large, or not ours to read.
        StorageError: The disk fails.
    """
    try:
        # Without blocking: a pipe would wait for a writer that never comes.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise Refused("it is not a file")
            if state.st_size > most_bytes:
                raise Refused(f"{state.st_size} bytes; at most {most_bytes}")
            return file.read()
    except FileNotFoundError:
        raise Refused("it is not there") from None
    except IsADirectoryError:
        raise Refused("it is not a file") from None
    except PermissionError:
        raise Refused("can't be read: permission denied") from None
    except OSError as error:
        raise storage_error(error, f"read {path}") from error


def decode_image(data: bytes) -> npt.NDArray[np.uint8]:
    """An image, turned upright as its EXIF orientation says.

    Returns:
        (H, W, 3) uint8 sRGB.

    Raises:
        Refused: Not a whole JPEG or PNG, too large, or not 8-bit grey or RGB.
    """
    with _opened(data, ("JPEG", "PNG")) as picture:
        depth, _ = header(data)
        if depth == 16 or picture.mode not in ("RGB", "L", "P", "1", "RGBA", "LA"):
            raise Refused(f"its pixels are {picture.mode}, {depth or 8} bits; convert it to 8-bit RGB")
        upright = ImageOps.exif_transpose(picture)
        if "A" in upright.getbands() or "transparency" in upright.info:
            upright = upright.convert("RGBA")
            if upright.getchannel("A").getextrema()[0] != 255:
                raise Refused("it has transparent pixels; convert it to RGB")
        return np.array(upright.convert("RGB"), dtype=np.uint8)


def decode_mask(data: bytes) -> npt.NDArray[np.uint8]:
    """A mask of class ids.

    Returns:
        (H, W) uint8 ids as stored.

    Raises:
        Refused: Not a whole PNG, or neither indexed nor 8-bit grey.
    """
    depth, color = header(data)
    if depth == 0:
        raise Refused("it is not a PNG")
    # Grey of fewer bits would be stretched to bytes on decoding, which changes ids; indices are not.
    if not (color == 3 or (color == 0 and depth == 8)):
        kinds = {0: "grey", 2: "RGB", 4: "grey with alpha", 6: "RGB with alpha"}
        raise Refused(
            f"it is {kinds.get(color, 'unknown')}, {depth} bits; a mask is indexed or 8-bit grey, of class ids"
        )
    with _opened(data, ("PNG",)) as picture:
        return np.array(picture, dtype=np.uint8)


def decode_ids(data: bytes) -> npt.NDArray[np.int32]:
    """A mask of ids of 8 or 16 bits.

    Returns:
        (H, W) int32 ids as stored.

    Raises:
        Refused: Not a whole PNG, or neither indexed nor grey of 8 or 16 bits.
    """
    depth, color = header(data)
    if depth == 0:
        raise Refused("it is not a PNG")
    if not (color == _INDEXED or (color == _GREY and depth in (8, 16))):
        raise Refused(f"it is not indexed, nor grey of 8 or 16 bits: colour type {color}, {depth} bits")
    with _opened(data, ("PNG",)) as picture:
        return np.array(picture).astype(np.int32)


def decode_colors(data: bytes, *, with_alpha: bool = False) -> npt.NDArray[np.uint8]:
    """A mask of colours, exactly as stored.

    Args:
        data: The file.
        with_alpha: Whether the file must have four channels.

    Returns:
        (H, W, 4) uint8 red, green, blue, alpha.

    Raises:
        Refused: Not a whole PNG of 8 bits with colours.
    """
    depth, color = header(data)
    if depth == 0:
        raise Refused("it is not a PNG")
    if not (depth == 8 or color == _INDEXED) or color == _GREY or (with_alpha and color != _RGBA):
        raise Refused(f"it is no picture of 8-bit colours: colour type {color}, {depth} bits")
    with _opened(data, ("PNG",)) as picture:
        return np.array(picture.convert("RGBA"), dtype=np.uint8)


def _opened(data: bytes, formats: tuple[str, ...]) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(data), formats=formats)
        if max(picture.size) > MAXIMUM_SIDE_PX:
            raise Refused(f"{picture.width}x{picture.height} px; at most {MAXIMUM_SIDE_PX} px a side")
        picture.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused(f"it has far too many pixels; at most {MAXIMUM_SIDE_PX} px a side") from None
    except UnidentifiedImageError:
        raise Refused(f"not an image ({' or '.join(formats)})") from None
    except _DECODING_ERRORS as error:
        raise Refused(f"damaged: {error}") from None
    return picture
