"""`import camvid`, `gtav` and `viper`: masks whose colours or channels name classes and instances."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from import_samples import Importing, by_source
from mask_folder_samples import save
from PIL import Image

W, H = 40, 30


def _camvid(base: Path, image: str, mask: str) -> Importing:
    source = Importing(base, "camvid")
    for number, name in enumerate(("0001TP_006690", "0001TP_006720", "Seq05VD_f00000")):
        source.photograph(f"{image}/{name}.png", number)
        pixels = np.zeros((H, W, 3), np.uint8)
        pixels[5:10, 5:10] = (64, 0, 128)
        pixels[20:] = (128, 64, 128)
        save(source.root / mask / f"{name}_L.png", pixels)
    return source


@pytest.mark.parametrize(
    ("image", "mask", "splits"),
    [
        ("701_StillsRaw_full", "LabeledApproved_full", {}),
        ("images", "labels", {}),
        ("train", "train_labels", {"train": "train"}),
    ],
)
def test_camvid_by_its_colours(tmp_path: Path, image: str, mask: str, splits: dict[str, str]) -> None:
    source = _camvid(tmp_path, image, mask)
    version = source.run(splits=splits)
    record = by_source(version)[f"{image}/0001TP_006690.png"]
    ids = {label.name: label.id for label in version.labels}
    expected = np.full((H, W), 255, np.uint8)
    expected[5:10, 5:10] = ids["car"]
    expected[20:] = ids["road"]
    np.testing.assert_array_equal(version.read_mask(record), expected)
    assert len(ids) == 32
    assert [item.group for item in version.records()] == ["0001TP", "0001TP", "Seq05VD"]
    assert record.instances == ()


def test_a_colour_without_a_class_refuses_the_import(tmp_path: Path) -> None:
    source = _camvid(tmp_path, "images", "labels")
    path = source.root / "labels/0001TP_006690_L.png"
    pixels = np.array(Image.open(path))
    pixels[0, :3] = (1, 2, 3)
    save(path, pixels)
    save(source.root / "labels/0001TP_006720_L.png", pixels[:9])
    message = source.refused()
    assert "labels/0001TP_006690_L.png: 3 pixels of 1 colours that are in no class table: (1, 2, 3)" in message
    Image.fromarray(pixels).save(path.with_suffix(".jpg"))
    path.unlink()
    (source.root / "labels/Seq05VD_f00000_L.png").rename(source.root / "labels/none_L.png")
    message = source.refused()
    assert "images/0001TP_006690.png: has no mask" in message
    assert "labels/none_L.png: has no image" in message


def test_colours_of_ones_own(tmp_path: Path) -> None:
    source = _camvid(tmp_path, "images", "labels")
    table = tmp_path / "table.json"
    table.write_text(
        json.dumps(
            [
                {"id": 1, "name": "vehicle", "color": [64, 0, 128]},
                {"id": 2, "name": "ground", "color": [128, 64, 128]},
            ]
        )
    )
    version = source.run(classes=table)
    assert [label.name for label in version.labels] == ["background", "vehicle", "ground"]
    assert set(np.unique(version.read_mask(version.records()[0]))) == {1, 2, 255}
    (tmp_path / "other").mkdir()
    another = _camvid(tmp_path / "other", "images", "labels")
    table.write_text('{"classes": {"0": "background", "1": "vehicle"}}')
    assert "table.json: no class has a colour" in another.refused(classes=table)


def test_label_images_of_gtav_indexed_and_not(tmp_path: Path) -> None:
    source = Importing(tmp_path, "gtav")
    ids = np.zeros((H, W), np.uint8)
    ids[10:20] = 7
    ids[3:6, 4:9] = 26
    ids[4, 5] = 34  # a license plate, in the colour of its car
    palette = np.zeros((256, 3), np.uint8)
    palette[7], palette[26], palette[34] = (128, 64, 128), (0, 0, 142), (0, 0, 142)
    for number, name in enumerate(("00001", "00002")):
        source.photograph(f"images/{name}.png", number)
    indexed = Image.fromarray(ids)
    indexed.putpalette(palette.tobytes())
    (source.root / "labels").mkdir()
    indexed.save(source.root / "labels/00001.png")
    save(source.root / "labels/00002.png", palette[ids])
    version = source.run()
    for record in version.records():
        np.testing.assert_array_equal(version.read_mask(record), np.where(ids == 34, 26, ids))
    assert {label.id: label.name for label in version.labels}[26] == "car"


class Viper(Importing):
    """Two sequences of one frame each."""

    def __init__(self, base: Path) -> None:
        super().__init__(base, "viper")
        self.ids = np.zeros((H, W), np.uint8)
        self.ids[15:] = 3
        self.ids[4:9, 4:10] = 24
        self.ids[4:9, 10:14] = 24
        self.coded = np.zeros((H, W, 3), np.uint8)
        self.coded[4:9, 4:10] = (24, 1, 4)
        self.coded[4:9, 10:14] = (24, 0, 9)
        for number, name in enumerate(("001/001_00001", "002/002_00007")):
            self.photograph(f"train/img/{name}.jpg", number)
            save(self.root / f"train/cls/{name}.png", self.ids)
            save(self.root / f"train/inst/{name}.png", self.coded)


def test_viper_classes_and_instances_by_sequence(tmp_path: Path) -> None:
    source = Viper(tmp_path)
    version = source.run(splits={"train": "train"})
    record = by_source(version)["train/img/001/001_00001.jpg"]
    np.testing.assert_array_equal(version.read_mask(record), source.ids)
    assert [(item.label, item.box) for item in record.instances] == [("car", (10, 4, 4, 5)), ("car", (4, 4, 6, 5))]
    assert [item.group for item in version.records()] == ["001", "002"]
    assert source.reasons() == {}


def test_viper_with_one_of_both_alone(tmp_path: Path) -> None:
    source = Viper(tmp_path)
    (source.root / "train/inst").rename(source.root / "instances-elsewhere")
    record = source.run(source.root / "train").records()[0]
    assert record.instances == ()
    (source.root / "instances-elsewhere").rename(source.root / "train/inst")
    (source.root / "train/cls").rename(source.root / "classes-elsewhere")
    version = source.run(source.root / "train")
    record = version.records()[0]
    assert len(record.instances) == 2
    np.testing.assert_array_equal(version.read_mask(record), np.where(source.ids == 24, 24, 0))


def test_viper_that_contradicts_itself_is_said(tmp_path: Path) -> None:
    source = Viper(tmp_path)
    source.ids[5, 5:8] = 26
    save(source.root / "train/cls/001/001_00001.png", source.ids)
    record = source.run(source.root / "train").records()[0]
    assert sum(item.area_px for item in record.instances) == 50
    assert source.reasons() == {"classes_differ": 1}
    assert "3 pixels" in source.report.not_taken[0].message


@pytest.mark.parametrize("what", ["size", "class", "missing", "kind"])
def test_viper_that_does_not_fit_is_refused(tmp_path: Path, what: str) -> None:
    source = Viper(tmp_path)
    path = source.root / "train/cls/001/001_00001.png"
    if what == "size":
        save(path, source.ids[:20])
    elif what == "class":
        save(path, source.ids + 100)
    elif what == "missing":
        path.unlink()
    else:
        save(path, source.coded)
    said = {"size": "cls is of 40x20 px", "class": "are not in the class table", "missing": "has no mask",
            "kind": "not indexed, nor grey"}  # fmt: skip
    assert said[what] in source.refused(splits={"train": "train"})
