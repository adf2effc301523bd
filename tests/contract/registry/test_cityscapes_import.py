"""`import cityscapes`: polygons painted in their order, or the pixels that the format's own tool has made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from import_samples import Importing, by_source
from mask_folder_samples import save
from PIL import Image, ImageDraw

W, H = 40, 30
ROAD = [[0, 15], [39, 15], [39, 29], [0, 29]]
CAR = [[5, 10], [14, 10], [14, 19], [5, 19]]


def _objects() -> list[dict[str, Any]]:
    return [
        {"label": "road", "polygon": ROAD},
        {"label": "car", "polygon": CAR},
        {"label": "license plate", "polygon": [[8, 16], [10, 16], [10, 17]]},
        {"label": "car", "polygon": [[20, 10], [29, 10], [29, 19], [20, 19]]},
        {"label": "persongroup", "polygon": [[26, 5], [38, 5], [38, 12], [26, 12]]},
        {"label": "sky", "deleted": 1, "polygon": [[0, 0], [5, 0], [5, 5]]},
    ]


class Cityscapes(Importing):
    """Two cities in train, one in val."""

    def __init__(self, base: Path) -> None:
        super().__init__(base, "cityscapes")
        for number, name in enumerate(("train/aachen/aachen_000000_000019", "train/ulm/ulm_000001_000019",
                                       "val/lindau/lindau_000000_000019")):  # fmt: skip
            self.photograph(f"leftImg8bit/{name}_leftImg8bit.png", number)
            self.polygons(name, _objects())

    def polygons(self, name: str, objects: Any, width: int = W) -> Path:
        path = self.root / f"gtFine/{name}_gtFine_polygons.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"imgHeight": H, "imgWidth": width, "objects": objects}))
        return path


FIRST = "train/aachen/aachen_000000_000019"


@pytest.fixture
def cityscapes(tmp_path: Path) -> Cityscapes:
    return Cityscapes(tmp_path)


def _drawn(objects: list[tuple[int, list[list[int]]]]) -> np.ndarray:
    """As the format's own tool draws: one polygon over the other."""
    picture = Image.new("L", (W, H))
    draw = ImageDraw.Draw(picture)
    for value, polygon in objects:
        draw.polygon([tuple(point) for point in polygon], fill=value)
    return np.array(picture)


def test_polygons_are_painted_in_their_order_as_the_tools_of_cityscapes_do(cityscapes: Cityscapes) -> None:
    version = cityscapes.run()
    assert version.manifest.splits == {"train": 2, "val": 1}
    records = by_source(version)
    record = records[f"leftImg8bit/{FIRST}_leftImg8bit.png"]
    assert record.group == "aachen"
    objects = _objects()
    expected = _drawn([(7, ROAD), (26, CAR), (26, objects[3]["polygon"]), (24, objects[4]["polygon"])])
    np.testing.assert_array_equal(version.read_mask(record), expected)
    assert [(item.label, item.area_px) for item in record.instances] == [("car", 100), ("car", 100 - 4 * 3)]
    names = {label.id: label.name for label in version.labels}
    assert (names[7], names[24], names[26]) == ("road", "person", "car")
    assert next(label for label in version.labels if label.id == 26).color == (0, 0, 142)
    assert cityscapes.reasons() == {"crowd": 3, "deleted": 3, "no_class": 3}


def test_pixels_of_the_formats_own_tool_are_read_where_they_are(cityscapes: Cityscapes) -> None:
    ids = np.zeros((H, W), np.uint16)
    ids[15:] = 7
    ids[4:8, 4:8] = 26_000
    ids[4:8, 10:15] = 26_001
    ids[0:2] = 24
    save(cityscapes.root / f"gtFine/{FIRST}_gtFine_instanceIds.png", ids)
    version = cityscapes.run()
    record = by_source(version)[f"leftImg8bit/{FIRST}_leftImg8bit.png"]
    np.testing.assert_array_equal(version.read_mask(record), np.where(ids >= 1000, ids // 1000, ids))
    assert [(item.label, item.box) for item in record.instances] == [("car", (4, 4, 4, 4)), ("car", (10, 4, 5, 4))]


def test_splits_may_be_named(cityscapes: Cityscapes) -> None:
    version = cityscapes.run(splits={"fit": "train"})
    assert version.manifest.splits == {"fit": 2}


def test_a_city_in_two_splits_is_a_leak(cityscapes: Cityscapes) -> None:
    cityscapes.photograph("leftImg8bit/val/aachen/aachen_000002_000019_leftImg8bit.png", 7)
    cityscapes.polygons("val/aachen/aachen_000002_000019", [])
    assert "1 groups stand in more than one split: aachen (train, val)" in cityscapes.refused()


def test_a_class_table_names_other_classes(cityscapes: Cityscapes) -> None:
    for path in cityscapes.root.glob("gtFine/*/*/*.json"):
        path.write_text(json.dumps({"imgHeight": H, "imgWidth": W, "objects": [{"label": "belt", "polygon": CAR}]}))
    assert "its label 'belt' is not in the class table" in cityscapes.refused()
    (cityscapes.root / "classes.json").write_text(json.dumps(["background", "belt"]))
    record = cityscapes.run().records()[0]
    assert [(item.label, item.area_px) for item in record.instances] == [("belt", 100)]


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ([{"label": "caar", "polygon": CAR}], "its label 'caar' is not in the class table"),
        ([{"polygon": CAR}], "it has no label"),
        ([{"label": "car", "polygon": CAR[:2]}], "has 2 points"),
        ([{"label": "car", "polygon": "x"}], "not a list of numbers"),
        ({"a": 1}, "'objects' is not a list"),
    ],
)
def test_objects_that_do_not_fit_refuse_the_import(cityscapes: Cityscapes, objects: Any, said: str) -> None:
    cityscapes.polygons(FIRST, objects)
    assert said in cityscapes.refused()


def test_files_that_do_not_match_refuse_the_import(cityscapes: Cityscapes) -> None:
    cityscapes.polygons("val/lindau/lindau_000000_000020", [])
    (cityscapes.root / "gtFine/train/ulm/ulm_000001_000019_gtFine_polygons.json").unlink()
    cityscapes.polygons(FIRST, [], width=41)
    message = cityscapes.refused()
    for said in ("000020_gtFine_polygons.json: has no image", "ulm_000001_000019_leftImg8bit.png: has no polygons"):
        assert said in message
    assert "it is of an image of 41x30 px" in message


def test_polygons_outside_are_clipped_and_said(cityscapes: Cityscapes) -> None:
    far = [[30, 20], [4e6, 20], [4e6, 4e6], [30, 4e6]]
    cityscapes.polygons(
        FIRST, [{"label": "car", "polygon": far}, {"label": "car", "polygon": [[-9, -9], [-5, -9], [-5, -5]]}]
    )
    record = by_source(cityscapes.run(splits={"train": "train/aachen"}))[f"leftImg8bit/{FIRST}_leftImg8bit.png"]
    assert [item.box for item in record.instances] == [(30, 20, 10, 10)]
    assert cityscapes.reasons() == {"clipped": 1, "outside": 1}
