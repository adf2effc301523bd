"""What the embedded player keeps of decoded assets: what comes again, within its budget."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import RenderError
from contracts.frame_spec import FrameSpec
from tests.player_frames import street_frame
from unity_bridge.embedded.assets import AssetCache


def _frames(folder: Path, count: int) -> tuple[list[FrameSpec], str]:
    """Specs that share their assets, which lie in the folder, and the digest of a model among them."""
    frames = [street_frame(seed=seed) for seed in range(count)]
    for frame in frames:
        frame.write_assets(folder)
    return [frame.spec for frame in frames], frames[0].spec.objects[0].asset


def test_what_serves_one_frame_is_not_kept_and_is_decoded_once_in_it(tmp_path: Path) -> None:
    (spec,), digest = _frames(tmp_path, 1)
    cache = AssetCache()
    model = cache.model(spec, tmp_path, digest)
    assert cache.model(spec, tmp_path, digest) is model
    assert cache.kept_bytes == 0


def test_what_serves_a_second_frame_is_kept_for_the_third(tmp_path: Path) -> None:
    (first, second, third), digest = _frames(tmp_path, 3)
    cache = AssetCache()
    decoded = [cache.model(spec, tmp_path, digest) for spec in (first, second, third)]
    assert decoded[1] is not decoded[0]
    assert decoded[2] is decoded[1]
    assert cache.kept_bytes > 0


def test_the_least_recently_used_gives_way_beyond_the_budget(tmp_path: Path) -> None:
    specs, _ = _frames(tmp_path, 6)
    models = sorted({item.asset for item in specs[0].objects})
    cache = AssetCache(capacity_bytes=1)
    for spec in specs:
        for digest in models:
            cache.model(spec, tmp_path, digest)
        assert cache.kept_bytes <= 1


def test_a_missing_asset_is_named_and_can_be_read_once_it_is_there(tmp_path: Path) -> None:
    frame = street_frame()
    cache = AssetCache()
    digest = frame.spec.objects[0].asset
    with pytest.raises(RenderError, match="there is no file"):
        cache.model(frame.spec, tmp_path / "empty", digest)
    assert cache.model(frame.spec, frame.write_assets(tmp_path), digest).parts
