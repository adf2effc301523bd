"""Loss and scores of segmentation against slow, plainly written ones; ignored pixels count for nothing anywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import ValidationError

from contracts.errors import ConfigurationError
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
@settings(max_examples=60)
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
@settings(max_examples=40)
def test_predictions_under_ignored_pixels_change_no_score(pair, data):
    predictions, targets = pair
    others = np.where(targets == 255, data.draw(predictions_of(targets.shape)), predictions)
    assert np.array_equal(TASK.count(predictions, targets), TASK.count(others, targets))


@given(
    targets=shapes.flatmap(targets_of),
    under=st.sampled_from([0.0, -30.0, 30.0, math.inf, -math.inf, math.nan]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
@pytest.mark.parametrize("terms", [{"focal": 1}, {"bce": 0, "cross_entropy": 1}])
def test_logits_under_ignored_pixels_change_neither_loss_nor_gradient(terms, targets, under, seed):
    task = Segmentation(CLASSES, Loss(iou=1, class_weights={"mirror": 2}, **terms))
    generator = torch.Generator().manual_seed(seed)
    target = torch.from_numpy(targets)
    plain = torch.randn((len(targets), 3, *targets.shape[1:]), generator=generator)
    changed = torch.where((target == 255).unsqueeze(1), under, plain)
    losses, gradients = [], []
    for logits in (plain, changed):
        logits.requires_grad_()
        loss = task.loss(logits, target)
        loss.backward()
        losses.append(loss.item())
        gradients.append(logits.grad)
    assert losses[0] == losses[1]
    assert torch.equal(gradients[0], gradients[1])
    assert not gradients[1][(target == 255).unsqueeze(1).expand_as(plain)].any()


def slow_loss(logits, targets, loss: Loss) -> float:
    """Pixel by pixel and class by class."""
    exponential = np.exp(logits.double().numpy())
    if loss.cross_entropy:  # background's logit is 0
        probability = exponential / (1 + exponential.sum(axis=1, keepdims=True))
    else:
        probability = exponential / (1 + exponential)
    together, pixel_weights = [], []
    for image, row, column in np.argwhere(targets != 255) if loss.cross_entropy else ():
        number = targets[image, row, column]
        of_pixel = probability[image, :, row, column]
        together.append(-math.log(of_pixel[number - 1] if number else 1 - of_pixel.sum()))
        pixel_weights.append(loss.class_weights.get(CLASSES[number - 1], 1.0) if number else 1.0)
    entropies, focals, dices, ious, weights, occurring = [], [], [], [], [], []
    for number, name in enumerate(CLASSES, 1):
        shared = said = true = entropy = focal = 0.0
        counted = np.argwhere(targets != 255)
        for image, row, column in counted:
            p = probability[image, number - 1, row, column]
            t = float(targets[image, row, column] == number)
            of_truth = p if t else 1 - p
            entropy -= math.log(of_truth)
            focal -= (1 - of_truth) ** loss.focal_gamma * math.log(of_truth)
            shared, said, true = shared + p * t, said + p, true + t
        entropies.append(entropy / max(1, len(counted)))
        focals.append(focal / max(1, len(counted)))
        dices.append(1 - (2 * shared + 1) / (said + true + 1))
        ious.append(1 - (shared + 1) / (said + true - shared + 1))
        weights.append(loss.class_weights.get(name, 1.0))
        occurring.append(true > 0 or loss.mean_over == "all")
    share = np.array(weights) * occurring
    entropy = np.average(together, weights=pixel_weights) if together else 0.0
    by_pixel = loss.cross_entropy * entropy
    by_pixel += loss.bce * np.average(entropies, weights=weights) + loss.focal * np.average(focals, weights=weights)
    if not share.any():
        return by_pixel
    return by_pixel + loss.dice * np.average(dices, weights=share) + loss.iou * np.average(ious, weights=share)


amounts = st.floats(0, 3)
together = st.builds(
    Loss,
    bce=st.just(0.0),
    cross_entropy=st.floats(0.1, 3),
    dice=amounts,
    iou=amounts,
    class_weights=st.dictionaries(st.sampled_from(CLASSES), st.floats(0.1, 5)),
)
losses = together | st.builds(
    Loss,
    bce=st.floats(0.1, 3),
    dice=amounts,
    iou=amounts,
    focal=amounts,
    focal_gamma=st.floats(0, 4),
    mean_over=st.sampled_from(["occurring", "all"]),
    class_weights=st.dictionaries(st.sampled_from(CLASSES), st.floats(0.1, 5)),
)


@given(shapes.flatmap(targets_of), losses, st.integers(0, 99))
@settings(max_examples=60)
def test_loss_is_that_of_the_slow_way(targets, loss, seed):
    logits = torch.randn((len(targets), 3, *targets.shape[1:]), generator=torch.Generator().manual_seed(seed))
    found = Segmentation(CLASSES, loss).loss(logits, torch.from_numpy(targets))
    assert float(found) == pytest.approx(slow_loss(logits, targets, loss), rel=1e-4, abs=1e-5)


def test_over_all_classes_the_loss_is_the_mean_of_the_labels_losses():
    """[Volvo]: each label's BCE + Dice + IoU by itself, as if it were the only one."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 6, 5, generator=generator)
    targets = torch.randint(0, 3, (2, 6, 5), generator=generator).to(torch.uint8)  # the lamp does not occur
    loss = Loss(bce=1, dice=1, iou=1, mean_over="all")
    each = [
        float(
            Segmentation(("one",), loss).loss(logits[:, number : number + 1], (targets == number + 1).to(torch.uint8))
        )
        for number in range(3)
    ]
    assert float(Segmentation(CLASSES, loss).loss(logits, targets)) == pytest.approx(np.mean(each), rel=1e-5)


def test_a_loss_that_weighs_a_class_there_is_not_is_refused():
    with pytest.raises(ConfigurationError, match="no class 'miror'") as caught:
        Segmentation(CLASSES, Loss(class_weights={"miror": 2}))
    assert "mirror" in caught.value.hint


def test_a_loss_of_nothing_is_refused():
    with pytest.raises(ValidationError, match="must be positive"):
        Loss(bce=0, dice=0)


def test_cross_entropy_does_not_go_with_losses_of_each_class_by_itself():
    for other in ("bce", "focal"):
        with pytest.raises(ValidationError, match="set those to 0"):
            Loss(**{"bce": 0, "cross_entropy": 1, other: 1})
    assert Loss(bce=0, cross_entropy=1).is_exclusive
    assert not Loss().is_exclusive


def test_what_is_predicted_of_exclusive_classes_is_the_likeliest_with_background():
    logits = 3 * torch.randn(1, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    with_background = torch.cat([torch.zeros(1, 1, 20, 20), logits], dim=1)
    task = Segmentation(CLASSES, Loss(bce=0, cross_entropy=1))
    assert torch.equal(task.predict(logits).long(), with_background.argmax(dim=1))


def test_classes_that_exclude_each_other_learn_from_each_others_pixels():
    """A door's pixel pushes the mirror down as hard as softmax says, also where it is far below background."""
    logits = torch.tensor([1.0, -3.0, 0.5]).view(1, 3, 1, 1).requires_grad_()
    Segmentation(CLASSES, Loss(bce=0, dice=0, cross_entropy=1)).loss(
        logits, torch.ones(1, 1, 1, dtype=torch.uint8)
    ).backward()
    shares = torch.softmax(torch.tensor([0.0, 1.0, -3.0, 0.5]), dim=0)[1:]
    assert logits.grad.flatten().tolist() == pytest.approx((shares - torch.tensor([1.0, 0, 0])).tolist(), abs=1e-6)


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
