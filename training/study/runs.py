"""The runs of a study: what decides each, the order that asks for it, and the result where there is one."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from contracts.document import validate
from contracts.errors import BeltlineError, ConfigurationError
from contracts.ids import Digest, canonical_json, digest_of
from contracts.label_map import LabelMap
from contracts.process import RESULT_FILE, write_document
from contracts.run import RunResult, TrainingOrder, TrainingSpec
from contracts.study_cells import starts_from
from contracts.study_order import StudyOrder
from training.study.trainer_code import code_digest

IDENTITY_FILE = "identity.json"
"""In a run's folder: all that decides the run, and the digest of that."""


@dataclass(frozen=True)
class StudyTask:
    """A training run that a study asks for."""

    spec: TrainingSpec
    label_map: LabelMap
    versions: Mapping[str, Digest]
    """Those that it reads."""
    study: StudyOrder
    start: StudyTask | None = None
    """The run whose weights it starts from."""

    @cached_property
    def identity(self) -> dict[str, object]:
        """All that decides the run, as JSON types."""
        spec = self.spec.model_dump(mode="json")
        weights = self._weights()
        if weights is not None and weights.startswith("sha256:"):
            field = "weights" if self.spec.network.weights is not None else "encoder_weights"
            spec["network"][field] = None  # where they lie decides nothing
        return {
            "spec": spec,
            "label_map": self.label_map.model_dump(mode="json"),
            "versions": dict(self.versions),
            "weights": weights,
            "trainer": _trainer_version(),
            "code": code_digest(),
        }

    @cached_property
    def digest(self) -> Digest:
        """Over all that decides the run; a run with a result is never made again."""
        return digest_of(canonical_json(self.identity))

    @property
    def run(self) -> str:
        """Id of the run."""
        return f"run-{self.digest.removeprefix('sha256:')[:16]}"

    @property
    def workspace(self) -> Path:
        """The run's own folder."""
        return Path(self.study.runs) / self.run

    def order(self) -> TrainingOrder:
        """What the trainer is asked."""
        spec = self.spec
        if self.start is not None:
            network = spec.network.starting_from(str(self.start.checkpoint()))
            spec = spec.model_copy(update={"network": network})
        return TrainingOrder(
            run=self.run,
            spec=spec,
            label_map=self.label_map,
            versions=dict(self.versions),
            store=self.study.store,
            workspace=str(self.workspace),
            cache=self.study.cache,
        )

    def prepare(self) -> None:
        """Say in the run's folder what decides it."""
        self.workspace.mkdir(parents=True, exist_ok=True)
        write_document(self.workspace / IDENTITY_FILE, {"digest": self.digest, **self.identity})

    def result(self) -> RunResult | None:
        """The result that lies in the run's folder; none where there is none, or it is of another run."""
        try:
            identity = (self.workspace / IDENTITY_FILE).read_bytes()
            if f'"{self.digest}"'.encode() not in identity:
                return None
            return RunResult.model_validate_json((self.workspace / RESULT_FILE).read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def checkpoint(self) -> Path:
        """Where the weights lie that it found best.

        Raises:
            BeltlineError: It has no result.
        """
        found = self.result()
        if found is None:
            raise BeltlineError(f"run {self.run} has no result to start from", code="no_result")
        return self.workspace / found.files["checkpoint"]

    def _weights(self) -> str | None:
        """Digest of the weights that it starts from, which no path decides."""
        if self.start is not None:
            return self.start.digest
        named = self.spec.network.start
        if named is None or named == "imagenet":
            return named
        try:
            with Path(named).open("rb") as file:
                return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ConfigurationError(
                f"network: the weights {named} can't be read: {error.strerror}",
                code="invalid_network",
                hint="check the path",
            ) from None


@cache
def _trainer_version() -> str:
    return importlib.metadata.version("beltline")


def make_task(spec: TrainingSpec, study: StudyOrder, before: Mapping[str, StudyTask]) -> StudyTask:
    """The run that a spec of the study means.

    Args:
        spec: From `contracts.study_cells`.
        study: What was asked.
        before: Preparatory runs by name.
    """
    sources = (*spec.data.train, spec.data.validation, spec.data.test)
    names = sorted({source.dataset for source in sources if getattr(source, "take", None) != 0})
    wanted = starts_from(spec)
    return StudyTask(
        spec=spec,
        label_map=label_map_of(spec, study),
        versions={name: study.versions[name] for name in names},
        study=study,
        start=before[wanted] if wanted is not None else None,
    )


def label_map_of(spec: TrainingSpec, study: StudyOrder) -> LabelMap:
    """The label map that a run's spec names or holds."""
    match spec.label_map:
        case LabelMap():
            return spec.label_map
        case str(name):
            return study.label_maps[name]
        case classes:
            value = {"schema_version": 1, "name": "inline", "classes": classes}
            return validate(LabelMap, value, source="label_map")
