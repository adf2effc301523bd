"""Comparing runs: the table says the differences, the page stands alone, and what can't be compared is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.errors import ConfigurationError, IntegrityError, NotFoundError
from tests.unit.training.training_samples import order
from training import compare
from training.process import Monitor
from training.report.comparison import compare as compare_runs
from training.report.comparison import score_rows, text_table
from training.report.results import FinishedRun, read_run
from training.run import carry_out


@pytest.fixture(scope="module")
def folders(shapes, tmp_path_factory) -> list[Path]:
    base = tmp_path_factory.mktemp("runs")
    found = []
    for name, steps, take in (("few", 2, 2), ("many", 4, 6), ("larger", 2, 2)):
        source = {"dataset": "shapes@1", "split": "train"}
        asked = order(
            shapes,
            base,
            run=name,
            name=f"{name}-shapes",
            stages=[{"name": "only", "steps": steps}],
            image_size=[64, 32] if name == "larger" else [32, 32],
            data={
                "train": [{**source, "take": take}],
                "validation": {**source, "reserve": 4, "seed": 1},
                "test": {"dataset": "shapes@1", "split": "test"},
            },
        )
        found.append(Path(asked.workspace))
        found[-1].mkdir()
        with Monitor(found[-1], steps, name, show_bar=False) as monitor:
            carry_out(asked, monitor, "test")
    return found


@pytest.fixture
def runs(folders) -> list[FinishedRun]:
    return [read_run(folder) for folder in folders[:2]]


def test_rows_are_scores_and_differences_to_the_first(runs):
    rows = {row["name"]: row for row in score_rows(runs)}
    assert list(rows) == ["square", "disc", "mean dataset IoU", "mean image IoU"]
    tests = [run.result.test for run in runs]
    assert rows["mean image IoU"]["values"] == [test.mean_image_iou for test in tests]
    assert rows["mean image IoU"]["differences"] == [tests[1].mean_image_iou - tests[0].mean_image_iou]


def test_a_class_without_score_has_no_difference(runs):
    test = runs[0].result.test
    blank = test.model_copy(update={"dataset_iou": {**test.dataset_iou, "disc": None}})
    changed = FinishedRun(runs[0].folder, runs[0].order, runs[0].result.model_copy(update={"test": blank}))
    row = score_rows([changed, runs[1]])[1]
    assert row["values"][0] is None
    assert row["differences"] == [None]


def test_the_text_lines_up_and_says_what_was_learned_from(runs):
    lines = text_table(runs).splitlines()
    assert lines[0].split() == ["test", "score", "few-shapes", "many-shapes", "difference"]
    assert re.fullmatch(r"IoU square +\d\.\d{3} +\d\.\d{3} +[+−]\d\.\d{3}", lines[2])
    assert ["training", "images", "2", "6"] in [line.split() for line in lines]
    column = lines[0].index("many-shapes") + len("many-shapes")
    assert all(line[column - 1].isdigit() for line in lines[2:4])


def test_the_page_stands_alone_and_names_what_differs_beside_the_data(runs, tmp_path):
    compare_runs(runs, tmp_path / "comparison.html")
    page = (tmp_path / "comparison.html").read_text()
    loaded = re.findall(r'(?:src|href)\s*=\s*"([^"]{0,30})', page)
    assert loaded
    assert all(found.startswith(("data:image/jpeg", "#")) for found in loaded)
    assert "differ in more than their training data: stages, steps taken" in page
    assert all(run.result.order_digest in page for run in runs)


def test_runs_that_were_tested_otherwise_are_refused(folders, tmp_path, capsys):
    code = compare.main([str(tmp_path / "page.html"), str(folders[0]), str(folders[2])])
    assert code == 2
    assert "can't be compared: their image size differs" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_the_command_prints_the_table(folders, tmp_path, capsys):
    assert compare.main([str(tmp_path / "page.html"), str(folders[0]), str(folders[1])]) == 0
    assert "mean dataset IoU" in capsys.readouterr().out


def test_a_folder_without_a_result_is_named(tmp_path):
    with pytest.raises(NotFoundError, match="holds no finished run"):
        read_run(tmp_path)


def test_one_run_is_no_comparison(runs, tmp_path):
    with pytest.raises(ConfigurationError, match="two runs or more"):
        compare_runs(runs[:1], tmp_path / "page.html")


def test_a_missing_picture_is_named(runs, tmp_path):
    (picture, *_) = sorted((runs[0].folder / "pictures").glob("*-truth.png"))
    kept = picture.read_bytes()
    picture.unlink()
    try:
        with pytest.raises(IntegrityError, match=re.escape(picture.name)):
            compare_runs(runs, tmp_path / "page.html")
    finally:
        picture.write_bytes(kept)
