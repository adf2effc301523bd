"""Opening the job database: SQLite with a write-ahead log, or any other database that SQLAlchemy speaks to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, make_url

from contracts.errors import ConflictError
from registry.database import translated_errors

_BUSY_TIMEOUT_S = 30


class Database:
    """A migrated database with explicit transactions.

    Args:
        url: SQLAlchemy URL.

    Raises:
        ConflictError: A newer Beltline wrote it.
        StorageError: It can't be opened.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = create_engine(url, pool_pre_ping=True)
        path = make_url(url).database
        with translated_errors(f"open the job database {self._engine.url.render_as_string()}"):
            if self._engine.dialect.name == "sqlite" and path:
                _prepare_sqlite(self._engine)
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                with FileLock(f"{path}.lock", timeout=_BUSY_TIMEOUT_S * 4):  # two processes may come first
                    self._migrate()
            else:
                self._migrate()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view; nothing is written."""
        with (
            translated_errors("read the job database"),
            self._engine.connect() as connection,
            connection.execution_options(reading=True).begin(),
        ):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, or rolled back by an exception."""
        with translated_errors("write the job database"), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        scripts = ScriptDirectory.from_config(config)
        with self._engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_revision()
        if present == scripts.get_current_head():
            return
        if present is not None and present not in {script.revision for script in scripts.walk_revisions()}:
            raise ConflictError(
                f"the job database has revision {present}, which this Beltline does not know",
                code="jobs_too_new",
                hint="it was written by a newer Beltline: upgrade this one",
            )
        if self._engine.dialect.name == "sqlite":
            _keep_a_write_ahead_log(self._engine)
        with self._engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_S * 1000}")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _keep_a_write_ahead_log(engine: Engine) -> None:
    """Let readers read while one writes. Switching needs the database for itself and no transaction; it stays."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.close()
    finally:
        connection.close()
