"""The studies that come with Beltline: valid, with commands that can be typed and small profiles of every axis."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from contracts.generator import load_generator
from contracts.ids import VersionReference
from contracts.overrides import parse_overrides
from contracts.run import ReduceOnPlateau
from contracts.study import Study, StudyDataset
from contracts.study_cells import expand, preparatory_runs
from contracts.study_file import load_study, study_names
from contracts.study_order import StudyOrder
from registry.catalog import Catalog
from registry.formats.importing import import_dataset
from registry.formats.masks import open_masks
from registry.label_maps.shipped import load_label_map
from registry.store import Store
from server.cli import build_parser
from server.settings import load_settings, shipped_generators
from server.study_planning import plan_study, shipped_studies
from training.report.study.figures import check_names
from training.study.checks import DataOfStudy

NAMES = study_names(shipped_studies())
WHOLE = [name for name in NAMES if not name.endswith("-small")]
SMALL = [name for name in NAMES if name.endswith("-small")]


def shipped(name: str) -> Study:
    return load_study(name, shipped_studies())


def datasets(study: Study) -> list[StudyDataset]:
    found = [item for item in study.datasets.values() if isinstance(item, StudyDataset)]
    assert len(found) == len(study.datasets), "each says how it is made"
    return found


def test_each_has_a_small_profile():
    assert len(WHOLE) == 10
    assert sorted(f"{name}-small" for name in WHOLE) == sorted(SMALL)


@pytest.mark.parametrize("name", NAMES)
def test_its_runs_are_valid_and_its_figures_are_known(name):
    study = shipped(name)
    assert study.name == name
    assert expand(study)
    preparatory_runs(study)
    check_names(study.report.figures)
    assert study.question.endswith("?")
    assert study.notes


@pytest.mark.parametrize("name", WHOLE)
def test_the_small_profile_shrinks_and_leaves_no_axis_out(name):
    whole, small = shipped(name), shipped(f"{name}-small")
    assert list(small.axes) == list(whole.axes)
    assert small.report == whole.report
    for axis in whole.axes:
        of_small = small.axes[axis].shown_values
        assert len(of_small) > 1
        if whole.axes[axis].role == "other":
            assert of_small == whole.axes[axis].shown_values
        elif len(of_small) < len(whole.axes[axis].shown_values):
            said = set(re.split(r"\W+", " ".join(small.notes)))
            assert set(of_small) - {"0", "all"} <= said, "the notes say which amounts are left"
    for cell in expand(small):
        assert 0 < cell.spec.known_steps * cell.spec.batch_size <= 3200, "images shown"
    assert "far too few" in " ".join(small.notes)
    assert re.search(r"about \d+ minutes on 2 cores", " ".join(small.notes))


@pytest.mark.parametrize("name", [name for name in WHOLE if name.startswith("volvo-")])
def test_runs_of_volvo_have_the_settings_of_its_table(name):
    for cell in expand(shipped(name)):
        spec = cell.spec
        rates = (spec.optimizer.encoder_lr, spec.optimizer.decoder_lr)
        decays = (spec.optimizer.encoder_weight_decay, spec.optimizer.weight_decay)
        assert (spec.batch_size, rates, decays) == (4, (2e-4, 2.5e-4), (3e-5, 3e-4))
        assert spec.network.decoder_dropout == 0
        schedule = spec.optimizer.schedule
        assert isinstance(schedule, ReduceOnPlateau)
        assert (schedule.factor, schedule.patience) == (0.5, 6)
        assert spec.image_size == (848, 480)
        assert {stage.epochs for stage in spec.stages} == {50}
        assert spec.evaluate_every_steps == "epoch"


@pytest.mark.parametrize("name", [name for name in WHOLE if name.startswith("bmw-")])
def test_runs_of_bmw_have_its_settings(name):
    for cell in expand(shipped(name)):
        spec = cell.spec
        rates = (spec.optimizer.encoder_lr, spec.optimizer.decoder_lr)
        assert (spec.batch_size, rates) == (64, (2e-3, 2e-3))
        assert spec.early_stopping is not None
        assert (spec.early_stopping.metric, spec.early_stopping.patience) == ("validation.loss", 30)
        assert spec.evaluate_every_steps == "epoch"
        assert spec.augmentation.horizontal_flip == 0.5
        assert (spec.augmentation.scale, spec.augmentation.rotate_deg) == ((1, 1), 0)


@pytest.mark.parametrize("name", NAMES)
def test_the_command_that_makes_a_dataset_can_be_typed(name):
    for dataset in datasets(shipped(name)):
        words = shlex.split(dataset.made_by)
        parsed = build_parser().parse_args(words[1:])
        if words[1] == "render":
            load_generator(parsed.generator, shipped_generators(), overrides=parse_overrides(parsed.overrides))
            published = parsed.dataset or parsed.generator
        else:
            published = parsed.name
        assert published == dataset.version.split("@")[0]


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store and a catalog with a version of tiny pictures for each dataset of the small studies."""
    folder = tmp_path_factory.mktemp("stand-ins")
    frames: dict[str, int] = {}
    for name in SMALL:
        for dataset in datasets(shipped(name)):
            asked = getattr(build_parser().parse_args(shlex.split(dataset.made_by)[1:]), "frames", 0)
            frames[dataset.version] = max(asked, frames.get(dataset.version, 0))
    with Catalog(f"sqlite:///{folder / 'catalog.db'}") as catalog:
        for version, count in frames.items():
            _publish(folder, catalog, VersionReference.parse(version).name, count)
    return folder / "store", folder / "catalog.db"


def _publish(folder: Path, catalog: Catalog, name: str, count: int) -> None:
    source = folder / name
    splits = {"train": 263, "test_public": 8} if name == "carparts" else {}
    labels = (
        list(load_label_map("belt-13").classes)
        if name.startswith("belt")
        else list(load_label_map("carparts-5").classes)
    )
    number = 0
    for split, size in (splits or {"": count}).items():
        for kind in ("images", "masks"):
            (source / split / kind).mkdir(parents=True)
        for _ in range(size):
            picture = np.full((4, 4, 3), 0, np.uint8)
            picture[0, 0] = (number % 256, number // 256, sum(name.encode()) % 256)
            cv2.imwrite(str(source / split / "images" / f"{number:05d}.png"), picture)
            cv2.imwrite(
                str(source / split / "masks" / f"{number:05d}.png"),
                np.arange(16, dtype=np.uint8).reshape(4, 4) % (len(labels) + 1),
            )
            number += 1
    classes: dict[str, Any] = {"classes": {"0": "background", **{str(i): label for i, label in enumerate(labels, 1)}}}
    (source / "classes.json").write_text(json.dumps(classes))
    import_dataset(
        open_masks,
        Store(str(folder / "store")),
        catalog,
        source,
        name=name,
        classes=source / "classes.json",
        groups=None,
        splits={split: split for split in splits},
    )


@pytest.mark.parametrize("name", SMALL)
def test_a_small_study_can_be_planned_on_what_its_commands_make(name, stand_ins, tmp_path):
    store, catalog_path = stand_ins
    study = shipped(name)
    with Catalog(f"sqlite:///{catalog_path}") as catalog:
        plan = plan_study(load_settings(tmp_path, allow_paths=True), catalog, study)
    order = StudyOrder(
        study_id=plan.study_id,
        study=study,
        study_digest=plan.study_digest,
        versions=plan.versions,
        label_maps=plan.label_maps,
        store=str(store),
        workspace=str(tmp_path),
        runs=str(tmp_path / "runs"),
        cache=str(tmp_path / "cache"),
    )
    cells = expand(study)
    data = DataOfStudy(order, cells)
    for axis_name, axis in study.axes.items():
        data.amounts(axis, axis_name, cells)
