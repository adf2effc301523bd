"""`kill -9` before every step of publishing, deleting and collecting: the old state or the new one, nothing lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from killing import collect, delete, fast_folder, killed
from registry_samples import stage_batch
from test_publish import Home

from registry import collection
from registry.reader import Version
from registry.verify import verify

STEPS_MAX = 400


def live_blobs(home: Home) -> set[str]:
    """What the versions of a home name."""
    found: set[str] = set()
    for reference, digest in home.catalog.all_versions():
        found |= Version(home.store, digest, home.catalog.manifest(reference), str(reference)).files().keys()
    return found


def state(home: Home) -> list[str]:
    return [f"{reference} {digest}" for reference, digest in home.catalog.all_versions()]


ACTIONS: dict[str, Callable[[Home, Path], object]] = {
    "publish": lambda home, staging: home.publish(staging / "new", seed=5, frames=6),
    "publish what is garbage in the store": lambda home, staging: home.publish(staging / "deleted", frames=3),
    "delete": lambda home, _: delete(home, "sample", 1) if len(state(home)) == 1 else None,
    "collect": lambda home, _: collect(home),
}
KILLS = {"publish": 70, "publish what is garbage in the store": 25, "delete": 15, "collect": 60}
"""Fewer would mean that steps are no longer counted."""


@pytest.fixture
def folder() -> Iterator[Path]:
    made = fast_folder()
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ACTIONS)
def test_a_kill_before_any_step_loses_nothing(
    folder: Path, name: str, stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = folder / "staging"
    stage_batch(staging / "new", seed=5, frames=6)
    action = ACTIONS[name]
    base = folder / "base"
    with_versions = Home(base)
    with_versions.publish(stage_batch(staging / "kept", seed=9, frames=2), seed=9, frames=2)
    with_versions.publish(stage_batch(staging / "deleted", frames=3), frames=3)
    with_versions.store.put(b"stray")
    delete(with_versions, "sample", 2)
    old = state(with_versions)
    with_versions.catalog.close()
    done = Home(Path(shutil.copytree(base, folder / "done")))
    action(done, staging)
    new = state(done)
    done.catalog.close()
    monkeypatch.setattr(collection, "STEP", 2)
    kills = 0
    for step in range(1, STEPS_MAX, stride):
        place = Path(shutil.copytree(base, folder / "home"))
        was_killed = killed(lambda: action(Home(folder / "home"), staging), step, folder / "log")
        home = Home(place)
        assert state(home) in (old, new), step
        assert verify(home.store, home.catalog) == [], step
        if state(home) == old:
            action(home, staging)
        assert state(home) == new, step
        collect(home)
        assert verify(home.store, home.catalog) == [], step
        assert set(home.store.digests()) == live_blobs(home), step
        assert list((place / "store" / "incoming").iterdir()) == [], step
        home.catalog.close()
        shutil.rmtree(place)
        if not was_killed:
            break
        kills += 1
    assert not was_killed
    assert kills >= KILLS[name] // stride
