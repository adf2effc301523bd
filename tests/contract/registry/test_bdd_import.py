"""`import bdd` and `import bdd-bitmasks`: labels of BDD100K of both releases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from import_samples import Importing, by_source
from mask_folder_samples import save

W, H = 40, 30


def _box(category: str, x1: float, y1: float, x2: float, y2: float, **attributes: bool) -> dict[str, Any]:
    return {"category": category, "attributes": attributes, "box2d": {"x1": x1, "y1": y1, "x2": x2, "y2": y2}}


class Bdd(Importing):
    """Two images with boxes, one with outlines where `outlined`."""

    def __init__(self, base: Path) -> None:
        super().__init__(base, "bdd")
        for number, name in enumerate(("a-1.jpg", "b-2.jpg")):
            self.photograph(f"images/{name}", number)
        self.frames: list[Any] = [
            {
                "name": "a-1.jpg",
                "videoName": "a",
                "attributes": {"weather": "rainy", "scene": "tunnel", "timeofday": "night"},
                "labels": [
                    _box("traffic light", 1, 2, 4.5, 8, occluded=True, truncated=False),
                    _box("car", 10, 10, 20, 20, crowd=True),
                    {"category": "lane/single white", "poly2d": [{"vertices": [[0, 0], [1, 1]], "types": "LL"}]},
                    {"category": "area/drivable", "poly2d": [{"vertices": [[0, 0], [1, 1], [2, 0]], "types": "LLL"}]},
                ],
            },
            {"name": "b-2.jpg", "labels": None},
        ]

    def write(self, name: str = "det_train.json", value: Any = None) -> Path:
        path = self.root / name
        path.write_text(json.dumps(self.frames if value is None else value))
        return path


@pytest.fixture
def bdd(tmp_path: Path) -> Bdd:
    return Bdd(tmp_path)


def test_boxes_attributes_and_what_is_no_object(bdd: Bdd) -> None:
    version = bdd.run(bdd.write())
    record = by_source(version)["images/a-1.jpg"]
    assert [(item.label, item.box, item.occluded, item.truncated) for item in record.instances] == [
        ("traffic_light", (1, 2, 4, 6), True, False)
    ]
    assert record.group == "a"
    assert record.parameters == {
        "attributes.weather": "rainy",
        "attributes.scene": "tunnel",
        "attributes.timeofday": "night",
    }
    assert (version.read_mask(record) == 255).sum() == 4 * 6 + 100
    assert by_source(version)["images/b-2.jpg"].instances == ()
    assert bdd.reasons() == {"crowd": 1, "other_task": 2}
    assert bdd.run(bdd.root).digest == version.digest
    assert bdd.run(bdd.write(value={"frames": bdd.frames, "config": {}})).digest == version.digest


def test_curved_outlines_and_holes_are_filled(bdd: Bdd) -> None:
    k = 0.5523 * 8
    circle = [[28, 15], [28, 15 + k], [20 + k, 23], [20, 23], [20 - k, 23], [12, 15 + k], [12, 15],
              [12, 15 - k], [20 - k, 7], [20, 7], [20 + k, 7], [28, 15 - k], [28, 15]]  # fmt: skip
    hole = [[18, 13], [22, 13], [22, 17], [18, 17]]
    bdd.frames[0]["labels"] = [
        {
            "category": "car",
            "poly2d": [
                {"vertices": circle, "types": "L" + "C" * 12, "closed": True},
                {"vertices": hole, "types": "LLLL", "closed": True},
            ],
        }
    ]
    version = bdd.run(bdd.write())
    record = by_source(version)["images/a-1.jpg"]
    y, x = np.mgrid[:H, :W] + 0.5
    expected = (np.hypot(x - 20, y - 15) < 8) & ~((x > 18) & (x < 22) & (y > 13) & (y < 17))
    assert np.count_nonzero((version.read_instances(record) > 0) != expected) <= 4
    assert not version.read_instances(record)[14:16, 19:21].any()
    old = [[10, 10, "L"], [20, 10, "L"], [20, 20, "L"], [10, 20, "L"]]
    bdd.frames[0]["labels"] = None
    value = {"name": "a-1.jpg", "frames": [{"timestamp": 10000, "objects": [{"category": "car", "poly2d": old}]}]}
    one = by_source(bdd.run(bdd.write("a-1.json", value)))["images/a-1.jpg"]
    assert [(item.box, item.area_px) for item in one.instances] == [((10, 10, 10, 10), 100)]


def test_a_file_or_a_folder_of_files_is_a_split(bdd: Bdd) -> None:
    bdd.write("det_train.json", bdd.frames[:1])
    bdd.write("det_val.json", bdd.frames[1:])
    assert bdd.run().manifest.splits == {"train": 1, "val": 1}
    (bdd.root / "old").mkdir()
    for frame in bdd.frames:
        bdd.write(f"old/{frame['name']}.json", {"name": frame["name"], "frames": [{"objects": []}]})
    assert bdd.run(splits={"all": "old"}).manifest.splits == {"all": 2}


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ({"category": "unicorn", "box2d": {}}, "its category 'unicorn' is not in the class table"),
        ({"box2d": {}}, "it has no category"),
        ({"category": "car"}, "neither poly2d nor box2d"),
        ({"category": "car", "box2d": {"x1": 1, "y1": 2, "x2": 3}}, "its box2d is not 4 numbers"),
        ({"category": "car", "poly2d": [{"vertices": [[0, 0], [1, 0], [1, 1]], "types": "LC"}]}, "the types 'LC'"),
        ({"category": "car", "poly2d": [{"vertices": [[0, 0], [1, 0]], "types": "LL"}]}, "has 2 points"),
        ({"category": "car", "poly2d": [{"vertices": [[0, 0]] * 3, "types": "LLL", "closed": False}]}, "is open"),
        ({"category": "car", "poly2d": {"a": 1}}, "its poly2d is not a list"),
    ],
)
def test_labels_that_do_not_fit_refuse_the_import(bdd: Bdd, label: Any, said: str) -> None:
    bdd.frames[0]["labels"] = [label]
    assert said in bdd.refused(bdd.write())


def test_frames_that_do_not_match_refuse_the_import(bdd: Bdd) -> None:
    bdd.frames += [{"name": "zz.jpg"}, {"name": "a-1.jpg"}, {"labels": []}, 5]
    message = bdd.refused(bdd.write())
    assert message.startswith("4 faults")
    for said in ("no image is called 'zz.jpg'", "name 'a-1.jpg' stands twice", "frames[4]: has no name"):
        assert said in message


def test_bitmasks_hold_classes_instances_and_attributes(tmp_path: Path) -> None:
    source = Importing(tmp_path, "bdd-bitmasks")
    source.photograph("images/train/x.jpg", 3)
    pixels = np.zeros((H, W, 4), np.uint8)
    pixels[2:10, 3:9] = (3, 8 + 4, 1, 44)  # car, truncated and occluded, instance 300
    pixels[2:10, 20:29] = (1, 0, 0, 7)
    pixels[20:25, 5:9] = (1, 2, 0, 9)  # a crowd
    save(source.root / "bitmasks/train/x.png", pixels)
    version = source.run(splits={"train": "train"})
    (record,) = version.records()
    assert [(item.label, item.box, item.truncated, item.occluded) for item in record.instances] == [
        ("pedestrian", (20, 2, 9, 8), False, False),
        ("car", (3, 2, 6, 8), True, True),
    ]
    np.testing.assert_array_equal(version.read_mask(record), pixels[..., 0])
    assert source.reasons() == {"crowd": 1}
    again = Importing(_fresh(tmp_path), "bdd-bitmasks")
    again.photograph("images/x.jpg", 3)
    pixels[0, 0, 1] = 16
    save(again.root / "bitmasks/x.png", pixels)
    assert "more than the four bits" in again.refused()
    save(again.root / "bitmasks/x.png", pixels[..., :3].copy())
    assert "it is no picture of 8-bit colours" in again.refused()
    pixels[0, 0] = (99, 0, 0, 0)
    save(again.root / "bitmasks/x.png", pixels)
    assert "classes 99 are not in the class table" in again.refused()


def _fresh(base: Path) -> Path:
    (base / "again").mkdir()
    return base / "again"
