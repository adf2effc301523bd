"""The job database: opened as the catalog is (`registry.database`), with transactions that write one after another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from registry.database import Schema, open_database, reading, translated_errors, writing

JOBS = Schema("job database", Path(__file__).parent / "migrations", "jobs_alembic_version", "jobs_too_new")
_WRITE_LOCK_KEY = 0x6A6F6273
"""PostgreSQL advisory lock of whoever writes. SQLite has one writer at a time by itself; with the same here, what holds
there (no lost update, one first answer for a key) holds on both."""


class Database:
    """A migrated database with explicit transactions.

    Args:
        url: SQLAlchemy URL, as `open_database`.

    Raises:
        ConfigurationError, CapabilityMissingError, ConflictError, StorageError: As `open_database`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = open_database(url, JOBS)
        self._reading = reading(self._engine)
        self._writing = writing(self._engine)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view; nothing is written."""
        with translated_errors("read the job database"), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, or rolled back by an exception."""
        with translated_errors("write the job database"), self._writing.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITE_LOCK_KEY})
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()
