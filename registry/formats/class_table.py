"""Class tables of mask folders: which id is which class."""

from __future__ import annotations

import json
import re
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
    return ClassTable(labels, lookup)


def _identifier(path: Path, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or not re.fullmatch(r"[0-9]{1,3}", str(value)):
        raise _invalid(path, f"{value!r} is not an id from 0 to 255")
    if int(value) > 255:
        raise _invalid(path, f"id {value} is above 255")
    return int(value)


def _label_name(path: Path, value: Any) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", value) if isinstance(value, str) else ""
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
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
