"""Boundary, calibration, bootstrap and slices against slow, plainly written ones and against laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from contracts.frame import FrameRecord
from contracts.run import Loss
from training.metrics import bootstrap
from training.metrics.boundary import boundary_counts, f_scores, tolerance_px
from training.metrics.calibration import ALL, BINS, CLASSES, calibration, calibration_table
from training.metrics.slices import groups_of, slices_of
from training.tasks.segmentation import Segmentation

NAMES = ("door", "mirror")
TASK = Segmentation(NAMES, Loss())
EXCLUSIVE = Segmentation(NAMES, Loss(bce=0, cross_entropy=1))
shapes = st.tuples(st.integers(1, 2), st.integers(1, 7), st.integers(1, 7))
labels_of = lambda shape, ids: hnp.arrays(np.uint8, shape, elements=st.sampled_from(ids))  # noqa: E731
pairs = shapes.flatmap(lambda shape: st.tuples(labels_of(shape, [0, 1, 2]), labels_of(shape, [0, 1, 2, 255])))


def slow_boundary(labels: np.ndarray, number: int) -> list[tuple[int, int]]:
    height, width = labels.shape
    return [
        (row, column)
        for row in range(height)
        for column in range(width)
        if labels[row, column] == number
        and any(
            0 <= row + down < height
            and 0 <= column + right < width
            and labels[row + down, column + right] not in (number, 255)
            for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0))
        )
    ]


@given(pairs, st.integers(1, 3))
@settings(max_examples=80)
def test_boundaries_are_matched_as_the_slow_way_does(pair, within_px):
    predictions, targets = pair
    found = boundary_counts(predictions, targets, 2, within_px)
    for image, (prediction, target) in enumerate(zip(predictions, targets, strict=True)):
        seen = np.where(target == 255, 255, prediction)
        for number in (1, 2):
            mine, theirs = slow_boundary(seen, number), slow_boundary(target, number)

            def near(pixel, others):
                return any(math.dist(pixel, other) <= within_px for other in others)

            expected = [
                len(mine), sum(near(pixel, theirs) for pixel in mine),
                len(theirs), sum(near(pixel, mine) for pixel in theirs),
            ]  # fmt: skip
            assert found[image, number - 1].tolist() == expected


@given(pairs)
@settings(max_examples=30)
def test_a_perfect_prediction_has_perfect_boundaries(pair):
    _, targets = pair
    perfect = np.where(targets == 255, 0, targets)
    scores = f_scores(boundary_counts(perfect, targets, 2).sum(axis=0))
    assert all(score == 1 or np.isnan(score) for score in scores)


def test_a_boundary_that_is_missed_scores_nothing_and_one_that_nobody_has_is_no_score():
    assert f_scores(np.array([[0, 0, 5, 0], [5, 0, 5, 0], [0, 0, 0, 0]])).tolist()[:2] == [0, 0]
    assert np.isnan(f_scores(np.array([[0, 0, 0, 0]])))[0]
    assert f_scores(np.array([[4, 2, 5, 5]]))[0] == pytest.approx(2 / 3)


def test_the_tolerance_is_three_quarters_of_a_percent_of_the_diagonal():
    assert tolerance_px(480, 848) == 7
    assert tolerance_px(8, 8) == 1


def test_a_shift_within_the_tolerance_costs_nothing_and_a_larger_one_much():
    target = np.zeros((1, 40, 40), np.uint8)
    target[0, 10:30, 10:30] = 1
    scores = [
        f_scores(boundary_counts(np.roll(target, shift, axis=2), target, 1, within_px=2).sum(axis=0))[0]
        for shift in (0, 2, 5)
    ]
    assert scores[:2] == [1, 1]
    assert scores[2] < 0.7


@given(targets=shapes.flatmap(lambda shape: labels_of(shape, [0, 1, 2, 255])), seed=st.integers(0, 99))
@settings(max_examples=50)
@pytest.mark.parametrize("is_exclusive", [False, True])
def test_calibration_is_that_of_the_slow_way(is_exclusive, targets, seed):
    task = EXCLUSIVE if is_exclusive else TASK
    generator = torch.Generator().manual_seed(seed)
    outputs = 2 * torch.randn((len(targets), 2, *targets.shape[1:]), generator=generator)
    predictions = task.predict(outputs).numpy()
    images = np.zeros((*targets.shape, 3), np.uint8)
    table = task.examine(images, outputs, targets).calibration.sum(axis=0)
    for row in (ALL, CLASSES):
        bins: dict[int, list[tuple[float, bool]]] = {}
        for image, line, column in np.argwhere(targets != 255):
            truth, said = targets[image, line, column], predictions[image, line, column]
            if row == CLASSES and said == 0:
                continue
            odds = np.exp(outputs[image, :, line, column].double().numpy())
            if is_exclusive:
                confidence = (odds[said - 1] if said else 1) / (1 + odds.sum())
            else:
                p = odds / (1 + odds)
                confidence = p[said - 1] if said else 1 - p.max()
                assert confidence >= 0.5 - 1e-6
            bins.setdefault(min(BINS - 1, int(confidence * BINS)), []).append((confidence, truth == said))
        total = sum(map(len, bins.values()))
        found = calibration(table[row])
        if not total:
            assert found is None
            continue
        error = sum(abs(sum(right for _, right in pixels) - sum(c for c, _ in pixels)) for pixels in bins.values())
        assert found.error == pytest.approx(error / total, abs=1e-5)
        assert sum(one.pixels for one in found.bins) == total


def test_a_network_that_is_as_often_right_as_it_is_sure_is_calibrated():
    confidence = np.full((1, 10, 10), 0.75)
    targets = np.ones((1, 10, 10), np.uint8)
    targets[0, :5, :5] = 0  # a quarter
    table = calibration_table(confidence, np.ones((1, 10, 10), np.uint8), targets)
    assert calibration(table[0, ALL]).error == pytest.approx(0, abs=1e-6)
    targets[0] = 0
    table = calibration_table(confidence, np.ones((1, 10, 10), np.uint8), targets)
    assert calibration(table[0, ALL]).error == pytest.approx(0.75, abs=1e-6)


def share_of_ones(table: np.ndarray) -> np.ndarray:
    return table[:, :1] / table[:, 1:]


def test_groups_are_drawn_whole_so_that_repeated_images_make_no_interval_narrower():
    draws = np.random.Generator(np.random.Philox(key=1))
    values = draws.random(20)
    once = np.stack([values, np.ones(20)], axis=1)
    tenfold = np.repeat(once, 10, axis=0)
    (alone,) = bootstrap.intervals(once, np.arange(20), share_of_ones)
    (grouped,) = bootstrap.intervals(tenfold, np.repeat(np.arange(20), 10), share_of_ones)
    (ungrouped,) = bootstrap.intervals(tenfold, np.arange(200), share_of_ones)
    assert grouped == pytest.approx(alone)
    assert ungrouped[1] - ungrouped[0] < 0.5 * (grouped[1] - grouped[0])


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says():
    draws = np.random.Generator(np.random.Philox(key=2))
    held = 0
    for _ in range(200):
        table = np.stack([draws.normal(0.5, 0.2, 40), np.ones(40)], axis=1)
        ((low, high),) = bootstrap.intervals(table, np.arange(40), share_of_ones)
        held += low <= 0.5 <= high
    assert 0.88 <= held / 200 <= 0.98


def test_one_group_has_no_interval():
    table = np.array([[0.2, 1], [0.4, 1]])
    assert bootstrap.intervals(table, np.zeros(2, np.int64), share_of_ones) == [None]


def test_images_without_a_group_stand_for_themselves():
    assert bootstrap.group_numbers(["a", None, "a", None, "1"]).tolist() == [0, 1, 0, 2, 3]


def record(index: int, group: str | None = None, **parameters: object) -> FrameRecord:
    digest = "sha256:" + "0" * 64
    files = {"image": digest, "mask": digest}
    return FrameRecord(index=index, files=files, size=(8, 8), group=group, parameters=parameters)


def test_slices_are_thirds_words_and_viewpoints_that_hold_enough_images():
    records = [
        record(
            place,
            **{
                "belt.state": "loose" if place < 5 else "correct",
                "belt.colour": "beige" if place < 4 else "black",
                "camera.azimuth_deg": float(place),
                "sun.azimuth_deg": float(place),
            },
        )
        for place in range(18)
    ]
    found = slices_of(records, np.linspace(0, 1, 18), np.zeros(18))
    counts = {(part.of, part.part): int(part.members.sum()) for part in found}
    assert {of for of, _ in counts} == {"brightness", "belt.state", "camera.azimuth_deg"}
    assert counts["belt.state", "loose"] == 5
    assert sum(count for (of, _), count in counts.items() if of == "brightness") == 18
    assert not groups_of(records)


def test_groups_are_parts_where_one_holds_several_images():
    assert not groups_of([record(0, "a"), record(1, "b")])
    assert not groups_of([record(0, "a"), record(1, "a")])
    found = groups_of([record(0, "a"), record(1, "a"), record(2, "b"), record(3)])
    assert [(part.part, part.members.tolist()) for part in found] == [
        ("a", [True, True, False, False]),
        ("b", [False, False, True, False]),
    ]


def test_parts_are_compared_over_the_classes_that_occur_in_both():
    targets = np.zeros((12, 4, 4), np.uint8)
    targets[:, :2] = 1
    targets[6:, 3] = 2  # the mirror is in the last six only
    outputs = torch.full((12, 2, 4, 4), -5.0)
    outputs[:, 0, :2] = 5.0
    outputs[:6, 0, 1] = -5.0  # half of the door is missed in the first six
    outputs[6:, 1, 3] = 5.0
    images = np.zeros((12, 4, 4, 3), np.uint8)
    images[6:] = 200
    records = [record(place, f"group-{place % 6}") for place in range(12)]
    evidence = [TASK.examine(images[part], outputs[part], targets[part]) for part in (slice(0, 5), slice(5, 12))]
    scores, counts = TASK.detailed_scores(evidence, records, 0.25)
    assert counts.shape == (12, 2, 3)
    assert scores.loss == 0.25
    assert scores.mean_dataset_iou == pytest.approx((0.75 + 1) / 2)
    assert scores.mean_dice == pytest.approx((6 / 7 + 1) / 2)
    dark, bright = (part for part in scores.slices if part.of == "brightness")
    assert (dark.images, dark.mean_dataset_iou, dark.difference) == (6, 0.5, -0.5)
    assert bright.mean_dataset_iou == 1
    assert bright.difference == 0.5  # over the door alone
    assert dark.difference_interval == pytest.approx((-0.5, -0.5))
    assert [part.part for part in scores.groups] == [f"group-{number}" for number in range(6)]
    assert scores.intervals.groups == 6
    assert scores.intervals.classes["mirror"].iou == (1, 1)
    assert scores.intervals.mean_dataset_iou == pytest.approx((0.875, 0.875))
