"""Plans: everything that carrying a job out needs, resolved when it was asked for, and kept with it.

A plan never changes: the cut into shards, too, is as it was on the first attempt, so that every attempt finds its
predecessor's work.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from contracts.dataset import SourceTerms
from contracts.document import Document
from contracts.generator import Generator
from contracts.ids import Digest, Name
from contracts.import_report import MetadataKind
from contracts.label_map import LabelMap
from contracts.run import TrainingSpec
from contracts.shard import BridgeSettings, PlayerCommand
from contracts.study import Study

_FRAMES_WORTH_A_WORKER = 4


class Stretch(Document):
    """Frame indices of one shard."""

    first: Annotated[int, Field(ge=0)]
    count: Annotated[int, Field(ge=1)]


class RenderPlan(Document):
    """A render batch."""

    kind: Literal["render"] = "render"
    generator: Generator
    """Resolved."""
    seed: int
    frames: Annotated[int, Field(ge=1)]
    shards: tuple[Stretch, ...]
    player: PlayerCommand
    bridge: BridgeSettings
    dataset: Name
    allow_gaps: bool


class ImportPlan(Document):
    """An import of real images."""

    kind: Literal["import"] = "import"
    format: str
    path: str | None
    """Absolute; none where an archive was uploaded."""
    archive: str | None = None
    """Uploaded archive, in the job's folder."""
    name: Name
    classes: str | None
    groups: str | None
    images: str | None = None
    splits: dict[Name, str]
    shares: dict[Name, float] = {}
    seed: int = 0
    license: str | None
    consent: str | None = None
    keep_metadata: tuple[MetadataKind, ...] = ()
    description: str


class TrainPlan(Document):
    """A training run."""

    kind: Literal["train"] = "train"
    run: Name
    spec: TrainingSpec
    label_map: LabelMap
    versions: dict[str, Digest]
    terms: tuple[SourceTerms, ...] = ()
    """License and consent of the versions, which hold for the model too."""


class StudyPlan(Document):
    """A study."""

    kind: Literal["study"] = "study"
    study_id: Name
    study: Study
    """With the base run in place."""
    study_digest: Digest
    versions: dict[str, Digest]
    label_maps: dict[Name, LabelMap]
    """Those that its runs name."""
    runs: Annotated[int, Field(ge=1)]
    """That it makes whatever they show."""
    parallel: Annotated[int, Field(ge=1)] | None = None
    """Runs at a time; none: as many as cores and memory allow."""
    terms: tuple[SourceTerms, ...] = ()
    """License and consent of the versions, which hold for its models too."""


Plan = Annotated[RenderPlan | ImportPlan | TrainPlan | StudyPlan, Field(discriminator="kind")]
PLAN: TypeAdapter[RenderPlan | ImportPlan | TrainPlan | StudyPlan] = TypeAdapter(Plan)


def cut(frames: int, workers: int) -> tuple[Stretch, ...]:
    """Frame indices as at most `workers` stretches, in order, whose lengths differ by one at most."""
    workers = min(workers, frames)
    short, longer = divmod(frames, workers)
    stretches = []
    first = 0
    for number in range(workers):
        count = short + (1 if number < longer else 0)
        stretches.append(Stretch(first=first, count=count))
        first += count
    return tuple(stretches)


def choose_workers(frames: int, available: int) -> int:
    """Workers for a batch that names no number: all there are, where each has enough to do to be worth its start."""
    return max(1, min(available, frames // _FRAMES_WORTH_A_WORKER))
