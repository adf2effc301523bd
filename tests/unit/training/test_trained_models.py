"""The models of a home, with where they come from: real runs in it, one of a study, one damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.run import TrainingOrder
from contracts.study_table import StudyRun, StudyTable, TableAxis
from server.cli import main
from tests.unit.training.test_run import run
from tests.unit.training.training_samples import order, publish


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[TrainingOrder]]:
    """A home with two runs of one test set, the second of a study, and a third whose result is cut off."""
    home = tmp_path_factory.mktemp("home")
    versions = publish(tmp_path_factory.mktemp("shapes"), "shapes", {"train": 12, "test": 6})
    stages = [{"name": "only", "steps": 2}]
    asked = [order(versions, home / "runs", run=f"run-{seed}", seed=seed, stages=stages) for seed in (1, 2)]
    results = [run(each) for each in asked]
    (home / "runs" / "run-3").mkdir()
    (home / "runs" / "run-3" / "result.json").write_text("{")
    row = StudyRun(
        cell={"real": "6"},
        repeat=0,
        seed=2,
        state="succeeded",
        run="run-2",
        run_digest=results[1].order_digest,
        scores={"test.mean_dataset_iou": results[1].test.mean_dataset_iou},
    )
    found = StudyTable(
        schema_version=1,
        study="worth",
        study_digest=results[1].order_digest,
        axes=(TableAxis(name="real", values=("6",)),),
        runs=(row,),
    )
    (home / "studies" / "worth-1").mkdir(parents=True)
    (home / "studies" / "worth-1" / "table.json").write_text(found.model_dump_json())
    return home, asked


def listed(home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict]:
    assert main(["--home", str(home), "models", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_says_its_scores_its_versions_its_study_and_where_its_weights_lie(trained, capsys):
    home, asked = trained
    found = listed(home, capsys)
    assert {model["run"] for model in found} == {"run-1", "run-2"}
    assert found[0]["mean_dataset_iou"] >= found[1]["mean_dataset_iou"]
    by_run = {model["run"]: model for model in found}
    assert (by_run["run-1"]["studies"], by_run["run-2"]["studies"]) == ([], ["worth-1"])
    for each in asked:
        model = by_run[each.run]
        assert model["versions"] == dict(each.versions)
        assert model["trained_on"] == {"shapes@1/train": 6}
        assert Path(model["checkpoint"]).is_file()


def test_they_are_found_by_dataset_and_by_study(trained, capsys):
    home, _ = trained
    assert len(listed(home, capsys, "--dataset", "shapes")) == len(listed(home, capsys, "--dataset", "shapes@1")) == 2
    assert listed(home, capsys, "--dataset", "shapes@2") == []
    assert [model["run"] for model in listed(home, capsys, "--study", "worth-1")] == ["run-2"]


def test_the_table_shows_them_and_what_can_not_be_read_is_said(trained, capsys):
    home, _ = trained
    assert main(["--home", str(home), "models"]) == 0
    said = capsys.readouterr()
    assert "linknet tu-mobilenetv3_small_050" in said.out
    assert "6 of shapes@1/train" in said.out
    assert "run-3: can't be read" in said.err
    assert main(["--home", str(home), "--url", "http://localhost:1", "models"]) == 2
