"""Statistics under a label map are those of an export under the same map, and what is remembered never grows stale."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_samples import LABELS, MAP, REFERENCE, Frame, make_version, photograph, rendered
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from contracts.errors import ConfigurationError
from contracts.frame_spec import IGNORE_ID
from contracts.label_map import LabelMap
from contracts.statistics import VersionStatistics
from registry.catalog import Catalog
from registry.formats.exporting import export_version
from registry.formats.importing import import_dataset
from registry.formats.masks import open_masks
from registry.formats.raw import write_raw
from registry.reader import Version, open_version
from registry.statistics import measures
from registry.statistics.difference import compare_versions
from registry.statistics.measures import forget_measures
from registry.statistics.page import statistics_page
from registry.statistics.version import version_statistics

NAMES = [label.name for label in LABELS[1:]]
RULES: list[dict[str, Any]] = [
    {},
    {"minimum_area_px2": 5},
    {"minimum_area_px2": 5, "removed_pixels": "background"},
    {"remove": [{"name": "hidden", "visible_fraction_below": 0.3}]},
    {"remove": [{"name": "mirrors", "labels": ["mirror"], "area_below_px2": 1000}], "removed_pixels": "background"},
]


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    frames = [rendered(1, "train"), rendered(2, "train"), photograph(3, "test")]
    return make_version(tmp_path_factory.mktemp("version"), frames)


@st.composite
def label_maps(draw: st.DrawFn) -> LabelMap:
    """Each label in one of two classes, dropped, or ignored, with any of the rules."""
    places = {name: draw(st.sampled_from(["one", "two", "ignore", "background"])) for name in NAMES}
    classes = {target: [name for name in NAMES if places[name] == target] for target in ("two", "one")}
    ignore = [name for name in NAMES if places[name] == "ignore"]
    named = {target: sources for target, sources in classes.items() if sources} or {"none": ["sky", NAMES[0]]}
    ignore = [name for name in ignore if not any(name in sources for sources in named.values())]
    return LabelMap.model_validate(
        {"name": "drawn", "classes": named, "ignore": ignore, **draw(st.sampled_from(RULES))}
    )


@settings(max_examples=20, deadline=None)
@given(label_map=label_maps())
def test_statistics_are_those_of_the_export_imported_again(version: Version, label_map: LabelMap) -> None:
    with tempfile.TemporaryDirectory() as place:
        base = Path(place)
        found = version_statistics(version, base / "cache", label_map=label_map)
        assert found == version_statistics(version, base / "cache", label_map=label_map)  # as remembered
        out = base / "out"
        export_version(write_raw, version, REFERENCE, out, label_map=label_map)
        with closing(Catalog(f"sqlite:///{base / 'catalog.db'}")) as catalog:
            made = import_dataset(open_masks, version.store, catalog, out, name="copy", classes=out / "labels.json")
        copy = version_statistics(open_version(version.store, made.digest), base / "cache")
        assert found.label_map == label_map
        assert (found.frames, found.sizes, found.image) == (copy.frames, copy.sizes, copy.image)
        assert (found.ignored_share, found.cooccurrence) == (copy.ignored_share, copy.cooccurrence)
        without = {"instances": 0, "instances_per_image": {}, "instance_area_px": None}
        assert [item.model_copy(update=without) for item in found.classes] == list(copy.classes)
        _same_as_counted(found, out)


def _same_as_counted(found: VersionStatistics, out: Path) -> None:
    """Pixels by the plain masks of a raw export, instances by its lines."""
    masks = [np.array(Image.open(path)) for path in sorted((out / "masks").glob("*.png"))]
    lines = [json.loads(line)["instances"] for line in (out / "frames.jsonl").read_text().splitlines()]
    ignored = sum(int((mask == IGNORE_ID).sum()) for mask in masks)
    assert found.ignored_share == pytest.approx(ignored / sum(mask.size for mask in masks))
    counts = Counter(item["label"] for instances in lines for item in instances)
    for class_id, item in enumerate(found.classes):
        assert item.pixels == sum(int((mask == class_id).sum()) for mask in masks)
        assert item.images == sum(bool((mask == class_id).any()) for mask in masks)
        assert item.instances == counts[item.name]
        areas = [thing["area_px"] for instances in lines for thing in instances if thing["label"] == item.name]
        assert (item.instance_area_px.mean if item.instance_area_px else 0) == pytest.approx(
            np.mean(areas) if areas else 0
        )


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Frames that were measured and not remembered."""
    found: list[int] = []
    real = measures.measure_frame

    def count(of: Version, record: Any, classes: Any) -> Any:
        found.append(record.index)
        return real(of, record, classes)

    monkeypatch.setattr(measures, "measure_frame", count)
    return found


def test_another_map_or_another_table_of_labels_is_measured_again(
    version: Version, tmp_path: Path, measured: list[int]
) -> None:
    cache = tmp_path / "cache"
    plain = version_statistics(version, cache)
    mapped = version_statistics(version, cache, label_map=MAP)
    assert [item.name for item in mapped.classes] == ["background", "door"]
    assert measured == [0, 1, 2] * 2
    assert version_statistics(version, cache) == plain
    assert version_statistics(version, cache, label_map=MAP) == mapped
    assert measured == [0, 1, 2] * 2
    swapped = MAP.model_copy(update={"classes": {"door": ["mirror"]}, "ignore": ["front_door", "window"]})
    assert version_statistics(version, cache, label_map=swapped).classes[1].pixels != mapped.classes[1].pixels
    names = {1: "mirror", 4: "front_door"}
    renamed = make_version(
        tmp_path,
        [rendered(1, "train"), rendered(2, "train"), photograph(3, "test")],
        labels=tuple(item.model_copy(update={"name": names.get(item.id, item.name)}) for item in LABELS),
    )
    fresh = version_statistics(renamed, tmp_path / "fresh", label_map=MAP)
    assert version_statistics(renamed, cache, label_map=MAP) == fresh
    assert fresh.classes[1].pixels != mapped.classes[1].pixels


@pytest.mark.parametrize("change", ["visible_fraction", "listed"])
def test_the_same_images_with_other_instances_are_measured_again(tmp_path: Path, change: str) -> None:
    label_map = MAP.model_copy(
        update={"ignore": [], "classes": {"door": ["front_door"], "mirror": ["mirror"]}}
    ).model_copy(update={"remove": LabelMap.model_validate({**_empty(), **RULES[3]}).remove})
    first = rendered(1)
    known = json.loads(json.dumps(first.known))
    if change == "listed":
        known["instances"] = [item for item in known["instances"] if item["id"] != 5]
    else:
        known["instances"][2]["visible_fraction"] = 0.1
    second: Frame = replace(first, known=known)
    cache = tmp_path / "cache"
    version_statistics(make_version(tmp_path / "one", [first]), cache, label_map=label_map)
    other = make_version(tmp_path / "two", [second])
    found = version_statistics(other, cache, label_map=label_map)
    assert found == version_statistics(other, tmp_path / "fresh", label_map=label_map)
    assert found.classes[2].instances == 0


def _empty() -> dict[str, Any]:
    return {"name": "rule", "classes": {"a": ["b"]}}


def test_what_was_measured_of_erased_frames_is_forgotten_under_every_map(version: Version, tmp_path: Path) -> None:
    version_statistics(version, tmp_path)
    version_statistics(version, tmp_path, label_map=MAP)
    forget_measures(tmp_path / "measures.db", version.records()[:1])
    with closing(sqlite3.connect(tmp_path / "measures.db")) as connection:
        assert connection.execute("SELECT COUNT(*) FROM measures").fetchone() == (4,)


def test_two_versions_are_compared_by_the_classes_of_a_map(version: Version, tmp_path: Path) -> None:
    other = make_version(tmp_path, [rendered(4, "train")])
    statistics = [version_statistics(item, tmp_path / "cache", label_map=MAP) for item in (version, other)]
    found = compare_versions(version, other, *statistics)
    assert found.label_map == MAP
    assert set(found.areas) == set(found.frequencies) == {"background", "door"}
    assert found.areas["door"].mean == statistics[0].classes[1].area_share_mean
    assert "under the label map doors" in statistics_page("cars@3", statistics[0])


def test_a_map_of_another_domain_is_refused_and_nothing_is_remembered(version: Version, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="names none of the source's labels"):
        version_statistics(version, tmp_path / "cache", label_map=LabelMap(name="x", classes={"belt": ["seat_belt"]}))
    assert not (tmp_path / "cache").exists()
