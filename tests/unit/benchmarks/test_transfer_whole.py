"""The study from photographs to tables, on made pictures: a run with a result is not repeated, one without is."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.benchmarks.transfer import gaps, study, worst

PICTURES = 104
"""Enough to set 32 and 64 apart and leave some."""
PARTS = ("train", "test_public")


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like that of the car parts, without `test_public`: what opens it fails."""
    folder = tmp_path / "data" / "carparts"
    write_part(folder / "train", PICTURES, seed=7)
    (folder / "classes.json").write_text('{"classes": {"0": "background", "1": "front_door", "2": "mirror"}}')
    with (folder / "groups.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("file_name", "group"))
        rows.writerows((f"{part}{number}.png", f"{part}-{number}") for part in PARTS for number in range(PICTURES))
    monkeypatch.setenv("BELTLINE_REAL_DATA", str(folder.parent))
    return folder


def write_part(folder: Path, count: int, *, seed: int) -> None:
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
        cv2.imwrite(str(folder / "images" / f"{folder.name}{number}.png"), image[..., ::-1])
        cv2.imwrite(str(folder / "masks" / f"{folder.name}{number}.png"), mask)


@pytest.mark.slow
def test_a_study_can_be_given_again(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    command = ["--home", str(home), "--out", str(out), "--synthetic-images", "0", "--photographs", "4", "all"]
    command += ["--steps", "2", "--repeats", "1"]
    assert study.main(command) == 0
    first = json.loads((out / "study.json").read_text())
    assert [(run["photographs"], run["synthetic"]) for run in first["runs"]] == [(4, 0), ("all", 0)]
    assert first["runs"][0]["result"]["test"]["images"] == 64
    assert first["runs"][0]["result"]["training_images"] == {"photographs-screening@1/train": 4}
    assert first["runs"][1]["result"]["training_images"] == {"photographs-screening@1/train": PICTURES - 32 - 64}
    assert "| 4 |" in (out / "study.md").read_text()
    assert (out / "curves.png").stat().st_size > 1000

    folder = home / "transfer" / "runs" / first["runs"][0]["run"]
    (home / "transfer" / "runs" / first["runs"][1]["run"] / "result.json").unlink()  # as if killed before its end
    kept = (folder / "result.json").stat().st_mtime_ns
    capsys.readouterr()
    assert study.main(command) == 0
    assert "1 of 2 runs have their result already" in capsys.readouterr().err
    assert (folder / "result.json").stat().st_mtime_ns == kept
    again = json.loads((out / "study.json").read_text())
    assert again["cells"] == first["cells"]

    assert worst.main([str(folder), "--out", str(tmp_path / "worst.png"), "--worst", "2"]) == 0
    assert "64 photographs of development" in capsys.readouterr().out
    assert (tmp_path / "worst.png").stat().st_size > 1000

    # The photographs against themselves: no gap.
    assert gaps.main(["--home", str(home), "--synthetic", "photographs-screening@1", "--out", str(out)]) == 0
    assert "widest first\n\nNone." in (out / "gaps.md").read_text()


@pytest.mark.slow
def test_the_full_profile_scores_the_test_photographs(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    command = ["--profile", "full", "--home", str(home), "--out", str(out), "--synthetic-images", "0"]
    command += ["--photographs", "all", "--steps", "2", "--repeats", "1"]
    assert study.main(command) != 0
    assert "test_public" in capsys.readouterr().err  # which is not there yet
    write_part(photographs / "test_public", 5, seed=8)
    assert study.main(command) == 0
    found = json.loads((out / "study.json").read_text())
    (run,) = found["runs"]
    assert run["result"]["test"]["images"] == 5
    assert run["result"]["training_images"] == {"photographs-full@1/train": PICTURES - 32}

    capsys.readouterr()
    folder = home / "transfer" / "runs" / run["run"]
    assert worst.main([str(folder), "--out", str(tmp_path / "worst.png")]) == 0
    assert "32 photographs of validation" in capsys.readouterr().out
    assert worst.main([str(folder), "--part", "development"]) == 2
