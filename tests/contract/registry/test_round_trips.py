"""What is exported in a format and imported again has the same images, masks, objects, splits and groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from export_samples import LABELS, REFERENCE, SIZE, Frame, make_version, photograph, rendered
from import_samples import Importing

from registry.formats.registered import load_exporter
from registry.reader import Version

FORMATS = ["cityscapes", "coco", "solo", "yolo"]


def _again(version: Version, base: Path, name: str) -> Version:
    base.mkdir()
    source = Importing(base, name)
    source.root.rmdir()
    load_exporter(name)(version, REFERENCE, source.root)
    return source.run()


def _masks(version: Version, name: str) -> list[np.ndarray]:
    """By name of class, in an order that does not depend on the format; YOLO has no word for pixels to ignore."""
    ids = {label.name: label.id for label in LABELS}
    table = np.arange(256)
    for label in version.labels:
        table[label.id] = ids[label.name]
    if name == "yolo":
        table[255] = 0
    return sorted((table[version.read_mask(record)] for record in version.records()), key=lambda mask: mask.tobytes())


@pytest.mark.parametrize("name", FORMATS)
def test_masks_and_images_come_back(tmp_path: Path, name: str) -> None:
    version = make_version(tmp_path, [rendered(1), rendered(2), photograph(3)])
    again = _again(version, tmp_path / "again", name)
    np.testing.assert_array_equal(_masks(again, name), _masks(version, name))
    before, after = ({item.read_image(record).tobytes() for record in item.records()} for item in (version, again))
    assert before == after
    if name != "yolo":
        assert {label.name for label in again.labels} == {label.name for label in version.labels}


@pytest.mark.parametrize("name", FORMATS)
def test_instances_come_back(tmp_path: Path, name: str) -> None:
    version = make_version(tmp_path, [rendered(1)])
    again = _again(version, tmp_path / "again", name)
    (before,), (after,) = version.records(), again.records()
    found = {(item.label, item.area_px, item.box) for item in after.instances}
    for item in before.instances:
        if item.label == "mirror" or item.area_px == 1:  # the door has a window, and comes back without it
            assert (item.label, item.area_px, item.box) in found
    if name == "coco":
        assert 0.25 in [item.visible_fraction for item in after.instances]


@pytest.mark.parametrize("name", ["cityscapes", "coco", "solo"])
def test_splits_and_groups_come_back(tmp_path: Path, name: str) -> None:
    version = make_version(tmp_path, [rendered(1, "train"), rendered(2, "test"), rendered(3, "train")])
    again = _again(version, tmp_path / "again", name)
    assert again.manifest.splits == version.manifest.splits
    assert {record.group for record in again.records()} == {"car 1", "car 2", "car 3"}


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
    (record,) = _again(version, tmp_path / "again", name).records()
    assert [(item.label, list(item.box)) for item in record.instances] == [
        (item["label"], item["box"]) for item in boxes
    ]
    assert "instances" not in record.files
