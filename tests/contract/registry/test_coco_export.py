"""`export … coco`, read with pycocotools."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from export_samples import CONSENT, LICENSE, MAP, REFERENCE, make_version, objects_of, photograph, rendered
from PIL import Image
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO

from registry.formats.coco_export import write_coco
from registry.formats.exporting import export_version
from registry.reader import Version


def read(path: Path, capsys: pytest.CaptureFixture[str]) -> COCO:
    found = COCO(str(path))
    capsys.readouterr()  # it prints
    return found


@pytest.fixture
def version(tmp_path: Path) -> Version:
    return make_version(tmp_path, [rendered(0, "train"), rendered(1, "val"), photograph(2, "train")])


def test_masks_instances_and_boxes_come_back(
    version: Version, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_version(write_coco, version, REFERENCE, tmp_path / "out")
    seen = []
    for part in ("train", "val"):
        coco = read(tmp_path / f"out/annotations/instances_{part}.json", capsys)
        assert {item["id"]: item["name"] for item in coco.loadCats(coco.getCatIds())} == {
            1: "front_door",
            4: "mirror",
            7: "window",
        }
        for image in coco.loadImgs(coco.getImgIds()):
            seen.append((part, image["id"]))
            record = version.records()[image["id"]]
            mask = version.read_mask(record)
            with Image.open(tmp_path / "out/images" / part / image["file_name"]) as picture:
                np.testing.assert_array_equal(np.array(picture), version.read_image(record))
            assert (image["split"], image.get("group"), image["source"]) == (part, record.group, record.source)
            ids, classes = np.zeros(mask.shape, np.uint16), np.zeros(mask.shape, np.uint8)
            classes[run_lengths.decode(image["ignore"]) > 0] = 255
            boxes = {}
            for annotation in coco.loadAnns(coco.getAnnIds(image["id"])):
                pixels = coco.annToMask(annotation) > 0
                assert pixels.sum() == annotation["area"]
                assert not classes[pixels].any()
                classes[pixels] = annotation["category_id"]
                ids[pixels] = annotation.get("instance_id", 0)
                assert run_lengths.toBbox(coco.annToRLE(annotation)).tolist() == annotation["bbox"]
                boxes.setdefault(annotation.get("instance_id"), annotation["bbox"])
            np.testing.assert_array_equal(classes, mask)
            if "instances" in record.files:
                np.testing.assert_array_equal(ids, version.read_instances(record))
                for instance in record.instances:
                    assert boxes[instance.id] == list(instance.box)
            else:
                assert not ids.any()
    assert sorted(seen) == [("train", 0), ("train", 2), ("val", 1)]


def test_areas_without_an_instance_are_told_apart(version: Version, tmp_path: Path) -> None:
    export_version(write_coco, version, REFERENCE, tmp_path / "out")
    document = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())
    loose = [item for item in document["annotations"] if item["image_id"] == 2 and item["category_id"] == 7]
    assert [item["bbox"] for item in loose] == [[30, 0, 10, 2], [14, 12, 5, 3], [33, 18, 7, 2]]
    assert [item["id"] for item in document["annotations"]] == list(range(1, len(document["annotations"]) + 1))


def test_terms_identity_and_visible_fractions_are_carried(version: Version, tmp_path: Path) -> None:
    export_version(write_coco, version, REFERENCE, tmp_path / "out")
    document = json.loads((tmp_path / "out/annotations/instances_val.json").read_text())
    assert document["licenses"] == [{"id": 1, "name": LICENSE, "url": "", "consent": CONSENT}]
    assert (document["info"]["description"], document["info"]["digest"]) == (str(REFERENCE), version.digest)
    assert {image["license"] for image in document["images"]} == {1}
    assert [item["visible_fraction"] for item in document["annotations"] if item.get("instance_id") == 65535] == [0.25]


def test_a_label_map_is_applied_as_by_training(version: Version, tmp_path: Path) -> None:
    export_version(write_coco, version, REFERENCE, tmp_path / "out", label_map=MAP)
    document = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())
    assert [(item["id"], item["name"]) for item in document["categories"]] == [(1, "door")]
    assert document["info"]["label_map"]["name"] == "doors"
    lookup = MAP.lookup(version.labels)
    for image in document["images"]:
        record = version.records()[image["id"]]
        expected = version.read_mask(record, lookup)
        found = np.where(run_lengths.decode(image["ignore"]) > 0, 255, 0).astype(np.uint8)
        for annotation in document["annotations"]:
            if annotation["image_id"] == image["id"]:
                found[run_lengths.decode(annotation["segmentation"]) > 0] = annotation["category_id"]
        np.testing.assert_array_equal(found, expected)
    # Door and window of one instance are one object now.
    assert [item["area"] for item in document["annotations"] if item.get("instance_id") == 301] == [169 + 15]


def test_samples_hold_what_is_hard(version: Version) -> None:
    assert {(number, label) for number, label, _ in objects_of(version, 0)} == {
        *((301, 1), (301, 7), (65535, 4), (5, 4), (7, 1), (0, 7)),
    }
