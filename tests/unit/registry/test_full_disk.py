"""A disk that is full in the midst of what changes a store: a small tmpfs, filled but for a few kilobytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import shutil, subprocess, sys
from pathlib import Path
from contracts.errors import StorageError
from killing import collect, delete
from registry_homes import FIRST, Home, live_blobs, publish_people
from registry_samples import stage_batch
from registry.verify import verify
from test_kills import ACTIONS, photograph, state, tree

work, disk = Path(sys.argv[1]), Path(sys.argv[2])
staging = work / "staging"
stage_batch(staging / "new", seed=5, frames=6)
photograph(staging / "photographs")
base = Home(work / "base")
publish_people(base, FIRST)
base.publish(stage_batch(staging / "kept", seed=9, frames=2), seed=9, frames=2)
base.publish(stage_batch(staging / "deleted", frames=3), frames=3)
delete(base, "sample", 2)
old = state(base)
base.catalog.close()
for name, action in ACTIONS.items():
    place = Path(shutil.copytree(work / "base", work / "done"))
    done = Home(place)
    action(done, staging, place)
    new, written = state(done), tree(place / "out")
    done.catalog.close()
    shutil.rmtree(place)
    full = 0
    for free_kib in map(int, sys.argv[3:]):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], check=True)
        place = Path(shutil.copytree(work / "base", disk / "home"))
        used = sum(-(-path.stat().st_size // 4096) * 4 for path in place.rglob("*") if path.is_file())
        subprocess.run(["mount", "-o", f"remount,size={used + free_kib}k", str(disk)], check=True)
        try:
            home = Home(place)
            try:
                action(home, staging, place)
            finally:
                home.catalog.close()
        except StorageError as error:
            assert error.context["reason"] == "no_space", error
            assert "pace" in str(error) and error.hint, error
            full += 1
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        home = Home(place)
        assert state(home) in (old, new), name
        assert tree(place / "out") in ({}, written), name
        action(home, staging, place) if state(home) == old or name == "erase" else None
        assert (state(home), tree(place / "out")) == (new, written), name
        collect(home)
        assert verify(home.store, home.catalog) == [], name
        assert set(home.store.digests()) == live_blobs(home), name
        assert list((place / "store" / "incoming").iterdir()) == [], name
        home.catalog.close()
        subprocess.run(["umount", str(disk)], check=True)
    print(name, full)
"""


@pytest.fixture
def namespace() -> list[str]:
    """A command that runs another where it may mount file systems that nobody else sees."""
    alone = [["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]]
    for command in alone:
        probe = [*command, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        if shutil.which("unshare") and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return command
    pytest.skip("this user may not mount a file system, not even in a namespace of its own")


@pytest.mark.parametrize("free_kib", [(24,), pytest.param((0, 8, 16, 40, 80), marks=pytest.mark.slow)])
def test_a_full_disk_is_said_and_leaves_the_old_or_the_new(
    namespace: list[str], tmp_path: Path, free_kib: tuple[int, ...]
) -> None:
    (tmp_path / "disk").mkdir()
    done = subprocess.run(
        [*namespace, sys.executable, "-c", SCRIPT, str(tmp_path), str(tmp_path / "disk"), *map(str, free_kib)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    full = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    assert len(full) == 7
    assert all(int(full[name]) >= 1 for name in ("publish", "import", "export", "erase")), full
