"""The databases that the same tests run over: SQLite, and PostgreSQL on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgresql_server import PostgresqlServer, find_binaries, running_server

BACKENDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server for the whole session, started when a test first asks for it."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (on Debian or Ubuntu: apt-get install postgresql)")
    with running_server(binaries) as server:
        yield server


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of a database that is not there yet (SQLite) or empty (PostgreSQL); the test runs on both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'databases' / 'test.db'}"
    return new_postgresql(request, monkeypatch)


@pytest.fixture
def postgresql_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of an empty database on PostgreSQL."""
    return new_postgresql(request, monkeypatch)


def new_postgresql(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of an empty database on PostgreSQL; the environment holds its password while the test runs."""
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server.new_database()
