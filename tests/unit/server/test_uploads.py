"""Unpacking what strangers send: nothing gets out of the folder, and nothing absurd gets in."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.errors import ConfigurationError
from server.uploads import check_archive, unpack

Fill = Callable[[Path], None]


def _zip(*entries: tuple[str, bytes, int]) -> Fill:
    def fill(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data, mode in entries:
                info = zipfile.ZipInfo(name)
                info.external_attr = mode << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, data)

    return fill


def _tar(*entries: tuple[str, bytes, bytes, str]) -> Fill:
    def fill(path: Path) -> None:
        with tarfile.open(path, "w:gz") as archive:
            for name, kind, data, link in entries:
                info = tarfile.TarInfo(name)
                info.type, info.size, info.linkname = kind, len(data), link
                archive.addfile(info, io.BytesIO(data))

    return fill


def _bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(80 << 20))


def _torn(path: Path) -> None:
    _zip(("images/a.png", b"x" * 1000, 0o100644))(path)
    data = bytearray(path.read_bytes())
    data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)


@pytest.mark.parametrize(
    "fill",
    [
        _zip(("../out.txt", b"x", 0o100644)),
        _zip(("/tmp/out.txt", b"x", 0o100644)),
        _zip(("a/../../out.txt", b"x", 0o100644)),
        _zip(("a\\..\\out.txt", b"x", 0o100644)),
        _zip(("link", b"/etc/passwd", 0o120777)),
        _zip(("fifo", b"", 0o010644)),
        _tar(("../out.txt", tarfile.REGTYPE, b"x", "")),
        _tar(("/out.txt", tarfile.REGTYPE, b"x", "")),
        _tar(("link", tarfile.SYMTYPE, b"", "/etc/passwd")),
        _tar(("hard", tarfile.LNKTYPE, b"", "../out.txt")),
        _tar(("device", tarfile.CHRTYPE, b"", "")),
        _bomb,
        _torn,
    ],
    ids=[
        "zip-up",
        "zip-absolute",
        "zip-through",
        "zip-backslash",
        "zip-link",
        "zip-fifo",
        "tar-up",
        "tar-absolute",
        "tar-link",
        "tar-hard-link",
        "tar-device",
        "bomb",
        "torn",
    ],
)
def test_hostile_archives_are_refused(fill: Fill, tmp_path: Path) -> None:
    archive = tmp_path / "upload"
    fill(archive)
    before = set(tmp_path.iterdir())
    with pytest.raises(ConfigurationError) as caught:
        unpack(archive, tmp_path / "deep" / "target")
    assert caught.value.code == "invalid_archive"
    assert set(tmp_path.iterdir()) - before == {tmp_path / "deep"}
    assert not [path for path in (tmp_path / "deep").rglob("*") if path.is_symlink()]


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_the_data_is_found_with_and_without_a_folder_around_it(kind: str, wrapped: bool, tmp_path: Path) -> None:
    archive = tmp_path / "upload"
    top = "photographs/" if wrapped else ""
    names = [f"{top}images/a.png", f"{top}masks/a.png"]
    if kind == "zip":
        _zip(*((name, b"data", 0o100644) for name in names))(archive)
    else:
        _tar(*((name, tarfile.REGTYPE, b"data", "") for name in names))(archive)
    check_archive(archive)
    root = unpack(archive, tmp_path / "target")
    assert (root / "images" / "a.png").read_bytes() == b"data"
    assert (root / "masks" / "a.png").read_bytes() == b"data"
    again = unpack(archive, tmp_path / "target")
    assert again == root, "a second attempt starts afresh"


@pytest.mark.parametrize(
    ("name", "named", "root"),
    [
        ("photographs/images/a.png", [], "photographs"),
        ("images/a.png", [], "."),
        ("sequence.0/step0.frame_data.json", [], "."),
        ("sequence.12/step0.frame_data.json", [], "."),
        ("solo_3/sequence.0/step0.frame_data.json", [], "solo_3"),
        ("sequence.old/sequence.0/step0.frame_data.json", [], "sequence.old"),
        ("train/images/a.png", ["train"], "."),
        ("photographs/train/images/a.png", ["train"], "photographs"),
        ("photographs/train/images/a.png", ["photographs/train", ""], "."),
        ("alone.json", [], "."),
    ],
)
def test_a_folder_that_is_part_of_the_data_is_not_taken_for_one_around_it(
    name: str, named: list[str], root: str, tmp_path: Path
) -> None:
    _zip((name, b"data", 0o100644))(tmp_path / "upload")
    assert unpack(tmp_path / "upload", tmp_path / "target", named=named) == tmp_path / "target" / root


def test_what_is_no_archive_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(b"neither")
    with pytest.raises(ConfigurationError):
        check_archive(path)
