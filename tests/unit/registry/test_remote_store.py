"""Stores far away: a real S3 interface over HTTP, whole and broken, and file systems that rename."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import httpx
import pytest
from registry_homes import Home, RemoteHome
from registry_samples import stage_batch
from s3_server import BrokenProxy, S3Server

from contracts.errors import BeltlineError, CapabilityMissingError, IntegrityError, StorageError
from contracts.ids import VersionReference, digest_of
from registry.collection import collect_garbage
from registry.deletion import delete_version
from registry.reader import open_version
from registry.store import Store
from registry.verify import verify

DATA = os.urandom(100_000)


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    return stage_batch(tmp_path / "staging")


def key_of(store: Store, digest: str) -> str:
    return store.path_of(digest).partition("/")[2]


def test_a_version_lives_on_s3_from_publishing_to_collection(
    s3_url: str, postgresql_url: str, staging: Path, tmp_path: Path, s3_server: S3Server
) -> None:
    home = RemoteHome(s3_url, postgresql_url)
    made = home.publish(staging)
    assert made.digest == Home(tmp_path / "local").publish(staging).digest
    version = open_version(s3_url, made.digest)
    assert [version.read_image(record).shape for record in version.records()] == [(24, 32, 3)] * 5
    assert verify(home.store, home.catalog) == []
    damaged, lost = (version.records()[index].files["image"] for index in (1, 2))
    bucket = s3_url.split("/")[2]
    httpx.put(f"{s3_server.endpoint}/{bucket}/{key_of(home.store, damaged)}", content=b"else", headers=_key())
    home.store.remove(lost)
    found = {fault.digest: str(fault) for fault in verify(home.store, home.catalog)}
    assert set(found) == {damaged, lost}
    assert "damaged: 4 bytes" in found[damaged]
    assert "frame 1 image" in found[damaged]
    assert "missing" in found[lost]
    with pytest.raises(IntegrityError, match="frame 1"):
        version.read_image(version.records()[1])
    home.publish(staging)  # publishing again mends
    assert verify(home.store, home.catalog) == []
    stray = home.store.put(b"stray")
    assert collect_garbage(home.store, home.catalog).freed == 1
    assert not home.store.exists(stray)
    delete_version(home.catalog, VersionReference("sample", 1))
    collect_garbage(home.store, home.catalog)
    assert list(home.store.digests()) == []
    home.catalog.close()


@pytest.mark.slow
def test_publishers_at_once_share_a_store_and_a_database(s3_url: str, postgresql_url: str, tmp_path: Path) -> None:
    for seed in (3, 4):
        stage_batch(tmp_path / str(seed), seed=seed)
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from registry_homes import RemoteHome\n"
        "home = RemoteHome(sys.argv[1], sys.argv[2])\n"
        "for seed in (3, 4) if sys.argv[4] == '0' else (4, 3):\n"
        "    print(seed, home.publish(Path(sys.argv[3], str(seed)), seed=seed).digest)\n"
        "home.catalog.close()\n"
    )
    command = [sys.executable, "-c", script, s3_url, postgresql_url, str(tmp_path)]
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    running = [
        subprocess.Popen(
            [*command, str(number)], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": paths}
        )
        for number in range(2)
    ]
    outputs = [set(process.communicate(timeout=120)[0].split("\n")) for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert outputs[0] == outputs[1]
    home = RemoteHome(s3_url, postgresql_url)
    assert [str(reference) for reference, _ in home.catalog.all_versions()] == ["sample@1", "sample@2"]
    assert verify(home.store, home.catalog) == []
    home.catalog.close()


def test_a_publisher_that_is_killed_leaves_nothing_visible_and_the_next_one_completes_it(
    s3_url: str, tmp_path: Path, staging: Path
) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from registry.remote import RemoteFiles\n"
        "from registry_homes import RemoteHome\n"
        "real, left = RemoteFiles.write, [9]\n"
        "def write(self, path, data):\n"
        "    real(self, path, data)\n"
        "    left[0] -= 1\n"
        "    if left[0] == 0:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "RemoteFiles.write = write\n"
        "RemoteHome(sys.argv[1], sys.argv[2]).publish(Path(sys.argv[3]))\n"
    )
    catalog = f"sqlite:///{tmp_path / 'catalog.db'}"
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-c", script, s3_url, catalog, str(staging)],
        env=os.environ | {"PYTHONPATH": paths},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    home = RemoteHome(s3_url, catalog)
    assert home.catalog.all_versions() == []
    assert 9 <= len(list(home.store.digests())) < 24  # other uploads were under way
    assert verify(home.store, home.catalog) == []
    assert home.publish(staging).version == 1
    assert verify(home.store, home.catalog) == []
    home.catalog.close()


@pytest.mark.parametrize(
    "fault", ["403", "cut upload", *(pytest.param(name, marks=pytest.mark.slow) for name in ("503", "drop"))]
)
def test_an_upload_that_fails_leaves_no_blob_and_no_version(
    broken_s3: BrokenProxy, s3_server: S3Server, tmp_path: Path, staging: Path, fault: str
) -> None:
    home = RemoteHome(f"s3://{s3_server.new_bucket()}/store", f"sqlite:///{tmp_path / 'catalog.db'}")
    broken_s3.break_requests(fault, "PUT")  # type: ignore[arg-type]
    with pytest.raises(StorageError, match="can't write") as refused:
        home.publish(staging)
    assert refused.value.retryable is (fault != "403")
    assert refused.value.hint
    assert broken_s3.broken > 0
    assert home.catalog.all_versions() == []
    broken_s3.mend()
    assert list(home.store.digests()) == []
    assert home.publish(staging).version == 1
    assert verify(home.store, home.catalog) == []
    home.catalog.close()


@pytest.mark.parametrize("fault", ["503", "drop", "cut answer", "half answer"])
def test_an_answer_that_breaks_once_is_asked_for_again(broken_s3: BrokenProxy, s3_server: S3Server, fault: str) -> None:
    store = Store(f"s3://{s3_server.new_bucket()}/store")
    digest = store.put(DATA)
    broken_s3.break_requests(fault, "GET", "blobs", times=1)  # type: ignore[arg-type]
    assert store.read(digest) == DATA
    assert broken_s3.broken == 1


@pytest.mark.parametrize(
    "fault", ["503", *(pytest.param(name, marks=pytest.mark.slow) for name in ("cut answer", "drop"))]
)
def test_a_store_that_keeps_failing_is_said_to_and_is_no_damage(
    broken_s3: BrokenProxy, s3_server: S3Server, tmp_path: Path, staging: Path, fault: str
) -> None:
    home = RemoteHome(f"s3://{s3_server.new_bucket()}/store", f"sqlite:///{tmp_path / 'catalog.db'}")
    made = home.publish(staging)
    broken_s3.break_requests(fault, "GET", "blobs")  # type: ignore[arg-type]
    with pytest.raises(StorageError, match="can't read"):
        verify(home.store, home.catalog)
    with pytest.raises(BeltlineError, match="can't read"):
        open_version(home.store, made.digest).records()
    before = broken_s3.broken
    with pytest.raises(StorageError):  # garbage is only what can be told to be
        collect_garbage(home.store, home.catalog)
    assert broken_s3.broken > before
    broken_s3.mend()
    assert verify(home.store, home.catalog) == []
    home.catalog.close()


def test_no_server_no_bucket_no_credentials(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StorageError, match="can't write s3-of-nobody"):
        Store("s3://s3-of-nobody/store").put(b"x")
    import s3fs

    for name, value in {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_CONFIG_FILE": "/nonexistent"}.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(StorageError, match=r"can't (look up|write) bucket"):
        Store(s3_url).put(b"x")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(StorageError, match="credentials") as refused:
        Store(s3_url).put(b"x")
    assert refused.value.hint == "check the credentials in the environment, and what they allow"


def test_a_protocol_whose_package_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(CapabilityMissingError, match="pip install gcsfs"):
        Store("gs://bucket/store")


def test_what_others_write_meanwhile_is_seen(s3_url: str) -> None:
    mine, theirs = Store(s3_url), Store(s3_url)
    digest = digest_of(DATA)
    assert not mine.exists(digest)
    assert list(mine.digests()) == []
    theirs.put(DATA)
    assert mine.exists(digest)
    assert list(mine.digests()) == [digest]
    theirs.remove(digest)
    assert not mine.exists(digest)
    assert list(mine.digests()) == []


def test_a_store_is_read_in_a_forked_process(s3_url: str) -> None:
    store = Store(s3_url)
    digest = store.put(DATA)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads is what is tried here
        child = os.fork()
    if child == 0:
        os._exit(0 if store.read(digest) == DATA else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_file_system_that_renames_never_shows_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(f"dir::file://{tmp_path}/store")
    seen: list[list[str]] = []
    real = store._remote._files.mv  # type: ignore[union-attr]

    def mv(*arguments: str) -> None:
        seen.append(list(store.digests()))
        real(*arguments)

    monkeypatch.setattr(type(store._remote._files), "mv", lambda _, *arguments: mv(*arguments))  # type: ignore[union-attr]
    digest = store.put(DATA)
    assert seen == [[]]
    assert list(store.digests()) == [digest]
    (incoming,) = tmp_path.rglob("incoming")
    assert list(incoming.iterdir()) == []


def _key() -> dict[str, str]:
    scope = "test/20260101/us-east-1/s3/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
