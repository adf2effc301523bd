"""What a study's report says beside its figures of the runs that it stands on."""

from __future__ import annotations

from typing import Any

from contracts.run import RunResult
from contracts.scores import SegmentationScores
from tests.unit.study.study_samples import study
from training.study.notes import notes

SCORES = SegmentationScores(images=1, mean_dataset_iou=0.5, mean_image_iou=0.5, dataset_iou={}, classes={})


def result(torch: str = "2.13.0", device: str = "cpu", **changes: Any) -> RunResult:
    values: dict[str, Any] = {
        "run": "run-1",
        "order_digest": "sha256:" + "0" * 64,
        "best_step": 1,
        "steps": 1,
        "stopped_early": False,
        "training_images": {},
        "validation_images": 1,
        "validation": SCORES,
        "test": SCORES,
        "curve": (),
        "seconds": 1.0,
        "seconds_per_step": 1.0,
        "files": {},
        "environment": {"device": device, "precision": "float32", "versions": {"torch": torch, "numpy": "2.0"}},
    }
    return RunResult(**{**values, **changes})


def test_runs_alike_need_no_note():
    assert notes(study(), [result(), result()]) == ()


def test_libraries_and_devices_that_differ_are_named_with_their_runs():
    (said,) = notes(study(), [result(), result(), result("2.14.0", device="an H200")])
    assert "torch (2.13.0: 2 runs, 2.14.0: 1 run)" in said
    assert "device (an H200: 1 run, cpu: 2 runs)" in said
    assert "numpy" not in said


def test_classes_that_no_training_image_shows_are_named():
    (said,) = notes(study(), [result(), result(classes_not_shown=("mirror",))])
    assert said.startswith("No training image shows mirror in 1 of 2 runs")


def test_a_study_that_repeats_until_it_is_enough_says_so():
    (said,) = notes(study(repeats={"until": {}, "at_least": 3, "at_most": 9}), [result()])
    assert "3 to 9 times, until the 95% interval" in said
