"""From a study to a plan: everything about its runs that can be known to be wrong is said here, before it is queued."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from contracts.dataset import VersionDescription
from contracts.errors import BeltlineError, ConfigurationError, NotFoundError
from contracts.ids import VersionReference, canonical_json, check_name, digest_of, new_id
from contracts.label_map import LabelMap
from contracts.mix import DataSource
from contracts.run import TrainingSpec
from contracts.study import Study, StudyDataset
from contracts.study_cells import check_metric, expand, preparatory_runs, starts_from
from registry.catalog import Catalog
from registry.label_maps.shipped import resolve_label_map
from registry.mixes import resolve_mix
from registry.splits import check_split
from registry.terms import inherited_terms
from server.jobs.plans import StudyPlan
from server.planning import check_weights
from server.settings import Settings

_STEM_LENGTH_MAX = 48


def shipped_studies() -> Path:
    """Folder of the studies that come with Beltline."""
    return Path(str(files("training"))) / "studies"


def plan_study(settings: Settings, catalog: Catalog, study: Study, parallel: int | None = None) -> StudyPlan:
    """A study whose every name is resolved.

    Raises:
        NotFoundError: Unknown dataset version, split or label map; the hint has the command that makes the version,
            where the study says one.
        ConfigurationError: A run is invalid, a label map names none of a version's labels, the report's metric is none,
            or the study names a path that it may not.
    """
    planned = _planned(study)
    if any(spec.data.mix is not None for _, spec in planned):
        study = _with_mixes(catalog, study, planned)
        planned = _planned(study)
    versions: dict[str, VersionDescription] = {}
    label_maps: dict[str, LabelMap] = {}
    seen: set[tuple[str, str, str | None]] = set()
    for where, spec in planned:
        try:
            if starts_from(spec) is None:
                check_weights(settings, spec)
            label_map = _label_map(spec, label_maps)
            if spec.augmentation.horizontal_flip:
                label_map.mirrored_ids()
            check_metric(study, list(label_map.classes))
            spec.loss.check_classes(list(label_map.classes))
            for source in _sources(spec):
                key = (str(spec.label_map), source.dataset, source.split)
                if key in seen:
                    continue
                seen.add(key)
                described = _described(catalog, study, source.dataset, versions)
                check_split(source.dataset, source.split, described.splits)
                label_map.lookup(described.labels)
            _check_amounts(spec, versions)
        except (ConfigurationError, NotFoundError) as error:
            raise _in_run(study, where, error) from None
    digests = {name: described.digest for name, described in versions.items()}
    terms = inherited_terms(
        (digest, catalog.manifest(VersionReference.parse(name))) for name, digest in digests.items()
    )
    stem = study.name[:_STEM_LENGTH_MAX].rstrip("._-")
    return StudyPlan(
        study_id=check_name(f"{stem}-{new_id('s').removeprefix('s-')}"),
        study=study,
        study_digest=digest_of(canonical_json(study)),
        versions=digests,
        label_maps=label_maps,
        runs=len(planned) * study.repeats.planned,
        parallel=parallel,
        terms=terms,
    )


def _planned(study: Study) -> list[tuple[str, TrainingSpec]]:
    """All runs but repeats, with what errors call them."""
    runs = [(cell.name, cell.spec) for cell in expand(study)]
    return runs + [(f"before {name}", spec) for name, spec in preparatory_runs(study).items()]


def _with_mixes(catalog: Catalog, study: Study, planned: Sequence[tuple[str, TrainingSpec]]) -> Study:
    """The study with the sources of the registry's mixes that its runs name."""
    mixes = dict(study.mixes)
    for where, spec in planned:
        if spec.data.mix is None or spec.data.mix in mixes:
            continue
        try:
            sources = resolve_mix(catalog, spec.data).train
        except (ConfigurationError, NotFoundError) as error:
            raise _in_run(study, where, error) from None
        mixes[spec.data.mix] = tuple(source.model_dump(mode="json") for source in sources)
    return study.model_copy(update={"mixes": mixes})


def _label_map(spec: TrainingSpec, named: dict[str, LabelMap]) -> LabelMap:
    """The run's label map; shipped ones are read once and noted, as the runs find them in the plan."""
    if not isinstance(spec.label_map, str):
        return resolve_label_map(spec.label_map)
    if spec.label_map not in named:
        named[spec.label_map] = resolve_label_map(spec.label_map)
    return named[spec.label_map]


def _sources(spec: TrainingSpec) -> list[DataSource]:
    """Sources that the run reads."""
    return [*(source for source in spec.data.train if source.take != 0), spec.data.validation, spec.data.test]


def _described(catalog: Catalog, study: Study, name: str, known: dict[str, VersionDescription]) -> VersionDescription:
    if name not in known:
        try:
            known[name] = catalog.describe(VersionReference.parse(name))
        except NotFoundError as error:
            called = [(key, item) for key, item in study.datasets.items() if study.version_of(key) == name]
            made_by = [item.made_by for _, item in called if isinstance(item, StudyDataset) and item.made_by]
            hints = [f"make it with `{made_by[0]}`"] if made_by else [error.hint]
            if called:
                hints.append(f"or name another one with --set datasets.{called[0][0]}=NAME@V")
            raise NotFoundError(
                error.message, code=error.code, hint=", ".join(filter(None, hints)), context=error.context
            ) from None
    return known[name]


def _check_amounts(spec: TrainingSpec, versions: dict[str, VersionDescription]) -> None:
    """Refuse what is more than there is at all; what validation leaves, the manifests show."""
    for number, source in enumerate(spec.data.train):
        if source.take in ("all", 0):
            continue
        described = versions[source.dataset]
        available = described.frame_count if source.split is None else described.splits[source.split]
        if int(source.take) > available:
            raise ConfigurationError(
                f"data.train.{number}: take {source.take} of {source.dataset}, which has {available} images",
                code="mix_too_large",
                hint=f"take at most {available}",
            )


def _in_run(study: Study, where: str, error: BeltlineError) -> BeltlineError:
    if error.message.startswith("study '"):
        return error
    message = f"study '{study.name}', {where}: {error.message}"
    return type(error)(message, code=error.code, hint=error.hint, context=error.context)
