"""Deleting versions: refused where something needs them, and never forgotten."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from registry_homes import manifest

from contracts.errors import ConflictError, NotFoundError
from contracts.ids import VersionReference, canonical_json, digest_of
from registry.catalog import Catalog
from registry.deletion import delete_version, list_deletions
from registry.naming import change_version, find_alias, move_alias, remove_alias, tagged

BELT_1, BELT_2 = VersionReference("belt", 1), VersionReference("belt", 2)


def digest(seed: int) -> str:
    return digest_of(canonical_json(manifest(seed)))


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    with Catalog(database_url) as opened:
        opened.add("belt", manifest(1))
        opened.add("belt", manifest(2))
        yield opened


def test_a_deleted_version_is_gone_and_remembered(catalog: Catalog) -> None:
    change_version(catalog, BELT_1, add_tags=["old"])
    deletion = delete_version(catalog, BELT_1, by="reviewer", reason="mirrored")
    assert (deletion.version, deletion.digest, deletion.deleted_by, deletion.reason) == (
        *(1, digest(1)),
        *("reviewer", "mirrored"),
    )
    assert [str(reference) for reference, _ in catalog.all_versions()] == ["belt@2"]
    assert tagged(catalog, "old") == []
    assert list_deletions(catalog, "belt") == [deletion]
    with pytest.raises(NotFoundError, match=rf"belt@1 \({digest(1)}\) was deleted .* by reviewer"):
        catalog.describe(BELT_1)
    with pytest.raises(NotFoundError, match="was deleted"):
        delete_version(catalog, BELT_1)
    with pytest.raises(NotFoundError, match="no version belt@9"):
        delete_version(catalog, VersionReference("belt", 9))


def test_a_number_is_never_given_again(catalog: Catalog) -> None:
    delete_version(catalog, BELT_2)
    assert catalog.add("belt", manifest(3)).version == 3
    assert catalog.add("belt", manifest(2)).version == 4  # the same content again is a new version
    for number in (1, 3, 4):
        delete_version(catalog, VersionReference("belt", number))
    assert catalog.names() == []
    with pytest.raises(NotFoundError, match="every version of dataset 'belt' was deleted"):
        catalog.versions("belt")
    assert catalog.add("belt", manifest(1)).version == 5


def test_latest_moves_back_by_itself(catalog: Catalog) -> None:
    delete_version(catalog, BELT_2)
    assert find_alias(catalog, "belt", "latest").version == 1
    delete_version(catalog, BELT_1)
    history = find_alias(catalog, "belt", "latest").history
    assert [move.version for move in history] == [1, 2, 1, None]
    assert history[-1].reason == "belt@1 was deleted"


def test_what_needs_a_version_keeps_it_and_is_named(catalog: Catalog) -> None:
    catalog.add("mixed", manifest(7).model_copy(update={"parents": (digest(1),)}))
    move_alias(catalog, BELT_1, "approved")
    asked: list[tuple[VersionReference, str]] = []

    def runs(reference: VersionReference, version: str) -> list[str]:
        asked.append((reference, version))
        return ["training run run-1"]

    with pytest.raises(ConflictError) as refused:
        delete_version(catalog, BELT_1, needed_by=runs)
    needs = ["alias belt@approved", "version mixed@1", "training run run-1"]
    assert refused.value.context["needed_by"] == needs
    assert all(need in refused.value.message for need in needs)
    assert asked == [(BELT_1, digest(1))]
    remove_alias(catalog, "belt", "approved")
    with pytest.raises(ConflictError, match=r"needed by version mixed@1$|needed by version mixed@1 "):
        delete_version(catalog, BELT_1)
    delete_version(catalog, VersionReference("mixed", 1))
    assert delete_version(catalog, BELT_1).version == 1


def test_content_that_stays_under_another_name_frees_its_first_name(catalog: Catalog) -> None:
    catalog.add("copy", manifest(1))
    catalog.add("mixed", manifest(7).model_copy(update={"parents": (digest(1),)}))
    delete_version(catalog, BELT_1)
    assert catalog.manifest("copy@1") == manifest(1)
    with pytest.raises(ConflictError, match="mixed@1"):
        delete_version(catalog, VersionReference("copy", 1))


def test_nothing_is_made_of_what_was_deleted(catalog: Catalog) -> None:
    delete_version(catalog, BELT_1)
    child = manifest(7).model_copy(update={"parents": (digest(1),)})
    with pytest.raises(ConflictError, match="was deleted"):
        catalog.add("mixed", child)
    assert catalog.names() == ["belt"]
