"""What a study's versions show to be wrong before any run, what decides a run, and what its scores are called."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from contracts.errors import ConfigurationError
from contracts.study_cells import expand
from contracts.study_order import StudyOrder
from tests.unit.study.study_samples import BASE, study_order
from tests.unit.training.training_samples import Versions, publish
from training.study import runs
from training.study.checks import DataOfStudy
from training.study.runs import make_task
from training.study.trainer_code import DECIDING, code_digest, decides

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    return publish(tmp_path_factory.mktemp("shapes"), "shapes", {"train": 12, "test": 6})


def data_of(order: StudyOrder) -> DataOfStudy:
    return DataOfStudy(order, expand(order.study))


def base(**data: Any) -> dict[str, Any]:
    return {**BASE, "data": {**BASE["data"], **data}}


def axis(*values: Any) -> dict[str, Any]:
    return {"real": {"path": "data.train.0.take", "values": list(values), "role": "real_images"}}


def test_all_is_as_many_images_as_validation_leaves(shapes, tmp_path):
    order = study_order(shapes, tmp_path, axes=axis(2, "all"))
    (found,) = [data_of(order).amounts(axis, name, expand(order.study)) for name, axis in order.study.axes.items()]
    assert found == (2.0, 8.0)


def test_epochs_are_as_long_as_each_cell_has_images(shapes, tmp_path):
    changes = {"stages": [{"name": "all", "epochs": 2}], "evaluate_every_steps": "epoch", "batch_size": 2}
    order = study_order(shapes, tmp_path, axes=axis(2, 5, "all"), base={**BASE, **changes})
    cells = expand(order.study)
    data = DataOfStudy(order, cells)
    lengths = [data.lengths(cell.run(repeat))[0] for cell in cells for repeat in (0, 1)]
    assert [(length.steps, length.evaluate_every_steps) for length in lengths[::2]] == [(2, 1), (5, 3), (8, 4)]
    assert lengths[::2] == lengths[1::2], "whatever is drawn"


@pytest.mark.parametrize(
    ("changes", "cell", "code"),
    [
        ({"axes": axis(2, 9)}, "cell real 9", "mix_too_large"),
        ({"axes": axis("all", 9)}, "cell real 9", "mix_too_large"),
        (
            {"axes": axis(2), "base": base(validation={"dataset": "photos", "split": "train"})},
            "real 2",
            "mix_too_large",
        ),
        ({"axes": axis(2), "base": base(test={"dataset": "photos", "split": "train"})}, "real 2", "test_set_leak"),
        ({"axes": axis(2), "base": base(train=[{"dataset": "photos", "split": "test"}])}, "real 2", "test_set_leak"),
    ],
)
def test_too_many_images_and_leaks_are_refused_by_cell(shapes, tmp_path, changes, cell, code):
    with pytest.raises(ConfigurationError) as caught:
        data_of(study_order(shapes, tmp_path, **changes))
    assert cell in caught.value.message
    assert caught.value.code == code


def test_an_axis_that_counts_images_has_numbers(shapes, tmp_path):
    axes = {"real": {"options": {"few": {"data.train.0.take": 2}}, "role": "real_images"}}
    order = study_order(shapes, tmp_path, axes=axes)
    with pytest.raises(ConfigurationError, match="'few' is no number"):
        data_of(order).amounts(order.study.axes["real"], "real", expand(order.study))


def test_an_axis_of_shares_counts_the_images_that_they_are(shapes, tmp_path):
    train = [{"dataset": "photos", "split": "train"}]
    axes = {"real": {"path": "data.train.0.share", "values": [0.25, 0.5, 1], "role": "real_images"}}
    order = study_order(shapes, tmp_path, base=base(train=train), axes=axes)
    assert data_of(order).amounts(order.study.axes["real"], "real", expand(order.study)) == (2.0, 4.0, 8.0)


def test_a_run_is_known_by_what_decides_it_and_by_nothing_else(shapes, tmp_path):
    first, second = (
        make_task(cell.run(0), study_order(shapes, tmp_path), {})
        for cell in expand(study_order(shapes, tmp_path).study)
    )
    again = study_order(
        shapes, tmp_path / "elsewhere", study_id="other", name="renamed", question="?", repeats={"at_most": 5}
    )
    cells = expand(again.study)
    assert make_task(cells[0].run(0), again, {}).digest == first.digest
    assert len({first.digest, second.digest, make_task(cells[0].run(1), again, {}).digest}) == 3
    changed = study_order(Versions(shapes.store, {"shapes@1": "sha256:" + "0" * 64}), tmp_path)
    assert make_task(expand(changed.study)[0].run(0), changed, {}).digest != first.digest


@pytest.mark.parametrize("field", ["encoder_weights", "weights"])
def test_weights_decide_a_run_by_their_bytes_not_their_path(shapes, tmp_path, field):
    def digest_of_run(path: Path, field: str = field) -> str:
        order = study_order(shapes, tmp_path, set={f"network.{field}": str(path)})
        return make_task(expand(order.study)[0].run(0), order, {}).digest

    paths = [tmp_path / name for name in ("a.pt", "b.pt")]
    torch.save({"x": torch.zeros(1)}, paths[0])
    paths[1].write_bytes(paths[0].read_bytes())
    first = digest_of_run(paths[0])
    assert digest_of_run(paths[1]) == first
    assert digest_of_run(paths[0], "weights" if field == "encoder_weights" else "encoder_weights") != first
    torch.save({"x": torch.ones(1)}, paths[0])
    assert digest_of_run(paths[0]) != first
    with pytest.raises(ConfigurationError, match="can't be read"):
        digest_of_run(tmp_path / "gone.pt")


def test_the_same_network_without_a_start_is_the_same_run_as_ever(shapes, tmp_path):
    order = study_order(shapes, tmp_path)
    assert "weights" not in make_task(expand(order.study)[0].run(0), order, {}).identity["spec"]["network"]


def test_a_result_of_other_code_is_not_taken_for_this_one(shapes, tmp_path, monkeypatch):
    order = study_order(shapes, tmp_path)
    task = make_task(expand(order.study)[0].run(0), order, {})
    assert task.identity["code"] == code_digest()
    monkeypatch.setattr(runs, "code_digest", lambda: "sha256:" + "1" * 64)
    assert make_task(expand(order.study)[0].run(0), order, {}).digest != task.digest


def test_the_code_that_decides_is_all_that_a_run_loads_but_what_is_named(tmp_path):
    """A module that comes to be used by runs decides, unless somebody says that it only draws or carries."""
    code = "import sys, training.run; print(*sorted(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name for name in ended.stdout.split() if name.split(".")[0] == "training" and "." in name}
    beside = {name for name in loaded if not decides(name)}
    of_reports = ("curves", "markdown", "pages", "pictures", "results", "run_markdown", "run_report")
    assert beside == {"training.report", *(f"training.report.{name}" for name in of_reports)}
    assert {name for name in DECIDING if name.split(".")[0] != "training"} <= set(ended.stdout.split())


def test_a_byte_of_deciding_code_makes_another_digest(tmp_path):
    for package in ("contracts", "registry", "training"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    known = {code_digest(tmp_path)}
    assert known == {code_digest(ROOT)}
    for module, decides_it in (
        ("training/loop.py", True),
        ("training/metrics/boundary.py", True),
        ("training/a_new_module.py", True),
        ("contracts/run.py", True),
        ("registry/splits.py", True),
        ("contracts/job.py", False),
        ("training/report/pages.py", False),
        ("training/study/pool.py", False),
    ):
        with (tmp_path / module).open("a") as file:
            file.write("\n")
        code_digest.cache_clear()
        assert (code_digest(tmp_path) not in known) == decides_it, module
        known.add(code_digest(tmp_path))


def test_a_result_of_another_run_is_not_taken_for_this_one(shapes, tmp_path):
    order = study_order(shapes, tmp_path)
    task = make_task(expand(order.study)[0].run(0), order, {})
    task.prepare()
    assert task.result() is None
    (task.workspace / "result.json").write_text("{}")
    assert task.result() is None
