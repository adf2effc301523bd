"""`import yolo`: boxes and segments as Ultralytics documents them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from import_samples import Importing, by_source
from mask_folder_samples import photograph, save

from contracts.errors import BeltlineError, NotFoundError

W, H = 40, 30


class Yolo(Importing):
    """Two splits, of two images and one."""

    def __init__(self, base: Path) -> None:
        super().__init__(base, "yolo")
        for number, name in enumerate(("train/a.jpg", "train/b.png", "val/c.jpg")):
            self.photograph(f"images/{name}", number)
        self.text("data.yaml", "path: .\ntrain: images/train\nval: images/val\nnames:\n  0: Car\n  1: side mirror\n")
        self.labels("train/a", "0 0.5 0.5 0.25 0.2\n1 0.1 0.1 0.1 0.2\n")
        self.labels("val/c", "1 0.25 0.5 0.5 1\n")

    def text(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def labels(self, name: str, text: str) -> None:
        self.text(f"labels/{name}.txt", text)


@pytest.fixture
def yolo(tmp_path: Path) -> Yolo:
    return Yolo(tmp_path)


def test_boxes_arrive_as_instances_whose_pixels_are_ignored(yolo: Yolo) -> None:
    version = yolo.run()
    assert [(label.id, label.name) for label in version.labels] == [(0, "background"), (1, "car"), (2, "side_mirror")]
    assert version.manifest.splits == {"train": 2, "val": 1}
    records = by_source(version)
    record = records["images/train/a.jpg"]
    assert [(item.label, item.box, item.area_px) for item in record.instances] == [
        ("car", (15, 12, 10, 6), 60),
        ("side_mirror", (2, 0, 4, 6), 24),
    ]
    expected = np.zeros((H, W), np.uint8)
    expected[12:18, 15:25] = expected[0:6, 2:6] = 255
    np.testing.assert_array_equal(version.read_mask(record), expected)
    assert "instances" not in record.files
    assert records["images/train/b.png"].instances == ()
    assert yolo.reasons() == {"no_label_file": 1}


def test_segments_are_filled_by_the_centres_of_pixels(yolo: Yolo) -> None:
    yolo.labels("train/a", "0 0.25 0.2 0.5 0.2 0.5 0.6 0.25 0.6\n1 0.5 0.5 0.2 0.2\n")
    version = yolo.run()
    record = by_source(version)["images/train/a.jpg"]
    assert [(item.label, item.box, item.area_px) for item in record.instances] == [("car", (10, 6, 10, 12), 120)]
    mask = version.read_mask(record)
    assert (mask == 1).sum() == 120
    assert (mask == 255).sum() == 8 * 6 - 4 * 6, "the box is ignored where the car is not"
    assert yolo.reasons() == {"no_label_file": 1, "no_segmentation": 2}


def test_lists_of_images_and_paths_of_other_tools_are_found(yolo: Yolo) -> None:
    yolo.text("train.txt", "images/train/a.jpg\n\n./images/train/b.png\n")
    yolo.text("data.yaml", "train: train.txt\nval: ../images/val\nnc: 2\nnames: [Car, mirror]\n")
    assert yolo.run().manifest.splits == {"train": 2, "val": 1}


def test_folders_without_a_yaml_file_take_a_table_and_named_splits(yolo: Yolo, tmp_path: Path) -> None:
    (yolo.root / "data.yaml").unlink()
    assert "holds no YAML file with names" in yolo.refused()
    table = tmp_path / "table.json"
    table.write_text(json.dumps(["background", "car"]))
    assert "class 1 has no name" not in yolo.refused(
        classes=tmp_path / "table.json", splits={"fit": "none"}, kind=NotFoundError
    )
    yolo.text("classes.txt", "car\nmirror\n")
    version = yolo.run(splits={"fit": "images/train", "check": "images/val"})
    assert version.manifest.splits == {"check": 1, "fit": 2}
    assert yolo.run().manifest.splits == {}


def test_keypoints_are_left_out_and_their_boxes_taken(yolo: Yolo) -> None:
    yolo.text("data.yaml", "train: images/train\nkpt_shape: [2, 3]\nnames: [person]\n")
    yolo.labels("train/a", "0 0.5 0.5 0.25 0.2 0.1 0.1 2 0.2 0.2 1\n")
    version = yolo.run()
    assert by_source(version)["images/train/a.jpg"].instances[0].box == (15, 12, 10, 6)
    assert yolo.reasons() == {"no_label_file": 1, "keypoints": 1}


def test_what_reaches_out_is_clipped_and_said(yolo: Yolo) -> None:
    yolo.labels("train/a", "0 1 1 0.5 0.5\n0 1.5 1.5 0.1 0.1\n")
    record = by_source(yolo.run())["images/train/a.jpg"]
    assert [item.box for item in record.instances] == [(30, 22, 10, 8)]
    assert yolo.reasons() == {"clipped": 1, "no_label_file": 1, "outside": 1}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 0.5 0.5 0.1", "4 fields"),
        ("0 0.5 0.5 0.1 0.1 0.9", "6 fields"),
        ("car 0.5 0.5 0.1 0.1", "not a class index and numbers"),
        ("0.5 0.5 0.5 0.1 0.1", "not a class index and numbers"),
        ("0 nan 0.5 0.1 0.1", "not of finite numbers"),
        ("0 0.5 0.5 -0.1 0.1", "negative width"),
        ("7 0.5 0.5 0.1 0.1", "class 7 has no name"),
    ],
)
def test_lines_that_do_not_fit_refuse_the_import(yolo: Yolo, line: str, said: str) -> None:
    yolo.labels("train/a", f"\n{line}\n")
    message = yolo.refused()
    assert said in message
    assert "a.txt:2: " in message


def test_files_that_do_not_match_refuse_the_import(yolo: Yolo, tmp_path: Path) -> None:
    yolo.labels("train/z", "0 0.5 0.5 0.1 0.1\n")
    (yolo.root / "labels/val/c.txt").write_bytes(b"\xff\xfe\xff")
    (yolo.root / "images/val/c.jpg").write_text("text")
    save(tmp_path / "outside.png", photograph(9))
    (yolo.root / "images/val/d.png").symlink_to(tmp_path / "outside.png")
    message = yolo.refused()
    for said in (
        "labels/train/z.txt: has no image",
        "images/val/c.jpg: not an image",
        "images/val/d.png: is a link that leads out",
    ):
        assert said in message


def test_other_files_among_the_images_are_listed(yolo: Yolo) -> None:
    yolo.text("images/train/notes.txt", "who took them")
    yolo.run()
    assert yolo.reasons() == {"no_label_file": 1, "other_file": 1}
    assert yolo.report.not_taken[0].location == "images/train/notes.txt"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train: images/none\nnames: [a]\n", "nothing at train"),
        ("train: ../../etc\nnames: [a]\n", "nothing at train"),
        ("names: 5\n", "neither a list nor a table"),
        ("names: {a: 1}\n", "neither a list nor a table"),
        ("names: [a, a]\ntrain: images/train\n", "stand twice"),
        ("names: [a\n", "data.yaml"),
        ("- 1\n", "holds no YAML file with names"),
    ],
)
def test_bad_yaml_is_refused(yolo: Yolo, text: str, said: str) -> None:
    yolo.text("data.yaml", text)
    assert said in yolo.refused(kind=BeltlineError)
