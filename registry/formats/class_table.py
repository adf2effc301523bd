"""Class tables of mask folders: which id is which class."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.document import read_file
from contracts.errors import ConfigurationError
from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID, Label
from contracts.generator import palette_color

MAXIMUM_TABLE_BYTES = 1 << 20
_LABEL_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class ClassTable:
    """Classes of imported masks, and how their ids become label ids."""

    labels: tuple[Label, ...]
    """Background first, with id 0."""
    lookup: npt.NDArray[np.int16]
    """(256,) label id by source id; -1 where the table has no such id."""
    colored: frozenset[int]
    """Ids of the labels whose colour the table gives; the others' are chosen here."""

    def unknown_ids(self, mask: npt.NDArray[np.uint8]) -> list[int]:
        """Ids of a mask that the table does not hold."""
        present = np.flatnonzero(np.bincount(mask.ravel(), minlength=256))
        return [int(number) for number in present if self.lookup[number] < 0]


def load_class_table(path: Path) -> ClassTable:
    """Read a class table from a JSON file.

    `{"classes": {"0": "background", "1": "mirror"}, "ignore_index": 11}`, `["background", "mirror"]`, or the
    `labels.json` of a raw export. 255 is always to be ignored, and so is `ignore_index`. Names become lower case with
    underscores (`SignSymbol` is sign_symbol). Label 0 is background everywhere: where a table uses id 0 for another
    class, all classes move up by one.

    Raises:
        NotFoundError: There is no such file.
        ConfigurationError: It is not a class table.
    """
    text = read_file(path)
    if len(text) > MAXIMUM_TABLE_BYTES:
        raise _invalid(path, "larger than 1 MiB")
    try:
        return _build(path, json.loads(text))
    except (json.JSONDecodeError, RecursionError) as error:
        raise _invalid(path, f"not valid JSON: {error}") from None


def _build(path: Path, value: Any) -> ClassTable:
    ignored = {IGNORE_ID}
    if isinstance(value, dict):
        if "ignore_index" in value:
            ignored.add(_identifier(path, value["ignore_index"]))
        value = value.get("classes")
    names: dict[int, str] = {}
    colors: dict[int, tuple[int, int, int]] = {}
    if isinstance(value, dict):
        entries = [(_identifier(path, key), name) for key, name in value.items()]
    elif isinstance(value, list):
        entries = []
        for place, item in enumerate(value):
            if isinstance(item, dict):
                number = _identifier(path, item.get("id"))
                entries.append((number, item.get("name")))
                if item.get("color") is not None:
                    colors[number] = _color(path, item["color"])
            else:
                entries.append((_identifier(path, place), item))
    else:
        raise _invalid(path, 'neither {"classes": {"0": "background", …}} nor a list of names')
    for number, name in entries:
        if number in names:
            raise _invalid(path, f"id {number} stands twice")
        if number not in ignored:
            names[number] = _label_name(path, name)
    shift = 0 if names.get(BACKGROUND_ID, "background") == "background" else 1
    names = {number + shift: name for number, name in sorted(names.items())} | (
        {} if BACKGROUND_ID in names and not shift else {BACKGROUND_ID: "background"}
    )
    return _finish(path, names, {number + shift: color for number, color in colors.items()}, ignored, shift)


def _finish(
    path: Path, names: dict[int, str], colors: dict[int, tuple[int, int, int]], ignored: set[int], shift: int
) -> ClassTable:
    if len(set(names.values())) != len(names):
        twice = sorted({name for name in names.values() if list(names.values()).count(name) > 1})
        raise _invalid(path, f"names that stand twice: {', '.join(twice)}")
    if len(names) < 2:
        raise _invalid(path, "no class beside background")
    if max(names) >= IGNORE_ID:
        raise _invalid(path, f"more than {IGNORE_ID - 1} classes")
    labels = tuple(
        Label(id=number, name=name, color=colors.get(number) or palette_color(number))
        for number, name in sorted(names.items())
    )
    lookup = np.full(256, -1, np.int16)
    for number in names:
        if number - shift >= 0:
            lookup[number - shift] = number
    lookup[list(ignored)] = IGNORE_ID
    return ClassTable(labels, lookup, frozenset(colors))


@dataclass(frozen=True)
class Classes:
    """Classes of a source that names or numbers them, and how its names and numbers become label ids."""

    labels: tuple[Label, ...]
    """Background first, with id 0."""
    by_number: Mapping[int, int]
    """Label id by the source's number of the class; 255 where it is to be ignored."""
    by_name: Mapping[str, int]
    """Label id by name of the label."""

    def of_name(self, text: Any) -> int | None:
        """Label id of a class as the source writes its name; none where there is no such class."""
        return self.by_name.get(plain_name(text)) if isinstance(text, str) else None

    def name_of(self, label_id: int) -> str:
        """Name of a label."""
        return next(label.name for label in self.labels if label.id == label_id)


def classes_of(
    where: str | Path, names: Mapping[int, Any], *, table: Path | None, colors: Mapping[int, Any] | None = None
) -> Classes:
    """The classes of a source.

    Numbers become label ids where they fit: label 0 is background everywhere, so where a source uses 0 for another
    class, all move up by one; where they reach above 254, classes are counted from 1 in the order of their numbers.

    Args:
        where: What errors call the source.
        names: The source's own names by number.
        table: A class table that stands instead of the source's own.
        colors: sRGB by number.

    Raises:
        ConfigurationError: Names are missing, not usable or stand twice, or there are more than 254.
        NotFoundError: There is no such table.
    """
    if table is not None:
        read = load_class_table(table)
        numbers = {number: int(label) for number, label in enumerate(read.lookup) if label >= 0}
        return Classes(read.labels, numbers, {label.name: label.id for label in read.labels})
    path = Path(where)
    known = {number: _label_name(path, name) for number, name in sorted(names.items())}
    background = [number for number, name in known.items() if name == "background"]
    others = [number for number, name in known.items() if name != "background"]
    if not others:
        raise _invalid(path, "no class beside background")
    if len(others) > IGNORE_ID - 1:
        raise _invalid(path, f"{len(others)} classes; at most {IGNORE_ID - 1}")
    shift = 0 if min(others) > BACKGROUND_ID else 1 - min(others)
    fits = max(others) + shift < IGNORE_ID
    ids = {number: number + shift if fits else place for place, number in enumerate(others, 1)}
    by_name = {known[number]: label_id for number, label_id in ids.items()}
    if len(by_name) != len(others):
        twice = sorted({known[number] for number in others if list(known.values()).count(known[number]) > 1})
        raise _invalid(path, f"names that stand twice: {', '.join(twice)}")
    labels = [Label(id=BACKGROUND_ID, name="background", color=(0, 0, 0))]
    for number, label_id in ids.items():
        color = (colors or {}).get(number) or palette_color(label_id)
        labels.append(Label(id=label_id, name=known[number], color=color))
    return Classes(
        tuple(labels),
        ids | dict.fromkeys(background, BACKGROUND_ID),
        by_name | {"background": BACKGROUND_ID},
    )


def plain_name(text: str) -> str:
    """A class name as labels have it: lower case with underscores."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def _identifier(path: Path, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or not re.fullmatch(r"[0-9]{1,3}", str(value)):
        raise _invalid(path, f"{value!r} is not an id from 0 to 255")
    if int(value) > 255:
        raise _invalid(path, f"id {value} is above 255")
    return int(value)


def _label_name(path: Path, value: Any) -> str:
    name = plain_name(value) if isinstance(value, str) else ""
    if not _LABEL_PATTERN.fullmatch(name):
        raise _invalid(path, f"{value!r} gives no class name (a letter, then up to 62 letters, digits, underscores)")
    return name


def _color(path: Path, value: Any) -> tuple[int, int, int]:
    if isinstance(value, list) and len(value) == 3 and all(type(item) is int and 0 <= item <= 255 for item in value):
        return value[0], value[1], value[2]
    raise _invalid(path, f"{value!r} is not a colour: three bytes")


def _invalid(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"class table {path}: {reason}",
        code="invalid_class_table",
        hint='write {"classes": {"0": "background", "1": "…"}} or a list of names',
    )
