"""The studies that say what rounds of scenes gave: fair to both arms, and blind to test photographs till the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.run import TrainingSpec
from contracts.study import Study
from contracts.study_cells import Cell, expand
from contracts.study_file import load_study
from server.study_planning import shipped_studies
from tests.benchmarks import transfer
from tests.benchmarks.transfer.photographs import DEVELOPMENT, TEST

FOLDER = Path(transfer.__path__[0])


def study(name: str) -> Study:
    return load_study(str(FOLDER / f"{name}.yaml"), shipped_studies())


def cell(name: str, **values: str) -> Cell:
    (found,) = [cell for cell in expand(study(name)) if dict(cell.values) == values]
    return found


def without_sources(spec: TrainingSpec) -> dict[str, object]:
    values = spec.model_dump(mode="json")
    del values["data"]["train"]
    return values


@pytest.mark.parametrize("name", ["screening", "record"])
@pytest.mark.parametrize("repeat", [0, 2])
def test_runs_of_a_repeat_differ_in_nothing_but_what_they_learn_from(name: str, repeat: int) -> None:
    runs = [cell.run(repeat) for cell in expand(study(name))]
    assert len(runs) > 2
    assert all(without_sources(run) == without_sources(runs[0]) for run in runs)


@pytest.mark.parametrize("real", ["16", "64", "all"])
def test_both_arms_have_the_same_photographs(real: str) -> None:
    alone = cell("record", real=real, synthetic="0").run(1).data.train[0]
    beside = cell("record", real=real, synthetic="2048").run(1).data.train
    assert (alone.take, alone.seed, alone.split) == (beside[0].take, beside[0].seed, beside[0].split)
    assert beside[1].take == 2048
    assert sum(source.weight for source in beside) == pytest.approx(1)


def test_the_fewer_photographs_the_less_they_are_shown() -> None:
    weights = [cell("record", real=real, synthetic="2048").spec.data.train[0].weight for real in ("16", "64", "all")]
    assert weights == sorted(weights)
    assert weights[-1] == 0.5


def test_the_record_has_every_cell_that_can_learn_something() -> None:
    cells = [tuple(cell.values.values()) for cell in expand(study("record"))]
    rows = [(real, columns) for real in ("0", "16", "64", "all") for columns in ("0", "2048")]
    assert cells == [row for row in rows if row != ("0", "0")]
    assert study("record").repeats.planned == 3
    assert {cell.spec.data.test.split for cell in expand(study("record"))} == {TEST}


def test_screening_names_the_test_photographs_nowhere() -> None:
    screening = study("screening")
    for cell in expand(screening):
        assert TEST not in cell.spec.model_dump_json()
        assert cell.spec.data.test.split == DEVELOPMENT
    made = [item.made_by for item in screening.datasets.values() if not isinstance(item, str)]
    assert not [command for command in made if TEST in command]
