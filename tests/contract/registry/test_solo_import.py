"""`import solo`: what Unity Perception writes, whole and of runs that did not complete."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from import_samples import Importing, by_source
from mask_folder_samples import save

W, H = 40, 30
TYPE = "type.unity.com/unity.solo."
CAR, PERSON, FIRST, SECOND = (0, 0, 255), (255, 0, 0), (10, 20, 30), (40, 50, 60)


def _picture(*areas: tuple[slice, slice, tuple[int, int, int]]) -> np.ndarray:
    pixels = np.zeros((H, W, 4), np.uint8)
    pixels[..., 3] = 255
    for rows, columns, color in areas:
        pixels[rows, columns, :3] = color
    return pixels


class Solo(Importing):
    """Two sequences of a step, of one camera, with all annotations that are taken and one that is not."""

    def __init__(self, base: Path) -> None:
        super().__init__(base, "solo")
        for number in range(2):
            self.frame(number)
        spec = [{"label_id": 1, "label_name": "Car"}, {"label_id": 2, "label_name": "Person"}]
        self.write(
            "annotation_definitions.json",
            {
                "annotationDefinitions": [
                    {"@type": f"{TYPE}BoundingBox2DAnnotation", "id": "bounding box", "spec": spec},
                    {"@type": f"{TYPE}InstanceSegmentationAnnotation", "id": "instance segmentation", "spec": spec},
                    {
                        "@type": f"{TYPE}SemanticSegmentationAnnotation",
                        "id": "semantic segmentation",
                        "spec": [{"label_name": "Car", "pixel_value": [0, 0, 255, 255]}],
                    },
                ]
            },
        )
        self.write("metadata.json", {"unityVersion": "2021.3"})

    def write(self, name: str, value: Any) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(json.dumps(value))

    def change(self, change: Callable[[dict[str, Any]], None], number: int = 0) -> None:
        path = self.root / f"sequence.{number}/step0.frame_data.json"
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))

    def frame(self, number: int) -> None:
        folder = f"sequence.{number}"
        self.photograph(f"{folder}/step0.camera.png", number)
        areas = (slice(5, 10), slice(4, 12)), (slice(15, 25), slice(20, 24))
        save(
            self.root / f"{folder}/step0.camera.semantic segmentation.png",
            _picture((*areas[0], CAR), (*areas[1], PERSON)),
        )
        save(
            self.root / f"{folder}/step0.camera.instance segmentation.png",
            _picture((*areas[0], FIRST), (*areas[1], SECOND)),
        )
        common = {"sensorId": "camera", "description": "", "imageFormat": "Png", "dimension": [float(W), float(H)]}
        annotations: list[dict[str, Any]] = [
            {
                "@type": f"{TYPE}SemanticSegmentationAnnotation",
                "id": "semantic segmentation",
                "filename": "step0.camera.semantic segmentation.png",
                "instances": [
                    {"labelName": "Car", "pixelValue": [*CAR, 255]},
                    {"labelName": "Person", "pixelValue": [*PERSON, 255]},
                ],
                **common,
            },
            {
                "@type": f"{TYPE}InstanceSegmentationAnnotation",
                "id": "instance segmentation",
                "filename": "step0.camera.instance segmentation.png",
                "instances": [
                    {"instanceId": 7, "labelId": 1, "labelName": "Car", "color": [*FIRST, 255]},
                    {"instanceId": 9, "labelId": 2, "labelName": "Person", "color": [*SECOND, 255]},
                    {"instanceId": 11, "labelId": 2, "labelName": "Person", "color": [1, 1, 1, 255]},
                ],
                **common,
            },
            {
                "@type": f"{TYPE}BoundingBox2DAnnotation",
                "id": "bounding box",
                "values": [
                    {"instanceId": 7, "labelId": 1, "labelName": "Car", "origin": [4.0, 5.0], "dimension": [8.0, 5.0]}
                ],
            },
            {"@type": f"{TYPE}KeypointAnnotation", "id": "keypoints", "values": []},
        ]
        metrics = [
            {
                "@type": f"{TYPE}OcclusionMetric",
                "id": "Occlusion",
                "sensorId": "camera",
                "values": [
                    {"instanceId": 7, "percentVisible": 0.4, "percentInFrame": 0.5, "visibilityInFrame": 0.8},
                    {"instanceId": 9, "percentVisible": 1.0, "percentInFrame": 1.0, "visibilityInFrame": 1.0},
                ],
            },
            {
                "@type": f"{TYPE}ObjectCountMetric",
                "id": "ObjectCount",
                "sensorId": "camera",
                "values": [{"labelId": 1, "labelName": "Car", "count": 1}, {"labelName": "Person", "count": 2}],
            },
            {"@type": f"{TYPE}GenericMetric", "id": "sun", "sensorId": "", "values": [12.5]},
            {"@type": f"{TYPE}GenericMetric", "id": "other camera's", "sensorId": "rear", "values": [1]},
            {"@type": f"{TYPE}RenderedObjectInfoMetric", "id": "info", "values": [{"visiblePixels": 40}]},
        ]
        capture = {
            "@type": f"{TYPE}RGBCamera",
            "id": "camera",
            "filename": "step0.camera.png",
            "imageFormat": "Png",
            "dimension": [float(W), float(H)],
            "matrix": [1.0] * 9,
            "annotations": annotations,
        }
        self.write(
            f"{folder}/step0.frame_data.json",
            {"frame": number, "sequence": number, "step": 0, "timestamp": 0.0, "captures": [capture],
             "metrics": metrics},
        )  # fmt: skip


@pytest.fixture
def solo(tmp_path: Path) -> Solo:
    return Solo(tmp_path)


def _annotation(value: dict[str, Any], place: int) -> dict[str, Any]:
    found: dict[str, Any] = value["captures"][0]["annotations"][place]
    return found


def test_masks_instances_boxes_and_metrics_arrive(solo: Solo) -> None:
    version = solo.run()
    assert [(label.id, label.name) for label in version.labels] == [(0, "background"), (1, "car"), (2, "person")]
    record = by_source(version)["sequence.0/step0.camera.png"]
    assert [(item.id, item.label, item.box, item.visible_fraction) for item in record.instances] == [
        (1, "car", (4, 5, 8, 5), 0.8),
        (2, "person", (20, 15, 4, 10), 1.0),
    ]
    expected = np.zeros((H, W), np.uint8)
    expected[5:10, 4:12] = 1
    expected[15:25, 20:24] = 2
    np.testing.assert_array_equal(version.read_mask(record), expected)
    np.testing.assert_array_equal(version.read_instances(record), expected)
    assert record.parameters == {"metric.ObjectCount.car": 1, "metric.ObjectCount.person": 2, "metric.sun": 12.5}
    assert [item.group for item in version.records()] == ["sequence.0", "sequence.1"]
    assert solo.reasons() == {"annotation": 2, "camera": 1, "covered": 2, "metric": 2}


def test_sequences_come_in_the_order_of_their_numbers(solo: Solo) -> None:
    for number in (2, 10):
        solo.frame(number)
    assert [item.group for item in solo.run().records()] == [f"sequence.{number}" for number in (0, 1, 2, 10)]


def test_a_run_that_did_not_complete_is_taken_with_labels_counted_anew(solo: Solo) -> None:
    (solo.root / "annotation_definitions.json").unlink()
    (solo.root / "metadata.json").unlink()
    version = solo.run()
    assert [label.name for label in version.labels] == ["background", "car", "person"]
    assert solo.reasons()["incomplete"] == 1


def test_the_folder_above_and_named_splits_are_found(solo: Solo, tmp_path: Path) -> None:
    solo.root.rename(tmp_path / "solo_12")
    (tmp_path / "all").mkdir()
    (tmp_path / "solo_12").rename(tmp_path / "all" / "solo_12")
    assert len(solo.run(tmp_path / "all")) == 2
    version = solo.run(tmp_path / "all", splits={"train": "solo_12"})
    assert version.manifest.splits == {"train": 2}
    assert version.records()[0].group == "train/sequence.0"


def test_boxes_alone_are_the_instances(solo: Solo) -> None:
    for number in range(2):
        solo.change(lambda value: value["captures"][0].update(annotations=[_annotation(value, 2)]), number)
    version = solo.run()
    record = version.records()[0]
    assert [(item.label, item.box, item.visible_fraction) for item in record.instances] == [("car", (4, 5, 8, 5), 0.8)]
    assert "instances" not in record.files
    assert (version.read_mask(record) == 255).sum() == 40


def test_instances_alone_make_the_mask_and_a_mask_alone_has_no_instances(solo: Solo) -> None:
    solo.change(lambda value: value["captures"][0].update(annotations=[_annotation(value, 1)]))
    solo.change(lambda value: value["captures"][0].update(annotations=[_annotation(value, 0)]), 1)
    version = solo.run()
    first, second = version.records()
    np.testing.assert_array_equal(version.read_mask(first), version.read_mask(second))
    assert (len(first.instances), len(second.instances)) == (2, 0)


def test_colours_that_the_json_does_not_give_are_ignored_and_said(solo: Solo) -> None:
    path = solo.root / "sequence.0/step0.camera.semantic segmentation.png"
    pixels = _picture((slice(5, 10), slice(4, 12), CAR))
    pixels[0, :3, :3] = (1, 2, 3)
    save(path, pixels)
    version = solo.run()
    assert (version.read_mask(version.records()[0])[0] == 255).sum() == 3
    assert solo.reasons()["unknown_color"] == 1
    assert solo.reasons()["classes_differ"] == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: _annotation(v, 0).update(filename="../../x.png"), "names no file"),
        (lambda v: _annotation(v, 0).update(filename="none.png"), "none.png: it is not there"),
        (lambda v: _annotation(v, 0)["instances"][0].update(pixelValue=[1, 2]), "not four bytes"),
        (lambda v: _annotation(v, 0)["instances"][0].update(labelName=5), "its label 5 is not"),
        (lambda v: _annotation(v, 1).update(filename="step0.frame_data.json"), "it is not a PNG"),
        (lambda v: _annotation(v, 1).update(instances="x"), "'instances' is not a list"),
        (lambda v: v["captures"][0].update(filename="gone.png"), "its image gone.png is not there"),
        (lambda v: v["captures"][0].update(filename="/etc/passwd"), "names no image"),
        (lambda v: v.update(captures={}), "'captures' is not a list"),
    ],
)
def test_frames_that_do_not_fit_refuse_the_import(solo: Solo, change: Callable[[Any], None], said: str) -> None:
    solo.change(change)
    assert said in solo.refused()


def test_broken_files_and_other_folders_are_refused(solo: Solo) -> None:
    save(solo.root / "sequence.0/step0.camera.semantic segmentation.png", _picture()[:20])
    (solo.root / "sequence.1/step0.frame_data.json").write_text("{")
    assert "not valid JSON" in solo.refused()
    solo.frame(1)
    assert "is of 40x20 px" in solo.refused()
    assert "no sequence.N" in solo.refused(solo.root / "sequence.0")


def test_other_sensors_are_left_out(solo: Solo) -> None:
    solo.change(lambda value: value["captures"].append({"@type": f"{TYPE}Lidar", "id": "lidar"}))
    assert len(solo.run()) == 2
    assert solo.reasons()["sensor"] == 1
