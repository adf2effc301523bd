"""`beltline predict` as a user runs it: the model's process beside the command, its results, and its exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.cli import main
from tests.unit.training.training_samples import order, picture, publish
from training.process import Monitor
from training.run import carry_out


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a finished run `run-1`."""
    folder = tmp_path_factory.mktemp("home")
    asked = order(publish(folder / "source", "shapes", {"train": 12, "test": 6}), folder / "runs")
    Path(asked.workspace).mkdir(parents=True)
    with Monitor(Path(asked.workspace), 4, "test", show_bar=False) as monitor:
        carry_out(asked, monitor, "python -m training.run order.json")
    return folder


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for seed in range(5):
        Image.fromarray(picture(seed, (64, 48))[0]).save(folder / f"{seed}.png")
    return folder


def beltline(home: Path, *arguments: str | Path) -> int:
    """The exit code of a command line; the model works in a process of its own."""
    return main([*map(str, arguments), "--home", str(home), "--json"])


def test_a_run_gives_masks_and_says_so(
    home: Path, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert beltline(home, "predict", "run-1", photographs, tmp_path / "out") == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((tmp_path / "out" / "predictions.json").read_bytes())
    assert [item["mask"] for item in found["photographs"]] == [f"masks/{seed}.png" for seed in range(5)]
    assert not list((home / "cache").glob("model-*"))


@pytest.mark.slow
def test_an_exported_model_gives_what_its_run_gives(home: Path, photographs: Path, tmp_path: Path) -> None:
    file = tmp_path / "shapes.onnx"
    assert beltline(home, "export-model", "run-1", file) == 0
    assert beltline(home, "export-model", "run-1", file) == 2  # it is there
    for model, out in (("run-1", "torch"), (str(file), "onnx")):
        assert beltline(home, "predict", model, photographs, tmp_path / out) == 0
    pairs = [
        [np.array(Image.open(tmp_path / out / "masks" / f"{seed}.png")) for out in ("torch", "onnx")]
        for seed in range(5)
    ]
    assert np.mean([(one == other).mean() for one, other in pairs]) > 0.999


def test_a_damaged_checkpoint_is_found(
    home: Path, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(home / "runs" / "run-1", home / "runs" / "run-2")
    (home / "runs" / "run-2" / "checkpoints" / "best.pt").write_bytes(b"PK damaged")
    assert beltline(home, "predict", "run-2", photographs, tmp_path / "out") == 3
    assert "best.pt can't be read" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_not_there_is_bad_input(
    home: Path, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert beltline(home, "predict", "run-11", photographs, tmp_path / "out") == 2
    assert "did you mean 'run-1'?" in capsys.readouterr().err


def test_a_service_is_not_asked(
    home: Path, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert beltline(home, "--url", "http://127.0.0.1:9", "predict", "run-1", photographs, tmp_path / "out") == 2
    assert "works on this machine's home only" in capsys.readouterr().err
