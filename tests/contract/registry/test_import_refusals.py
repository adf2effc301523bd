"""What no importer may fall for: images that are none, bombs, pipes, files that can't be read, full disks, kills."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from import_samples import Importing, by_source
from killing import fast_folder, killed
from mask_folder_samples import photograph, save
from PIL import Image
from test_bdd_import import Bdd
from test_cityscapes_import import FIRST, Cityscapes
from test_coco_import import Coco
from test_coded_masks_import import Viper
from test_solo_import import Solo
from test_yolo_import import Yolo

from contracts.errors import BeltlineError, ConfigurationError, StorageError
from registry.catalog import Catalog
from registry.formats.coco_import import open_coco
from registry.formats.importing import import_dataset
from registry.store import Store

SAMPLES: dict[str, tuple[Callable[[Path], Importing], str]] = {
    "bdd": (Bdd, "images/a-1.jpg"),
    "cityscapes": (Cityscapes, f"leftImg8bit/{FIRST}_leftImg8bit.png"),
    "coco": (Coco, "images/a.jpg"),
    "solo": (Solo, "sequence.0/step0.camera.png"),
    "viper": (Viper, "img/001/001_00001.jpg"),
    "yolo": (Yolo, "images/train/a.jpg"),
}


def _sample(name: str, base: Path) -> tuple[Importing, Path]:
    make, image = SAMPLES[name]
    source = make(base)
    if isinstance(source, Coco | Bdd):
        source.write()
    if isinstance(source, Viper):
        source.root /= "train"
    return source, source.root / image


def _bomb(path: Path) -> None:
    """A hundred megapixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(10_000 * (1 + 10_000 // 8)), 9)
    header = struct.pack(">IIBBBBB", 10_000, 10_000, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link_out(path: Path) -> None:
    save(path.parents[3] / "outside.png", photograph(4))
    path.unlink()
    path.symlink_to(path.parents[3] / "outside.png")


def _as_jpeg(mode: str) -> Callable[[Path], None]:
    return lambda path: Image.fromarray(photograph(1)).convert(mode).save(path, "JPEG")


SPOILS: dict[str, Callable[[Path], Any]] = {
    "text": lambda path: path.write_text("no image"),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "bomb": _bomb,
    "cmyk": _as_jpeg("CMYK"),
    "16 bits": lambda path: Image.fromarray(np.zeros((30, 40), np.uint16)).save(path, "PNG"),
    "pipe": _pipe,
    "folder": _folder,
    "link out": _link_out,
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_an_image_that_is_none_refuses_the_whole(tmp_path: Path, spoil: str) -> None:
    source, image = _sample("yolo", tmp_path)
    SPOILS[spoil](image)
    said = source.refused()
    assert image.name in said or f"labels/train/{image.stem}.txt: has no image" in said
    if spoil == "bomb":
        assert "at most 8192 px a side" in said


@pytest.mark.parametrize("name", SAMPLES)
def test_every_format_names_a_damaged_image_and_takes_nothing(tmp_path: Path, name: str) -> None:
    source, image = _sample(name, tmp_path)
    image.write_bytes(image.read_bytes()[:60])
    said = source.refused()
    assert f"{image.relative_to(source.root).as_posix()}: damaged" in said
    assert said.startswith("1 faults")


@pytest.mark.parametrize("name", SAMPLES)
def test_every_format_strips_what_a_file_says_beside_its_pixels(tmp_path: Path, name: str) -> None:
    source, image = _sample(name, tmp_path)
    exif = Image.Exif()
    exif[0x010E] = "who sat here"
    save(image, np.array(Image.open(image)), exif=exif)
    version = source.run()
    assert all(b"who sat here" not in version.store.read(digest) for digest in version.store.digests())
    assert source.run().digest == version.digest


@pytest.mark.parametrize("name", SAMPLES)
def test_every_format_refuses_what_holds_no_image(tmp_path: Path, name: str) -> None:
    source, _ = _sample(name, tmp_path)
    shutil.rmtree(source.root)
    source.root.mkdir()
    source.refused(kind=BeltlineError)


def test_a_folder_of_images_is_refused_where_the_format_names_them(tmp_path: Path) -> None:
    source, _ = _sample("solo", tmp_path)
    assert "says itself where its images lie" in source.refused(images=tmp_path)


def test_splits_and_groups_are_as_for_masks(tmp_path: Path) -> None:
    source, _ = _sample("coco", tmp_path)
    groups = tmp_path / "groups.csv"
    groups.write_text("file_name,group\na.jpg,one\nb.jpg,one\nimages/c.jpg,two\n")
    version = source.run(groups=groups, shares={"train": 0.6, "test": 0.4}, seed=2)
    assert [record.group for record in version.records()] == ["one", "one", "two"]
    records = by_source(version)
    assert records["images/a.jpg"].split == records["images/b.jpg"].split != records["images/c.jpg"].split
    groups.write_text("file_name,group\na.jpg,one\n")
    with pytest.raises(ConfigurationError, match="has no group in the table"):
        source.run(groups=groups)


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    base = Path(tempfile.mkdtemp(prefix="unreadable-"))
    try:
        source, image = _sample("yolo", base)
        image.chmod(0)
        if os.geteuid() == 0:  # who may read everything, so somebody else looks
            for path in (base, *base.rglob("*")):
                os.chown(path, 65534, 65534)
            os.chown(image, 0, 0)
        with _as_nobody():
            assert "images/train/a.jpg: can't be read: permission denied" in source.refused()
    finally:
        shutil.rmtree(base)


@contextmanager
def _as_nobody() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_store_that_is_full_is_said_and_the_repetition_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _ = _sample("coco", tmp_path)
    write, calls = os.write, [0]

    def full(handle: int, data: Any) -> int:
        calls[0] += 1
        if calls[0] > 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StorageError, match="no space left"):
            source.run()
    assert source.catalog.names() == []
    assert list(source.store.digests()) == []
    assert len(source.run()) == 3


def test_a_killed_import_leaves_nothing_and_its_repetition_gives_the_same_version(tmp_path: Path) -> None:
    source, _ = _sample("coco", tmp_path)
    expected = source.run().digest
    home = fast_folder()
    try:
        with Catalog(f"sqlite:///{home / 'catalog.db'}") as catalog:
            assert catalog.names() == []

        def import_once() -> object:
            with Catalog(f"sqlite:///{home / 'catalog.db'}") as catalog:
                return import_dataset(open_coco, Store(home / "store"), catalog, source.root, name="photos")

        kills = 0
        for step in range(1, 80, 9):
            if not killed(import_once, step, tmp_path / "log"):
                break
            kills += 1
            with Catalog(f"sqlite:///{home / 'catalog.db'}") as catalog:
                assert catalog.names() in ([], ["photos"])
        assert kills > 3
        with Catalog(f"sqlite:///{home / 'catalog.db'}") as catalog:
            described = import_dataset(open_coco, Store(home / "store"), catalog, source.root, name="photos")
            assert (described.digest, described.version) == (expected, 1)
    finally:
        shutil.rmtree(home)
