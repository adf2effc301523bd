"""Tables as CSV and as Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from registry.parquet import parquet_bytes

Value = str | int | float | bool | None
Rows = Sequence[Mapping[str, Value]]


def as_csv(rows: Rows) -> bytes:
    """Rows as CSV (RFC 4180, UTF-8) with a line of names; empty where a value is none.

    Args:
        rows: All with the same names, in the same order; at least one.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows: Rows, about: Mapping[str, str]) -> bytes:
    """Rows as a Parquet file; a column is text, whole numbers, numbers or truth values, and null where a value is none.

    Args:
        rows: All with the same names, in the same order; at least one.
        about: Said in the file's metadata.
    """
    columns = {name: _kind([row[name] for row in rows]) for name in rows[0]}
    return parquet_bytes(columns, rows, {name: text.encode() for name, text in about.items()})


def _kind(values: Sequence[Value]) -> str:
    types = {type(value) for value in values if value is not None}
    for name, known in (("bool", {bool}), ("int64", {int}), ("float64", {int, float})):
        if types and types <= known:
            return name
    return "string"
