"""The catalog: numbers under names, with several processes at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from registry_homes import manifest
from sqlalchemy import text

from contracts.errors import ConfigurationError, ConflictError, NotFoundError, StorageError
from contracts.ids import VersionReference, canonical_json, digest_of
from registry import catalog as catalog_module
from registry import database
from registry.catalog import Catalog
from registry.database import open_database
from registry.tables import Base


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "catalog.db"


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    with Catalog(url) as opened:
        yield opened


def in_processes(count: int, script: str, *arguments: object) -> list[str]:
    """Output of `count` processes that run a script at the same time."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    running = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        for number in range(count)
    ]
    outputs = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * count, b"".join(error for _, error in outputs).decode()
    return [output.decode() for output, _ in outputs]


def test_versions_are_numbered_from_one_under_their_name(catalog: Catalog) -> None:
    first = catalog.add("belt", manifest(1), description="first", operation={"seconds": 1.5})
    second = catalog.add("belt", manifest(2))
    other = catalog.add("car", manifest(1))
    assert [(item.name, item.version) for item in (first, second, other)] == [("belt", 1), ("belt", 2), ("car", 1)]
    assert catalog.names() == ["belt", "car"]
    assert (first.aliases, second.aliases) == (("latest",), ("latest",))
    first = first.model_copy(update={"aliases": ()})
    assert catalog.versions("belt") == [first, second]
    assert catalog.latest("belt") == second
    assert catalog.resolve("belt@2") == second.digest == digest_of(canonical_json(manifest(2)))
    assert catalog.describe(VersionReference("belt", 1)) == first
    assert catalog.manifest("belt@1") == manifest(1)
    assert [str(reference) for reference, _ in catalog.all_versions()] == ["belt@1", "belt@2", "car@1"]


def test_a_description_tells_what_is_in_the_manifest_and_what_is_beside_it(catalog: Catalog) -> None:
    made = catalog.add("belt", manifest(0), description="first try", operation={"player_starts": 2})
    assert made.description == "first try"
    assert made.operation == {"player_starts": 2}
    assert made.seed == 0
    assert made.splits == {"train": 1}
    assert made.created_at.endswith("Z")
    assert made.created_at.startswith("20")


def test_the_same_content_under_one_name_is_the_version_that_is_there(catalog: Catalog) -> None:
    first = catalog.add("belt", manifest(1), description="kept")
    assert catalog.add("belt", manifest(1), description="ignored", operation={"attempts": 2}) == first
    assert len(catalog.versions("belt")) == 1


def test_what_is_unknown_is_named_with_the_nearest(catalog: Catalog) -> None:
    with pytest.raises(NotFoundError, match="there are no datasets yet"):
        catalog.versions("belt")
    catalog.add("belt-g3", manifest(1))
    for call in (catalog.versions, catalog.latest, lambda name: catalog.resolve(f"{name}@1")):
        with pytest.raises(NotFoundError, match=r"no dataset 'belt-g4'.*did you mean 'belt-g3'"):
            call("belt-g4")
    with pytest.raises(NotFoundError, match=r"no version belt-g3@2.*versions 1 to 1"):
        catalog.describe("belt-g3@2")
    with pytest.raises(ConfigurationError, match="name@number"):
        catalog.resolve("belt-g3")


@pytest.mark.parametrize("name", ["../evil", "", "a/b", "A", "a" * 65, ".hidden", "a\n"])
def test_an_unsafe_name_is_refused_and_changes_nothing(catalog: Catalog, name: str) -> None:
    with pytest.raises(ConfigurationError):
        catalog.add(name, manifest(1))
    assert catalog.names() == []


def test_a_catalog_is_kept(url: str) -> None:
    with Catalog(url) as first:
        made = first.add("belt", manifest(1))
    with Catalog(url) as second:
        assert second.describe("belt@1") == made


def test_the_migrations_make_what_the_tables_say(catalog: Catalog, url: str) -> None:
    engine = open_database(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_readers_read_while_one_writes(catalog: Catalog, url: str) -> None:
    catalog.add("belt", manifest(1))
    with catalog.steady():
        assert catalog.names() == ["belt"]
        with Catalog(url) as another:
            assert another.names() == ["belt"]


def test_publishers_of_one_name_at_once_all_get_a_number_of_their_own(url: str) -> None:
    script = (
        "import sys\n"
        "from registry.catalog import Catalog\n"
        "from registry_homes import manifest\n"
        "with Catalog(sys.argv[1]) as catalog:\n"
        "    for number in range(6):\n"
        "        print(catalog.add('belt', manifest(100 * int(sys.argv[2]) + number)).version)\n"
    )
    outputs = in_processes(4, script, url)  # the catalog is made by whoever comes first
    numbers = sorted(int(line) for output in outputs for line in output.split())
    assert numbers == list(range(1, 25))


def test_publishers_of_the_same_content_at_once_get_the_same_version(url: str) -> None:
    script = (
        "import sys\n"
        "from registry.catalog import Catalog\n"
        "from registry_homes import manifest\n"
        "with Catalog(sys.argv[1]) as catalog:\n"
        "    print([catalog.add('belt', manifest(seed)).version for seed in (5, 6, 7)])\n"
    )
    assert set(in_processes(4, script, url)) == {"[1, 2, 3]\n"}


def test_a_collision_that_the_database_reports_is_tried_again(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.add("belt", manifest(1))
    real = catalog_module.func.max
    stale = iter([True])
    monkeypatch.setattr(
        catalog_module.func, "max", lambda column: real(column) - 1 if next(stale, False) else real(column)
    )
    assert catalog.add("belt", manifest(2)).version == 2


def test_a_catalog_of_a_newer_release_is_refused_with_a_remedy(catalog: Catalog, url: str) -> None:
    with catalog.changing("pretend") as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConflictError, match="upgrade"):
        Catalog(url)


def test_an_interrupted_creation_is_completed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import os, signal, sys\n"
        "from alembic import op\n"
        "from registry.catalog import Catalog\n"
        "real = op.create_table\n"
        "def create(name, *columns):\n"
        "    if name == 'versions':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    real(name, *columns)\n"
        "op.create_table = create\n"
        "Catalog(sys.argv[1])\n"
    )
    assert subprocess.run([sys.executable, "-c", script, url], check=False).returncode == -9
    with Catalog(url) as catalog:
        assert catalog.add("belt", manifest(1)).version == 1


@pytest.mark.parametrize("url", ["nonsense", "nosuchdb:///x", "postgresql+nosuchdriver://host/db"])
def test_a_url_that_is_no_catalog_is_bad_input(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a catalog"):
        Catalog(url)


def test_a_file_that_is_no_database_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(StorageError, match="not a database"):
        Catalog(f"sqlite:///{tmp_path / 'catalog.db'}")


def test_a_locked_database_is_a_storage_error_after_the_wait(
    sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.2)
    with Catalog(f"sqlite:///{sqlite_path}") as catalog:
        blocker = sqlite3.connect(sqlite_path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            catalog.add("belt", manifest(1))
        blocker.close()
        assert catalog.names() == []
