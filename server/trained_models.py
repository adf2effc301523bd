"""The models of a home: what its finished runs have left, with where each comes from and what it scored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from contracts.model import TrainedModel
from contracts.process import RESULT_FILE
from contracts.run import RunResult, TrainingOrder
from contracts.study_table import STUDY_TABLE_FILE, StudyTable
from server.jobs.executors.local import ORDER_FILE
from server.settings import Settings


def trained_models(
    settings: Settings, *, dataset: str | None = None, study: str | None = None
) -> tuple[list[TrainedModel], list[Path]]:
    """Models of all finished runs, those of studies too, the best of each test set first.

    Args:
        settings: Of the home.
        dataset: Only those that were trained, chosen or tested on this dataset, or on this version of it.
        study: Only those of this study.

    Returns:
        The models, and the folders whose run can't be read.
    """
    studies, unreadable = _studies_by_run(settings.studies_folder)
    found = []
    for result in sorted(settings.runs_folder.glob(f"*/{RESULT_FILE}")):
        try:
            model = _model(result.parent, studies)
        except (OSError, ValueError):
            unreadable.append(result.parent)
            continue
        names = {name for version in model.versions for name in (version, version.split("@")[0])}
        if (dataset is None or dataset in names) and (study is None or study in model.studies):
            found.append(model)
    return sorted(found, key=lambda model: (model.tested_on, -model.mean_dataset_iou, model.run)), unreadable


def _studies_by_run(folder: Path) -> tuple[dict[str, list[str]], list[Path]]:
    studies: dict[str, list[str]] = defaultdict(list)
    unreadable = []
    for path in sorted(folder.glob(f"*/{STUDY_TABLE_FILE}")):
        try:
            table = StudyTable.model_validate_json(path.read_bytes())
        except (OSError, ValueError):
            unreadable.append(path.parent)
            continue
        for run in dict.fromkeys(run.run for run in table.runs if run.run is not None):
            studies[run].append(path.parent.name)
    return studies, unreadable


def _model(folder: Path, studies: Mapping[str, list[str]]) -> TrainedModel:
    order = TrainingOrder.model_validate_json((folder / ORDER_FILE).read_bytes())
    result = RunResult.model_validate_json((folder / RESULT_FILE).read_bytes())
    spec = order.spec
    return TrainedModel(
        run=order.run,
        studies=tuple(studies.get(order.run, ())),
        order_digest=result.order_digest,
        step=result.best_step,
        network=spec.network,
        label_map=order.label_map.name,
        image_size=spec.image_size,
        versions=order.versions,
        trained_on=result.training_images,
        tested_on=spec.data.test.dataset,
        test_images=result.test.images,
        mean_dataset_iou=result.test.mean_dataset_iou,
        mean_image_iou=result.test.mean_image_iou,
        checkpoint=str(folder / result.files["checkpoint"]),
    )
