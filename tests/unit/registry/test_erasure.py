"""Erasing a group's frames: the bytes are gone, the version stays, and what stays or depends is named."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from registry_homes import FIRST, Home, RemoteHome, publish_people
from registry_samples import frame_files
from s3_server import S3Server

from contracts.erasure import ErasureReport
from contracts.errors import BeltlineError, ConflictError, NotFoundError
from contracts.ids import VersionReference, digest_of
from registry import collection, erasure
from registry.catalog import Catalog
from registry.collection import collect_garbage
from registry.deletion import delete_version
from registry.erasure import erase_group
from registry.mixes import create_mix
from registry.reader import ERASED_NOTE, open_version
from registry.statistics.version import version_statistics
from registry.verify import ERASED_YET_THERE, verify


def erase(home: Home, group: str = "anna", version: str = "people@1", **options: Any) -> ErasureReport:
    return erase_group(home.store, home.catalog, VersionReference.parse(version), group, **options)


def image(number: int) -> str:
    return digest_of(frame_files(3, number)["image"])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_the_bytes_are_gone_and_the_version_stays(home: Home) -> None:
    digest = publish_people(home, FIRST)
    before = set(home.store.digests())
    looked = erase(home, dry_run=True)
    assert (looked.files, looked.dry_run) == (8, True)  # all four files of both frames
    assert set(home.store.digests()) == before
    assert home.catalog.describe("people@1").erasures == ()
    done = erase(home, by="reviewer", reason="consent withdrawn")
    assert done.model_copy(update={"dry_run": True}) == looked
    gone = before - set(home.store.digests())
    assert len(gone) == 8
    assert {image(0), image(1)} <= gone
    described = home.catalog.describe("people@1")
    (shown,) = described.erasures
    assert (shown.group, shown.frames, shown.erased_by, shown.reason) == ("anna", 2, "reviewer", "consent withdrawn")
    assert shown.finished
    assert (described.digest, described.frame_count) == (digest, 4)
    assert verify(home.store, home.catalog) == []
    assert erase(home).erased == ()  # nothing is left to erase
    assert collect_garbage(home.store, home.catalog).freed == 0


def test_reading_leaves_erased_frames_out_and_says_so_where_they_are_asked_for(home: Home, tmp_path: Path) -> None:
    digest = publish_people(home, FIRST)
    version, early = open_version(home.store, digest), open_version(home.store, digest)
    before = version_statistics(version, tmp_path / "cache")
    records = early.records()
    assert early.read_image(records[0]).shape == (24, 32, 3)
    erase(home)
    version = open_version(home.store, digest)
    assert [record.index for record in version.records()] == [2, 3]
    assert sorted(version.erased) == [0, 1]
    for opened in (version, early):  # also by who opened it before
        with pytest.raises(NotFoundError, match=r"frame 0 of .* was erased .* group 'anna'") as refused:
            opened.read_image(records[0])
        assert refused.value.code == "erased_frame"
    assert version.verify() == []
    after = version_statistics(version, tmp_path / "cache")
    assert (before.frames, after.frames) == (4, 2)
    assert after.groups == 1


def test_what_another_group_is_made_of_stays_and_is_named(home: Home) -> None:
    publish_people(home, {0: "anna", 1: "anna", 5: "bert"})  # frames 0 and 5 have the same mask, and the same instances
    publish_people(home, {1: "carl"}, "other")
    done = erase(home)
    assert {(item.what, item.held_by, item.holders) for item in done.kept} == {
        ("mask of frame 0", ("people@1 frame 2 (group 'bert')",), 1),
        ("instances of frame 0", ("people@1 frame 2 (group 'bert')",), 1),
        *((f"{role} of frame 1", ("other@1 frame 0 (group 'carl')",), 1) for role in frame_files(3, 1)),
    }
    assert done.files == 2
    assert not home.store.exists(image(0))
    assert home.store.exists(image(1))
    assert [len(open_version(home.store, digest).records()) for _, digest in home.catalog.all_versions()] == [1, 1]
    assert verify(home.store, home.catalog) == []


def test_the_same_person_in_other_versions_is_erased_with_the_bytes_and_else_named(home: Home) -> None:
    publish_people(home, FIRST)
    later = publish_people(home, {1: "anna", 2: "bert", 7: "anna"})
    nameless = publish_people(home, {0: "anna"}, "once")
    delete_version(home.catalog, VersionReference("once", 1))
    child = publish_people(home, {9: None}, "child", parents=(later,))
    done = erase(
        home,
        roots=lambda: [nameless],
        needed_by=lambda digests: ["training run run-1"] if nameless in digests else [],
    )
    erased = [(item.name, item.version, item.frames) for item in done.erased]
    assert erased == [("people", 1, 2), ("people", 2, 1), (None, None, 1)]
    assert [(item.name, item.version, item.frames) for item in done.elsewhere] == [("people", 2, 1)]
    assert done.dependents == ("version child@1", "training run run-1")
    assert [record.index for record in open_version(home.store, later).records()] == [1, 2]
    assert open_version(home.store, nameless).records() == []
    assert len(open_version(home.store, child).records()) == 1
    assert home.store.exists(image(7))
    assert verify(home.store, home.catalog) == []
    assert erase(home, version="people@2").files == 2  # its mask is that of frame 2 too
    assert not home.store.exists(image(7))


def test_what_is_unknown_is_named(home: Home) -> None:
    publish_people(home, FIRST)
    with pytest.raises(NotFoundError, match=r"no frame of people@1 has the group 'ana'.*did you mean 'anna'"):
        erase(home, "ana")
    with pytest.raises(NotFoundError, match="no version people@2"):
        erase(home, version="people@2")
    publish_people(home, {4: None}, "nobody")
    with pytest.raises(NotFoundError, match="its frames have no groups"):
        erase(home, version="nobody@1")
    assert verify(home.store, home.catalog) == []


def test_erased_content_is_not_published_again_and_the_rest_is(home: Home) -> None:
    publish_people(home, FIRST)
    erase(home)
    for name in ("people", "again"):
        with pytest.raises(ConflictError, match="frames of group 'anna' were erased"):
            publish_people(home, FIRST, name)
    found = {fault.digest: fault for fault in verify(home.store, home.catalog)}
    assert image(0) in found
    assert {fault.reason for fault in found.values()} == {ERASED_YET_THERE}
    assert collect_garbage(home.store, home.catalog).freed == 8
    assert verify(home.store, home.catalog) == []
    publish_people(home, {2: "bert", 3: None})
    assert home.catalog.latest("people").version == 2


@pytest.mark.parametrize("point", ["put_note", "forget", "remove", "finish"])
def test_an_erasure_that_stops_is_shown_and_completed(home: Home, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_people(home, FIRST)
    forgotten: list[int] = []

    def forget(frames: Any) -> list[str]:
        if point == "forget":
            raise ZeroDivisionError
        forgotten.extend(len(part.records) for part in frames)
        return []

    def stop(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        if point in ("put_note", "remove"):
            patched.setattr(type(home.store), point, stop)
        if point == "finish":
            patched.setattr(erasure, "datetime", Stops(2))
        with pytest.raises(ZeroDivisionError):
            erase(home, forget=forget)
    (shown,) = home.catalog.describe("people@1").erasures
    assert not shown.finished
    assert home.store.exists(image(0)) is (point != "finish")
    point = ""
    done = erase(home, forget=forget)
    assert done.erased == ()
    assert forgotten[-1] == 2
    assert not home.store.exists(image(0))
    assert home.catalog.describe("people@1").erasures[0].finished
    assert verify(home.store, home.catalog) == []


class Stops:
    """A clock that fails when it is asked for the n-th time."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def now(self, zone: Any) -> Any:
        from datetime import datetime

        self.left -= 1
        if self.left == 0:
            raise ZeroDivisionError
        return datetime.now(zone)


def test_garbage_collection_frees_what_an_interrupted_erasure_left(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_people(home, FIRST)
    with monkeypatch.context() as patched:
        patched.setattr(erasure, "remove_garbage", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase(home)
    assert {fault.reason for fault in verify(home.store, home.catalog)} == {ERASED_YET_THERE}
    monkeypatch.setattr(collection, "STEP", 3)
    assert collect_garbage(home.store, home.catalog).freed == 8
    assert verify(home.store, home.catalog) == []


def test_a_note_that_is_lost_or_damaged_is_written_again(home: Home) -> None:
    digest = publish_people(home, FIRST)
    erase(home)
    (name,) = home.store.notes(ERASED_NOTE, digest)
    home.store.put_note(ERASED_NOTE, digest, name, b"{}")
    with pytest.raises(BeltlineError, match=r"note .* is damaged"):
        open_version(home.store, digest).records()
    erasure.finish_erasures(home.store, home.catalog)
    assert len(open_version(home.store, digest).records()) == 2


def test_measures_of_erased_frames_are_forgotten(home: Home, tmp_path: Path) -> None:
    from registry.statistics.measures import forget_measures

    digest = publish_people(home, FIRST)
    version_statistics(open_version(home.store, digest), tmp_path)
    gone: list[Any] = []
    erase(home, forget=lambda frames: gone.extend(frames) or [])
    forget_measures(tmp_path / "measures.db", gone[0].records)
    with sqlite3.connect(tmp_path / "measures.db") as connection:
        assert connection.execute("SELECT COUNT(*) FROM measures").fetchone() == (2,)
    connection.close()


def test_a_bucket_that_keeps_versions_loses_them_too(s3_url: str, s3_server: S3Server, postgresql_url: str) -> None:
    bucket = s3_url.split("/")[2]
    s3_server.keep_versions(bucket)
    home = RemoteHome(s3_url, postgresql_url)
    publish_people(home, FIRST)
    key = home.store.path_of(image(0)).partition("/")[2]
    assert key in s3_server.versions(bucket)
    assert erase(home).files == 8
    assert key not in s3_server.versions(bucket)
    assert verify(home.store, home.catalog) == []
    home.catalog.close()


def test_a_publisher_of_the_same_bytes_for_another_group_keeps_them(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_people(home, FIRST)
    real = Catalog.add
    came: list[ErasureReport] = []

    def add(catalog: Catalog, name: str, *arguments: Any, **options: Any) -> Any:
        if not came:
            came.append(erase(home))
        return real(catalog, name, *arguments, **options)

    monkeypatch.setattr(Catalog, "add", add)
    digest = publish_people(home, {0: "dora"}, "others")  # it skipped blobs that were there
    assert came[0].files == 8
    assert open_version(home.store, digest).verify() == []
    assert verify(home.store, home.catalog) == []


def test_a_mix_that_names_the_version_is_named(home: Home) -> None:
    publish_people(home, FIRST)
    create_mix(home.catalog, "half", "2 of people@1, seed 4")
    publish_people(home, {4: "anna"}, "elsewhere")
    assert erase(home, dry_run=True).dependents == ("mix half",)
