"""Batches that memory does not hold: halved, said aloud, remembered, and in the end refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from contracts.run import Loss
from tests.unit.training.test_run import StoppingMonitor, run, same_weights, weights, without_times
from tests.unit.training.training_samples import order
from training import checkpoint
from training import run as training_run
from training.environment import choose_device
from training.gradients import BatchParts, add_gradients, is_out_of_memory
from training.optimization import ScaledOptimizer
from training.process import Stopped
from training.tasks.segmentation import Segmentation

MORE_THAN_THERE_IS = 1 << 60
"""Bytes."""


def greedy(network: torch.nn.Module, most_images: int) -> torch.nn.Module:
    """The network, asking for more memory than any machine has once a training batch holds too many images."""

    def before(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if module.training and len(inputs[0]) > most_images:
            torch.empty(MORE_THAN_THERE_IS, dtype=torch.uint8)

    network.register_forward_pre_hook(before)
    return network


def test_what_allocators_say_is_known():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(MORE_THAN_THERE_IS, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


@pytest.mark.parametrize(("most", "parts", "batches"), [(8, 1, 1), (4, 2, 1), (3, 4, 1), (2, 4, 3), (1, 8, 2)])
def test_parts_add_up_to_the_gradients_of_the_whole(most, parts, batches, capsys):
    """Of a loss that is a mean over pixels, and a network without batch statistics."""
    generator = torch.Generator().manual_seed(0)
    data = [
        (
            torch.rand(8, 3, 5, 5, generator=generator),
            torch.randint(0, 3, (8, 5, 5), generator=generator).to(torch.uint8),
        )
        for _ in range(batches)
    ]
    found = []
    for limit in (8, most):
        torch.manual_seed(0)
        network = greedy(torch.nn.Conv2d(3, 2, 1), limit)
        optimizer = ScaledOptimizer(
            torch.optim.SGD(network.parameters(), lr=1.0), torch.amp.GradScaler("cpu", enabled=False)
        )
        split = BatchParts()
        task, device = Segmentation(("one", "two"), Loss(dice=0)), choose_device("cpu", "float32")
        loss = add_gradients(network, task, device, optimizer, iter(data), batches=batches, parts=split, say=print)
        found.append((float(loss), network.weight.grad))
    assert split.count == parts
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1])
    assert ("out of memory" in capsys.readouterr().err) == (parts > 1)


@pytest.fixture
def small_machine(monkeypatch):
    build = training_run.build
    monkeypatch.setattr(training_run, "build", lambda settings, channels: greedy(build(settings, channels), 2))


@pytest.mark.usefixtures("small_machine")
def test_a_run_goes_on_in_halves_and_its_result_and_report_say_so(shapes, workplace, capsys):
    asked = order(shapes, workplace, run="whole")
    result = run(asked)
    assert (result.steps, result.batch_parts) == (4, 2)
    assert "out of memory: each batch of 4 images is now learned from in 2 parts" in capsys.readouterr().err
    assert "learned from in 2 parts" in (Path(asked.workspace) / "report.html").read_text()

    again = order(shapes, workplace, run="interrupted")
    with pytest.raises(Stopped):
        run(again, at_step=3)
    capsys.readouterr()
    assert without_times(run(again)) == without_times(result)
    assert "out of memory" not in capsys.readouterr().err, "what was found before the interruption was forgotten"
    assert same_weights(weights(again, checkpoint.LAST), weights(asked, checkpoint.LAST))


@pytest.mark.usefixtures("small_machine")
def test_a_batch_that_can_not_be_halved_is_an_error_with_a_remedy(shapes, workplace, monkeypatch):
    monkeypatch.setattr(training_run, "NEEDS_BATCH", frozenset({"linknet"}))
    asked = order(shapes, workplace, batch_size=3)
    Path(asked.workspace).mkdir()
    path = workplace / "order.json"
    path.write_text(asked.model_dump_json())
    monkeypatch.setattr(training_run, "Monitor", lambda *arguments: StoppingMonitor(Path(asked.workspace)))
    assert training_run.main([str(path)]) == 1
    error = json.loads((Path(asked.workspace) / "error.json").read_text())
    assert error["code"] == "out_of_memory"
    assert "lower batch_size" in error["hint"]
