"""The assets folder: content-addressed, atomic, and within its budget."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contracts.errors import StorageError
from contracts.frame_spec import asset_file_name
from tests.players import box_family
from unity_bridge.assets import remove_unused, write_assets, write_file
from unity_bridge.sampling import sample_frame
from unity_bridge.scenes.composition import ComposedFrame


def _composed(index: int = 0) -> ComposedFrame:
    return box_family.compose(sample_frame(box_family.generator(), 1, index), (32, 32))


def test_every_asset_is_written_once_under_its_digest(tmp_path: Path) -> None:
    composed = _composed()
    names = {asset_file_name(asset.digest, asset.media_type) for asset in composed.spec.assets}
    assert write_assets(tmp_path, composed) == sum(len(data) for data in composed.assets.values())
    assert {path.name for path in tmp_path.iterdir()} == names
    assert write_assets(tmp_path, composed) == 0


def test_a_truncated_asset_is_written_again_and_a_used_one_is_young_again(tmp_path: Path) -> None:
    composed = _composed()
    write_assets(tmp_path, composed)
    damaged, old = sorted(tmp_path.iterdir())[:2]
    damaged.write_bytes(b"")
    os.utime(old, (1, 1))
    assert write_assets(tmp_path, composed) > 0
    assert damaged.stat().st_size > 0
    assert old.stat().st_mtime > 1e9


def test_only_files_that_are_long_unused_are_removed_and_only_over_budget(tmp_path: Path) -> None:
    for number in range(4):
        path = tmp_path / f"{number}.glb"
        path.write_bytes(bytes(1000))
        if number < 3:
            os.utime(path, (1000 + number, 1000 + number))
    assert remove_unused(tmp_path, budget_bytes=4000) == 0
    assert remove_unused(tmp_path, budget_bytes=3500) == 1000
    assert {path.name for path in tmp_path.iterdir()} == {"1.glb", "2.glb", "3.glb"}
    assert remove_unused(tmp_path, budget_bytes=0) == 2000
    assert {path.name for path in tmp_path.iterdir()} == {"3.glb"}


def test_a_refused_write_names_the_place_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="missing"):
        write_file(tmp_path / "missing" / "a.glb", b"x")
    with pytest.raises(StorageError) as caught:
        write_file(Path("/dev/full") / "a.glb", b"x")
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []
