"""Publishing: a version is there as a whole or not at all, and its digest depends on content only."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from registry_homes import Home
from registry_samples import GENERATOR, frame_files, stage_batch, stage_frame

from contracts.errors import BeltlineError, ConfigurationError, ConflictError, IntegrityError, RenderError
from contracts.ids import canonical_json, digest_of
from registry.reader import open_version
from registry.store import Store
from registry.verify import verify


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    return stage_batch(tmp_path / "staging")


def test_a_published_version_holds_the_staged_bytes(home: Home, staging: Path) -> None:
    calls: list[tuple[int, int]] = []
    made = home.publish(staging, on_progress=lambda done, total: calls.append((done, total)))
    assert (str(made.name), made.version, made.frame_count, made.seed) == ("sample", 1, 5, 3)
    assert calls == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    version = open_version(home.store, made.digest)
    assert [record.index for record in version.records()] == [0, 1, 2, 3, 4]
    for record in version.records():
        for role, data in frame_files(3, record.index).items():
            assert version.read_file(record, role) == data  # type: ignore[arg-type]
    assert version.labels == GENERATOR.label_table()
    assert version.verify() == []


def test_the_documents_are_canonical_and_the_file_table_is_sorted_and_complete(home: Home, staging: Path) -> None:
    made = home.publish(staging)
    manifest = open_version(home.store, made.digest).manifest
    assert digest_of(canonical_json(manifest)) == made.digest
    lines = home.store.read(manifest.frames.digest).splitlines()
    assert all(canonical_json(json.loads(line)) == line for line in lines)
    table = home.store.read(manifest.files.digest).decode().splitlines()
    expected = {data for index in range(5) for data in frame_files(3, index).values()}
    assert table == sorted(f"{digest_of(data)} {len(data)}" for data in expected)
    assert manifest.generator_document is not None
    assert home.store.read(manifest.generator_document.digest) == canonical_json(GENERATOR)
    assert manifest.generator is not None
    assert manifest.generator.digest == GENERATOR.digest()


def test_the_digest_depends_on_content_only(tmp_path: Path, staging: Path) -> None:
    first = Home(tmp_path / "one").publish(staging)
    shards = tmp_path / "elsewhere"
    order = list(range(5))
    random.Random(1).shuffle(order)
    for index in order:
        stage_frame(shards, 3, index)
    second = Home(tmp_path / "two").publish(shards, name="other", operation={"player_starts": 7}, description="again")
    assert first.digest == second.digest
    stage_batch(tmp_path / "seed4", seed=4)
    assert Home(tmp_path / "three").publish(tmp_path / "seed4", seed=4).digest != first.digest


def test_publishing_again_gives_the_version_that_is_there(home: Home, staging: Path) -> None:
    first = home.publish(staging)
    assert home.publish(staging) == first
    assert home.publish(staging, name="copy").digest == first.digest


def test_redraws_and_gaps_are_counted_and_frames_stay_without_holes(home: Home, tmp_path: Path) -> None:
    staging = stage_batch(tmp_path / "staging", frames=6, redrawn=(1, 4))
    shutil.rmtree(staging / "frames" / "000002")
    made = home.publish(staging, frames=6, gaps=[2])
    assert made.quality.model_dump() == {
        "frames": 5,
        "redrawn_frames": 2,
        "rejections": {"must_appear": 2},
        "gaps": (2,),
    }
    records = open_version(home.store, made.digest).records()
    assert [record.index for record in records] == [0, 1, 2, 3, 4]
    assert records[2].files["image"] == digest_of(frame_files(3, 3)["image"])


def refused(home: Home, staging: Path, kind: type[BeltlineError], **changes: Any) -> BeltlineError:
    with pytest.raises(kind) as caught:
        home.publish(staging, **changes)
    assert home.catalog.names() == []
    assert caught.value.hint or kind in (RenderError, ConfigurationError)
    return caught.value


@pytest.mark.parametrize("role", ["image", "mask", "instances", "depth"])
def test_a_byte_that_changed_in_staging_is_found_and_nothing_appears(home: Home, staging: Path, role: str) -> None:
    path = staging / "frames" / "000003" / f"{role}.png"
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    error = refused(home, staging, IntegrityError)
    assert "frame 3" in error.message
    assert role in error.message


def test_a_frame_that_is_not_there_is_named(home: Home, staging: Path) -> None:
    (staging / "frames" / "000004" / "record.json").unlink()
    assert "frame 4" in refused(home, staging, ConflictError).message
    (staging / "frames" / "000002" / "depth.png").unlink()
    assert "depth.png" in refused(home, staging, ConflictError).message


def test_a_frame_of_another_request_is_refused(home: Home, staging: Path) -> None:
    assert "seed 3" in refused(home, staging, ConflictError, seed=4).message
    other = GENERATOR.model_copy(update={"description": "changed"})
    assert other.digest() in refused(home, staging, ConflictError, generator=other).message
    folder = staging / "frames"
    (folder / "000001").rename(folder / "spare")
    (folder / "000002").rename(folder / "000001")
    (folder / "spare").rename(folder / "000002")
    assert "holds frame 2" in refused(home, staging, ConflictError).message


def test_a_record_that_is_garbage_is_an_integrity_error(home: Home, staging: Path) -> None:
    (staging / "frames" / "000000" / "record.json").write_bytes(b"{}")
    assert "record.json" in refused(home, staging, IntegrityError).message


def test_what_can_not_be_a_version_is_refused(home: Home, staging: Path) -> None:
    refused(home, staging, ConfigurationError, name="../evil")
    refused(home, staging, ConfigurationError, gaps=[5])
    refused(home, staging, ConfigurationError, frames=10**12, gaps=[10**12])  # at once: frames are not listed
    assert "given up" in refused(home, staging, RenderError, gaps=range(5)).message


KILL = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from registry import publish, store, version_writer
from registry.catalog import Catalog
import registry.catalog, registry.store
from registry_homes import Home
from sqlalchemy.orm import Session

def die_at(owner, name, call, after=False):
    real = getattr(owner, name)
    calls = iter(range(1, 10**9))
    def wrapped(*arguments, **named):
        number = next(calls)
        if number == call and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **named)
        if number == call and after:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, wrapped)

registry.store.GROUP_FILES = 10
{fault}
Home(Path(sys.argv[1])).publish(Path(sys.argv[2]))
"""

FAULTS = {
    "first staged file": "die_at(publish, '_read', 1)",
    "amid the frames": "die_at(publish, '_read', 13)",
    "blob half written": "die_at(registry.store, 'write_exclusively', 5, after=True)",
    "blobs written, not synced": "die_at(registry.store, 'sync_file_system', 1)",
    "synced, not renamed": "die_at(registry.store, 'sync_file_system', 1, after=True)",
    "amid the renames": "die_at(os, 'replace', 4)",
    "names not synced": "die_at(registry.store, 'sync_file_system', 2)",
    "before the documents": "die_at(version_writer.VersionWriter, 'finish', 1)",
    "lists of frames and files moved": "die_at(version_writer.VersionWriter, '_put_lines', 2, after=True)",
    "amid the documents": "die_at(version_writer.VersionWriter, '_put', 2)",
    "manifest stored, catalog untouched": "die_at(version_writer.VersionWriter, 'finish', 1, after=True)",
    "amid the transaction": "die_at(Catalog, '_insert_if_missing', 2, after=True)",
    "epoch taken down, nothing written": "die_at(Session, 'commit', 1, after=True)",
    "row written, not committed": "die_at(Session, 'commit', 2)",
    "committed, not answered": "die_at(Catalog, 'add', 1, after=True)",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_kill_9_leaves_the_old_state_or_the_new_one_and_repeating_completes(
    tmp_path: Path, staging: Path, fault: str
) -> None:
    undisturbed = Home(tmp_path / "undisturbed").publish(staging)
    folder = tmp_path / "home"
    older = Home(folder).publish(stage_batch(tmp_path / "older", seed=9, frames=2), seed=9, frames=2)
    script = KILL.format(tests=str(Path(__file__).parent), fault=FAULTS[fault])
    done = subprocess.run([sys.executable, "-c", script, folder, staging], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    home = Home(folder)
    digests = [item.digest for item in home.catalog.versions("sample")]
    assert digests == ([older.digest, undisturbed.digest] if fault == "committed, not answered" else [older.digest])
    assert verify(home.store, home.catalog) == []
    again = home.publish(staging)
    assert (again.version, again.digest) == (2, undisturbed.digest)
    assert verify(home.store, home.catalog) == []
    assert list((folder / "store" / "incoming").iterdir()) == []


def test_two_publishers_of_one_batch_at_once_make_one_version(tmp_path: Path, staging: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from registry_homes import Home\n"
        "made = Home(Path(sys.argv[1])).publish(Path(sys.argv[2]))\n"
        "print(made.version, made.digest)\n"
    )
    command = [sys.executable, "-c", script, tmp_path / "home", staging]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = {process.communicate(timeout=60)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    home = Home(tmp_path / "home")
    assert outputs == {f"1 {home.catalog.resolve('sample@1')}\n"}
    assert verify(home.store, home.catalog) == []


def test_a_remote_store_takes_a_version_too(tmp_path: Path, staging: Path) -> None:
    local = Home(tmp_path / "local").publish(staging)
    remote = Home(tmp_path / "remote")
    remote.store = Store(f"memory://{tmp_path.name}/store")
    made = remote.publish(staging)
    assert made.digest == local.digest
    assert open_version(remote.store, made.digest).verify() == []
