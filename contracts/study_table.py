"""The results of a study: one row a run, also of those that failed or were not run, and what their cells mean."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contracts.document import Document, SchemaVersion
from contracts.errors import nearest
from contracts.ids import Digest, Name, Seed, VersionText
from contracts.scores import PartScore

STUDY_TABLE_FILE = "table.json"
"""In the folder of a study."""

Shown = Annotated[str, Field(min_length=1, max_length=200)]
"""A value of an axis as a reader sees it, such as `512`, `all` or `resnet34`."""


class TableAxis(Document):
    """Something that the study varied."""

    name: Name
    title: str = ""
    """What a reader calls it, such as `photographs`; empty: `real images`, `synthetic images`, or its name."""
    role: Literal["real_images", "synthetic_images", "other"] = "other"
    """Whether its values are amounts of real or of synthetic images: what exchange rate and break-point go by."""
    values: Annotated[tuple[Shown, ...], Field(min_length=1, max_length=1000)]
    """As shown, in the order of the study."""
    amounts: tuple[Annotated[float, Field(ge=0)] | None, ...] = ()
    """The number that each value stands for, such as 263 for `all`; empty, or none, where it stands for no number.
    Amounts of images have one of each."""

    @property
    def shown_title(self) -> str:
        return self.title or (self.name if self.role == "other" else self.role).replace("_", " ")

    @model_validator(mode="after")
    def _consistent(self) -> TableAxis:
        if len(set(self.values)) < len(self.values):
            raise ValueError(f"values: axis '{self.name}' has a value twice")
        if self.amounts and len(self.amounts) != len(self.values):
            raise ValueError(f"amounts: axis '{self.name}' has {len(self.amounts)} of {len(self.values)} values")
        if self.role != "other" and (not self.amounts or None in self.amounts):
            raise ValueError(f"amounts: axis '{self.name}' counts images, so each value needs its number")
        return self


class ValidationPoint(Document):
    """One evaluation of a run on its validation images."""

    step: Annotated[int, Field(ge=0)]
    """Optimizer steps until then."""
    mean_dataset_iou: float


class StudyRun(Document):
    """One run of a study: a cell of the table, and which repeat of it."""

    cell: Annotated[dict[Name, Shown], Field(min_length=1)]
    """Value of every axis, as shown."""
    repeat: Annotated[int, Field(ge=0)]
    """From 0. Runs of one repeat share seed and images across cells, so they are pairs."""
    seed: Seed
    state: Literal["succeeded", "failed", "not_run"]
    reason: str | None = None
    """Why it failed or was not run, such as `weights absent`."""
    run: str | None = None
    """Id of the run."""
    run_digest: Digest | None = None
    """Over all that makes the run."""
    datasets: dict[VersionText, Digest] = {}
    """Versions that it learned from and was tested on."""
    scores: dict[str, float | None] = {}
    """Figures by dotted path in the run's result, such as `test.mean_dataset_iou` and `test.classes.mirror.iou`."""
    parts: tuple[PartScore, ...] = ()
    """Groups and slices of the test set."""
    validation_curve: tuple[ValidationPoint, ...] = ()
    """All evaluations during training, in order."""
    seconds: Annotated[float, Field(ge=0)] | None = None
    """That the run took."""

    @model_validator(mode="after")
    def _consistent(self) -> StudyRun:
        if self.state == "succeeded" and not (self.scores and self.run and self.run_digest):
            raise ValueError("a run that succeeded has scores, an id and a digest")
        if self.state != "succeeded" and not self.reason:
            raise ValueError("reason: say why the run has no result")
        if self.state != "succeeded" and (self.scores or self.parts or self.validation_curve):
            raise ValueError("scores, validation_curve: only a run that succeeded has any")
        return self


class StudyTable(Document):
    """All runs of a study, as its report reads them."""

    schema_version: SchemaVersion
    study: Name
    study_digest: Digest
    """Over the study's document."""
    question: str = ""
    axes: Annotated[tuple[TableAxis, ...], Field(min_length=1, max_length=8)]
    notes: tuple[str, ...] = ()
    """Sentences that belong beside every figure, such as what was tested on, and what was filled in."""
    runs: tuple[StudyRun, ...]

    def axis(self, name: str) -> TableAxis:
        """An axis by its name.

        Raises:
            KeyError: There is none.
        """
        for axis in self.axes:
            if axis.name == name:
                return axis
        raise KeyError(name)

    @model_validator(mode="after")
    def _consistent(self) -> StudyTable:
        axes = {axis.name: set(axis.values) for axis in self.axes}
        if len(axes) < len(self.axes):
            raise ValueError("axes: a name stands twice")
        for role in ("real_images", "synthetic_images"):
            if sum(axis.role == role for axis in self.axes) > 1:
                raise ValueError(f"axes: several count {role.replace('_', ' ')}")
        seen: set[tuple[tuple[str, ...], int]] = set()
        for place, run in enumerate(self.runs):
            if run.cell.keys() != axes.keys():
                raise ValueError(f"runs.{place}.cell: has the axes {sorted(run.cell)}, not {sorted(axes)}")
            for name, value in run.cell.items():
                if value not in axes[name]:
                    raise ValueError(f"runs.{place}.cell.{name}: no value '{value}', {nearest(value, axes[name])}")
            key = (tuple(run.cell[name] for name in axes), run.repeat)
            if key in seen:
                raise ValueError(f"runs.{place}: repeat {run.repeat} of its cell stands twice")
            seen.add(key)
        return self
