"""`export … solo`, in the form that Unity Perception writes, and opened with pysolotools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_samples import CONSENT, LABELS, MAP, REFERENCE, make_version, photograph, rendered
from PIL import Image
from pycocotools import mask as run_lengths

from contracts.frame_spec import Label
from registry.formats.exporting import export_version
from registry.formats.solo_export import class_colors, object_color, write_solo
from registry.reader import Version

TYPE = "type.unity.com/unity.solo."


@pytest.fixture
def version(tmp_path: Path) -> Version:
    return make_version(tmp_path, [rendered(0, "train"), rendered(1, "val"), photograph(2, "train")])


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        assert picture.mode == "RGBA"
        return np.array(picture)


def test_frames_hold_what_the_version_holds(version: Version, tmp_path: Path) -> None:
    export_version(write_solo, version, REFERENCE, tmp_path / "out")
    for record in version.records():
        folder = tmp_path / f"out/sequence.{record.index}"
        frame = load(folder / "step0.frame_data.json")
        assert (frame["frame"], frame["sequence"], frame["step"]) == (record.index, record.index, 0)
        (capture,) = frame["captures"]
        assert capture["@type"] == f"{TYPE}RGBCamera"
        with Image.open(folder / capture["filename"]) as picture:
            np.testing.assert_array_equal(np.array(picture), version.read_image(record))
        boxes, instances, semantic = capture["annotations"]
        assert [item["@type"].removeprefix(TYPE) for item in (boxes, instances, semantic)] == [
            "BoundingBox2DAnnotation",
            "InstanceSegmentationAnnotation",
            "SemanticSegmentationAnnotation",
        ]
        names = {label.name: label.id for label in LABELS} | {"ignore": 255}
        mask = version.read_mask(record)
        found = np.zeros(mask.shape, np.uint8)
        colors = pixels(folder / semantic["filename"])
        for item in semantic["instances"]:
            found[(colors == item["pixelValue"]).all(axis=2)] = names[item["labelName"]]
        np.testing.assert_array_equal(found, mask)
        whole = version.read_instances(record) if "instances" in record.files else np.zeros(mask.shape, np.uint16)
        listed = {instance.id: instance for instance in record.instances}
        colors = pixels(folder / instances["filename"])
        assert [item["instanceId"] for item in boxes["values"]] == [
            item["instanceId"] for item in instances["instances"]
        ]
        assert len({item["instanceId"] for item in boxes["values"]}) == len(boxes["values"])
        painted = np.zeros(mask.shape, bool)
        for box, item in zip(boxes["values"], instances["instances"], strict=True):
            shown = (colors == item["color"]).all(axis=2)
            assert (mask[shown] == item["labelId"]).all()
            rows, columns = np.nonzero(shown)
            assert box["origin"] == [columns.min(), rows.min()]
            assert box["dimension"] == [np.ptp(columns) + 1, np.ptp(rows) + 1]
            if item["instanceId"] in listed:
                assert set(whole[shown].tolist()) == {item["instanceId"]}
                instance = listed[item["instanceId"]]
                assert (item["labelName"], *box["origin"], *box["dimension"]) == (instance.label, *instance.box)
            painted |= shown
        np.testing.assert_array_equal(painted, (mask != 0) & (mask != 255))


def test_the_camera_stands_and_looks_as_unity_has_it(version: Version, tmp_path: Path) -> None:
    export_version(write_solo, version, REFERENCE, tmp_path / "out")
    (capture,) = load(tmp_path / "out/sequence.0/step0.frame_data.json")["captures"]
    assert capture["position"] == [-0.5, 2.0, 1.5]  # ours: 1.5 forward, 0.5 left, 2 up
    x, y, z, w = capture["rotation"]
    assert (x, y, z, w) == pytest.approx((0, 0, 0, 1))  # ours looks along x, upright: Unity's along z
    columns = np.array(capture["matrix"]).reshape(3, 3)
    projection = columns.T
    # Unity's camera looks along -z in its projection; a point at (x right, y up, depth).
    point = np.array([0.3, 0.2, -2.0])
    across, up, _ = (projection @ point) / 2.0
    column, row = (across + 1) / 2 * 40, (1 - up) / 2 * 30
    assert (column, row) == pytest.approx((40 * 0.3 / 2 + 18, -42 * 0.2 / 2 + 16))


def test_definitions_terms_and_a_label_map(version: Version, tmp_path: Path) -> None:
    export_version(write_solo, version, REFERENCE, tmp_path / "out", label_map=MAP)
    metadata = load(tmp_path / "out/metadata.json")
    assert (metadata["totalFrames"], metadata["totalSequences"], metadata["scenarioRandomSeed"]) == (3, 3, 11)
    assert (metadata["dataset"]["digest"], metadata["dataset"]["consent"]) == (version.digest, CONSENT)
    boxes, instances, _ = load(tmp_path / "out/annotation_definitions.json")["annotationDefinitions"]
    assert boxes["spec"] == instances["spec"] == [{"label_id": 1, "label_name": "door"}]
    frame = load(tmp_path / "out/sequence.0/step0.frame_data.json")
    assert frame["origin"]["split"] == "train"
    semantic = frame["captures"][0]["annotations"][2]
    colors = pixels(tmp_path / "out/sequence.0" / semantic["filename"])
    expected = version.read_mask(version.records()[0], MAP.lookup(version.labels))
    values = {item["labelName"]: item["pixelValue"] for item in semantic["instances"]}
    assert values.keys() == {"door", "ignore"}
    np.testing.assert_array_equal((colors == values["door"]).all(axis=2), expected == 1)
    np.testing.assert_array_equal((colors == values["ignore"]).all(axis=2), expected == 255)


def test_colors_are_never_alike() -> None:
    twins = tuple(Label(id=number, name=f"label_{number}", color=(9, 9, 9)) for number in range(255))
    assert len(set(class_colors(twins).values())) == 256
    assert len({object_color(number) for number in range(1, 100_000)}) == 99_999


PACKAGES = (
    *("pysolotools==0.3.17", "dataclasses-json==0.6.7", "marshmallow==3.26.1"),
    *("typing-inspect==0.9.0", "mypy-extensions==1.1.0"),
)
READ = """
import json, sys
from pysolotools.consumers import Solo
from pysolotools.converters import SOLO2COCOConverter
solo = Solo(sys.argv[1])
captures = [capture for frame in solo.frames() for capture in frame.captures]
listed = [[getattr(item, "values", None) or item.instances for item in capture.annotations] for capture in captures]
frames = [[len(items) for items in frame] for frame in listed]
SOLO2COCOConverter(solo).convert(sys.argv[2])
print(json.dumps({"categories": solo.categories(), "frames": frames}))
"""


@pytest.mark.slow
def test_pysolotools_opens_it_and_converts_it_to_coco(version: Version, tmp_path: Path) -> None:
    """Installed without what it pins, into a folder of the test: its pins are of 2022 and fit beside nothing."""
    packages = tmp_path / "packages"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(packages), *PACKAGES]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"needs a package index: {done.stderr.strip().splitlines()[-1]}")
    export_version(write_solo, version, REFERENCE, tmp_path / "out")
    script = tmp_path / "read.py"
    script.write_text(READ)
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), str(tmp_path / "out"), str(tmp_path / "converted")],
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(answer.stdout.splitlines()[-1])
    assert found["categories"] == {"1": "front_door", "4": "mirror", "7": "window"}
    shown = [load(tmp_path / f"out/sequence.{n}/step0.frame_data.json")["captures"][0] for n in range(3)]
    counts = [[len(item.get("values") or item["instances"]) for item in capture["annotations"]] for capture in shown]
    assert found["frames"] == counts
    converted = load(tmp_path / "converted/coco/instances.json")
    for record in version.records():
        painted = np.zeros((30, 40), np.uint8)
        for annotation in converted["annotations"]:
            if annotation["image_id"] == record.index:
                painted[run_lengths.decode(annotation["segmentation"]) > 0] = annotation["category_id"]
        mask = version.read_mask(record)
        np.testing.assert_array_equal(painted, np.where(mask == 255, 0, mask))
