"""Instances that a label map removes: by each rule, and the same for training, export and whoever reads a version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from contracts.frame import FrameRecord, Instance
from contracts.frame_spec import IGNORE_ID, Label
from contracts.ids import VersionReference, canonical_json, digest_of
from contracts.label_map import LabelMap, RemovalRule
from registry.formats.canvas import Thing, numbered
from registry.formats.exporting import export_version
from registry.formats.png import encode_indexed, encode_rgb, encode_short
from registry.formats.raw import write_raw
from registry.label_maps.applied import classes_of
from registry.label_maps.shipped import load_label_map
from registry.reader import Version, open_version
from registry.store import Store
from registry.version_writer import VersionWriter
from training.data import open_frames

SIZE = (64, 48)
LABELS = tuple(
    Label(id=number, name=name, color=(number, 0, 0)) for number, name in enumerate(("background", "car", "person"))
)


def _map(**fields: Any) -> LabelMap:
    return LabelMap.model_validate({"name": "m", "classes": {"vehicle": ["car"], "human": ["person"]}, **fields})


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """A frame with a hood at the bottom, a car, a speck of a car, and a person who is mostly hidden."""
    store = Store(tmp_path_factory.mktemp("store"))
    ids = np.zeros((SIZE[1], SIZE[0]), np.uint16)
    ids[40:, 5:60] = 1
    ids[10:20, 10:30] = 2
    ids[2:4, 50:53] = 3
    ids[20:35, 40:45] = 4
    things = [Thing("car", "1"), Thing("car", "2"), Thing("car", "3"), Thing("person", "4", visible_fraction=0.2)]
    instances, _ = numbered(ids, things)
    mask = np.array([0, 1, 1, 1, 2], np.uint8)[ids]
    image = np.full((*mask.shape, 3), 90, np.uint8)
    files = {"image": encode_rgb(image), "mask": encode_indexed(mask, LABELS), "instances": encode_short(ids)}
    record = FrameRecord(
        index=0, files={role: digest_of(data) for role, data in files.items()}, size=SIZE, instances=instances
    )
    with VersionWriter(store) as writer:
        writer.add(record, files, what="frame")
        manifest = writer.finish(LABELS)
    return open_version(store, digest_of(canonical_json(manifest)), name="m@1")


RULES: list[tuple[dict[str, Any], set[int]]] = [
    ({}, set()),
    ({"minimum_area_px2": 7}, {3}),
    ({"minimum_area_px2": 6}, set()),
    ({"remove": [{"name": "small", "box_area_below_px2": 7}]}, {3}),
    ({"remove": [{"name": "hidden", "visible_fraction_below": 0.3}]}, {4}),
    ({"remove": [{"name": "cut", "truncated": True}]}, {1}),
    ({"remove": [{"name": "hood", "labels": ["car"], "touches": ["bottom"], "box_width_above": 0.5}]}, {1}),
    ({"remove": [{"name": "hood", "labels": ["person"], "touches": ["bottom"]}]}, set()),
    ({"remove": [{"name": "wide", "box_width_above": 0.9}]}, set()),
    ({"remove": [{"name": "a", "area_below_px2": 7}, {"name": "b", "touches": ["bottom"]}]}, {1, 3}),
]


@pytest.mark.parametrize("removed_pixels", ["ignore", "background"])
@pytest.mark.parametrize(("fields", "removed"), RULES)
def test_training_and_export_see_the_same_mask(
    version: Version, tmp_path: Path, fields: dict[str, Any], removed: set[int], removed_pixels: str
) -> None:
    label_map = _map(**fields, removed_pixels=removed_pixels)
    (record,) = version.records()
    ids = version.read_instances(record)
    expected = version.read_mask(record)
    expected[np.isin(ids, list(removed))] = IGNORE_ID if removed_pixels == "ignore" else 0
    classes = classes_of(version.labels, label_map)
    np.testing.assert_array_equal(classes.read_mask(version, record), expected)
    assert {item.id for item in record.instances} - {item.id for item in classes.kept(record)} == removed
    decoded = open_frames(version, None, SIZE, tmp_path / "cache", label_map=label_map)
    np.testing.assert_array_equal(np.array(label_map.lookup(version.labels))[decoded.masks[0]], expected)
    export_version(write_raw, version, VersionReference("m", 1), tmp_path / "out", label_map=label_map)
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / "out/masks/000000.png")), expected)
    (line,) = (tmp_path / "out/frames.jsonl").read_text().splitlines()
    assert {item["id"] for item in json.loads(line)["instances"]} == {1, 2, 3, 4} - removed


def test_decoded_masks_of_one_map_are_not_taken_for_those_of_another(version: Version, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    plain = np.array(open_frames(version, None, SIZE, cache, label_map=_map()).masks)
    np.testing.assert_array_equal(plain, open_frames(version, None, SIZE, cache).masks)
    for area in (7, 1000):
        assert not np.array_equal(
            plain, open_frames(version, None, SIZE, cache, label_map=_map(minimum_area_px2=area)).masks
        )


def test_maps_without_rules_are_written_as_before() -> None:
    assert set(_map().model_dump(mode="json")) == {"schema_version", "name", "description", "classes", "ignore"}
    assert "remove" in _map(remove=[{"name": "cut", "truncated": True}]).model_dump(mode="json")


@pytest.mark.parametrize(
    "rule", [{"name": "all"}, {"name": "all", "labels": ["car"]}, {"name": "x", "box_width_above": 0}, {"truncated": 1}]
)
def test_rules_without_a_condition_or_a_name_are_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RemovalRule.model_validate(rule)


def test_rules_need_names_of_their_own() -> None:
    rule = {"name": "a", "truncated": True}
    for names in (["a", "a"], ["minimum_area"]):
        with pytest.raises(ValidationError, match="names of their own"):
            _map(remove=[{**rule, "name": name} for name in names])


def test_what_the_source_says_goes_before_what_the_box_shows() -> None:
    rule = RemovalRule.model_validate({"name": "cut", "truncated": True})
    at_border = {"id": 1, "label": "car", "area_px": 4, "box": (0, 3, 2, 2)}
    assert rule.applies(Instance.model_validate(at_border), SIZE)
    assert not rule.applies(Instance.model_validate({**at_border, "truncated": False}), SIZE)
    inside = Instance.model_validate({**at_border, "box": (5, 5, 2, 2), "truncated": True, "occluded": True})
    assert rule.applies(inside, SIZE)
    assert RemovalRule.model_validate({"name": "o", "occluded": True}).applies(inside, SIZE)


def test_the_map_of_gtav_removes_small_boxes_and_the_own_hood() -> None:
    label_map = load_label_map("gtav-5")

    def removed(label: str, *box: int) -> str | None:
        instance = Instance.model_validate({"id": 1, "label": label, "area_px": 50, "box": box})
        return label_map.removed_by(instance, (1920, 1080))

    assert removed("car", 300, 300, 9, 11) == "small"
    assert removed("car", 300, 300, 10, 10) is None
    assert removed("car", 300, 900, 1300, 180) == "ego-hood"
    assert removed("car", 300, 900, 600, 180) is None
    assert removed("person", 0, 500, 1900, 580) is None
