"""`import coco`: annotations made with the COCO tools arrive exactly, and what can't be taken is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from import_samples import Importing, by_source
from mask_folder_samples import photograph, save
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

W, H = 40, 30


def _compressed(bits: np.ndarray) -> dict[str, Any]:
    encoded = coco_mask.encode(np.asfortranarray(bits.astype(np.uint8)))
    return {"size": list(encoded["size"]), "counts": encoded["counts"].decode("ascii")}


def _plain(bits: np.ndarray) -> dict[str, Any]:
    counts, value = [0], False
    for pixel in bits.T.ravel():
        if pixel != value:
            counts.append(0)
            value = not value
        counts[-1] += 1
    return {"size": list(bits.shape), "counts": counts}


def _area(x: int, y: int, width: int, height: int) -> np.ndarray:
    bits = np.zeros((H, W), bool)
    bits[y : y + height, x : x + width] = True
    return bits


class Coco(Importing):
    """Three images; a car as polygon, a mirror with a hole as run lengths, a crowd as plain run lengths."""

    def __init__(self, base: Path) -> None:
        super().__init__(base, "coco")
        for number, name in enumerate(("a.jpg", "b.jpg", "c.jpg")):
            self.photograph(f"images/{name}", number)
        self.holed = _area(20, 5, 10, 10) & ~_area(23, 8, 3, 3)
        self.value: dict[str, Any] = {
            "info": {"year": 2020},
            "categories": [
                {"id": 3, "name": "Car", "supercategory": "vehicle"},
                {"id": 90, "name": "side mirror"},
            ],
            "images": [
                {"id": 7, "file_name": "a.jpg", "width": W, "height": H},
                {"id": 8, "file_name": "b.jpg", "width": W, "height": H, "group": "drive-1"},
                {"id": 9, "file_name": "c.jpg"},
            ],
            "annotations": [
                {
                    "id": 1,
                    "image_id": 7,
                    "category_id": 3,
                    "iscrowd": 0,
                    "segmentation": [[2.5, 2.0, 12.0, 3.0, 11.0, 15.5, 3.0, 14.0], [14, 20, 18, 20, 18, 25, 14, 25]],
                    "bbox": [2.5, 2, 15.5, 23],
                    "area": 130.0,
                },
                {"id": 2, "image_id": 7, "category_id": 90, "iscrowd": 0, "segmentation": _compressed(self.holed)},
                {"id": 3, "image_id": 8, "category_id": 3, "iscrowd": 1, "segmentation": _plain(_area(0, 0, 9, 9))},
            ],
        }

    def write(self, name: str = "labels.json", value: Any = None) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.value if value is None else value))
        return path


@pytest.fixture
def coco(tmp_path: Path) -> Coco:
    return Coco(tmp_path)


def test_polygons_and_run_lengths_arrive_as_the_coco_tools_decode_them(coco: Coco) -> None:
    path = coco.write()
    version = coco.run(path)
    assert [(label.id, label.name) for label in version.labels] == [(0, "background"), (3, "car"), (90, "side_mirror")]
    records = by_source(version)
    assert list(records) == ["images/a.jpg", "images/b.jpg", "images/c.jpg"]
    tools = COCO(str(path))
    record = records["images/a.jpg"]
    instances, mask = version.read_instances(record), version.read_mask(record)
    for number, annotation in enumerate(tools.loadAnns([1, 2]), 1):
        np.testing.assert_array_equal(instances == number, tools.annToMask(annotation).astype(bool))
    assert [(item.label, item.area_px) for item in record.instances] == [
        ("car", int(tools.annToMask(tools.loadAnns([1])[0]).sum())),
        ("side_mirror", 91),
    ]
    assert record.instances[1].box == (20, 5, 10, 10)
    assert set(np.unique(mask)) == {0, 3, 90}
    assert records["images/b.jpg"].group == "drive-1"
    crowd = records["images/b.jpg"]
    assert crowd.instances == ()
    np.testing.assert_array_equal(version.read_mask(crowd) == 3, _area(0, 0, 9, 9))
    assert not version.read_instances(crowd).any()
    assert not version.read_mask(records["images/c.jpg"]).any()
    assert coco.reasons() == {"crowd": 1}


def test_a_folder_is_searched_and_importing_again_is_the_same_version(coco: Coco) -> None:
    coco.write("annotations/instances_all.json")
    first = coco.run()
    assert coco.run().digest == first.digest


def test_images_may_lie_elsewhere(coco: Coco, tmp_path: Path) -> None:
    path = coco.write()
    (coco.root / "images").rename(tmp_path / "photographs")
    assert "is in none of" in coco.refused(path)
    assert list(by_source(coco.run(path, images=tmp_path / "photographs"))) == ["a.jpg", "b.jpg", "c.jpg"]


def test_each_file_of_annotations_is_a_split(coco: Coco) -> None:
    for number, split in enumerate(("train2017", "val2017")):
        chosen = coco.value["images"][:2] if number == 0 else coco.value["images"][2:]
        ids = {image["id"] for image in chosen}
        part = {
            **coco.value,
            "images": chosen,
            "annotations": [item for item in coco.value["annotations"] if item["image_id"] in ids],
        }
        coco.write(f"annotations/instances_{split}.json", part)
    coco.write("annotations/captions_train2017.json", {"annotations": []})
    assert coco.run().manifest.splits == {"train2017": 2, "val2017": 1}
    named = coco.run(splits={"fit": "annotations/instances_train2017.json"})
    assert named.manifest.splits == {"fit": 2}


def test_where_objects_share_pixels_the_smaller_one_keeps_them(coco: Coco) -> None:
    coco.value["annotations"] = [
        {"id": 1, "image_id": 7, "category_id": 90, "segmentation": [[5, 5, 9, 5, 9, 9, 5, 9]]},
        {"id": 2, "image_id": 7, "category_id": 3, "segmentation": [[0, 0, 20, 0, 20, 20, 0, 20]]},
        {"id": 3, "image_id": 7, "category_id": 3, "segmentation": [[5, 5, 9, 5, 9, 9, 5, 9]]},
    ]
    version = coco.run(coco.write())
    record = by_source(version)["images/a.jpg"]
    assert [(item.label, item.area_px, item.box) for item in record.instances] == [
        ("car", 400 - 16, (0, 0, 20, 20)),
        ("car", 16, (5, 5, 4, 4)),
    ]
    assert coco.reasons() == {"covered": 1, "overlap": 1}


def test_boxes_alone_are_instances_whose_pixels_are_ignored(coco: Coco) -> None:
    for annotation in coco.value["annotations"]:
        del annotation["segmentation"]
        annotation["bbox"] = [4.0, 5.5, 10.0, 3.5]
    coco.value["annotations"][1]["attributes"] = {"occluded": True, "truncated": False}
    version = coco.run(coco.write())
    record = by_source(version)["images/a.jpg"]
    assert "instances" not in record.files
    assert [(item.id, item.label, item.box, item.area_px) for item in record.instances] == [
        (1, "car", (4, 5, 10, 4), 40),
        (2, "side_mirror", (4, 5, 10, 4), 40),
    ]
    assert (record.instances[1].occluded, record.instances[1].truncated) == (True, False)
    assert record.instances[0].occluded is None
    np.testing.assert_array_equal(version.read_mask(record) == 255, _area(4, 5, 10, 4))
    assert by_source(version)["images/b.jpg"].instances == ()


def test_a_box_among_segmentations_is_ignored_and_said(coco: Coco) -> None:
    coco.value["annotations"][2] = {"id": 3, "image_id": 7, "category_id": 3, "bbox": [18, 4, 6, 6]}
    version = coco.run(coco.write())
    record = by_source(version)["images/a.jpg"]
    expected = _area(18, 4, 6, 6) & ~coco.holed
    np.testing.assert_array_equal(version.read_mask(record) == 255, expected)
    assert len(record.instances) == 2
    assert coco.reasons() == {"no_segmentation": 1}
    assert coco.report.not_taken[0].location == "images/a.jpg annotations[2]"


def test_polygons_outside_are_clipped_or_left_out_and_said(coco: Coco) -> None:
    coco.value["annotations"] = [
        {"id": 1, "image_id": 7, "category_id": 3, "segmentation": [[30, 20, 60, 20, 60, 50, 30, 50]]},
        {"id": 2, "image_id": 7, "category_id": 3, "segmentation": [[-30, -20, -6, -2, -6, -5]]},
        {"id": 3, "image_id": 7, "category_id": 3, "segmentation": [[1, 1, 1.001, 1, 1.001, 1.001]]},
        {"id": 4, "image_id": 7, "category_id": 3, "keypoints": [1, 2, 2], "segmentation": [[0, 0, 3, 0, 3, 3]]},
    ]
    version = coco.run(coco.write())
    record = by_source(version)["images/a.jpg"]
    assert record.instances[0].box == (30, 20, 10, 10)
    assert len(record.instances) == 2
    assert coco.reasons() == {"clipped": 1, "outside": 1, "empty": 1, "keypoints": 1}


def test_a_class_table_names_categories_instead(coco: Coco) -> None:
    coco.value["categories"] = []
    assert "category 3 is annotated and has no name" in coco.refused(coco.write(), classes=_table(coco, {"90": "b"}))
    version = coco.run(coco.write(), classes=_table(coco, {"3": "vehicle", "90": "glass"}))
    assert [label.name for label in version.labels] == ["background", "vehicle", "glass"]


def _table(coco: Coco, names: dict[str, str]) -> Path:
    path = coco.root.parent / "table.json"
    path.write_text(json.dumps({"classes": names}))
    return path


def test_category_0_and_large_ids_become_labels(coco: Coco) -> None:
    coco.value["categories"] = [{"id": 0, "name": "car"}, {"id": 1000, "name": "mirror"}]
    for annotation, category in zip(coco.value["annotations"], (0, 1000, 0), strict=True):
        annotation["category_id"] = category
    version = coco.run(coco.write())
    assert [(label.id, label.name) for label in version.labels] == [(0, "background"), (1, "car"), (2, "mirror")]


def _turned(coco: Coco) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    save(coco.root / "images/a.jpg", photograph(1, H, W), exif=exif, quality=95)


def _resize(coco: Coco) -> None:
    _turned(coco)
    coco.value["images"][0] |= {"width": H, "height": W}


def _change(path: str, value: Any) -> Callable[[Coco], None]:
    def change(coco: Coco) -> None:
        keys = [int(key) if key.isdigit() else key for key in path.split(".")]
        target = coco.value
        for key in keys[:-1]:
            target = target[key]
        target[keys[-1]] = value

    return change


def test_a_turned_photograph_is_matched_upright(coco: Coco) -> None:
    _turned(coco)
    record = by_source(coco.run(coco.write()))["images/a.jpg"]
    assert record.size == (W, H)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_change("annotations.0.category_id", 4), "category 4 is annotated and has no name"),
        (_change("annotations.0.category_id", "car"), "its category_id is 'car'"),
        (_change("annotations.0.image_id", 1), "annotations[0]: no image has the id 1"),
        (_change("annotations.0.image_id", [7]), "no image has the id [7]"),
        (_change("annotations.1", 5), "annotations[1]: is not an object"),
        (_change("annotations", {"a": 1}), "'annotations' is not a list"),
        (_change("categories.0", {"id": 3}), "category 3 has no name"),
        (_change("categories.1.name", "car"), "names that stand twice: car"),
        (_change("categories.1", {"id": 3, "name": "bus"}), "category 3 is also called 'Car'"),
        (_change("categories.1.id", -3), "has no id from 0"),
        (_change("images.1.file_name", "a.jpg"), "file_name 'a.jpg' stands twice"),
        (_change("images.1.id", 7), "id 7 stands twice"),
        (_change("images.1.file_name", "../../x.jpg"), "leads out of the folder"),
        (_change("images.1.file_name", "/etc/passwd"), "leads out of the folder"),
        (_change("images.1.file_name", "none.jpg"), "image 'none.jpg': is in none of"),
        (_change("images.1.file_name", None), "has no id or no file_name"),
        (_change("images.0.width", 41), "has 40x30 px, the annotations say 41x30"),
        (_resize, "has 40x30 px, the annotations say 30x40"),
        (_change("annotations.1.segmentation", {"size": [W, H], "counts": "abc"}), "are of size [40, 30]"),
        (_change("annotations.2.segmentation.counts", [5, 5]), "add up to 10 pixels, the image has 1200"),
        (_change("annotations.1.segmentation.counts", "!!"), "compressed run lengths are damaged"),
        (_change("annotations.0.segmentation", [[1, 2, 3]]), "its polygon is not a list of x, y pairs"),
        (_change("annotations.0.segmentation", [[1, 2, 3, 4]]), "has 2 points; it takes 3"),
        (_change("annotations.0.segmentation", "x"), "neither polygons nor run lengths"),
        (_change("annotations.0.iscrowd", 2), "iscrowd is 2"),
        (_change("annotations.0", {"image_id": 7, "category_id": 3}), "neither a segmentation nor a bbox"),
        (_change("annotations.2", {"image_id": 7, "category_id": 3, "bbox": [1, 2, 3]}), "its bbox is not 4 numbers"),
        (_change("annotations.2", {"image_id": 7, "category_id": 3, "bbox": [1, 2, -3, 4]}), "negative width"),
        (_change("images", []), "no image has the id"),
    ],
)
def test_what_does_not_fit_refuses_the_import(coco: Coco, spoil: Callable[[Coco], None], said: str) -> None:
    spoil(coco)
    assert said in coco.refused(coco.write())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not valid JSON"),
        ("[]", "not a JSON object"),
        ('{"images": [', "not valid JSON"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ("[" * 100_000, "not valid JSON"),
        ("\udcff", "not a text file"),
        ("{}", "no class beside background"),
    ],
)
def test_broken_json_is_refused(coco: Coco, text: str, said: str) -> None:
    path = coco.root / "labels.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert said in coco.refused(path)


def test_every_fault_of_every_image_is_said_at_once(coco: Coco) -> None:
    (coco.root / "images/a.jpg").write_bytes(b"no image")
    (coco.root / "images/b.jpg").write_bytes((coco.root / "images/b.jpg").read_bytes()[:300])
    coco.value["images"][2]["width"] = 3
    said = coco.refused(coco.write())
    assert said.startswith("3 faults")
    assert "images/a.jpg: not an image" in said
    assert "images/b.jpg: damaged" in said
    assert "images/c.jpg" in said


def test_an_empty_dataset_is_refused(coco: Coco) -> None:
    coco.value |= {"images": [], "annotations": []}
    assert "at least one frame" in coco.refused(coco.write())


def test_several_json_files_leave_the_choice_to_the_user(coco: Coco) -> None:
    coco.write("a.json")
    coco.write("b.json")
    assert "2 JSON files (a.json, b.json)" in coco.refused()
