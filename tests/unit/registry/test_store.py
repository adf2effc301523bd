"""The store: blobs under their digest, whole and durable, or not there."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import IntegrityError, NotFoundError, StorageError
from contracts.ids import digest_of
from registry import durable, incoming
from registry.store import Store


@pytest.fixture(params=["local", "memory", "renaming", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    places = {
        "local": lambda: tmp_path / "store",
        "memory": lambda: f"memory://{uuid.uuid4().hex}/store",
        "renaming": lambda: f"dir::file://{tmp_path}/store",  # to fsspec a remote one, which renames
        "s3": lambda: request.getfixturevalue("s3_url"),
    }
    return Store(places[request.param]())


def blob_path(store: Store, data: bytes) -> Path:
    return Path(store.path_of(digest_of(data)))


def test_a_blob_comes_back_by_its_digest(store: Store) -> None:
    digest = store.put(b"seat belt")
    assert digest == digest_of(b"seat belt")
    assert store.read(digest) == b"seat belt"
    assert store.exists(digest)
    assert store.size(digest) == 9
    assert list(store.digests()) == [digest]


def test_blobs_lie_under_algorithm_and_the_first_byte_of_their_digest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.put(b"x").removeprefix("sha256:")
    assert (tmp_path / "blobs" / "sha256" / digest[:2] / digest[2:]).read_bytes() == b"x"


def test_a_file_url_and_a_path_are_the_same_store(tmp_path: Path) -> None:
    digest = Store(str(tmp_path / "s")).put(b"x")
    assert Store((tmp_path / "s").as_uri()).read(digest) == b"x"


@given(st.lists(st.binary(max_size=64), max_size=12))
def test_any_bytes_in_any_order_come_back(blobs: list[bytes]) -> None:
    store = Store(f"memory://{uuid.uuid4().hex}")
    digests = [store.put(data) for data in blobs]
    assert [store.read(digest) for digest in digests] == blobs
    assert list(store.digests()) == sorted(set(digests))


def test_a_flipped_bit_is_found_on_reading_and_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.put(b"pixels")
    path = blob_path(store, b"pixels")
    path.write_bytes(b"pixelt")
    with pytest.raises(IntegrityError) as caught:
        store.read(digest, what="image of frame 7 of exterior@2")
    assert "image of frame 7 of exterior@2" in str(caught.value)
    assert digest in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_blob_is_an_integrity_error(store: Store) -> None:
    missing = digest_of(b"never stored")
    assert not store.exists(missing)
    with pytest.raises(IntegrityError, match="missing"):
        store.read(missing)
    with pytest.raises(IntegrityError, match="missing"):
        store.size(missing)


def test_storing_the_same_bytes_again_leaves_the_file_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(b"x")
    before = blob_path(store, b"x").stat()
    store.put(b"x")
    after = blob_path(store, b"x").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_storing_mends_a_blob_of_the_wrong_size(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.put(b"whole")
    blob_path(store, b"whole").write_bytes(b"wh")
    store.put(b"whole")
    assert store.read(digest) == b"whole"


def test_put_file_stores_a_files_bytes(store: Store, tmp_path: Path) -> None:
    (tmp_path / "asset.glb").write_bytes(b"glTF")
    assert store.read(store.put_file(tmp_path / "asset.glb")) == b"glTF"
    with pytest.raises(NotFoundError, match=r"nothing\.glb"):
        store.put_file(tmp_path / "nothing.glb")


def test_a_batch_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail_half_way() -> None:
        with store.batch() as batch:
            batch.add(b"a")
            batch.add(b"b")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert list(store.digests()) == []
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_batch_larger_than_a_group_appears_on_the_way_unless_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.store.GROUP_FILES", 10)
    store = Store(tmp_path)
    with store.batch() as batch:
        for number in range(10):
            batch.add(b"%d" % number)
        assert len(list(store.digests())) == 10
    with store.batch(hold=True) as batch:
        for number in range(10, 30):
            batch.add(b"%d" % number)
        assert len(list(store.digests())) == 10
    assert len(list(store.digests())) == 30
    assert all(store.read(digest) for digest in store.digests())


def test_names_appear_only_after_the_bytes_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    real_sync, real_replace = durable.sync_file_system, os.replace
    monkeypatch.setattr("registry.store.sync_file_system", lambda path: events.append("sync") or real_sync(path))
    monkeypatch.setattr(os, "replace", lambda a, b: events.append("rename") or real_replace(a, b))
    with Store(tmp_path).batch() as batch:
        for number in range(20):
            batch.add(b"%d" % number)
    assert events == ["sync", *["rename"] * 20, "sync"]


def test_without_a_call_for_whole_file_systems_every_file_and_folder_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = durable.sync_path
    monkeypatch.setattr(durable, "_syncfs", None)
    monkeypatch.setattr("registry.store.sync_path", lambda path: synced.append(str(path)) or real(path))
    store = Store(tmp_path)
    with store.batch() as batch:
        digests = [batch.add(b"%d" % number) for number in range(20)]
    assert sum("/incoming/" in path for path in synced) == 20
    assert {str(Path(store.path_of(digest)).parent) for digest in digests} <= set(synced)
    assert all(store.read(digest) for digest in digests)


@pytest.mark.parametrize(
    ("number", "reason", "retryable"),
    [(errno.ENOSPC, "no_space", True), (errno.EDQUOT, "no_space", True), (errno.EROFS, "permission_denied", False)],
)
def test_a_full_or_closed_disk_is_one_clear_error_and_nothing_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str, retryable: bool
) -> None:
    store = Store(tmp_path)
    real = os.write
    calls = iter(range(100))

    def write_until_full(handle: int, data: memoryview) -> int:
        if next(calls) == 3:
            real(handle, data[:2])  # the part that still fitted
            raise OSError(number, os.strerror(number))
        return real(handle, data)

    monkeypatch.setattr(os, "write", write_until_full)

    def store_ten() -> None:
        with store.batch() as batch:
            for place in range(10):
                batch.add(b"frame %d" % place)

    with pytest.raises(StorageError) as caught:
        store_ten()
    monkeypatch.undo()
    assert caught.value.context["reason"] == reason
    assert caught.value.retryable is retryable
    assert caught.value.hint
    assert list(store.digests()) == []
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_file_size_limit_of_the_system_is_a_storage_error(tmp_path: Path) -> None:
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from contracts.errors import StorageError\n"
        "from registry.store import Store\n"
        "store = Store(sys.argv[1])\n"
        "try:\n"
        "    store.put(bytes(5000))\n"
        "except StorageError as error:\n"
        "    print(error.message, list(store.digests()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert "File too large []" in done.stdout


def test_a_store_that_cannot_be_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="open the store"):
        Store(tmp_path / "file" / "store")
    with pytest.raises(StorageError, match="open the store"):
        Store("no-such-protocol://bucket")


def test_many_writers_of_the_same_blobs_agree(tmp_path: Path) -> None:
    blobs = [b"%d" % number for number in range(50)]

    def write(_: int) -> None:
        with Store(tmp_path).batch() as batch:
            for data in blobs:
                batch.add(data)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    store = Store(tmp_path)
    assert sorted(store.read(digest) for digest in store.digests()) == sorted(blobs)
    assert list((tmp_path / "incoming").iterdir()) == []


def test_what_a_killed_writer_left_is_cleared_by_the_next_one(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from registry.store import Store\n"
        "with Store(sys.argv[1]).batch() as batch:\n"
        "    batch.add(b'half a version')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list((tmp_path / "incoming").iterdir())) == 2
    store = Store(tmp_path)
    assert list(store.digests()) == []
    store.put(b"next")
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_living_writers_folder_is_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.batch() as slow:
        slow.add(b"slow")
        store.put(b"quick")
        assert len(list((tmp_path / "incoming").iterdir())) == 2
    assert store.exists(digest_of(b"slow"))


def test_a_lock_file_taken_for_a_dead_writers_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = incoming.fcntl.flock
    stolen: list[Path] = []

    def steal_once(handle: int, operation: int) -> None:
        if not stolen:
            stolen.extend(tmp_path.glob("*.lock"))
            stolen[0].unlink()
        real(handle, operation)

    monkeypatch.setattr(incoming.fcntl, "flock", steal_once)
    mine = incoming.open_incoming(tmp_path)
    assert Path(mine.folder).is_dir()
    assert [path.name for path in tmp_path.glob("*.lock")] == [Path(mine.folder).name + ".lock"]
    assert Path(mine.folder).name + ".lock" != stolen[0].name
    mine.close()
