"""Garbage collection: frees what nothing names, and never what a publisher is about to name."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from registry_homes import Home
from registry_samples import stage_batch

from contracts.errors import IntegrityError, StorageError
from contracts.ids import VersionReference, digest_of
from registry import collection
from registry.catalog import Catalog
from registry.collection import Collected, collect_garbage
from registry.deletion import delete_version
from registry.reader import open_version
from registry.store import Store
from registry.verify import verify


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    return stage_batch(tmp_path / "staging")


def collect(home: Home, **options: Any) -> Collected:
    return collect_garbage(home.store, home.catalog, **options)


def test_what_a_version_names_stays_and_the_rest_goes(home: Home, staging: Path, tmp_path: Path) -> None:
    home.publish(staging)
    other = home.publish(stage_batch(tmp_path / "other", seed=4), seed=4)
    stray = home.store.put(b"stray")
    everything = set(home.store.digests())
    looked = collect(home, dry_run=True)
    assert (looked.blobs, looked.freed, looked.freed_bytes) == (len(everything), 1, 5)
    assert set(home.store.digests()) == everything
    assert collect(home) == looked
    assert set(home.store.digests()) == everything - {stray}
    delete_version(home.catalog, VersionReference("sample", 2))
    freed = collect(home)
    assert freed.freed > 0
    assert verify(home.store, home.catalog) == []
    with pytest.raises(IntegrityError):
        open_version(home.store, other.digest)
    assert collect(home).freed == 0


def test_what_versions_share_stays_until_the_last_is_gone(home: Home, staging: Path) -> None:
    home.publish(staging)
    home.publish(staging, name="copy")
    delete_version(home.catalog, VersionReference("sample", 1))
    assert collect(home).freed == 0
    delete_version(home.catalog, VersionReference("copy", 1))
    collect(home)
    assert list(home.store.digests()) == []


def test_a_version_without_a_name_stays_while_something_needs_it(home: Home, staging: Path) -> None:
    made = home.publish(staging)
    delete_version(home.catalog, VersionReference("sample", 1))
    gone = digest_of(b"a version that was freed long ago")
    assert collect(home, roots=lambda: [made.digest, gone]).freed == 0
    assert open_version(home.store, made.digest).verify() == []
    assert collect(home).freed > 0


def test_nothing_is_freed_where_it_cannot_be_told_what_is_needed(home: Home, staging: Path) -> None:
    made = home.publish(staging)
    home.store.put(b"stray")
    table = Path(home.store.path_of(open_version(home.store, made.digest).manifest.files.digest))
    whole = table.read_bytes()
    for damaged in (whole[:-74], b"nonsense\n" + whole, whole.replace(b"a", b"b")):
        table.write_bytes(damaged)
        before = set(home.store.digests())
        with pytest.raises(IntegrityError, match=r"file table"):
            collect(home)
        assert set(home.store.digests()) == before
    table.unlink()
    with pytest.raises(IntegrityError, match="is missing"):
        collect(home)


def once_before(action: Callable[..., Any], first: Callable[[], object]) -> Callable[..., Any]:
    """An action that does something else too, before it runs for the first time."""
    waiting = [first]

    def both(*arguments: Any, **options: Any) -> Any:
        if waiting:
            waiting.pop()()
        return action(*arguments, **options)

    return both


@pytest.mark.parametrize(
    "moment",
    [
        "registry.publish:_read_staged",
        "registry.version_writer:VersionWriter.finish",
        "registry.catalog:Catalog.add",
        "registry.publication:is_complete",
    ],
)
def test_a_publisher_finds_its_blobs_whenever_the_collector_comes(
    home: Home, staging: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its content is garbage when it begins, so it skips blobs that the collector then removes."""
    home.publish(staging)
    delete_version(home.catalog, VersionReference("sample", 1))
    freed: list[int] = []
    hooked = once_before(pkgutil.resolve_name(moment), lambda: freed.append(collect(home).freed))
    if moment.endswith("is_complete"):  # it comes a second time, while the publisher looks again
        add = once_before(Catalog.add, lambda: freed.append(collect(home).freed))
        monkeypatch.setattr(Catalog, "add", add)
    monkeypatch.setattr(moment.replace(":", "."), hooked)
    made = home.publish(staging)
    assert freed[0] > 0
    assert open_version(home.store, made.digest).verify() == []
    assert verify(home.store, home.catalog) == []


def test_a_version_published_between_the_steps_of_the_collector_stays(
    home: Home, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.publish(staging)
    delete_version(home.catalog, VersionReference("sample", 1))
    real = home.catalog.changing
    came: list[str] = []

    def changing(action: str) -> Any:
        if action == "free blobs" and not came:
            came.append(action)
            home.publish(staging)
        return real(action)

    monkeypatch.setattr(home.catalog, "changing", changing)
    assert collect(home).freed == 0
    assert came
    assert verify(home.store, home.catalog) == []


def test_a_collector_that_dies_in_a_step_leaves_publishers_to_look_for_themselves(
    home: Home, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.publish(staging)
    delete_version(home.catalog, VersionReference("sample", 1))
    real, removed = Store.remove, []

    def remove(store: Store, digest: str) -> int | None:
        if len(removed) == 5:
            raise StorageError("died")
        removed.append(digest)
        return real(store, digest)

    def die() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Store, "remove", remove)
            with pytest.raises(StorageError, match="died"):
                collect(home)

    with monkeypatch.context() as patched:  # while a publisher is under way that has looked at its blobs already
        patched.setattr(Catalog, "add", once_before(Catalog.add, die))
        home.publish(staging)
    assert len(removed) == 5
    assert verify(home.store, home.catalog) == []


def test_a_collector_clears_what_dead_writers_left(home: Home) -> None:
    script = (
        "import os, sys\n"
        "from registry.store import Store\n"
        "batch = Store(sys.argv[1]).batch(hold=True)\n"
        "batch.add(b'half of a version')\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", script, home.store.url], check=False)
    incoming = Path(home.store.root, "incoming")
    assert list(incoming.iterdir())
    collect(home, dry_run=True)
    assert list(incoming.iterdir())
    collect(home)
    assert list(incoming.iterdir()) == []


def test_a_remote_store_is_collected_too(tmp_path: Path, staging: Path) -> None:
    home = Home(tmp_path / "home")
    home.store = Store(f"memory://{tmp_path.name}")
    home.publish(staging)
    stray = home.store.put(b"stray")
    assert collect(home).freed == 1
    assert not home.store.exists(stray)
    assert verify(home.store, home.catalog) == []


def test_many_blobs_go_in_steps(home: Home, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.publish(staging)
    delete_version(home.catalog, VersionReference("sample", 1))
    monkeypatch.setattr(collection, "STEP", 7)
    seen: list[int] = []
    found = collect(home, on_progress=seen.append)
    assert found.freed == found.blobs == seen[-1]
    assert seen[:2] == [7, 14]
    assert list(home.store.digests()) == []
