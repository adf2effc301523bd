"""`export … yolo`: polygons that give the very pixels back."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from export_samples import CONSENT, LABELS, LICENSE, MAP, REFERENCE, SIZE, Frame, make_version, photograph, rendered

from contracts.label_map import LabelMap
from registry.formats.areas import fill
from registry.formats.exporting import export_version
from registry.formats.yolo_export import write_yolo
from registry.reader import Version


@pytest.fixture
def version(tmp_path: Path) -> Version:
    return make_version(tmp_path, [rendered(0, "train"), rendered(1, "val"), photograph(2, "train")])


def rows(path: Path) -> list[tuple[int, np.ndarray]]:
    """Class index and corners in pixels."""
    found = []
    for line in path.read_text().splitlines():
        index, *shares = line.split()
        found.append((int(index), np.array(shares, float).reshape(-1, 2) * SIZE))
    return found


@pytest.mark.parametrize("label_map", [None, MAP])
def test_masks_and_boxes_come_back(version: Version, tmp_path: Path, label_map: LabelMap | None) -> None:
    export_version(write_yolo, version, REFERENCE, tmp_path / "out", label_map=label_map)
    document = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    names = document["names"]
    ids = {label.name: label.id for label in LABELS} if label_map is None else {"door": 1}
    lookup = label_map.lookup(version.labels) if label_map is not None else list(range(256))
    for record in version.records():
        expected = version.read_mask(record, lookup)
        found = np.zeros_like(expected)
        boxes = []
        for index, points in rows(tmp_path / f"out/labels/{record.split}/{record.index:06d}.txt"):
            pixels = fill([points], SIZE)
            assert not found[pixels].any()
            found[pixels] = ids[names[index]]
            low, high = points.min(axis=0).round(4), points.max(axis=0).round(4)
            boxes.append((ids[names[index]], *low.tolist(), *(high - low).tolist()))
        np.testing.assert_array_equal(found, np.where(expected == 255, 0, expected))
        if label_map is None:
            for instance in record.instances:
                assert (ids[instance.label], *instance.box) in boxes
        image = cv2.imread(str(tmp_path / f"out/{document[str(record.split)]}/{record.index:06d}.png"))
        np.testing.assert_array_equal(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), version.read_image(record))


def test_classes_count_from_0_and_terms_are_carried(version: Version, tmp_path: Path) -> None:
    export_version(write_yolo, version, REFERENCE, tmp_path / "out")
    document = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert document["names"] == {0: "front_door", 1: "mirror", 2: "window"}
    assert (document["train"], document["val"]) == ("images/train", "images/val")
    assert (document["license"], document["consent"]) == (LICENSE, CONSENT)
    assert document["dataset"]["digest"] == version.digest


def test_an_image_without_objects_has_an_empty_file(tmp_path: Path) -> None:
    empty = Frame(np.zeros((30, 40, 3), np.uint8), np.zeros((30, 40), np.uint8))
    export_version(write_yolo, make_version(tmp_path, [empty]), REFERENCE, tmp_path / "out")
    assert (tmp_path / "out/labels/train/000000.txt").read_text() == ""


def test_of_instances_known_by_boxes_alone_boxes_are_written(tmp_path: Path) -> None:
    known = {"instances": [{"id": 1, "label": "mirror", "area_px": 60, "box": [10, 3, 20, 3]}]}
    mask = np.zeros((30, 40), np.uint8)
    mask[3:6, 10:30] = 255
    version = make_version(tmp_path, [Frame(np.zeros((30, 40, 3), np.uint8), mask, known=known)])
    export_version(write_yolo, version, REFERENCE, tmp_path / "out")
    assert (tmp_path / "out/labels/train/000000.txt").read_text() == "1 0.5 0.15 0.5 0.1\n"
