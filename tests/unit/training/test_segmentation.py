"""Loss and scores of segmentation against slow, plainly written ones; ignored pixels count for nothing anywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from contracts.run import Loss
from training.tasks.segmentation import Segmentation

CLASSES = ("door", "mirror", "lamp")
TASK = Segmentation(CLASSES, Loss())

shapes = st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5))
targets_of = lambda shape: hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 2, 3, 255]))  # noqa: E731
predictions_of = lambda shape: hnp.arrays(np.uint8, shape, elements=st.integers(0, 3))  # noqa: E731
pairs = shapes.flatmap(lambda shape: st.tuples(predictions_of(shape), targets_of(shape)))


def slow_scores(predictions, targets):
    """Pixel by pixel, class by class, image by image, as the papers say it."""
    totals = {name: [0, 0, 0] for name in CLASSES}
    image_means = []
    for prediction, target in zip(predictions, targets, strict=True):
        ious = []
        for number, name in enumerate(CLASSES, 1):
            both = only_predicted = only_true = 0
            for said, true in zip(prediction.flat, target.flat, strict=True):
                if true == 255:
                    continue
                both += said == number and true == number
                only_predicted += said == number and true != number
                only_true += said != number and true == number
            for place, value in enumerate((both, only_predicted, only_true)):
                totals[name][place] += value
            ious.append((both + 1e-6) / (both + only_predicted + only_true + 1e-6))
        image_means.append(sum(ious) / len(ious))
    return totals, sum(image_means) / len(image_means)


@given(pairs)
@settings(max_examples=60, deadline=None)
def test_scores_are_those_of_the_slow_way(pair):
    predictions, targets = pair
    totals, mean_image_iou = slow_scores(predictions, targets)
    occurring = [name for name in CLASSES if totals[name][0] + totals[name][2]]
    if not occurring:
        return
    scores = TASK.scores(TASK.count(predictions, targets))
    assert scores.mean_image_iou == pytest.approx(mean_image_iou)
    ious = []
    for name, (both, only_predicted, only_true) in totals.items():
        found = scores.classes[name]
        assert (found.truth_px, found.predicted_px) == (both + only_true, both + only_predicted)
        union = both + only_predicted + only_true
        assert found.iou == (both / union if union else None) == scores.dataset_iou[name]
        assert found.precision == (both / (both + only_predicted) if both + only_predicted else None)
        assert found.recall == (both / (both + only_true) if both + only_true else None)
        if name in occurring:
            ious.append(both / union)
    assert scores.mean_dataset_iou == pytest.approx(sum(ious) / len(ious))


@given(pairs, st.data())
@settings(max_examples=40, deadline=None)
def test_predictions_under_ignored_pixels_change_no_score(pair, data):
    predictions, targets = pair
    others = np.where(targets == 255, data.draw(predictions_of(targets.shape)), predictions)
    assert np.array_equal(TASK.count(predictions, targets), TASK.count(others, targets))


@given(
    shapes.flatmap(targets_of), st.sampled_from([0.0, -30.0, 30.0, math.inf, -math.inf, math.nan]), st.integers(0, 99)
)
@settings(max_examples=60, deadline=None)
def test_logits_under_ignored_pixels_change_neither_loss_nor_gradient(targets, under, seed):
    generator = torch.Generator().manual_seed(seed)
    target = torch.from_numpy(targets)
    plain = torch.randn((len(targets), 3, *targets.shape[1:]), generator=generator)
    changed = torch.where((target == 255).unsqueeze(1), under, plain)
    losses, gradients = [], []
    for logits in (plain, changed):
        logits.requires_grad_()
        loss = TASK.loss(logits, target)
        loss.backward()
        losses.append(loss.item())
        gradients.append(logits.grad)
    assert losses[0] == losses[1]
    assert torch.equal(gradients[0], gradients[1])
    assert not gradients[1][(target == 255).unsqueeze(1).expand_as(plain)].any()


@given(shapes.flatmap(targets_of), st.floats(0, 3), st.floats(0.1, 3), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_loss_is_that_of_the_slow_way(targets, bce, dice, seed):
    logits = torch.randn((len(targets), 3, *targets.shape[1:]), generator=torch.Generator().manual_seed(seed))
    probability = 1 / (1 + np.exp(-logits.double().numpy()))
    entropies, dices = [], []
    for number in range(1, 4):
        shared = said = true = 0.0
        for place in np.argwhere(targets != 255):
            image, row, column = place
            p = probability[image, number - 1, row, column]
            t = float(targets[image, row, column] == number)
            entropies.append(-math.log(p if t else 1 - p))
            shared, said, true = shared + p * t, said + p, true + t
        if true:
            dices.append(1 - (2 * shared + 1) / (said + true + 1))
    expected = bce * (np.mean(entropies) if entropies else 0) + dice * (np.mean(dices) if dices else 0)
    found = Segmentation(CLASSES, Loss(bce=bce, dice=dice)).loss(logits, torch.from_numpy(targets))
    assert float(found) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_a_batch_that_is_all_ignored_gives_no_loss_and_no_gradient():
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = TASK.loss(logits, torch.full((2, 4, 4), 255, dtype=torch.uint8))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_a_prediction_is_the_likeliest_class_from_one_half_on_else_background():
    logits = torch.tensor([[-1.0, -2.0, -0.1], [0.0, -1.0, -1.0], [2.0, 3.0, 1.0], [-5.0, -4.0, 0.5]])
    assert TASK.predict(logits.T.reshape(1, 3, 2, 2)).flatten().tolist() == [0, 1, 2, 3]


def test_empty_against_empty_is_one_and_a_stray_pixel_is_zero():
    empty = np.zeros((1, 4, 4), np.uint8)
    stray = empty.copy()
    stray[0, 0, 0] = 2
    assert TASK.image_scores(TASK.count(empty, empty))[0] == 1
    assert TASK.image_scores(TASK.count(stray, empty))[0] == pytest.approx(2 / 3, abs=1e-5)


def test_a_class_that_is_only_predicted_has_an_iou_and_no_part_in_the_mean():
    truth = np.array([[[1, 1, 0, 0]]], np.uint8)
    prediction = np.array([[[1, 1, 2, 0]]], np.uint8)
    scores = TASK.scores(TASK.count(prediction, truth))
    assert scores.dataset_iou == {"door": 1.0, "mirror": 0.0, "lamp": None}
    assert scores.mean_dataset_iou == 1.0
    assert scores.classes["mirror"].recall is None


def test_a_picture_keeps_classes_apart_and_ignored_pixels_dark():
    image = np.full((6, 8, 3), 128, np.uint8)
    labels = np.zeros((6, 8), np.uint8)
    labels[1:5, 1:4], labels[1:5, 5:7], labels[:, 7] = 1, 2, 255
    drawn = TASK.picture(image, labels, scale=4)
    assert drawn.shape == (24, 32, 3)
    door, mirror, ignored, plain = drawn[12, 10], drawn[12, 23], drawn[12, 30], drawn[1, 2]
    assert len({tuple(color) for color in (door, mirror, ignored, plain)}) == 4
    assert ignored.max() < plain.min()
