"""Several processes that share every batch: the same steps as one, in step with each other, and what is refused."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import CapabilityMissingError, ConfigurationError
from contracts.process import read_error
from contracts.run import Augmentation, Loss
from registry.reader import open_version
from server.cli import main as command_line
from tests.unit.training.distributed_steps import take_steps
from tests.unit.training.test_run import StoppingMonitor
from tests.unit.training.training_samples import LABEL_MAP, order, spec
from training import distributed, environment
from training import run as training_run
from training.batches import LabelledFrames, TrainingBatches, plain_batches
from training.data import open_frames
from training.distributed import Processes
from training.environment import Device, choose_device
from training.mixing import BatchSampler, draw
from training.tasks.segmentation import Segmentation


class Some(Processes):
    """Several processes, one after the other."""

    def __init__(self, of_all: list[list[str]]) -> None:
        self.count = len(of_all)
        self._of_all = of_all

    def of_all(self, value: list[str]) -> list[list[str]]:
        return self._of_all


def test_two_processes_take_the_steps_of_one(tmp_path):
    """Losses with batch-wide terms, ignored pixels, class weights and batch statistics; parts of three and two images;
    two batches a step; two stages."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    launched = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.unit.training.distributed_steps", str(tmp_path)],
            env={**os.environ, **common, "RANK": rank, "LOCAL_RANK": rank, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    said = [process.communicate(timeout=200)[1] for process in launched]
    assert [process.returncode for process in launched] == [0, 0], said
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    alone = take_steps(Processes())
    assert first["losses"] == second["losses"]
    assert first["losses"] == pytest.approx(alone["losses"], rel=1e-6)
    for name, value in alone["network"].items():
        assert torch.equal(first["network"][name], second["network"][name]), name
        torch.testing.assert_close(first["network"][name], value, rtol=1e-5, atol=1e-7, msg=name)
    assert first["dealt_out"] == ["0-0", "1-0", "0-1", "1-1", "0-2"]
    assert first["agreed"] == second["agreed"] == (True, False)


@given(st.integers(1, 5), st.integers(0, 12))
def test_things_dealt_out_come_back_in_their_order(processes, number):
    things = [str(thing) for thing in range(number)]
    dealt = [things[rank::processes] for rank in range(processes)]
    assert Some(dealt).dealt_out(dealt[0]) == things


@given(
    st.integers(0, 99),
    st.integers(2, 4),
    st.sampled_from(["occurring", "all"]),
    st.sampled_from([{"focal": 1}, {"bce": 0, "cross_entropy": 1}]),
)
@settings(max_examples=30)
def test_sums_over_parts_make_the_loss_of_the_whole_batch(seed, processes, mean_over, terms):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(5, 3, 6, 5, generator=generator)
    targets = torch.tensor([0, 1, 2, 255])[torch.randint(0, 4, (5, 6, 5), generator=generator)].to(torch.uint8)
    task = Segmentation(("a", "b", "c"), Loss(iou=1, mean_over=mean_over, class_weights={"b": 3}, **terms))
    of_parts: list[list[torch.Tensor]] = []

    def note(tensors):
        of_parts.append(list(tensors))
        return tensors

    for rank in range(processes):
        task.loss(logits[rank::processes], targets[rank::processes], note)
    whole = [torch.stack(tensors).sum(dim=0) for tensors in zip(*of_parts, strict=True)]
    found = task.loss(logits[:1], targets[:1], lambda _: whole)
    assert float(found) == pytest.approx(float(task.loss(logits, targets)), rel=1e-5)


def test_each_process_makes_its_part_of_the_very_same_batches(shapes, workplace):
    version = open_version(shapes.store, shapes.digests["shapes@1"], name="shapes@1")
    frames = LabelledFrames(
        open_frames(version, "train", (32, 24), workplace), np.array(LABEL_MAP.lookup(version.labels), np.uint8)
    )
    mix = draw(spec().data, {("shapes@1", "train"): frames.records, ("shapes@1", "test"): []})
    sampler = BatchSampler(mix.train, on=None, stage="s", batch_size=5, seed=1)

    def made(part: tuple[int, int]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        batches = TrainingBatches({0: frames}, sampler, Augmentation(), stage="s", seed=1, part=part)
        with batches:
            return list(islice(batches, 3))

    for whole, *parts in zip(made((0, 1)), made((0, 3)), made((1, 3)), made((2, 3)), strict=True):
        for rank, part in enumerate(parts):
            assert all(torch.equal(all_of[rank::3], some) for all_of, some in zip(whole, part, strict=True))
    places = list(range(7))
    whole_batches = list(plain_batches(frames, places, 2))
    dealt = [list(plain_batches(frames, places, 2, (rank, 3))) for rank in range(3)]
    assert [len(part) for part in dealt] == [2, 1, 1]
    assert torch.equal(dealt[1][0][0], whole_batches[1][0])


class TestRefusals:
    def test_more_than_processors(self, shapes, workplace, monkeypatch):
        monkeypatch.setattr(distributed, "usable_cpus", lambda: 2)
        asked = order(shapes, workplace, processes=3)
        with pytest.raises(ConfigurationError, match="processes: 3 on this machine, which has 2 processors"):
            distributed.check(asked.spec.processes, choose_device("cpu", "auto"))

    def test_more_than_gpus(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        with pytest.raises(CapabilityMissingError, match="has 1 GPUs: each takes one"):
            distributed.check(2, Device("cuda", "float32"))

    def test_another_number_than_was_launched(self, monkeypatch):
        monkeypatch.setenv("WORLD_SIZE", "4")
        with pytest.raises(ConfigurationError, match="the run is one of 2, and 4 were launched"):
            distributed.check(2, choose_device("cpu", "auto"))

    def test_more_than_images_in_a_batch(self):
        with pytest.raises(ConfigurationError, match="5 can't share batches of 4"):
            spec(processes=5)

    def test_more_than_images_in_a_batch_on_the_command_line(self, tmp_path, capsys):
        path = tmp_path / "spec.yaml"
        path.write_text(json.dumps(spec().model_dump(mode="json")))
        assert command_line(["--home", str(tmp_path / "home"), "train", str(path), "--processes", "5"]) == 2
        assert "spec.yaml: document: processes: 5 can't share batches of 4" in capsys.readouterr().err

    def test_a_run_that_says_nothing_of_processes_has_the_digest_it_ever_had(self):
        assert "processes" not in spec().model_dump(mode="json")
        assert spec(processes=2).model_dump(mode="json")["processes"] == 2


def test_the_others_work_in_folders_of_their_own(shapes, workplace, monkeypatch):
    asked = order(shapes, workplace, processes=2)
    assert distributed.own_share(asked) is asked
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    own = distributed.own_share(asked)
    assert Path(own.workspace) == Path(asked.workspace) / "processes" / "1"
    assert distributed.folder_of_run(own) == Path(asked.workspace)


def test_an_operation_without_the_same_bits_every_time_is_named(shapes, workplace, monkeypatch):
    build = training_run.build

    def unrepeatable(module: torch.nn.Module, inputs: object) -> None:
        if module.training:
            torch.zeros(3).put_(torch.tensor([0]), torch.ones(1))

    def built(*arguments: object) -> torch.nn.Module:
        network = build(*arguments)
        network.register_forward_pre_hook(unrepeatable)
        return network

    monkeypatch.setattr(training_run, "build", built)
    asked = order(shapes, workplace, deterministic=True)
    monkeypatch.setattr(training_run, "Monitor", lambda *_: StoppingMonitor(Path(asked.workspace)))
    path = workplace / "order.json"
    path.write_text(asked.model_dump_json())
    assert training_run.main([str(path)]) == 1
    error = read_error(Path(asked.workspace))
    assert error is not None
    assert error.code == CapabilityMissingError.default_code
    assert "put_" in error.message


def test_strictly_deterministic_also_where_there_is_a_gpu(monkeypatch):
    monkeypatch.setattr(environment, "_has_gpu", lambda: True)
    environment.make_repeatable()
    assert not torch.are_deterministic_algorithms_enabled()
    environment.make_repeatable(strict=True)
    assert torch.are_deterministic_algorithms_enabled()
