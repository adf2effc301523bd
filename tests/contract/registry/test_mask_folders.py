"""`import masks`: folders of photographs and masks as people have them, good and bad."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from mask_folder_samples import Folder, mask_of, photograph, save
from PIL import Image

from contracts.errors import ConfigurationError, NotFoundError
from contracts.ids import VersionReference
from registry.formats.exporting import export_version
from registry.formats.importing import import_dataset
from registry.formats.masks import open_masks
from registry.formats.raw import write_raw
from registry.reader import open_version


def test_images_masks_splits_and_groups_arrive(folder: Folder) -> None:
    calls: list[tuple[int, int]] = []
    version = folder.version(
        groups=folder.root / "groups.csv",
        license_terms="internal",
        on_progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert version.manifest.splits == {"test_public": 2, "train": 2}
    assert version.manifest.license == "internal"
    assert [(label.id, label.name) for label in version.labels] == [(0, "background"), (1, "front_door"), (4, "mirror")]
    assert [(record.source, record.split, record.group) for record in version.records()] == [
        ("eval/images/c.jpg", "test_public", "g2"),
        ("eval/images/d.jpg", "test_public", "g3"),
        ("train/images/a.jpg", "train", "g1"),
        ("train/images/b.jpg", "train", "g1"),
    ]
    for record in version.records():
        np.testing.assert_array_equal(version.read_mask(record), mask_of())
        with Image.open(folder.root / str(record.source)) as picture:
            np.testing.assert_array_equal(version.read_image(record), np.array(picture))
        assert record.instances == ()
    assert version.verify() == []


def test_importing_again_is_the_same_version(folder: Folder) -> None:
    first = folder.load()
    assert folder.load() == first
    assert first.seed is first.generator is None


def test_a_folder_without_splits_is_one_version(folder: Folder) -> None:
    folder.root /= "train"
    version = folder.version(splits=None, classes=folder.root.parent / "classes.json")
    assert version.manifest.splits == {}
    assert [(record.source, record.split) for record in version.records()] == [
        ("images/a.jpg", None),
        ("images/b.jpg", None),
    ]


def test_a_photograph_is_turned_upright_and_loses_its_metadata(folder: Folder) -> None:
    upright = photograph(7, 30, 40)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    exif[0x010E] = "who sat here"
    sideways = np.rot90(upright).copy()
    save(folder.root / "train/images/a.jpg", sideways, exif=exif, quality=95)
    save(folder.root / "train/masks/a.png", mask_of(30, 40))
    version = folder.version()
    record = next(record for record in version.records() if record.source == "train/images/a.jpg")
    assert record.size == (30, 40)
    assert np.abs(version.read_image(record).astype(int) - upright).mean() < 3
    with Image.open(io.BytesIO(version.read_file(record, "image"))) as stored:
        assert stored.format == "PNG"
        assert not stored.getexif()
        assert set(stored.info) == set()
    assert all(b"who sat here" not in folder.store.read(digest) for digest in folder.store.digests())


def test_indexed_masks_and_png_photographs_of_several_kinds_are_taken(folder: Folder) -> None:
    indexed = Image.fromarray(mask_of())
    indexed.putpalette([(index * 37) % 256 for index in range(768)])
    indexed.save(folder.root / "train/masks/a.png")
    few = np.zeros((30, 40), np.uint8)
    few[4:9] = 1
    bits = Image.fromarray(few)
    bits.putpalette([0, 0, 0, 255, 255, 255])
    bits.save(folder.root / "train/masks/b.png", bits=1)
    grey = photograph(5)[..., 0]
    (folder.root / "eval/images/c.jpg").unlink()
    save(folder.root / "eval/images/c.png", grey)
    (folder.root / "eval/images/d.jpg").unlink()
    opaque = np.dstack([photograph(6), np.full((30, 40), 255, np.uint8)])
    save(folder.root / "eval/images/d.PNG", opaque)
    version = folder.version()
    by_source = {record.source: record for record in version.records()}
    np.testing.assert_array_equal(version.read_mask(by_source["train/images/a.jpg"]), mask_of())
    np.testing.assert_array_equal(version.read_mask(by_source["train/images/b.jpg"]), few)
    np.testing.assert_array_equal(version.read_image(by_source["eval/images/c.png"])[..., 1], grey)
    np.testing.assert_array_equal(version.read_image(by_source["eval/images/d.PNG"]), opaque[..., :3])


@pytest.mark.parametrize(
    ("table", "names", "ids"),
    [
        (["background", "front_door", "x", "y", "mirror"], ["background", "front_door", "x", "y", "mirror"], (1, 4)),
        ({"classes": {"1": "FrontDoor", "4": "side mirror"}}, ["background", "front_door", "side_mirror"], (1, 4)),
        (["Sky", "Car", "a", "b", "c"], ["background", "sky", "car", "a", "b", "c"], (2, 5)),
        (
            [{"id": 0, "name": "background", "color": [0, 0, 0]}, {"id": 1, "name": "door"}, {"id": 4, "name": "m"}],
            ["background", "door", "m"],
            (1, 4),
        ),
        (
            {"classes": {"0": "background", "1": "door", "4": "void"}, "ignore_index": 4},
            ["background", "door"],
            (1, 255),
        ),
    ],
    ids=["list", "without background", "background named otherwise", "labels.json", "ignore index"],
)
def test_class_tables_as_people_write_them(
    folder: Folder, table: object, names: list[str], ids: tuple[int, int]
) -> None:
    (folder.root / "classes.json").write_text(json.dumps(table))
    version = folder.version()
    assert [label.name for label in version.labels] == names
    mask = version.read_mask(version.records()[0])
    assert (int(mask[10, 10]), int(mask[22, 32])) == ids
    assert (mask[0] == 255).all()


def test_a_raw_export_can_be_imported(folder: Folder, tmp_path: Path) -> None:
    version = folder.version()
    export_version(write_raw, version, VersionReference("photos", 1), tmp_path / "out")
    made = import_dataset(
        open_masks,
        folder.store,
        folder.catalog,
        tmp_path / "out",
        name="copy",
        classes=tmp_path / "out" / "labels.json",
    )
    copy = open_version(folder.store, made.digest)
    assert copy.labels == version.labels
    assert [record.files for record in copy.records()] == [record.files for record in version.records()]


def corrupt(folder: Folder, case: str) -> None:
    root = folder.root
    image, mask = root / "train/images/a.jpg", root / "train/masks/a.png"
    if case == "truncated image":
        image.write_bytes(image.read_bytes()[:400])
    elif case == "truncated mask":
        mask.write_bytes(mask.read_bytes()[:-25])
    elif case == "not an image":
        image.write_bytes(b"<html>404</html>")
    elif case == "ids outside the table":
        save(mask, np.full((30, 40), 9, np.uint8) - np.eye(30, 40, dtype=np.uint8) * 2)
    elif case == "other size":
        save(mask, mask_of(40, 31))
    elif case == "RGB mask":
        save(mask, photograph(1))
    elif case == "16-bit mask":
        save(mask, mask_of().astype(np.uint16))
    elif case == "4-bit grey mask":
        # As some tools write: PIL can't, so the header of an 8-bit file is not enough; one row of two pixels a byte.
        write_grey_png(mask, 4)
    elif case == "JPEG mask":
        stream = io.BytesIO()
        Image.fromarray(mask_of()).save(stream, "JPEG")
        mask.write_bytes(stream.getvalue())
    elif case == "16-bit image":
        image.unlink()
        save(root / "train/images/a.png", photograph(1)[..., 0].astype(np.uint16) * 256)
    elif case == "CMYK image":
        Image.fromarray(photograph(1)).convert("CMYK").save(image)
    elif case == "transparent image":
        image.unlink()
        save(root / "train/images/a.png", np.dstack([photograph(1), np.full((30, 40), 9, np.uint8)]))
    elif case == "enormous image":
        save(image, np.zeros((2, 9000, 3), np.uint8))
    elif case == "no mask":
        mask.unlink()
    elif case == "no image":
        image.unlink()
    elif case == "two images of one stem":
        save(root / "train/images/a.png", photograph(1))
    elif case == "foreign file":
        (root / "train/images/Thumbs.db").write_bytes(b"")
    elif case == "folder":
        (root / "train/images/more").mkdir()
    elif case == "link that leads out":
        (root.parent / "secret.jpg").write_bytes(image.read_bytes())
        image.unlink()
        image.symlink_to(root.parent / "secret.jpg")
    else:
        raise AssertionError(case)


def write_grey_png(path: Path, bits: int) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x11" * (40 * bits // 8) for _ in range(30))
    header = struct.pack(">IIBBBBB", 40, 30, bits, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("case", "file", "reason"),
    [
        ("truncated image", "train/images/a.jpg", "damaged"),
        ("truncated mask", "train/masks/a.png", "damaged"),
        ("not an image", "train/images/a.jpg", "not an image"),
        ("ids outside the table", "train/masks/a.png", "ids 7, 9 are not in the class table"),
        ("other size", "train/masks/a.png", "40x31 px, but its upright image has 40x30 px"),
        ("RGB mask", "train/masks/a.png", "it is RGB, 8 bits"),
        ("16-bit mask", "train/masks/a.png", "it is grey, 16 bits"),
        ("4-bit grey mask", "train/masks/a.png", "it is grey, 4 bits"),
        ("JPEG mask", "train/masks/a.png", "it is not a PNG"),
        ("16-bit image", "train/images/a.png", "convert it to 8-bit RGB"),
        ("CMYK image", "train/images/a.jpg", "CMYK"),
        ("transparent image", "train/images/a.png", "transparent"),
        ("enormous image", "train/images/a.jpg", "9000x2 px"),
        ("no mask", "train/images/a.jpg", "has no mask"),
        ("no image", "train/masks/a.png", "has no image"),
        ("two images of one stem", "train/images/a.png", "same stem as a.jpg"),
        ("foreign file", "train/images/Thumbs.db", "none of .jpg, .jpeg, .png"),
        ("folder", "train/images/more", "not a file"),
        ("link that leads out", "train/images/a.jpg", "leads out"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_imported(folder: Folder, case: str, file: str, reason: str) -> None:
    corrupt(folder, case)
    message = folder.refused()
    assert file in message
    assert reason in message


def test_all_faults_are_collected_and_twenty_are_shown(folder: Folder) -> None:
    for number in range(25):
        save(folder.root / f"train/images/x{number:02d}.jpg", photograph(number))
    with pytest.raises(ConfigurationError) as caught:
        folder.load()
    assert caught.value.message.startswith("25 faults in ")
    assert "x19.jpg" in caught.value.message
    assert "x20.jpg" not in caught.value.message
    assert "and 5 more" in caught.value.message
    assert len(caught.value.context["errors"]) == 25
    assert folder.catalog.names() == []


def test_a_fault_in_the_last_file_leaves_nothing_of_the_others(folder: Folder) -> None:
    path = folder.root / "train/images/b.jpg"
    path.write_bytes(path.read_bytes()[:300])
    folder.refused()


def test_groups_may_name_files_by_their_path(folder: Folder) -> None:
    lines = ["train/images/a.jpg,g1", "train/images/b.jpg,g2", "eval/images/c.jpg,g3", "eval/images/d.jpg,g4"]
    (folder.root / "groups.csv").write_text("\ufefffile_name,group\r\n" + "\r\n".join(lines))
    version = folder.version(groups=folder.root / "groups.csv")
    assert [record.group for record in version.records("train")] == ["g1", "g2"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('"door"', "neither"),
        ('{"labels": {}}', "neither"),
        ('{"classes": {"0": "background"}}', "no class beside background"),
        ('{"classes": {"one": "door"}}', "not an id from 0 to 255"),
        ('{"classes": {"300": "door"}}', "above 255"),
        ('{"classes": {"1": "door", "01": "mirror"}}', "stands twice"),
        ('{"classes": {"1": "door", "2": "Door"}}', "stand twice: door"),
        ('{"classes": {"1": "../.."}}', "gives no class name"),
        ('{"classes": {"1": 5}}', "gives no class name"),
        ('[{"id": 1, "name": "door", "color": [0, 0, 999]}]', "not a colour"),
    ],
)
def test_class_tables_that_are_none(folder: Folder, text: str, reason: str) -> None:
    (folder.root / "classes.json").write_text(text)
    assert reason in folder.refused()


def test_what_is_missing_is_named(folder: Folder, tmp_path: Path) -> None:
    assert "no folder" in folder.refused(NotFoundError, splits={"train": "trian"})
    assert "no file" in folder.refused(NotFoundError, classes=tmp_path / "none.json")
    assert "no file" in folder.refused(NotFoundError, groups=tmp_path / "none.csv")
    (folder.root / "classes.json").unlink()
    assert "no class table" in folder.refused()
    with pytest.raises(NotFoundError, match="no folder"):
        import_dataset(open_masks, folder.store, folder.catalog, tmp_path / "nowhere", name="photos")


def test_names_and_subfolders_can_not_lead_elsewhere(folder: Folder) -> None:
    assert "leads out" in folder.refused(splits={"train": "../photos/../.."})
    assert "not a valid name" in folder.refused(splits={"../x": "train"})
    assert "not a valid name" in folder.refused(name="../x")


def test_an_empty_folder_has_nothing_to_import(folder: Folder) -> None:
    for path in folder.root.glob("train/*/*"):
        path.unlink()
    assert "at least one frame" in folder.refused(splits={"train": "train"})
