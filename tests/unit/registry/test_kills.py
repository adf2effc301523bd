"""`kill -9` before every step of what changes a store: the old state or the new one, nothing lost.

Erasing is done when its row is there; what a kill leaves of the bytes is listed, and the next one completes it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from killing import collect, delete, erase, fast_folder, killed
from registry_homes import FIRST, Home, live_blobs, publish_people
from registry_samples import png, stage_batch

from contracts.ids import VersionReference
from registry import collection
from registry.formats.exporting import export_version
from registry.formats.importing import import_dataset
from registry.formats.masks import open_masks
from registry.formats.raw import write_raw
from registry.reader import Version
from registry.verify import ERASED_YET_THERE, verify

STEPS_MAX = 400


def state(home: Home) -> list[str]:
    erasures = {ref: home.catalog.describe(ref).erasures for ref, _ in home.catalog.all_versions()}
    return [f"{ref} {digest} {[item.group for item in erasures[ref]]}" for ref, digest in home.catalog.all_versions()]


def tree(folder: Path) -> dict[str, bytes]:
    """Files of a folder by their path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def export(home: Home, place: Path) -> None:
    digest = home.catalog.resolve("sample@1")
    version = Version(home.store, digest, home.catalog.manifest("sample@1"), "sample@1")
    export_version(write_raw, version, VersionReference("sample", 1), place / "out")


ACTIONS: dict[str, Callable[[Home, Path, Path], object]] = {
    "publish": lambda home, staging, _: home.publish(staging / "new", seed=5, frames=6),
    "publish what is garbage in the store": lambda home, staging, _: home.publish(staging / "deleted", frames=3),
    "delete": lambda home, *_: delete(home, "sample", 1) if len(state(home)) == 2 else None,
    "collect": lambda home, *_: collect(home),
    "erase": lambda home, *_: erase(home, "people", 1, "anna"),
    "import": lambda home, staging, _: import_dataset(
        open_masks, home.store, home.catalog, staging / "photographs", name="photos"
    ),
    "export": lambda home, _, place: None if (place / "out").exists() else export(home, place),
}
KILLS = {
    "publish": 90,
    "publish what is garbage in the store": 25,
    "delete": 15,
    "collect": 50,
    "erase": 60,
    "import": 50,
    "export": 20,
}
"""Fewer would mean that steps are no longer counted. Together they are more than 200."""


@pytest.fixture
def folder() -> Iterator[Path]:
    made = fast_folder()
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("stride", [9, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ACTIONS)
def test_a_kill_before_any_step_loses_nothing(
    folder: Path, name: str, stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = folder / "staging"
    stage_batch(staging / "new", seed=5, frames=6)
    photograph(staging / "photographs")
    action = ACTIONS[name]
    base = folder / "base"
    with_versions = Home(base)
    publish_people(with_versions, FIRST)
    with_versions.publish(stage_batch(staging / "kept", seed=9, frames=2), seed=9, frames=2)
    with_versions.publish(stage_batch(staging / "deleted", frames=3), frames=3)
    with_versions.store.put(b"stray")
    delete(with_versions, "sample", 2)
    old = state(with_versions)
    with_versions.catalog.close()
    place = Path(shutil.copytree(base, folder / "done"))
    done = Home(place)
    action(done, staging, place)
    new, written = state(done), tree(place / "out")
    done.catalog.close()
    monkeypatch.setattr(collection, "STEP", 2)
    kills = 0
    for step in range(1, STEPS_MAX, stride):
        place = Path(shutil.copytree(base, folder / "home"))
        was_killed = killed(lambda: action(Home(folder / "home"), staging, folder / "home"), step, folder / "log")
        home = Home(place)
        assert state(home) in (old, new), step
        assert tree(place / "out") in ({}, written), step
        left = verify(home.store, home.catalog)
        assert {fault.reason for fault in left} <= ({ERASED_YET_THERE} if name == "erase" else set()), step
        if state(home) == old or name == "erase":
            action(home, staging, place)
        assert (state(home), tree(place / "out")) == (new, written), step
        assert verify(home.store, home.catalog) == [], step
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
    print(f"{name}: {kills} kills")
    assert kills >= KILLS[name] // stride


def photograph(folder: Path) -> None:
    """Two images with masks, as people have them."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    (folder / "classes.json").write_text('{"classes": {"0": "background", "1": "mirror"}}')
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        (folder / "images" / f"{number}.png").write_bytes(png(pixels))
        (folder / "masks" / f"{number}.png").write_bytes(png((pixels[..., 0] > 99).astype(np.uint8)))
