"""Tags, descriptions and aliases; license and consent; and the upgrade of catalogs that had none of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from registry_homes import manifest
from registry_samples import GENERATOR, frame_files, frame_record

from contracts.dataset import SourceTerms
from contracts.errors import ConfigurationError, ConflictError, NotFoundError
from contracts.ids import VersionReference, canonical_json, digest_of
from registry import naming
from registry.catalog import Catalog
from registry.naming import change_version, find_alias, list_aliases, move_alias, remove_alias, tagged
from registry.reader import open_version
from registry.store import Store
from registry.version_writer import VersionWriter

BELT_1, BELT_2 = VersionReference("belt", 1), VersionReference("belt", 2)


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    with Catalog(database_url) as opened:
        opened.add("belt", manifest(1))
        opened.add("belt", manifest(2))
        yield opened


def test_tags_and_description_change_and_the_digest_stays(catalog: Catalog) -> None:
    before = catalog.describe(BELT_1)
    changed = change_version(catalog, BELT_1, description="low sun", add_tags=["generation:6", "checked"])
    assert (changed.description, changed.tags) == ("low sun", ("checked", "generation:6"))
    assert changed.digest == before.digest
    assert change_version(catalog, BELT_1, add_tags=["checked"]).tags == ("checked", "generation:6")
    assert tagged(catalog, "checked") == [BELT_1]
    changed = change_version(catalog, BELT_1, add_tags=["new"], remove_tags=["checked"])
    assert (changed.description, changed.tags) == ("low sun", ("generation:6", "new"))
    assert tagged(catalog, "checked") == []
    assert catalog.describe(BELT_1) == changed
    assert catalog.describe(BELT_2).tags == ()


@pytest.mark.parametrize("tag", ["", "A", "a:b:c", "a b", "../up", ":", "a:", "x" * 65])
def test_what_is_no_tag_is_refused(catalog: Catalog, tag: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a tag"):
        change_version(catalog, BELT_1, add_tags=[tag])


def test_a_change_is_made_whole_or_not_at_all(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    change_version(catalog, BELT_1, add_tags=["checked"])
    with pytest.raises(NotFoundError, match=r"no tag 'chequed'.*did you mean 'checked'"):
        change_version(catalog, BELT_1, description="new", add_tags=["more"], remove_tags=["chequed"])
    with pytest.raises(ConfigurationError, match="both added and removed"):
        change_version(catalog, BELT_1, add_tags=["checked"], remove_tags=["checked"])
    monkeypatch.setattr(naming, "TAGS_MAX", 2)
    with pytest.raises(ConfigurationError, match="more than 2 tags"):
        change_version(catalog, BELT_1, add_tags=["a", "b"])
    assert (catalog.describe(BELT_1).tags, catalog.describe(BELT_1).description) == (("checked",), "")


def test_latest_follows_the_newest_version_and_belongs_to_nobody(catalog: Catalog) -> None:
    assert find_alias(catalog, "belt", "latest").version == 2
    assert [move.version for move in find_alias(catalog, "belt", "latest").history] == [1, 2]
    assert catalog.describe(BELT_1).aliases == ()
    assert catalog.describe(BELT_2).aliases == ("latest",)
    catalog.add("belt", manifest(1))  # content that is there already is not newer
    assert find_alias(catalog, "belt", "latest").version == 2
    for refused in (
        lambda: move_alias(catalog, BELT_1, "latest"),
        lambda: remove_alias(catalog, "belt", "latest"),
    ):
        with pytest.raises(ConflictError, match="newest"):
            refused()


def test_an_alias_moves_and_remembers(catalog: Catalog) -> None:
    move_alias(catalog, BELT_1, "approved", by="reviewer", reason="checked by eye")
    move_alias(catalog, BELT_1, "approved", by="somebody else")  # it stands there already
    moved = move_alias(catalog, BELT_2, "approved", by="reviewer")
    assert moved.version == 2
    assert [(move.version, move.by, move.reason) for move in moved.history] == [
        (1, "reviewer", "checked by eye"),
        (2, "reviewer", ""),
    ]
    assert catalog.describe(BELT_2).aliases == ("approved", "latest")
    removed = remove_alias(catalog, "belt", "approved", by="reviewer", reason="withdrawn")
    assert (removed.version, removed.history[-1].version, removed.history[-1].reason) == (None, None, "withdrawn")
    assert find_alias(catalog, "belt", "approved").version is None
    with pytest.raises(NotFoundError):
        remove_alias(catalog, "belt", "approved")
    assert [item.alias for item in list_aliases(catalog, "belt")] == ["approved", "latest"]


def test_unknown_things_and_unsafe_names_are_refused(catalog: Catalog) -> None:
    with pytest.raises(NotFoundError, match=r"versions 1 to 2"):
        move_alias(catalog, VersionReference("belt", 9), "approved")
    with pytest.raises(NotFoundError, match="no dataset 'car'"):
        list_aliases(catalog, "car")
    with pytest.raises(NotFoundError, match=r"did you mean 'latest'"):
        find_alias(catalog, "belt", "lates")
    for alias in ("3", "9a", "", "a/b", "Approved", "a" * 65):
        with pytest.raises(ConfigurationError, match="is not an alias"):
            move_alias(catalog, BELT_1, alias)


def test_terms_stand_in_the_manifest_and_are_inherited(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")

    def make(index: int, **finish: object) -> str:
        files = frame_files(3, index)
        with VersionWriter(store) as writer:
            writer.add(frame_record(3, index, files), files, what="frame")  # type: ignore[arg-type]
            return digest_of(canonical_json(writer.finish(GENERATOR.label_table(), **finish)))  # type: ignore[arg-type]

    photographs = make(0, license_terms="internal", consent="signed, 2025")
    free = make(1)
    mixed = open_version(store, make(2, parents=(photographs, free))).manifest
    assert mixed.terms == (SourceTerms(source=photographs, license="internal", consent="signed, 2025"),)
    again = make(3, parents=(digest_of(canonical_json(mixed)), photographs), license_terms="ours")
    assert open_version(store, again).manifest.terms == mixed.terms
    assert "consent" not in store.read(free).decode()  # so older digests stay what they were
