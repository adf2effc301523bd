"""Parquet files, by pyarrow.

A kind of values is written as `int64`, `float64`, `bool`, `string`, `binary` and the like, a list of a kind as
`["int32"]`, named ones together as `{"bytes": "binary", "path": "string"}`; every value may be none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

Kind = str | list[Any] | dict[str, Any]
Columns = Mapping[str, Kind]


class ParquetFile:
    """A file that rows are appended to, a group of them at a time. Nothing is kept of those that were written.

    Args:
        path: The file.
        columns: Kind of values by name, in order.
        about: Said in the file's metadata.

    Raises:
        OSError: It can't be written, here or later.
    """

    def __init__(self, path: Path, columns: Columns, about: Mapping[str, bytes]) -> None:
        self._schema = _schema(columns, about)
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema, use_dictionary=False)

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows as one group."""
        self._writer.write_table(pyarrow.Table.from_pylist(list(rows), schema=self._schema))

    def close(self) -> None:
        """Write what a reader begins with; there is no file before."""
        self._writer.close()


def parquet_bytes(columns: Columns, rows: Sequence[Mapping[str, Any]], about: Mapping[str, bytes]) -> bytes:
    """A small table as the bytes of a file; arguments as of `ParquetFile` and its `write`."""
    table = pyarrow.Table.from_pylist(list(rows), schema=_schema(columns, about))
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def _schema(columns: Columns, about: Mapping[str, bytes]) -> pyarrow.Schema:
    return pyarrow.schema([(name, _type(kind)) for name, kind in columns.items()], metadata=dict(about))


def _type(kind: Kind) -> pyarrow.DataType:
    if isinstance(kind, dict):
        return pyarrow.struct([(name, _type(value)) for name, value in kind.items()])
    if isinstance(kind, list):
        return pyarrow.list_(_type(kind[0]))
    return pyarrow.type_for_alias(kind)
