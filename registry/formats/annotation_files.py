"""Reading other people's annotation files: JSON that may be broken, and lists of files in folders."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from registry.formats.file_list import FileList, list_folder, matched
from registry.formats.findings import Findings
from registry.formats.importing import Origin
from registry.formats.mask_folders import IMAGE_SUFFIXES
from registry.formats.photographs import Refused, read_source

MAXIMUM_DOCUMENT_BYTES = 2 << 30
"""Largest JSON file that describes a whole dataset; it is read at once."""
MAXIMUM_FRAME_BYTES = 64 << 20
"""Largest JSON or text file that describes one image."""


def read_json(path: Path, most_bytes: int = MAXIMUM_FRAME_BYTES) -> Any:
    """The value of a JSON file.

    Raises:
        Refused: It can't be read, or is no JSON with finite numbers.
    """
    data = read_source(path, most_bytes)
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise Refused(f"not valid JSON: {error}") from None
    except UnicodeDecodeError as error:
        raise Refused(f"not a text file: {error}") from None
    except (RecursionError, ValueError) as error:
        raise Refused(f"not valid JSON: {error}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def read_text(path: Path) -> str:
    """The text of a file that describes one image.

    Raises:
        Refused: It can't be read, or is not UTF-8.
    """
    try:
        return read_source(path, MAXIMUM_FRAME_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"not a text file: {error}") from None


def list_of(value: Any, key: str) -> list[Any]:
    """The list under a key, empty where there is none.

    Raises:
        Refused: `value` is no object, or has something else there.
    """
    if not isinstance(value, dict):
        raise Refused("it is not a JSON object")
    found = value.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise Refused(f"'{key}' is not a list")
    return found


def finite(value: Any, count: int, what: str) -> list[float]:
    """A list of finite numbers.

    Raises:
        Refused: It is none, or not of that length.
    """
    if (
        not isinstance(value, list | tuple)
        or len(value) != count
        or any(isinstance(item, bool) or not isinstance(item, int | float) for item in value)
    ):
        raise Refused(f"its {what} is not {count} numbers")
    try:
        numbers = [float(item) for item in value]
    except OverflowError:
        numbers = [math.inf]
    if not all(math.isfinite(item) for item in numbers):
        raise Refused(f"its {what} is not of finite numbers")
    return numbers


def files_below(
    origin: Origin, folder: Path, suffixes: tuple[str, ...], findings: Findings, *, flat: bool = False
) -> FileList:
    """Files of some kinds in a folder and the folders in it, by path without suffix relative to the folder.

    Hidden files are passed over; links that lead out are faults; other files are listed as not taken.

    Args:
        origin: What was asked for.
        folder: The folder.
        suffixes: Of the files, in lower case.
        findings: What does not fit is noted here.
        flat: Whether folders in it and other files are faults.
    """
    found = FileList(folder, origin.scratch)
    last: tuple[str, Path] | None = None
    for key, path in list_folder(folder, origin.scratch, deep=not flat):
        where = origin.relative(path)
        if not origin.is_inside(path):
            findings.fault(where, "is a link that leads out of the imported folder")
        elif not path.is_file():
            findings.fault(where, "is not a file" + (f"; folders inside {folder.name}/ are not read" if flat else ""))
        elif path.suffix.lower() not in suffixes:
            what = f"is none of {', '.join(suffixes)}"
            if flat:
                findings.fault(where, what)
            else:
                findings.leave_out(where, "other_file", what)
        elif last is not None and key == last[0]:
            findings.fault(where, f"has the same stem as {last[1].name}")
        else:
            last = key, path
            found.add(key, path)
    return found


def pairs(
    origin: Origin,
    findings: Findings,
    what: str,
    images: FileList,
    annotations: FileList,
    *more: Iterable[tuple[str, Path]],
) -> Iterator[tuple[str, Path, Path, tuple[Path | None, ...]]]:
    """Images with their annotations, by the key that both have; one without the other is a fault.

    Args:
        origin: What was asked for.
        findings: Faults are noted here.
        what: An annotation, in a word.
        images: The images.
        annotations: What each image needs.
        more: What an image may have.

    Yields:
        Key, image, annotation, and the file of each further list or none.
    """
    for key, (image, annotation, *further) in matched(images, annotations, *more):
        if image is not None and annotation is not None:
            yield key, image, annotation, tuple(further)
        elif image is not None:
            findings.fault(origin.relative(image), f"has no {what}")
        elif annotation is not None:
            findings.fault(origin.relative(annotation), "has no image")


def images_below(origin: Origin, folder: Path, findings: Findings) -> FileList:
    """As `files_below`, for images."""
    return files_below(origin, folder, IMAGE_SUFFIXES, findings)
