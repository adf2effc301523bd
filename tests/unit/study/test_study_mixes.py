"""Studies over mixes: of their own, and of the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.errors import ConfigurationError, NotFoundError
from contracts.study import Study
from contracts.study_cells import expand
from contracts.study_order import StudyOrder
from registry.catalog import Catalog
from registry.mixes import create_mix
from server.settings import load_settings
from server.study_planning import plan_study
from tests.unit.study.study_samples import BASE, study, study_order
from tests.unit.training.training_samples import Versions, publish
from training.study.checks import DataOfStudy
from training.study.runs import make_task

KEPT = "2 of shapes@1 train + 4 of others@1, nested, seed 7"
SOURCES = [
    {"dataset": "photos", "split": "train", "take": 2, "weight": 2, "seed": 7},
    {"dataset": "others@1", "take": 4, "weight": 4, "seed": 7},
]
DATA = {name: value for name, value in BASE["data"].items() if name != "train"}
AXES = {"mix": {"path": "data.mix", "values": ["kept", "own"]}}
OWN = {"own": [{"dataset": "photos", "split": "train", "take": 3}]}


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    """`shapes@1` and `others@1` in one store, with the mix `kept`."""
    folder = tmp_path_factory.mktemp("mixes")
    found = {}
    for seed, (name, splits) in enumerate({"shapes": {"train": 12, "test": 6}, "others": {"train": 5}}.items()):
        found |= publish(folder, name, splits, first_seed=100 * seed).digests
    with Catalog(f"sqlite:///{folder / 'catalog.db'}") as catalog:
        create_mix(catalog, "kept", KEPT)
    return Versions(folder / "store", found)


def planned(versions: Versions, home: Path, **changes: Any) -> Study:
    inline = {"label_map": {"square": ["square", "frame"], "disc": ["disc"]}}
    asked = study(**{"base": {**BASE, **inline, "data": DATA}, "axes": AXES, "mixes": OWN, **changes})
    with Catalog(f"sqlite:///{versions.store.parent / 'catalog.db'}") as catalog:
        plan = plan_study(load_settings(home, allow_paths=True), catalog, asked)
    assert set(plan.versions) <= set(versions.digests)
    return plan.study


def test_a_mix_of_the_registry_and_one_of_its_own_are_read_when_it_is_planned(versions, tmp_path):
    cells = {cell.values["mix"]: cell for cell in expand(planned(versions, tmp_path))}
    assert [(source.dataset, source.take) for source in cells["kept"].spec.data.train] == [
        ("shapes@1", 2),
        ("others@1", 4),
    ]
    assert [(source.dataset, source.take) for source in cells["own"].spec.data.train] == [("shapes@1", 3)]
    assert cells["kept"].spec.data.mix is None
    assert len({source.seed for repeat in range(3) for source in cells["kept"].run(repeat).data.train}) == 3


def test_a_mix_and_its_sources_written_out_are_the_same_run(versions, tmp_path):
    def run_of(found: Study) -> tuple[StudyOrder, str]:
        order = study_order(versions, tmp_path).model_copy(update={"study": found})
        return order, make_task(expand(found)[0].run(1), order, {}).digest

    order, by_name = run_of(planned(versions, tmp_path))
    written = planned(versions, tmp_path, mixes={"kept": SOURCES, **OWN})
    assert by_name == run_of(written)[1]
    DataOfStudy(order, expand(order.study))


def test_a_mix_that_nobody_knows_is_refused_with_the_cell(versions, tmp_path):
    axes = {"mix": {"path": "data.mix", "values": ["kepd", "own"]}}
    with pytest.raises(NotFoundError, match="mix kepd: no mix 'kepd'") as caught:
        planned(versions, tmp_path, axes=axes)
    assert "kept" in caught.value.hint


def test_stages_and_weights_are_checked_with_what_the_mix_brings(versions, tmp_path):
    only_kept = {"mix": {"path": "data.mix", "values": ["kept"]}}
    base = {**BASE, "data": DATA, "stages": [{"name": "all", "on": ["thers"], "steps": 2}]}
    with pytest.raises(ConfigurationError, match=r"cell mix kept: .*no training source 'thers'"):
        planned(versions, tmp_path, axes=only_kept, base={**base, "label_map": {"disc": ["disc"]}})
    base = {**BASE, "data": DATA, "loss": {"class_weights": {"dics": 2}}, "label_map": {"disc": ["disc"]}}
    with pytest.raises(ConfigurationError, match="no class 'dics'") as refusal:
        planned(versions, tmp_path, base=base)
    assert "disc" in refusal.value.hint
