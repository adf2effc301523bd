"""The trainer as its supervisor sees it: started, killed, stopped, resumed, refused."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch

from contracts.process import HEARTBEAT_S, read_error, read_progress
from contracts.run import RunResult, TrainingOrder
from registry.reader import open_version
from tests.launched_trainers import finish, start
from tests.unit.training.training_samples import Versions, order, publish

STAGES = [{"name": "first", "steps": 24}, {"name": "second", "steps": 16, "freeze": "encoder"}]


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    return publish(tmp_path_factory.mktemp("shapes"), "shapes", {"train": 12, "test": 6})


def wait_for_step(process: subprocess.Popen[str], workspace: Path, step: int, within_s: float = 120) -> None:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        progress = read_progress(workspace)
        if progress is not None and progress.done >= step:
            return
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    pytest.fail(f"step {step} was not reached")


def outcome(asked: TrainingOrder) -> tuple[dict[str, torch.Tensor], dict]:
    workspace = Path(asked.workspace)
    result = RunResult.model_validate_json((workspace / "result.json").read_bytes())
    values = result.model_dump(mode="json", include={"curve", "test", "validation", "best_step", "steps"})
    for point in values["curve"]:
        del point["seconds"]
    return torch.load(workspace / "checkpoints" / "last.pt", weights_only=True)["model"], values


def test_killed_or_stopped_in_the_middle_and_resumed_it_ends_bit_for_bit_the_same(shapes, tmp_path):
    settings = {"stages": STAGES, "evaluate_every_steps": 5}
    undisturbed = order(shapes, tmp_path, run="undisturbed", **settings)
    disturbed = order(shapes, tmp_path, run="disturbed", **settings)
    other = start(undisturbed)  # side by side, which takes less time
    workspace = Path(disturbed.workspace)

    process = start(disturbed)
    wait_for_step(process, workspace, 8)
    process.kill()
    finish(process, -signal.SIGKILL)
    assert not (workspace / "result.json").exists()

    process = start(disturbed)
    wait_for_step(process, workspace, 27)
    process.send_signal(signal.SIGTERM)
    assert "stopped on request" in finish(process, 143)
    assert read_error(workspace) is None
    saved = torch.load(workspace / "checkpoints" / "last.pt", weights_only=True)["state"]
    assert saved["step"] >= 27, "the stop lost steps"

    finish(start(disturbed))
    assert "mean dataset IoU" in finish(other)
    weights, scores = outcome(undisturbed)
    found_weights, found_scores = outcome(disturbed)
    assert found_scores == scores
    assert all(torch.equal(value, found_weights[name]) for name, value in weights.items())


def test_one_flipped_byte_is_refused_naming_file_and_version_before_training(shapes, tmp_path):
    shutil.copytree(shapes.store, tmp_path / "store")
    version = open_version(tmp_path / "store", shapes.digests["shapes@1"])
    blob = Path(version.store.path_of(version.records("test")[3].files["mask"]))
    asked = order(Versions(tmp_path / "store", shapes.digests), tmp_path)
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(content)
    output = finish(start(asked), 1)
    error = read_error(Path(asked.workspace))
    assert error is not None
    assert error.code == "integrity"
    assert re.search(r"mask of frame \d+ of shapes@1", error.message), output
    assert not (Path(asked.workspace) / "checkpoints").exists()


def test_the_heart_beats_while_it_works(shapes, tmp_path):
    asked = order(shapes, tmp_path, stages=[{"name": "long", "steps": 100_000}], evaluate_every_steps=100_000)
    process = start(asked)
    try:
        wait_for_step(process, Path(asked.workspace), 1)
        file = Path(asked.workspace) / "progress.json"
        for _ in range(25):
            assert time.time() - file.stat().st_mtime < HEARTBEAT_S
            time.sleep(0.1)
        assert "stage long" in json.loads(file.read_bytes())["message"]
    finally:
        process.terminate()
        finish(process, 143)
