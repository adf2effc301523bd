"""Several processes that train one run: killed, stopped, resumed, compared with one, and launched by torchrun."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from contracts.process import read_error
from contracts.run import TrainingOrder
from tests.end_to_end.test_training_process import STAGES, outcome, wait_for_step
from tests.launched_trainers import finish, start
from tests.unit.training.training_samples import Versions, order, publish

TOGETHER = {
    "processes": 2,
    "batch_size": 5,
    "stages": STAGES,
    "evaluate_every_steps": 5,
    "optimizer": {"kind": "sgd", "encoder_lr": 1e-2, "decoder_lr": 1e-2},
    "ema": {"decay": 0.9},
}
"""With stochastic gradient descent, since Adam makes much of the rounding of gradients next to nothing."""


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    return publish(tmp_path_factory.mktemp("shapes"), "shapes", {"train": 12, "test": 6})


def other_process(trainer: subprocess.Popen[str]) -> psutil.Process:
    (found,) = psutil.Process(trainer.pid).children()
    assert "training.run" in found.cmdline()
    return found


def assert_gone(process: psutil.Process, within_s: float = 10) -> None:
    until = time.monotonic() + within_s
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, "it outlives the first process"
        time.sleep(0.05)


def test_a_killed_process_ends_the_run_with_one_error_that_says_which(shapes, tmp_path):
    asked = order(shapes, tmp_path, processes=2, stages=[{"name": "long", "steps": 100_000}])
    workspace = Path(asked.workspace)
    process = start(asked)
    wait_for_step(process, workspace, 3, within_s=240)
    other_process(process).kill()
    killed = time.monotonic()
    said = finish(process, 1)
    assert time.monotonic() - killed < 10
    error = read_error(workspace)
    assert error is not None
    assert (error.code, error.retryable) == ("process_died", True)
    assert error.message == "process 1 of 2 was ended by SIGKILL, and the others with it"
    assert said.count("error: ") == 1
    assert not (workspace / "result.json").exists()
    assert (workspace / "checkpoints" / "last.pt").exists(), "nothing to go on from"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_and_stopped_it_ends_bit_for_bit_the_same_and_near_one_process(shapes, tmp_path):
    undisturbed = order(shapes, tmp_path, run="undisturbed", **TOGETHER)
    disturbed = order(shapes, tmp_path, run="disturbed", **TOGETHER)
    alone = order(shapes, tmp_path, run="alone", **{**TOGETHER, "processes": 1})
    finish(start(undisturbed))
    weights, scores = outcome(undisturbed)
    workspace = Path(disturbed.workspace)

    process = start(disturbed)
    wait_for_step(process, workspace, 8, within_s=400)
    other_process(process).kill()
    finish(process, 1)

    process = start(disturbed)
    wait_for_step(process, workspace, 14, within_s=400)
    other = other_process(process)
    process.kill()
    finish(process, -signal.SIGKILL)
    assert_gone(other)

    process = start(disturbed)
    wait_for_step(process, workspace, 27, within_s=400)
    other = other_process(process)
    process.send_signal(signal.SIGTERM)
    assert "stopped on request" in finish(process, 143)
    assert_gone(other)
    assert read_error(workspace) is None

    finish(start(disturbed))
    found_weights, found_scores = outcome(disturbed)
    assert found_scores == scores
    assert all(torch.equal(value, found_weights[name]) for name, value in weights.items())

    finish(start(alone))
    _, alone_scores = outcome(alone)
    for together, by_one in zip(scores["curve"], alone_scores["curve"], strict=True):
        assert together["train_loss"] == pytest.approx(by_one["train_loss"], rel=0.02)
        assert together["validation_loss"] == pytest.approx(by_one["validation_loss"], rel=0.05)
    result = json.loads((Path(undisturbed.workspace) / "result.json").read_bytes())
    assert result["environment"]["processes"] == 2


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_torchrun_launches_it_too(shapes, tmp_path):
    asked = order(shapes, tmp_path, **{**TOGETHER, "stages": [{"name": "short", "steps": 6}]})
    assert launch(asked).returncode == 0
    result = Path(asked.workspace) / "result.json"
    written = result.read_bytes()
    again = launch(asked)
    assert again.returncode == 0, again.stderr
    assert result.read_bytes() == written
    wrong = launch(order(shapes, tmp_path, run="wrong", **{**TOGETHER, "processes": 3}))
    assert wrong.returncode != 0
    assert "the run is one of 3, and 2 were launched" in wrong.stdout + wrong.stderr


def launch(asked: TrainingOrder) -> subprocess.CompletedProcess[str]:
    path = Path(asked.workspace).with_suffix(".json")
    path.write_text(asked.model_dump_json())
    words = ["--nproc-per-node", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *words, "-m", "training.run", str(path)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
