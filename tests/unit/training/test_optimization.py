"""Learning rates, clipping, accumulation and averages do what their names say, and a resumed run goes on exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.run import ExponentialAverage, Loss, Optimizer, ReduceOnPlateau, Stage
from tests.unit.training.test_run import run, same_weights, weights, without_times
from tests.unit.training.training_samples import order
from training import checkpoint, loop
from training.environment import choose_device
from training.gradients import BatchParts, add_gradients
from training.networks.segmentation import SegmentationNetwork
from training.optimization import Plateau, ScaledOptimizer, make_average, make_optimizer, set_learning_rate
from training.process import Stopped
from training.tasks.segmentation import Segmentation


def tiny() -> SegmentationNetwork:
    """An encoder and a decoder of a few weights each."""
    network = torch.nn.Module()
    network.encoder = torch.nn.Linear(2, 2)
    network.decoder = torch.nn.BatchNorm1d(2)
    return SegmentationNetwork(network)


def rates(schedule: object, steps: list[int], factor: float = 1.0, plateau: Plateau | None = None) -> list[list[float]]:
    """Rates of encoder and decoder at some steps of a stage of ten."""
    asked = Optimizer.model_validate({"encoder_lr": 1e-3, "decoder_lr": 1e-2, "schedule": schedule})
    optimizer = make_optimizer(asked, tiny())
    found = []
    for step in steps:
        stage = Stage(name="some", steps=10, learning_rate_factor=factor)
        set_learning_rate(optimizer, asked, stage, 10, step, plateau or Plateau())
        found.append([group["lr"] for group in optimizer.param_groups])
    return found


@pytest.mark.parametrize("factor", [1.0, 0.2])
def test_cosine_ends_each_stage_with_small_steps(factor):
    found = np.array(rates("cosine", [0, 5, 10], factor))
    assert found == pytest.approx(np.array([[1e-3, 1e-2], [5e-4, 5e-3], [0, 0]]) * factor)


def test_a_step_schedule_falls_every_so_many_steps():
    found = np.array(rates({"kind": "step", "every_steps": 3, "factor": 0.5}, [0, 2, 3, 5, 6]))
    assert found[:, 0] == pytest.approx([1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4])


@pytest.mark.parametrize(("decay", "expected"), [(None, [3e-4, 3e-4]), (3e-5, [3e-5, 3e-4]), (0, [0, 3e-4])])
@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_the_encoder_may_have_a_weight_decay_of_its_own(kind, decay, expected):
    optimizer = make_optimizer(Optimizer(kind=kind, weight_decay=3e-4, encoder_weight_decay=decay), tiny())
    assert [group["weight_decay"] for group in optimizer.param_groups] == expected


def test_a_plateau_lowers_both_rates():
    found = rates({"kind": "reduce_on_plateau"}, [0, 9], plateau=Plateau(factor=0.25))
    assert found == [[2.5e-4, 2.5e-3]] * 2


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), max_size=30), st.integers(0, 4))
@settings(max_examples=60)
def test_a_plateau_is_that_of_torch(scores, patience):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.5, patience=patience, threshold=0, eps=0
    )
    ours = Plateau()
    for score in scores:
        optimizer.step()
        theirs.step(score)
        ours.see(score, ReduceOnPlateau(kind="reduce_on_plateau", factor=0.5, patience=patience))
        assert ours.factor == optimizer.param_groups[0]["lr"]


def test_gradients_together_are_no_longer_than_asked():
    network = tiny()
    optimizer = ScaledOptimizer(
        make_optimizer(Optimizer(kind="sgd"), network), torch.amp.GradScaler("cpu", enabled=False)
    )
    for clip, expected in ((0.5, 0.5), (100.0, 6.0), (None, 6.0)):
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        network.encoder.weight.grad.fill_(3.0)  # four of them: a norm of 6
        optimizer.step(clip)
        total = torch.stack([parameter.grad.norm() for parameter in network.parameters()]).norm()
        assert float(total) == pytest.approx(expected, rel=1e-4)


def test_the_average_follows_weights_and_statistics_and_starts_with_the_first():
    network = tiny()
    average = make_average(ExponentialAverage(decay=0.5), network)
    expected = None
    for step in range(8):
        with torch.no_grad():
            network.encoder.bias.fill_(float(step))
            network.network.decoder.running_mean.fill_(10.0 * step)
        average.update_parameters(network)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = float(step) if expected is None else expected * decay + step * (1 - decay)
        assert average.module.encoder.bias.tolist() == pytest.approx([expected] * 2, rel=1e-5)
        assert average.module.network.decoder.running_mean.tolist() == pytest.approx([10 * expected] * 2, rel=1e-5)


ALL_AT_ONCE = {
    "stages": [{"name": "first", "steps": 6}, {"name": "second", "steps": 4, "freeze": "encoder"}],
    "optimizer": {
        "encoder_lr": 1e-2,
        "decoder_lr": 1e-2,
        "schedule": {"kind": "reduce_on_plateau", "patience": 0, "metric": "validation.mean_iou"},
        "clip_norm": 0.5,
    },
    "accumulate_batches": 2,
    "ema": {"decay": 0.9},
    "loss": {"iou": 1, "focal": 1, "mean_over": "all", "class_weights": {"disc": 2}},
}


@pytest.fixture(scope="module")
def undisturbed(shapes, tmp_path_factory):
    asked = order(shapes, tmp_path_factory.mktemp("undisturbed"), **ALL_AT_ONCE)
    return asked, run(asked)


@pytest.mark.parametrize("at_step", [3, 6, 7])
def test_stopped_and_resumed_rates_averages_and_batches_are_as_if_undisturbed(undisturbed, shapes, workplace, at_step):
    asked, result = undisturbed
    disturbed = order(shapes, workplace, **ALL_AT_ONCE)
    with pytest.raises(Stopped):
        run(disturbed, at_step=at_step)
    assert without_times(run(disturbed)) == without_times(result)
    for name in (checkpoint.BEST, checkpoint.LAST):
        assert same_weights(weights(disturbed, name), weights(asked, name))


def test_the_network_that_is_kept_is_the_average(undisturbed):
    asked, result = undisturbed
    last = checkpoint.load(Path(asked.workspace) / checkpoint.LAST)
    module = {
        name.removeprefix("module."): value for name, value in last["average"].items() if name.startswith("module.")
    }
    assert not same_weights(module, last["model"])
    if result.best_step == result.steps:
        assert same_weights(weights(asked, checkpoint.BEST), module)


def test_batches_added_up_give_the_gradients_of_one_large_one():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(4, 3, 5, 5, generator=generator)
    targets = torch.randint(0, 3, (4, 5, 5), generator=generator).to(torch.uint8)
    found = []
    for count in (1, 2):
        torch.manual_seed(0)
        network = torch.nn.Conv2d(3, 2, 1)
        optimizer = ScaledOptimizer(
            torch.optim.SGD(network.parameters(), lr=1.0), torch.amp.GradScaler("cpu", enabled=False)
        )
        loss = add_gradients(
            network,
            Segmentation(("one", "two"), Loss(dice=0)),
            choose_device("cpu", "float32"),
            optimizer,
            zip(images.chunk(count), targets.chunk(count), strict=True),
            batches=count,
            parts=BatchParts(),
            say=print,
        )
        found.append((float(loss), network.weight.grad))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1])


def test_a_run_sees_as_many_batches_a_step_as_asked(shapes, workplace, monkeypatch):
    asked = order(shapes, workplace, accumulate_batches=3)
    seen = []
    original = loop.BatchSampler.batch
    monkeypatch.setattr(loop.BatchSampler, "batch", lambda self, step: seen.append(step) or original(self, step))
    with pytest.raises(Stopped):
        run(asked, at_step=1)
    seen.clear()
    run(asked)
    assert seen[0] == 3  # the first step took 0, 1 and 2
