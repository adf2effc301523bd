"""Opening the catalog's database: SQLite or PostgreSQL, brought to the newest revision by whoever comes first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from contracts.errors import BeltlineError, ConfigurationError, ConflictError, StorageError

BUSY_TIMEOUT_S = 30.0
"""How long a writer waits for another one."""
_UPGRADE_LOCK_KEY = 0x62656C74
"""PostgreSQL advisory lock held while upgrading."""


def open_database(url: str) -> Engine:
    """Connect to a catalog and bring it to the newest revision; safe when several processes do so at once.

    Args:
        url: A SQLAlchemy URL, such as `sqlite:////data/catalog.db` or `postgresql+psycopg://host/name`.

    Raises:
        ConfigurationError: The URL is not one, or its driver is not installed.
        ConflictError: The catalog was written by a newer Beltline.
        StorageError: The database can't be opened.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        engine = create_engine(parsed, pool_pre_ping=backend != "sqlite")
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ConfigurationError(
            f"'{url}' is not a catalog: {error}",
            code="invalid_catalog_url",
            hint="write sqlite:////folder/catalog.db or postgresql+psycopg://user@host/name",
        ) from None
    with translated_errors(f"open the catalog {parsed.render_as_string()}"):
        if backend != "sqlite":
            _upgrade_when_needed(engine, None)
            return engine
        _listen_to_sqlite(engine)
        lock: FileLock | None = None
        if parsed.database and parsed.database != ":memory:":
            path = Path(parsed.database).absolute()
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=BUSY_TIMEOUT_S * 4)
        _upgrade_when_needed(engine, lock)
    return engine


@contextmanager
def translated_errors(action: str) -> Iterator[None]:
    """Turn the database's refusals into a StorageError that says what was tried."""
    try:
        yield
    except BeltlineError:
        raise
    except (DBAPIError, sqlite3.Error, OSError, TimeoutError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        message = str(cause).strip()
        full = "full" in message or "No space" in message
        raise StorageError(
            f"can't {action}: {message}",
            hint="free disk space, then repeat" if full else "check that the database is there and can be written",
            context={"reason": "no_space" if full else "database"},
        ) from error


def writing(engine: Engine) -> Engine:
    """The engine for transactions that write: on SQLite they take the write lock at once, and so never deadlock."""
    return engine.execution_options(takes_write_lock=True)


def _listen_to_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so, also around CREATE TABLE
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT_S * 1000)}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("takes_write_lock")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _upgrade_when_needed(engine: Engine, lock: FileLock | None) -> None:
    scripts = ScriptDirectory.from_config(_configuration())
    newest = scripts.get_current_head()
    if _revision(engine) == newest:
        return
    if lock is not None:
        with lock:
            _keep_a_write_ahead_log(engine)
            _upgrade(engine, scripts)
    else:
        _upgrade(engine, scripts)


def _keep_a_write_ahead_log(engine: Engine) -> None:
    """Let readers read while one writes. Switching needs the database for itself and no transaction; it stays."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.close()
    finally:
        connection.close()


def _upgrade(engine: Engine, scripts: ScriptDirectory) -> None:
    with writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK_KEY})
        present = MigrationContext.configure(connection).get_current_revision()
        known = {script.revision for script in scripts.walk_revisions()}
        if present is not None and present not in known:
            raise ConflictError(
                f"the catalog has revision {present}, which this Beltline does not know",
                code="catalog_too_new",
                hint="it was written by a newer Beltline: upgrade this one",
            )
        configuration = _configuration()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    configuration.set_main_option("path_separator", "os")
    return configuration
