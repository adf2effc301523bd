"""Opening a database: SQLite or PostgreSQL, brought to the newest revision by whoever comes first.

The catalog is one; the service's job table (`server.jobs.database`) is another. On PostgreSQL both may lie in one
database, each with a table of its own that says which revision it has.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from contracts.errors import BeltlineError, CapabilityMissingError, ConfigurationError, ConflictError, StorageError

BUSY_TIMEOUT_S = 30.0
"""How long a writer waits for another one."""
_UPGRADE_LOCK_KEY = 0x62656C74
"""PostgreSQL advisory lock held while upgrading."""
_FULL = {"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"}
"""What SQLite calls a full disk: where it writes the database, and where it grows the index of the write-ahead log."""
_DRIVER = "postgresql+pg8000"


@dataclass(frozen=True)
class Schema:
    """Tables that belong together, and the revisions that lead to them."""

    what: str
    """As errors call it, such as `catalog`."""
    migrations: Path
    """Alembic's folder; its `env.py` takes connection and version table from the configuration's attributes."""
    version_table: str
    """Where a shared database keeps the revision; a SQLite file holds one schema, and keeps it in Alembic's own."""
    too_new_code: str
    """Code of the error for a database that a newer Beltline wrote."""


CATALOG = Schema("catalog", Path(__file__).parent / "migrations", "alembic_version", "catalog_too_new")


def open_database(url: str, schema: Schema = CATALOG) -> Engine:
    """Connect to a database and bring it to the newest revision; safe when several processes do so at once.

    Args:
        url: A SQLAlchemy URL, such as `sqlite:////data/catalog.db` or `postgresql://user@host/name`. The
            password of PostgreSQL comes from the environment, `PGPASSWORD`.
        schema: The tables.

    Raises:
        ConfigurationError: The URL is not one.
        CapabilityMissingError: Its driver is not installed.
        ConflictError: It was written by a newer Beltline.
        StorageError: The database can't be opened.
    """
    parsed = parse_database_url(url, schema.what)
    backend = parsed.get_backend_name()
    try:
        engine = engine_of(parsed)
    except (ArgumentError, NoSuchModuleError) as error:
        raise _not_a_url(url, schema.what, error) from None
    except ImportError as error:
        raise CapabilityMissingError(
            f"the {schema.what} is on {backend}, whose driver is not installed: {error}",
            hint="pip install 'beltline[postgresql]'" if parsed.drivername == _DRIVER else f"use {_DRIVER}://…",
        ) from None
    try:
        with translated_errors(f"open the {schema.what} {parsed.render_as_string()}"):
            _upgrade_when_needed(engine, schema, _prepare_sqlite(engine) if backend == "sqlite" else None)
    except BaseException:
        engine.dispose()
        raise
    return engine


def parse_database_url(url: str, what: str = "database") -> URL:
    """A database's URL in its parts; `postgresql://` is taken with the driver that Beltline installs.

    Raises:
        ConfigurationError: It is not one of SQLite or PostgreSQL.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except ArgumentError as error:
        raise _not_a_url(url, what, error) from None
    if backend not in ("sqlite", "postgresql"):
        raise _not_a_url(url, what, f"{backend} is neither sqlite nor postgresql")
    return parsed.set(drivername=_DRIVER) if parsed.drivername == "postgresql" else parsed


def engine_of(url: URL) -> Engine:
    """Connections to a database as it is. PostgreSQL's password comes from the environment."""
    if url.get_backend_name() == "sqlite":
        return create_engine(url)
    # Where the server asks for a password that is not there, it shall be the server that says so.
    return create_engine(url, pool_pre_ping=True, connect_args={"password": os.environ.get("PGPASSWORD", "")})


def _not_a_url(url: str, what: str, reason: object) -> ConfigurationError:
    return ConfigurationError(
        f"'{url}' is not a {what}: {reason}",
        code=f"invalid_{what.replace(' ', '_')}_url",
        hint=f"write sqlite:////folder/file.db or {_DRIVER}://user@host/name",
    )


@contextmanager
def translated_errors(action: str) -> Iterator[None]:
    """Turn the database's refusals into a StorageError that says what was tried."""
    try:
        yield
    except BeltlineError:
        raise
    except (DBAPIError, sqlite3.Error, OSError, TimeoutError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        message = _what_it_said(cause)
        if getattr(cause, "sqlite_errorname", "") in _FULL:
            message += ": no space left"
        full = "full" in message or "no space" in message.lower()
        raise StorageError(
            f"can't {action}: {message}",
            hint="free disk space, then repeat" if full else "check that the database is there and can be written",
            context={"reason": "no_space" if full else "database"},
        ) from error


def _what_it_said(cause: BaseException | None) -> str:
    """A driver's error in words: PostgreSQL's comes as its fields, of which `M` is the message."""
    fields = cause.args[0] if cause is not None and cause.args else None
    return str(fields.get("M", fields) if isinstance(fields, dict) else cause).strip()


def writing(engine: Engine) -> Engine:
    """The engine for transactions that write: on SQLite they take the write lock at once, and so never deadlock."""
    return engine.execution_options(takes_write_lock=True)


def reading(engine: Engine) -> Engine:
    """The engine for transactions that only read: all that one sees is of one moment, as on SQLite by itself."""
    if engine.dialect.name != "postgresql":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _prepare_sqlite(engine: Engine) -> FileLock | None:
    """Set up connections and folder; the lock that whoever upgrades the file holds."""
    _listen_to_sqlite(engine)
    if not engine.url.database or engine.url.database == ":memory:":
        return None
    path = Path(engine.url.database).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path.with_name(f".{path.name}.lock"), timeout=BUSY_TIMEOUT_S * 4)


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


def _upgrade_when_needed(engine: Engine, schema: Schema, lock: FileLock | None) -> None:
    scripts = ScriptDirectory.from_config(_configuration(schema))
    with engine.connect() as connection:
        if _revision(connection, schema) == scripts.get_current_head():
            return
    if lock is not None:
        with lock:
            _keep_a_write_ahead_log(engine)
            _upgrade(engine, schema, scripts)
    else:
        _upgrade(engine, schema, scripts)


def _keep_a_write_ahead_log(engine: Engine) -> None:
    """Let readers read while one writes. Switching needs the database for itself and no transaction; it stays."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.close()
    finally:
        connection.close()


def _upgrade(engine: Engine, schema: Schema, scripts: ScriptDirectory, target: str = "head") -> None:
    with writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK_KEY})
        present = _revision(connection, schema)
        known = {script.revision for script in scripts.walk_revisions()}
        if present is not None and present not in known:
            raise ConflictError(
                f"the {schema.what} has revision {present}, which this Beltline does not know",
                code=schema.too_new_code,
                hint="it was written by a newer Beltline: upgrade this one",
            )
        configuration = _configuration(schema)
        configuration.attributes["connection"] = connection
        configuration.attributes["version_table"] = _version_table(connection, schema)
        command.upgrade(configuration, target)


def _revision(connection: Connection, schema: Schema) -> str | None:
    options = {"version_table": _version_table(connection, schema)}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def _version_table(connection: Connection, schema: Schema) -> str:
    return "alembic_version" if connection.dialect.name == "sqlite" else schema.version_table


def _configuration(schema: Schema) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(schema.migrations).replace("%", "%%"))
    configuration.set_main_option("path_separator", "os")
    return configuration
