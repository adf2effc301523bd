"""`export … cityscapes`, read with torchvision, and drawn as the tools of Cityscapes draw."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from export_samples import CONSENT, LABELS, LICENSE, MAP, REFERENCE, Frame, make_version, photograph, rendered
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from contracts.errors import ConfigurationError
from contracts.frame_spec import Label
from registry.formats.cityscapes_export import write_cityscapes
from registry.formats.exporting import export_version
from registry.reader import Version
from training.torchvision_compat import install

NAMES = {label.name: label.id for label in LABELS} | {"ignore": 255}


@pytest.fixture
def version(tmp_path: Path) -> Version:
    return make_version(tmp_path, [rendered(0, "train"), rendered(1, "val"), photograph(2, "train")])


def drawn(document: dict[str, object], names: dict[str, int]) -> np.ndarray:
    """As the tools of Cityscapes draw: objects in their order, each polygon with its border."""
    picture = Image.new("L", (document["imgWidth"], document["imgHeight"]))  # type: ignore[arg-type]
    pen = ImageDraw.Draw(picture)
    for item in document["objects"]:  # type: ignore[attr-defined]
        pen.polygon([tuple(point) for point in item["polygon"]], fill=names[item["label"]])
    return np.array(picture)


def test_torchvision_reads_what_the_version_holds(version: Version, tmp_path: Path) -> None:
    install()
    from torchvision.datasets import Cityscapes

    export_version(write_cityscapes, version, REFERENCE, tmp_path / "out")
    for split, indices in (("train", [0, 2]), ("val", [1])):
        kinds = ["instance", "semantic", "polygon", "color"]
        found = Cityscapes(str(tmp_path / "out"), split=split, mode="fine", target_type=kinds)
        assert len(found) == len(indices)
        for number in range(len(found)):
            image, (instances, semantic, polygons, color) = found[number]
            index = int(found.images[number].split("_")[-2])
            assert index in indices
            record = version.records()[index]
            mask = version.read_mask(record)
            np.testing.assert_array_equal(np.array(image), version.read_image(record))
            np.testing.assert_array_equal(np.array(semantic), mask)
            np.testing.assert_array_equal(drawn(polygons, NAMES), mask)
            assert np.array(color).shape == (30, 40, 4)
            ids = np.array(instances)
            told = ids >= 1000
            np.testing.assert_array_equal(np.where(told, ids // 1000, ids), mask)
            if "instances" not in record.files:
                assert not told.any()
                continue
            whole = version.read_instances(record)
            np.testing.assert_array_equal(told, (whole > 0) & (mask > 0))
            pairs = set(zip(ids[told].tolist(), whole[told].tolist(), strict=True))
            assert len(pairs) == len({value for value, _ in pairs})
            assert {item["instance"] for item in polygons["objects"] if "instance" in item} == {5, 7, 301, 65535}


@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.sampled_from([0, 1, 4, 255])))
@settings(max_examples=40, deadline=None)
def test_polygons_drawn_one_over_the_other_give_any_mask(
    tmp_path_factory: pytest.TempPathFactory, mask: np.ndarray
) -> None:
    base = tmp_path_factory.mktemp("drawn")
    version = make_version(base, [Frame(np.zeros((*mask.shape, 3), np.uint8), mask)])
    export_version(write_cityscapes, version, REFERENCE, base / "out")
    (path,) = (base / "out").rglob("*_polygons.json")
    np.testing.assert_array_equal(drawn(json.loads(path.read_text()), NAMES), mask)


def test_a_label_map_and_terms_are_carried(version: Version, tmp_path: Path) -> None:
    export_version(write_cityscapes, version, REFERENCE, tmp_path / "out", label_map=MAP)
    lookup = MAP.lookup(version.labels)
    for record in version.records():
        (path,) = (tmp_path / "out").rglob(f"*_{record.index:06d}_gtFine_labelIds.png")
        with Image.open(path) as picture:
            np.testing.assert_array_equal(np.array(picture), version.read_mask(record, lookup))
    text = (tmp_path / "out/license.txt").read_text()
    assert LICENSE in text
    assert CONSENT in text
    assert json.loads((tmp_path / "out/version.json").read_text())["digest"] == version.digest


def test_ids_beyond_16_bits_are_refused_and_nothing_stays(tmp_path: Path) -> None:
    labels = (LABELS[0], Label(id=66, name="front_door", color=(1, 1, 1)), *LABELS[2:])
    frame = rendered(0)
    frame.mask[frame.mask == 1] = 66
    version = make_version(tmp_path, [frame], labels=labels)
    before = set(tmp_path.iterdir())
    with pytest.raises(ConfigurationError, match="does not fit into the 16 bits"):
        export_version(write_cityscapes, version, REFERENCE, tmp_path / "out")
    assert set(tmp_path.iterdir()) == before
