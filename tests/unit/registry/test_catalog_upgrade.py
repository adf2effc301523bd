"""Catalogs of earlier revisions, brought to the newest with all that they hold; on SQLite and PostgreSQL."""

from __future__ import annotations

from alembic.script import ScriptDirectory
from registry_homes import manifest
from sqlalchemy import Connection, text

from contracts.ids import VersionReference, canonical_json, digest_of
from registry import database
from registry.catalog import Catalog
from registry.database import CATALOG
from registry.naming import change_version, find_alias

BELT_1, BELT_2 = VersionReference("belt", 1), VersionReference("belt", 2)
THEN = "2025-03-01 08:00:00+00:00"


def fill_first_revision(connection: Connection) -> None:
    """belt@1, belt@2 and car@1, as the first release wrote them."""

    def insert(table: str, **values: object) -> None:
        names = ", ".join(values)
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES (:{', :'.join(values)})"), values)

    for seed in (1, 2, 3):
        document = canonical_json(manifest(seed)).decode()
        insert("manifests", digest=digest_of(document.encode()), document=document)
    for name in ("belt", "car"):
        insert("datasets", name=name, created_at=THEN)
    for dataset, number, seed in ((1, 1, 1), (1, 2, 2), (2, 1, 3)):
        insert(
            "versions",
            dataset_id=dataset,
            number=number,
            digest=digest_of(canonical_json(manifest(seed))),
            created_at=THEN,
            description=f"seed {seed}",
            operation="{}",
        )


def at_revision(url: str, revision: str) -> None:
    """Make a database of an earlier revision, with data."""
    parsed = database.parse_database_url(url)
    if parsed.get_backend_name() == "sqlite":
        database.Path(parsed.database or "").parent.mkdir()
    engine = database.engine_of(parsed)
    if engine.dialect.name == "sqlite":
        database._listen_to_sqlite(engine)
    scripts = ScriptDirectory.from_config(database._configuration(CATALOG))
    database._upgrade(engine, CATALOG, scripts, "0001")
    with engine.begin() as connection:
        fill_first_revision(connection)
    if revision != "0001":
        database._upgrade(engine, CATALOG, scripts, revision)
    engine.dispose()


def test_a_catalog_of_the_first_revision_keeps_its_versions_and_gains_latest(database_url: str) -> None:
    at_revision(database_url, "0001")
    with Catalog(database_url) as catalog:
        assert [str(reference) for reference, _ in catalog.all_versions()] == ["belt@1", "belt@2", "car@1"]
        shown = catalog.describe(BELT_2)
        assert (shown.digest, shown.description) == (digest_of(canonical_json(manifest(2))), "seed 2")
        assert (shown.tags, shown.aliases, shown.created_by) == ((), ("latest",), "")
        history = find_alias(catalog, "belt", "latest").history
        assert [(move.version, move.at) for move in history] == [
            (1, "2025-03-01T08:00:00Z"),
            (2, "2025-03-01T08:00:00Z"),
        ]
        assert catalog.add("belt", manifest(9)).version == 3
        assert find_alias(catalog, "belt", "latest").version == 3
        assert change_version(catalog, BELT_1, add_tags=["old"]).tags == ("old",)


def test_a_catalog_of_the_previous_revision_keeps_all_that_it_knew(database_url: str) -> None:
    scripts = ScriptDirectory.from_config(database._configuration(CATALOG))
    _, previous, *_ = [script.revision for script in scripts.walk_revisions()]
    at_revision(database_url, previous)
    with Catalog(database_url) as catalog:
        shown = catalog.describe(BELT_2)
        assert (shown.description, shown.aliases, shown.erasures) == ("seed 2", ("latest",), ())
        assert catalog.erased_frames(shown.digest) == frozenset()
        assert catalog.add("belt", manifest(9)).version == 3
