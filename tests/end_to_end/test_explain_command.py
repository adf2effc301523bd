"""`beltline explain` as a user runs it: the model's process beside the command, its results, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.explanation import Explanation
from server.cli import main
from tests.unit.training.training_samples import order, publish
from training.process import Monitor
from training.run import carry_out


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with `shapes@1` and a finished run `run-1` on it."""
    folder = tmp_path_factory.mktemp("home")
    asked = order(
        publish(folder, "shapes", {"train": 12, "test": 6}),
        folder / "runs",
        network={"architecture": "linknet", "encoder": "tu-test_resnet"},
        stages=[{"name": "all", "steps": 2}],
    )
    Path(asked.workspace).mkdir(parents=True)
    with Monitor(Path(asked.workspace), 2, "test", show_bar=False) as monitor:
        carry_out(asked, monitor, "python -m training.run order.json")
    return folder


def beltline(home: Path, *arguments: str | Path) -> int:
    """The exit code of a command line; the model works in a process of its own."""
    return main([*map(str, arguments), "--home", str(home)])


SALIENCY = ("--method", "saliency", "--square-px", "16")


def test_a_run_is_explained_by_both_methods(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    asked = ("--class", "disc", "--images", "1", "--method", "guided-backprop", *SALIENCY, "--out", out)
    assert beltline(home, "explain", "run-1", "--dataset", "shapes@1", *asked) == 0
    found = Explanation.model_validate_json((out / "explanation.json").read_bytes())
    assert (found.model.run, found.dataset, found.split, found.compared_images) == ("run-1", "shapes@1", "test", 6)
    (disc,) = found.classes
    header, *rows, _, page = capsys.readouterr().out.splitlines()
    assert header.split() == ["CLASS", "FRAME", "IOU", "ON", "TRUTH,", "guided-backprop", "ON", "TRUTH,", "saliency"]
    assert [row.split()[:4] for row in rows] == [
        ["disc", image.place, str(image.frame), f"{image.iou:.3f}"] for image in disc.images
    ]
    assert [image.place for image in disc.images] == ["best", "worst"]
    assert page == f"page {out / 'explanation.html'}"
    assert (out / "explanation.html").is_file()
    assert not list((home / "cache").glob("model-*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run-11", "--dataset", "shapes@1"), "did you mean 'run-1'?"),
        (("run-1", "--dataset", "shapes@2"), "shapes@2"),
        (("run-1", "--dataset", "shapes@1", "--class", "Disc"), "classes"),
        (("run-1", "--dataset", "shapes@1", "--images", "101"), "images"),
        (("run-1", "--dataset", "shapes@1", "--url", "http://127.0.0.1:9"), "works on this machine's home only"),
    ],
)
def test_bad_input_ends_before_a_process_is_started(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert beltline(home, "explain", *arguments, *SALIENCY, "--out", tmp_path / "out") == 2
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
