"""The cache: decoded once, true to the store, and nothing damaged gets through it."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import IntegrityError, NotFoundError, StorageError
from registry.reader import Version, open_version
from registry.store import Store
from tests.unit.training.training_samples import Versions
from training import data
from training.data import open_frames, scale_mask

SIZE = (32, 24)


@pytest.fixture
def version(shapes: Versions, tmp_path: Path) -> Version:
    """A copy of `shapes@1` that may be damaged."""
    shutil.copytree(shapes.store, tmp_path / "store")
    return open_version(tmp_path / "store", shapes.digests["shapes@1"], name="shapes@1")


def flip_a_byte(version: Version, place: int, role: str) -> None:
    path = Path(version.store.path_of(version.records("train")[place].files[role]))
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_images_and_masks_are_the_stores_scaled(version, tmp_path):
    frames = open_frames(version, "train", SIZE, tmp_path / "cache")
    assert frames.images.shape == (12, 24, 32, 3)
    assert frames.masks.shape == (12, 24, 32)
    for place, record in enumerate(version.records("train")):
        assert np.array_equal(frames.images[place], data.scale_image(version.read_image(record), SIZE))
        assert np.array_equal(frames.masks[place], scale_mask(version.read_mask(record), SIZE))
    assert isinstance(frames.images, np.memmap)


def test_masks_are_scaled_by_the_pixel_under_each_new_centre():
    mask = np.arange(36, dtype=np.uint8).reshape(6, 6)
    assert scale_mask(mask, (2, 3)).tolist() == [[7, 10], [19, 22], [31, 34]]
    assert scale_mask(mask, (12, 6))[0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_a_second_opening_decodes_nothing(version, tmp_path, monkeypatch):
    first = open_frames(version, "train", SIZE, tmp_path / "cache")
    monkeypatch.setattr(Version, "read_image", lambda *_: pytest.fail("decoded again"))
    second = open_frames(version, "train", SIZE, tmp_path / "cache")
    assert np.array_equal(first.images, second.images)


def test_sizes_splits_and_versions_do_not_share_a_cache(version, tmp_path):
    shapes = {
        open_frames(version, split, size, tmp_path / "cache").images.shape
        for split, size in (("train", SIZE), ("test", SIZE), (None, SIZE), ("train", (16, 16)))
    }
    assert len(shapes) == 4


@pytest.mark.parametrize("cached", [False, True], ids=["first decode", "already decoded"])
@pytest.mark.parametrize("role", ["image", "mask"])
def test_one_flipped_byte_is_refused_naming_file_and_version(version, tmp_path, role, cached):
    if cached:
        open_frames(version, "train", SIZE, tmp_path / "cache")
    flip_a_byte(version, 5, role)
    with pytest.raises(IntegrityError, match=rf"{role} of frame {version.records('train')[5].index} of shapes@1"):
        open_frames(version, "train", SIZE, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*.tmp"))


def test_a_damaged_cache_is_decoded_anew(version, tmp_path):
    before = np.array(open_frames(version, "train", SIZE, tmp_path / "cache").images)
    (file,) = (tmp_path / "cache").glob("*/images.npy")
    content = bytearray(file.read_bytes())
    content[-1] ^= 255
    file.write_bytes(content)
    assert np.array_equal(open_frames(version, "train", SIZE, tmp_path / "cache").images, before)


def test_what_a_killed_builder_left_is_cleared(version, tmp_path):
    open_frames(version, "train", SIZE, tmp_path / "cache")
    (folder,) = (tmp_path / "cache").glob("*/")
    folder.rename(folder.with_name(f"{folder.name}.dead.tmp"))
    frames = open_frames(version, "train", SIZE, tmp_path / "cache")
    assert frames.images.shape == (12, 24, 32, 3)
    assert [found.name for found in (tmp_path / "cache").glob("*/")] == [folder.name]


def test_builders_at_once_decode_once(version, tmp_path, monkeypatch):
    decoded = []
    read = Version.read_image
    monkeypatch.setattr(Version, "read_image", lambda self, record: decoded.append(record.index) or read(self, record))
    start = threading.Barrier(4)

    def build() -> np.ndarray:
        start.wait()
        own = open_version(Store(tmp_path / "store"), version.digest)
        return np.array(open_frames(own, "train", SIZE, tmp_path / "cache").images)

    with ThreadPoolExecutor(4) as pool:
        found = [future.result() for future in [pool.submit(build) for _ in range(4)]]
    assert len(decoded) == 12
    assert all(np.array_equal(images, found[0]) for images in found)


def test_an_unknown_split_is_named(version, tmp_path):
    with pytest.raises(NotFoundError, match="no split 'tran'"):
        open_frames(version, "tran", SIZE, tmp_path / "cache")


def test_a_cache_that_cannot_be_written_is_named(version, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder belongs")
    with pytest.raises(StorageError, match=r"the cache .* can't be written"):
        open_frames(version, "train", SIZE, tmp_path / "cache")
