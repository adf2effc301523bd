"""Which files are images and masks, and the table that says which group an image belongs to."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from contracts.document import read_file
from contracts.errors import ConfigurationError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
MASK_SUFFIXES = (".png",)


def load_groups(path: Path) -> dict[str, str]:
    """Read a CSV of `file_name,group`.

    Raises:
        NotFoundError: There is no such file.
        ConfigurationError: Other columns, an empty cell, or a file in two groups.
    """
    groups: dict[str, str] = {}
    try:
        rows = csv.DictReader(io.StringIO(read_file(path).removeprefix("\ufeff"), newline=""), strict=True)
        if not {"file_name", "group"} <= set(rows.fieldnames or ()):
            raise _invalid_groups(f"{path}:1: the columns are {rows.fieldnames}, not file_name and group")
        for row in rows:
            name, group = (row["file_name"] or "").strip(), (row["group"] or "").strip()
            if not name or not group:
                raise _invalid_groups(f"{path}:{rows.line_num}: an empty cell")
            if groups.setdefault(name, group) != group:
                raise _invalid_groups(f"{path}:{rows.line_num}: {name} is in two groups, {groups[name]} and {group}")
    except csv.Error as error:
        raise _invalid_groups(f"{path}: not a CSV file: {error}") from None
    return groups


def _invalid_groups(message: str) -> ConfigurationError:
    return ConfigurationError(message, code="invalid_groups", hint="write a CSV with the columns file_name,group")
