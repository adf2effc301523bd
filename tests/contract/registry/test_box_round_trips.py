"""Boxes without pixels, and frames without splits, come back from a format that is exported and imported again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from export_samples import REFERENCE, SIZE, Frame, make_version, rendered
from import_samples import Importing

from registry.formats.exporting import export_version
from registry.formats.registered import load_writer
from registry.reader import Version


def _again(version: Version, base: Path, name: str) -> Version:
    base.mkdir()
    source = Importing(base, name)
    source.root.rmdir()
    export_version(load_writer(name), version, REFERENCE, source.root)
    return source.run()


@pytest.mark.parametrize("name", ["coco", "solo", "yolo"])
def test_boxes_alone_come_back(tmp_path: Path, name: str) -> None:
    boxes = [
        {"id": 1, "label": "front_door", "area_px": 60, "box": [3, 4, 10, 6]},
        {"id": 2, "label": "mirror", "area_px": 12, "box": [20, 11, 4, 3]},
    ]
    mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    mask[4:10, 3:13] = mask[11:14, 20:24] = 255
    frame = Frame(rendered(1).image, mask, known={"instances": boxes})
    version = make_version(tmp_path, [frame])
    again = _again(version, tmp_path / "again", name)
    (record,) = again.records()
    assert again.manifest.splits == ({"train": 1} if name == "yolo" else {}), "YOLO has images in splits only"
    assert [(item.label, list(item.box)) for item in record.instances] == [
        (item["label"], item["box"]) for item in boxes
    ]
    assert "instances" not in record.files


def test_what_is_known_of_an_instance_comes_back(tmp_path: Path) -> None:
    version = make_version(tmp_path, [rendered(1)])
    (record,) = _again(version, tmp_path / "again", "coco").records()
    assert [item.visible_fraction for item in record.instances if item.label == "mirror"].count(0.25) == 1
    assert record.group is None
