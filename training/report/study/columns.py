"""Tables as CSV and as Parquet: what the trainer has of pyarrow stands here."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import pyarrow
import pyarrow.parquet

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
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    arrays = [pyarrow.array(values, type=_type(values)) for values in columns.values()]
    table = pyarrow.Table.from_arrays(arrays, names=list(columns)).replace_schema_metadata(dict(about))
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def _type(values: Sequence[Value]) -> pyarrow.DataType:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool} and kinds:
        return pyarrow.bool_()
    if kinds <= {int} and kinds:
        return pyarrow.int64()
    if kinds <= {int, float} and kinds:
        return pyarrow.float64()
    return pyarrow.string()
