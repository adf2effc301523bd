"""Documents that people send: which kind one is, whether it holds, and what is shown of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.document import read_yaml, validate
from contracts.errors import ConfigurationError
from contracts.generator import Generator, resolve_generator
from contracts.label_map import LabelMap
from contracts.run import TrainingSpec
from contracts.study import Study
from contracts.study_cells import expand, preparatory_runs
from contracts.study_file import resolve_study
from server.own_files import check_own_vehicles
from server.resources import GeneratorSummary, ValidationResult
from server.study_planning import shipped_studies

_KINDS: tuple[tuple[str, frozenset[str], type[Generator] | type[TrainingSpec] | type[Study] | type[LabelMap]], ...] = (
    ("study", frozenset({"axes", "base", "repeats", "report"}), Study),
    ("training-run", frozenset({"data", "stages", "label_map", "network"}), TrainingSpec),
    ("label-map", frozenset({"classes"}), LabelMap),
    ("generator", frozenset({"scenario", "randomizers", "extends", "labels", "camera"}), Generator),
)
"""Kinds of documents with the fields that tell them apart, in the order in which they are tried."""


def check_document(
    document: str | Mapping[str, Any], generators: Path, *, source: str, beside: Path | None
) -> ValidationResult:
    """Check a generator, training run, study or label map.

    Args:
        document: YAML text or plain value.
        generators: Folder of the generators that one may extend.
        source: What an error calls the document.
        beside: Folder that is searched for them first; none allows no paths.

    Raises:
        ConfigurationError: Invalid; `context["errors"]` lists every fault.
        NotFoundError: It extends a generator that there is not.
    """
    value, lines = read_yaml(document, source) if isinstance(document, str) else (dict(document), None)
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{source}: a document is a mapping of fields", hint="see `beltline schema`")
    for kind, fields, model in _KINDS:
        if not fields & value.keys():
            continue
        if model is Generator:
            folder = Path(source).parent if beside is not None else None
            own: dict[str, Path] = {}
            found = resolve_generator(document, generators, source=source, beside=folder, found=own.__setitem__)
            check_own_vehicles(found, own)
            return ValidationResult(kind=kind, name=found.name, digest=found.digest())
        if model is Study:
            folder = Path(source).parent if beside is not None else None
            study = resolve_study(value, shipped_studies(), source=source, beside=folder, lines=lines)
            expand(study)
            preparatory_runs(study)
            return ValidationResult(kind=kind, name=study.name)
        checked = validate(model, dict(value), source=source, lines=lines)
        return ValidationResult(kind=kind, name=getattr(checked, "name", None))
    raise ConfigurationError(
        f"{source}: this is no document that Beltline knows",
        code="unknown_document",
        hint="a generator has randomizers, a training run has data and stages, a study has axes, "
        "a label map has classes",
    )


def summarize(generator: Generator) -> GeneratorSummary:
    """A generator as a line of a list."""
    return GeneratorSummary(
        name=generator.name,
        description=generator.description,
        scenario=generator.scenario,
        size=generator.camera.size,
        labels=list(generator.labels),
        digest=generator.digest(),
    )
