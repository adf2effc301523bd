"""Trying whether a store and a database far away work, without leaving anything there."""

from __future__ import annotations

import secrets
import time

from sqlalchemy import text

from contracts.errors import IntegrityError
from registry.database import engine_of, parse_database_url, translated_errors
from registry.remote import RemoteFiles


def try_store(url: str) -> float:
    """Write a file, find it, read it and remove it.

    Args:
        url: An fsspec URL.

    Returns:
        Seconds.

    Raises:
        StorageError: The store refuses.
        CapabilityMissingError: What its protocol needs is not installed.
        IntegrityError: It does not give back what it was given.
    """
    files = RemoteFiles(url)
    folder, name, data = f"{files.root}/doctor", secrets.token_hex(8), secrets.token_bytes(4096)
    path = f"{folder}/{name}"
    began = time.monotonic()
    files.write(path, data)
    try:
        if files.read(path) != data or name not in files.names(folder):
            raise IntegrityError(f"{path}: the store does not give back what was written", hint="use another store")
    finally:
        files.remove(path)
    return time.monotonic() - began


def try_database(url: str) -> str:
    """Connect, and ask for the server's name and version; nothing is made or brought to a newer revision.

    Raises:
        StorageError: The server refuses, or is not there.
        ConfigurationError, CapabilityMissingError: As `open_database`.
    """
    parsed = parse_database_url(url)
    engine = engine_of(parsed)
    try:
        with translated_errors(f"reach the database {parsed.render_as_string()}"), engine.connect() as connection:
            return str(connection.execute(text("SELECT version()")).scalar_one())
    finally:
        engine.dispose()
