"""A study: a table of training runs and the question it answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from contracts.document import Document, SchemaVersion
from contracts.errors import nearest
from contracts.ids import Name


class Axis(Document):
    """A field of the base run that the study varies."""

    path: Annotated[str, Field(min_length=1)]
    """Dotted path in the training document, such as `data.train.0.take`."""
    values: Annotated[tuple[Any, ...], Field(min_length=1, max_length=1000)]
    """Its values."""


class UntilConfident(Document):
    """Precision at which a cell of the table has been repeated enough."""

    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Of the interval of the mean."""
    half_width_of_mean: Annotated[float, Field(gt=0)] = 0.025
    """Half width of the interval over the mean."""


class Repeats(Document):
    """How often every cell is run, with seeds 0, 1, 2 and so on."""

    until: UntilConfident | None = None
    """None: `at_most` times."""
    at_least: Annotated[int, Field(ge=1)] = 1
    at_most: Annotated[int, Field(ge=1, le=1000)] = 1

    @model_validator(mode="after")
    def _ordered(self) -> Repeats:
        if self.at_least > self.at_most:
            raise ValueError("at_least lies above at_most")
        return self


class Comparison(Document):
    """A statistical question about an axis."""

    each: Name
    """Axis whose values are compared..."""
    against: dict[Name, Any]
    """...with this value of it."""
    test: Literal["welch", "paired_t"] = "welch"
    alternative: Literal["greater", "less", "two_sided"] = "two_sided"
    correction: Literal["holm", "none"] = "holm"


class StudyReport(Document):
    """What the report shows."""

    metric: Annotated[str, Field(min_length=1)]
    """Dotted path in the run's result, such as `test.mean_dataset_iou`."""
    compare: Comparison | None = None
    figures: tuple[Name, ...] = ()


class Study(Document):
    """A study, as a user writes it."""

    schema_version: SchemaVersion
    name: Name
    question: str = ""
    base: str | dict[str, Any]
    """Path of a training document, or the document itself."""
    axes: Annotated[dict[Name, Axis], Field(min_length=1, max_length=8)]
    repeats: Repeats = Repeats()
    report: StudyReport

    @model_validator(mode="after")
    def _axes_named(self) -> Study:
        compare = self.report.compare
        for name in [compare.each, *compare.against] if compare else []:
            if name not in self.axes:
                raise ValueError(f"report.compare: no axis '{name}', {nearest(name, self.axes)}")
        return self
