"""From a study to its training runs: the cells of its table, and the run that each repeat of a cell is. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.document import validate
from contracts.errors import ConfigurationError, nearest
from contracts.ids import canonical_json, digest_of
from contracts.mix import TrainingSource
from contracts.overrides import apply_overrides
from contracts.run import TrainingSpec
from contracts.scores import ClassScore, SegmentationScores
from contracts.study import RUN_PREFIX, Axis, Study, Subsets, shown

CELLS_MAX = 100_000
_SEED_RANGE = 2**53


@dataclass(frozen=True)
class Cell:
    """A cell of a study's table."""

    values: Mapping[str, str]
    """Of every axis, as shown."""
    spec: TrainingSpec
    """Its run before any repeat: datasets are versions, and stages without images are left out."""
    subsets: tuple[Subsets, ...]
    """How each training source draws its images."""

    @property
    def name(self) -> str:
        return ", ".join(f"{axis} {value}" for axis, value in self.values.items())

    def run(self, repeat: int) -> TrainingSpec:
        """The run of a repeat, from 0: the seeds of weights, batches and subsets go on from the base run's."""
        if repeat == 0 and "independent" not in self.subsets:
            return self.spec
        sources = tuple(
            source.model_copy(update={"seed": _subset_seed(source, kind, repeat)})
            for source, kind in zip(self.spec.data.train, self.subsets, strict=True)
        )
        data = self.spec.data.model_copy(update={"train": sources})
        return self.spec.model_copy(update={"data": data, "seed": (self.spec.seed + repeat) % _SEED_RANGE})


def expand(study: Study) -> list[Cell]:
    """All cells of a study but those that it leaves out, the last axis fastest.

    Raises:
        ConfigurationError: The base is a path, two axes set one field, a cell's run is invalid (the message names the
            cell), no cell is left, or there are too many.
    """
    base = _base(study)
    _check_paths(study.axes)
    number = 1
    for axis in study.axes.values():
        number *= len(axis.shown_values)
    if number > CELLS_MAX:
        raise ConfigurationError(
            f"study '{study.name}': {number} cells", code="study_too_large", hint=f"at most {CELLS_MAX}"
        )
    left_out = [{name: shown(value) for name, value in cell.items()} for cell in study.leave_out]
    cells = []
    for combination in itertools.product(
        *(zip(axis.shown_values, axis.changes(), strict=True) for axis in study.axes.values())
    ):
        values = {name: value for name, (value, _) in zip(study.axes, combination, strict=True)}
        if any(all(values[name] == value for name, value in cell.items()) for cell in left_out):
            continue
        changes = {path: item for _, change in combination for path, item in change.items()}
        cells.append(_cell(study, base, values, changes))
    if not cells:
        raise ConfigurationError(
            f"study '{study.name}': leave_out leaves no cell", code="empty_study", hint="leave fewer cells out"
        )
    _check_starts(study, cells)
    return cells


def preparatory_runs(study: Study) -> dict[str, TrainingSpec]:
    """Runs that others start from, by name.

    Raises:
        ConfigurationError: One is invalid, or starts from another one.
    """
    base = _base(study)
    runs = {}
    for name, changes in study.before.items():
        where = f"study '{study.name}': before.{name}"
        spec = _cell(study, base, {}, changes, where=where).spec
        if starts_from(spec) is not None:
            raise ConfigurationError(f"{where}: starts from '{starts_from(spec)}' itself", code="invalid_study")
        runs[name] = spec
    return runs


def starts_from(spec: TrainingSpec) -> str | None:
    """Name of the preparatory run whose weights a run starts from."""
    weights = spec.network.start
    return weights.removeprefix(RUN_PREFIX) if weights is not None and weights.startswith(RUN_PREFIX) else None


def _check_starts(study: Study, cells: list[Cell]) -> None:
    """Refuse a whole network that goes on from one of another kind."""
    before = preparatory_runs(study)
    for cell in cells:
        if cell.spec.network.weights is None or starts_from(cell.spec) is None:
            continue
        name = str(starts_from(cell.spec))
        start, own = before[name], cell.spec
        for what, theirs, ours in (
            ("architecture", start.network.architecture, own.network.architecture),
            ("encoder", start.network.encoder, own.network.encoder),
            ("label map", start.label_map, own.label_map),
        ):
            if theirs != ours:
                raise ConfigurationError(
                    f"study '{study.name}', cell {cell.name}: network.weights: the run '{name}' has another {what}:"
                    f" {theirs}, not {ours}",
                    code="invalid_study",
                    hint="take network.encoder_weights for the encoder alone, or a run of the same network",
                )


def _weights_field(spec: TrainingSpec) -> str:
    return "weights" if spec.network.weights is not None else "encoder_weights"


def check_metric(study: Study, classes: list[str]) -> None:
    """See whether the report's metric is one that every run has.

    Raises:
        ConfigurationError: It is not; the hint names the nearest.
    """
    plain = ["mean_dataset_iou", "mean_image_iou", "mean_dice", "mean_boundary_f", "loss"]
    figures = ["iou", "dice", "precision", "recall", "boundary_f"]
    assert all(name in SegmentationScores.model_fields for name in plain)
    assert all(name in ClassScore.model_fields for name in figures)
    of_classes = [f"dataset_iou.{name}" for name in classes]
    of_classes += [f"classes.{name}.{figure}" for name in classes for figure in figures]
    valid = [f"{part}.{name}" for part in ("test", "validation") for name in (*plain, *of_classes)]
    if study.report.metric not in valid:
        raise ConfigurationError(
            f"study '{study.name}': report.metric: runs have no figure '{study.report.metric}'",
            code="unknown_metric",
            hint=nearest(study.report.metric, valid)[:400],
        )


def _base(study: Study) -> dict[str, Any]:
    if isinstance(study.base, str):
        raise ConfigurationError(
            f"study '{study.name}': base: '{study.base}' is a path",
            code="path_not_allowed",
            hint="put the training document there",
        )
    document: dict[str, Any] = apply_overrides(study.base, study.set)
    return document


def _check_paths(axes: Mapping[str, Axis]) -> None:
    owner: dict[str, str] = {}
    for name, axis in axes.items():
        for path in {path for change in axis.changes() for path in change}:
            for other, of in owner.items():
                if of != name and (path == other or path.startswith(f"{other}.") or other.startswith(f"{path}.")):
                    raise ConfigurationError(
                        f"axes '{of}' and '{name}' both set '{min(path, other, key=len)}'",
                        code="contradictory_axes",
                        hint="let one axis set it, with options",
                    )
            owner[path] = name


def _cell(
    study: Study, base: dict[str, Any], values: dict[str, str], changes: dict[str, Any], where: str | None = None
) -> Cell:
    where = where or f"study '{study.name}', cell " + ", ".join(f"{name} {value}" for name, value in values.items())
    try:
        document = apply_overrides(base, changes)
        _with_mix(study, document)
        kinds = _with_versions(study, document)
        document["name"] = None  # no part of what a run is
        _without_empty_stages(document, where)
        spec = validate(TrainingSpec, document, source=where)
    except ConfigurationError as error:
        message = error.message if error.message.startswith(where) else f"{where}: {error.message}"
        raise ConfigurationError(message, code=error.code, hint=error.hint, context=error.context) from None
    wanted = starts_from(spec)
    if wanted is not None and wanted not in study.before:
        raise ConfigurationError(
            f"{where}: network.{_weights_field(spec)}: no run '{wanted}' stands under before",
            code="invalid_study",
            hint=nearest(wanted, study.before) or "describe it under before",
        )
    return Cell(values, spec, kinds)


def _with_mix(study: Study, document: dict[str, Any]) -> None:
    """Put the sources of a mix that the study knows in its place; those of the registry are read when it is planned."""
    data = document.get("data")
    name = data.get("mix") if isinstance(data, dict) else None
    if not isinstance(data, dict) or name is None:
        return
    if data.get("train"):
        raise ConfigurationError(
            f"data.mix: '{name}' and data.train are both given", code="invalid_study", hint="keep one of them"
        )
    if name in study.mixes:
        data["train"] = [dict(source) for source in study.mixes[name]]
        data["mix"] = None


def _with_versions(study: Study, document: dict[str, Any]) -> tuple[Subsets, ...]:
    """Put versions in place of the study's names for datasets; how each training source draws its images."""
    data = document.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("train", []), list):
        return ()  # validation says what is wrong
    train = data.get("train", [])
    kinds: list[Subsets] = []
    for source in [*train, data.get("validation"), data.get("test")]:
        if not isinstance(source, dict) or not isinstance(source.get("dataset"), str):
            continue
        called = source["dataset"]
        version = study.version_of(called)
        if "@" not in version:
            raise ConfigurationError(
                f"no dataset '{called}' stands under datasets",
                code="unknown_dataset",
                hint=nearest(called, study.datasets) or "write name@version, or name it under datasets",
            )
        source["dataset"] = version
        if len(kinds) < len(train):
            kinds.append(_subsets(study, called, version))
    for stage in document.get("stages") or ():
        if isinstance(stage, dict) and isinstance(stage.get("on"), list):
            stage["on"] = [study.version_of(name).split("@")[0] for name in stage["on"] if isinstance(name, str)]
    augmentation = document.get("augmentation")
    paste = augmentation.get("paste") if isinstance(augmentation, dict) else None
    for field in ("of", "onto"):
        if isinstance(paste, dict) and isinstance(paste.get(field), list):
            paste[field] = [study.version_of(name).split("@")[0] for name in paste[field] if isinstance(name, str)]
    return tuple(kinds)


def _subsets(study: Study, called: str, version: str) -> Subsets:
    if not isinstance(study.subsets, dict):
        return study.subsets
    return study.subsets.get(called) or study.subsets.get(version.split("@")[0], "nested")


def _without_empty_stages(document: dict[str, Any], where: str) -> None:
    """Leave out the stages all of whose sources take no images."""
    stages = document.get("stages")
    data = document.get("data")
    if not isinstance(stages, list) or not stages or not isinstance(data, dict):
        return
    sources = [source for source in data.get("train") or () if isinstance(source, dict)]
    filled = {str(source.get("dataset")).split("@")[0] for source in sources if source.get("take", "all") != 0}
    named = {str(source.get("dataset")).split("@")[0] for source in sources}

    def is_empty(stage: Any) -> bool:
        on = stage.get("on") if isinstance(stage, dict) else None
        return isinstance(on, list) and bool(on) and set(on) <= named and not filled & set(on)

    left = [stage for stage in stages if not is_empty(stage)]
    if not left:
        raise ConfigurationError(
            f"{where}: every stage is left without images",
            code="empty_stage",
            hint="leave the cell out, or give one of its stages a dataset that takes images",
        )
    document["stages"] = left


def _subset_seed(source: TrainingSource, kind: Subsets, repeat: int) -> int:
    match kind:
        case "fixed":
            return source.seed
        case "nested":
            return (source.seed + repeat) % _SEED_RANGE
        case "independent":
            amount = source.take if source.share is None else [source.share]
            name = canonical_json([source.dataset, source.split, amount, source.seed, repeat])
            return int(digest_of(name).removeprefix("sha256:"), 16) % _SEED_RANGE
