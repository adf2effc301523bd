"""What photographs say of how they were taken: the EXIF fields that an import keeps on request, as parameters.

Tags, types and units are those of Exif 2.32 (CIPA DC-008-2019, sections 4.6.4 to 4.6.6). Whatever is not listed here is
never kept: serial numbers, owner and artist, comments, maker notes, thumbnails, XMP and IPTC.
"""

from __future__ import annotations

import io
import math
import re
import struct
from collections.abc import Callable, Collection, Mapping
from typing import Any

from PIL import ExifTags, Image

from contracts.import_report import MetadataKind

_WORD_MAX = 100
"""Characters of a word that is kept."""
_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"[+-]\d\d:\d\d")
_NOT_SET = re.compile(r"[\s:0]*")
"""What cameras write where they do not know the time."""
_Tags = Mapping[int, Any]


def read_metadata(data: bytes, kinds: Collection[MetadataKind]) -> tuple[dict[str, float | str], list[str]]:
    """The asked kinds of EXIF fields of an image.

    Args:
        data: A JPEG or PNG that can be decoded.
        kinds: Which; none of any other kind is looked at.

    Returns:
        Parameters by name, such as `exif.focal_length_mm`, in alphabetical order, and the names of fields that are
        there and can't be read, each with the reason.
    """
    found: dict[str, float | str] = {}
    unread: list[str] = []
    if not kinds:
        return found, unread
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            main = picture.getexif()
            details = main.get_ifd(ExifTags.IFD.Exif)
            place = main.get_ifd(ExifTags.IFD.GPSInfo) if "place" in kinds else {}
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error) as error:
        return {}, [f"EXIF can't be read: {error}"]
    for kind in sorted(set(kinds)):
        for name, read, tag in _FIELDS[kind]:
            tags = place if kind == "place" else {**main, **details}
            if tag not in tags:
                continue
            try:
                value = read(tags, tag)
            except (ValueError, TypeError, ArithmeticError, LookupError, UnicodeError):
                unread.append(f"exif.{name} can't be read: {str(tags[tag])[:_WORD_MAX]!r}")
                continue
            if value is not None:
                found[f"exif.{name}"] = value
    return dict(sorted(found.items())), unread


def _word(tags: _Tags, tag: int) -> str | None:
    text = tags[tag].decode("ascii") if isinstance(tags[tag], bytes) else tags[tag]
    if not isinstance(text, str) or len(text) > 10 * _WORD_MAX:
        raise ValueError
    text = " ".join(text.replace("\0", " ").split())
    if not text.isprintable() or len(text) > _WORD_MAX:
        raise ValueError
    return text or None


def _positive(tags: _Tags, tag: int) -> float | None:
    value = tags[tag][0] if isinstance(tags[tag], tuple) else tags[tag]
    number = float(value)
    if not math.isfinite(number) or number < 0:
        raise ValueError
    return number or None  # 0 says that it is not known


def _time(tags: _Tags, tag: int) -> str | None:
    text = _word(tags, tag) or ""
    if _NOT_SET.fullmatch(text):
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError
    year, month, day, hour, minute, second = match.groups()
    offset = _word(tags, _OFFSET_TAG) if _OFFSET_TAG in tags else None
    known = offset if offset is not None and _OFFSET.fullmatch(offset) else ""
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{known}"


def _angle(tags: _Tags, tag: int, reference: int, directions: str, most: float) -> float:
    degrees, minutes, seconds = (float(part) for part in tags[tag])
    sign = {directions[0]: 1, directions[1]: -1}[str(tags[reference]).strip("\0 ").upper()]
    value = sign * (degrees + minutes / 60 + seconds / 3600)
    if not abs(value) <= most:
        raise ValueError
    return round(value, 7)  # a centimetre


def _latitude(tags: _Tags, tag: int) -> float:
    return _angle(tags, tag, ExifTags.GPS.GPSLatitudeRef, "NS", 90)


def _longitude(tags: _Tags, tag: int) -> float:
    return _angle(tags, tag, ExifTags.GPS.GPSLongitudeRef, "EW", 180)


def _altitude(tags: _Tags, tag: int) -> float:
    height = float(tags[tag])
    if not math.isfinite(height):
        raise ValueError
    return -height if tags.get(ExifTags.GPS.GPSAltitudeRef) in (1, b"\x01") else height


_OFFSET_TAG = ExifTags.Base.OffsetTimeOriginal
_Read = Callable[[_Tags, int], float | str | None]
_FIELDS: dict[MetadataKind, tuple[tuple[str, _Read, int], ...]] = {
    "camera": (
        ("make", _word, ExifTags.Base.Make),
        ("model", _word, ExifTags.Base.Model),
        ("lens_model", _word, ExifTags.Base.LensModel),
    ),
    "exposure": (
        ("exposure_time_s", _positive, ExifTags.Base.ExposureTime),
        ("f_number", _positive, ExifTags.Base.FNumber),
        ("focal_length_mm", _positive, ExifTags.Base.FocalLength),
        ("focal_length_35mm_equivalent_mm", _positive, ExifTags.Base.FocalLengthIn35mmFilm),
        ("iso", _positive, ExifTags.Base.ISOSpeedRatings),
    ),
    "time": (("taken_at", _time, ExifTags.Base.DateTimeOriginal),),
    "place": (
        ("latitude_deg", _latitude, ExifTags.GPS.GPSLatitude),
        ("longitude_deg", _longitude, ExifTags.GPS.GPSLongitude),
        ("altitude_m", _altitude, ExifTags.GPS.GPSAltitude),
    ),
}
