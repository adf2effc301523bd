"""A study as its supervisor sees it: killed midway and gone on with, no run repeated; what can't run is listed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from contracts.document import Document
from contracts.process import read_error
from contracts.study_order import StudyEstimate, StudyOrder, StudyResult
from contracts.study_table import StudyTable
from tests.launched_trainers import finish, start
from tests.unit.study.study_samples import BASE, study_order
from tests.unit.training.training_samples import Versions, publish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
DocumentT = TypeVar("DocumentT", bound=Document)
LONG = {**BASE, "stages": [{"name": "all", "steps": 60}], "evaluate_every_steps": 20}


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    return publish(tmp_path_factory.mktemp("shapes"), "shapes", {"train": 12, "test": 6})


def finished_runs(order: StudyOrder) -> dict[str, int]:
    """When each result was written, by run."""
    return {path.parent.name: path.stat().st_mtime_ns for path in Path(order.runs).glob("*/result.json")}


def wait_for(process: subprocess.Popen[str], what, seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if what():
            return
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    pytest.fail("it did not come to that")


def read(model: type[DocumentT], order: StudyOrder, name: str) -> DocumentT:
    return model.model_validate_json((Path(order.workspace) / name).read_bytes())


def test_killed_in_the_middle_it_goes_on_and_repeats_no_run(shapes, tmp_path):
    order = study_order(shapes, tmp_path, base=LONG, repeats={"at_most": 3}).model_copy(update={"parallel": 2})
    process = start(order)
    wait_for(process, lambda: len(finished_runs(order)) >= 2)
    before = finished_runs(order)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=40)
    assert not alive, "its runs ended with it"
    assert len(before) < 6

    said = finish(start(order))
    estimate = read(StudyEstimate, order, "estimate.json")
    assert estimate.runs_at_least == estimate.runs_at_most == 6
    assert estimate.runs_done_before >= len(before)
    assert estimate.said() in said
    after = finished_runs(order)
    assert len(after) == 6
    assert {run: after[run] for run in before} == before, "what was finished was not made again"
    table = read(StudyTable, order, "table.json")
    assert [(run.cell["real"], run.repeat, run.state) for run in table.runs] == [
        (real, repeat, "succeeded") for repeat in range(3) for real in ("2", "4")
    ]
    assert len({run.run_digest for run in table.runs}) == 6
    result = read(StudyResult, order, "result.json")
    assert [cell.repeats for cell in result.cells] == [3, 3]
    assert "shapes-study" in (Path(order.workspace) / result.files["report"]).read_text()

    # Another study that asks for some of the same runs, and more: only the new ones are made.
    wider = study_order(
        shapes,
        tmp_path,
        study_id="study-2",
        base=LONG,
        axes={"real": {"path": "data.train.0.take", "values": [2, 4, 6], "role": "real_images"}},
        repeats={"at_most": 1},
    )
    finish(start(wider))
    assert read(StudyResult, wider, "result.json").trained == 1
    assert {run: when for run, when in finished_runs(wider).items() if run in after} == after


def test_what_this_machine_lacks_and_what_the_budget_leaves_are_listed(shapes, tmp_path):
    axes = {
        "weights": {"path": "network.encoder_weights", "values": [None, "imagenet"]},
        "real": {"path": "data.train.0.take", "values": [2, 4]},
    }
    order = study_order(shapes, tmp_path, axes=axes, budget={"runs": 1}, report={"metric": "test.mean_image_iou"})
    finish(start(order))
    table = read(StudyTable, order, "table.json")
    assert {(run.cell["weights"], run.cell["real"]): run.reason for run in table.runs} == {
        ("none", "2"): None,
        ("none", "4"): "budget spent",
        ("imagenet", "2"): "weights absent",
        ("imagenet", "4"): "weights absent",
    }


def test_runs_start_from_another_run_and_one_that_fails_leaves_the_others(shapes, tmp_path):
    axes = {
        "start": {
            "options": {
                "nothing": {},
                "basis": {"network.encoder_weights": "run:basis"},
                "too high a rate": {"optimizer.encoder_lr": 1e30, "optimizer.decoder_lr": 1e30},
            }
        }
    }
    order = study_order(shapes, tmp_path, axes=axes, before={"basis": {"stages.0.steps": 8}})
    finish(start(order))
    runs = {run.cell["start"]: run for run in read(StudyTable, order, "table.json").runs}
    assert runs["basis"].state == runs["nothing"].state == "succeeded"
    assert runs["too high a rate"].state == "failed"
    asked = json.loads((Path(order.runs) / str(runs["basis"].run) / "asked.json").read_bytes())
    basis = Path(asked["spec"]["network"]["encoder_weights"])
    assert basis.is_file()
    assert basis.parents[1].name not in {run.run for run in runs.values()}


def test_a_budget_too_small_for_one_run_and_images_too_small_are_refused_before_the_first(shapes, tmp_path):
    long = {**BASE, "stages": [{"name": "all", "steps": 1_000_000}]}
    tight = study_order(shapes, tmp_path, base=long, budget={"hours": 0.01})
    finish(start(tight), code=1)
    error = read_error(Path(tight.workspace))
    assert error is not None
    assert (error.code, error.exit_code) == ("budget_too_small", 2)
    assert not finished_runs(tight)


def test_asked_to_stop_it_stops_its_runs_and_goes_on_later(shapes, tmp_path):
    order = study_order(
        shapes,
        tmp_path,
        base={**LONG, "stages": [{"name": "all", "steps": 400}]},
        axes={"seed": {"path": "seed", "values": [1]}},
    )
    process = start(order)
    wait_for(process, lambda: any(Path(order.runs).glob("*/checkpoints/last.pt")))
    process.send_signal(signal.SIGTERM)
    finish(process, code=143)
    assert not finished_runs(order)
    finish(start(order))
    assert len(finished_runs(order)) == 1
