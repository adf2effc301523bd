"""What frames share is drawn once, comes back from disk as it was, and never torn or from other code."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.generator import load_generator
from unity_bridge.assets import remove_unused
from unity_bridge.sampling import sample_frame
from unity_bridge.scenes import shelf
from unity_bridge.scenes.exterior import scene
from unity_bridge.scenes.exterior.compose import compose

GENERATORS = Path(__file__).resolve().parents[3] / "generator_configs"


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(shelf, "_folder", None)
    shelf.open_shelf(tmp_path)
    yield tmp_path
    _forget()


def _forget() -> None:
    """As a new process would."""
    for function in (scene._other_vehicle, scene._environment_file, scene._ground_texture, scene._wall_texture):
        function.cache_clear()  # type: ignore[attr-defined]


def _files(assets: Path) -> list[Path]:
    return sorted(path for path in assets.rglob("*") if path.is_file())


def _composed() -> list[object]:
    generator = load_generator("exterior", GENERATORS, overrides={"randomizers.surroundings.other_vehicles": 2})
    composed = compose(sample_frame(generator, 5, 3), (64, 64))
    return [composed.spec, composed.assets]


def test_a_frame_from_the_shelf_is_the_frame_that_was_drawn(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _forget()
    drawn = _composed()
    kept = {path: path.stat().st_mtime_ns for path in _files(assets)}
    assert len(kept) >= 3
    _forget()
    for name in ("build_vehicle", "environment_image", "ground_texture", "wall_texture"):
        used_for_the_vehicle_itself = name == "build_vehicle"
        if not used_for_the_vehicle_itself:
            monkeypatch.setattr(scene, name, lambda *_: pytest.fail("drawn a second time"))
    assert _composed() == drawn
    assert {path: path.stat().st_mtime_ns for path in _files(assets)} == kept


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_a_torn_file_is_drawn_anew(assets: Path, damage: bytes | None) -> None:
    _forget()
    drawn = scene._ground_texture("asphalt", 3)
    [path] = _files(assets)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if damage is None else damage)
    _forget()
    assert scene._ground_texture("asphalt", 3) == drawn
    assert path.read_bytes() == whole


def test_a_shelf_that_takes_no_files_costs_no_frame(assets: Path) -> None:
    _forget()
    folder = next(path for path in (assets / shelf.SHELF).iterdir())
    folder.rmdir()
    folder.write_bytes(b"")  # a file where the folder was, so that nobody can write there
    assert scene._ground_texture("plain", 1).file.startswith(b"\x89PNG")


def test_other_code_draws_on_a_shelf_of_its_own_and_old_ones_go(assets: Path) -> None:
    shelves = assets / shelf.SHELF
    old, recent = shelves / "0123456789abcdef", shelves / "fedcba9876543210"
    for folder in (old, recent):
        folder.mkdir()
        (folder / "ground_texture-asphalt-1").write_bytes(b"drawn by other code")
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    shelf.open_shelf(assets)
    assert {folder.name for folder in shelves.iterdir()} == {recent.name, shelf.code_digest()[:16]}


def test_tidying_the_assets_leaves_the_shelf(assets: Path) -> None:
    _forget()
    scene._ground_texture("plain", 2)
    before = _files(assets)
    assert remove_unused(assets, budget_bytes=0, unused_after_s=0.0) == 0
    assert _files(assets) == before
