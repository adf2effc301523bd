"""What is exported and imported again holds the same masks, instances and boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from export_samples import REFERENCE, make_version, photograph, rendered

from contracts.frame import Instance
from registry.catalog import Catalog
from registry.formats.exporting import export_version
from registry.formats.importing import import_dataset
from registry.formats.registered import load_opener, load_writer
from registry.reader import Version, open_version
from registry.store import Store


def areas(version: Version, index: int) -> set[tuple[str, tuple[int, ...]]]:
    """Label and pixels of what each instance shows of each label."""
    record = version.records()[index]
    mask = version.read_mask(record)
    if "instances" not in record.files:
        return set()
    ids = version.read_instances(record).astype(np.int64)
    names = {label.id: label.name for label in version.labels}
    keys = ids * 256 + mask
    return {
        (names[key % 256], tuple(np.flatnonzero(keys == key).tolist()))
        for key in np.unique(keys).tolist()
        if key >= 256 and key % 256 in names
    }


def named(version: Version, index: int) -> np.ndarray:
    """The mask by names of labels."""
    names = np.full(256, "ignore", dtype="U32")
    for label in version.labels:
        names[label.id] = label.name
    return names[version.read_mask(version.records()[index])]


@pytest.mark.parametrize("name", ["cityscapes", "coco", "solo", "yolo"])
def test_masks_instances_boxes_and_splits_come_back(tmp_path: Path, name: str) -> None:
    version = make_version(tmp_path, [rendered(0, "train"), rendered(1, "val"), photograph(2, "train")])
    export_version(load_writer(name), version, REFERENCE, tmp_path / "out")
    store = Store(tmp_path / "other")
    with Catalog(f"sqlite:///{tmp_path / 'other.db'}") as catalog:
        made = import_dataset(load_opener(name), store, catalog, tmp_path / "out", name="back")
    back = open_version(store, made.digest, name="back@1")
    assert back.manifest.splits == version.manifest.splits
    for place, found in enumerate(back.records()):
        pixels = back.read_image(found)
        record = next(item for item in version.records() if np.array_equal(version.read_image(item), pixels))
        assert found.split == record.split
        expected = named(version, record.index)
        if name == "yolo":  # has no place for pixels to ignore, and none for groups
            expected[expected == "ignore"] = "background"
        else:
            assert found.group == record.group
        np.testing.assert_array_equal(named(back, place), expected)
        assert areas(version, record.index) <= areas(back, place)
        boxes = [(item.label, item.box, item.area_px) for item in found.instances]
        assert {(item.label, item.box, item.area_px) for item in whole_instances(version, record.index)} <= {*boxes}


def whole_instances(version: Version, index: int) -> list[Instance]:
    """Instances of one label: others come back as one for each."""
    record = version.records()[index]
    if "instances" not in record.files:
        return []
    ids, mask = version.read_instances(record), version.read_mask(record)
    return [item for item in record.instances if len(np.unique(mask[ids == item.id])) == 1]
