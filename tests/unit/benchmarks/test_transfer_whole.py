"""From photographs to a screening's runs, the sheet of what one got wrong, and the gaps; on made pictures."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest

from contracts.study import StudyDataset
from contracts.study_file import load_study
from server.cli import main as beltline
from server.study_planning import shipped_studies
from tests.benchmarks import transfer
from tests.benchmarks.transfer import gaps, worst

PICTURES = 50
SCREENING = Path(transfer.__path__[0]) / "screening.yaml"


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like that of the car parts, without `test_public`: what opens it fails."""
    folder = tmp_path / "data" / "carparts"
    write_pictures(folder / "train", PICTURES, seed=7)
    (folder / "classes.json").write_text('{"classes": {"0": "background", "1": "front_door", "2": "mirror"}}')
    with (folder / "groups.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("file_name", "group"))
        rows.writerows((f"{number}.png", f"g{number}") for number in range(PICTURES))
    monkeypatch.setenv("BELTLINE_REAL_DATA", str(folder.parent))
    return folder


def write_pictures(folder: Path, count: int, *, seed: int) -> None:
    """Pictures of a blue box on noise, and their masks."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    random = np.random.Generator(np.random.Philox(key=seed))
    for number in range(count):
        image = random.integers(90, 160, (64, 80, 3), dtype=np.uint8)
        mask = np.zeros((64, 80), np.uint8)
        left, top = (int(value) for value in random.integers(0, 36, 2))
        image[top : top + 24, left : left + 40] = (200, 60, 30)
        mask[top : top + 24, left : left + 40] = 1
        cv2.imwrite(str(folder / "images" / f"{number}.png"), image[..., ::-1])
        cv2.imwrite(str(folder / "masks" / f"{number}.png"), mask)


@pytest.mark.slow
def test_a_screening_and_what_one_looks_at_after_it(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    datasets = load_study(str(SCREENING), shipped_studies()).datasets
    made = datasets["photographs"]
    assert isinstance(made, StudyDataset)
    assert beltline(["--home", str(home), *shlex.split(made.made_by.replace("FOLDER", str(photographs)))[1:]]) == 0
    write_pictures(tmp_path / "scenes", 6, seed=8)
    scenes = ["import", "masks", str(tmp_path / "scenes"), "--name", "exterior"]
    assert beltline(["--home", str(home), *scenes, "--classes", str(photographs / "classes.json")]) == 0
    changes = {
        "axes.synthetic.values": [0, 6],
        "axes.real.options": {amount: {"data.train.0.take": int(amount)} for amount in ("0", "4")},
        "set.stages": [{"name": "all", "steps": 2}],
        "set.precision": "float32",
        "set.image_size": [64, 64],
        "repeats.at_most": 1,
    }
    words = [word for path, value in changes.items() for word in ("--set", f"{path}={json.dumps(value)}")]
    capsys.readouterr()
    assert beltline(["--home", str(home), "--json", "study", str(SCREENING), *words]) == 0
    cells = json.loads(capsys.readouterr().out)["result"]["cells"]
    assert ("4", "6") in {tuple(cell["cell"].values()) for cell in cells}

    runs = [path.parent for path in (home / "runs").glob("*/result.json")]
    results = [json.loads((run / "result.json").read_bytes()) for run in runs]
    assert {result["test"]["images"] for result in results} == {12}
    run = runs[[result["training_images"].get("exterior@1") for result in results].index(6)]
    for part, count in (("development", 12), ("validation", 6)):
        assert worst.main([str(run), "--part", part, "--out", str(tmp_path / f"{part}.png"), "--worst", "2"]) == 0
        assert f"{count} photographs of {part}" in capsys.readouterr().out
        assert (tmp_path / f"{part}.png").stat().st_size > 1000

    # The photographs against themselves: no gap.
    words = ["--home", str(home), "--synthetic", "carparts-screening@1", "--out", str(tmp_path / "gaps")]
    assert gaps.main(words) == 0
    assert "widest first\n\nNone." in (tmp_path / "gaps" / "gaps.md").read_text()
