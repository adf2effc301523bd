"""A study: a table of training runs and the question it answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from contracts.document import Document, SchemaVersion
from contracts.errors import nearest
from contracts.ids import Name, VersionText
from contracts.mix import MixName
from contracts.study_table import Shown

Scalar = str | int | float | bool | None
Path = Annotated[str, Field(min_length=1, max_length=200)]
Positive = Annotated[float, Field(gt=0)]
Subsets = Literal["nested", "independent", "fixed"]
RUN_PREFIX = "run:"
"""Before the name of a preparatory run, where a path of weights may stand."""


def shown(value: Scalar) -> str:
    """A value of an axis as a reader sees it."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


class Axis(Document):
    """Something that the study varies: one field of the base run over `values`, or several together over `options`."""

    path: Path | None = None
    """Dotted path in the training document, such as `data.train.0.take`."""
    values: Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=1000)] | None = None
    """Values of the field."""
    options: Annotated[dict[Shown, dict[Path, Any]], Field(min_length=1, max_length=1000)] | None = None
    """What readers call each value, with the fields that it sets, by their paths."""
    role: Literal["real_images", "synthetic_images", "other"] = "other"
    """Whether the values are amounts of real or of synthetic images: what exchange rate and break-point go by."""
    title: Annotated[str, Field(max_length=100)] = ""
    """What a reader calls the axis; empty: its name."""

    @property
    def shown_values(self) -> tuple[str, ...]:
        """Values as readers see them, in order."""
        return tuple(self.options) if self.options is not None else tuple(shown(value) for value in self.values or ())

    def changes(self) -> list[dict[str, Any]]:
        """Fields that each value sets, by their paths."""
        if self.options is not None:
            return list(self.options.values())
        return [{str(self.path): value} for value in self.values or ()]

    @model_validator(mode="after")
    def _one_way(self) -> Axis:
        if self.options is not None and (self.path is not None or self.values is not None):
            raise ValueError("an axis has path and values, or options, not both")
        if self.options is None and (self.path is None or self.values is None):
            raise ValueError("an axis has a path and its values, or options")
        if len(set(self.shown_values)) < len(self.shown_values):
            raise ValueError("values: a value stands twice")
        return self


class UntilConfident(Document):
    """Precision at which a cell of the table has been repeated enough."""

    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Of the interval of the mean."""
    half_width_of_mean: Annotated[float, Field(gt=0)] = 0.025
    """Half width of the interval over the mean: 0.025 is a whole width of 5 % of the mean ([BMW])."""
    rule: Literal["plain", "corrected"] = "plain"
    """`plain` takes the same interval after every repeat ([BMW]); since it stops when the spread happens to look small,
    the last interval covers the mean less often than it says. `corrected` takes wider ones, so the last one does."""


class Repeats(Document):
    """How often every cell is run, with seeds 0, 1, 2 and so on after the base run's."""

    until: UntilConfident | None = None
    """None: `at_most` times."""
    at_least: Annotated[int, Field(ge=1)] = 1
    at_most: Annotated[int, Field(ge=1, le=1000)] = 1

    @model_validator(mode="after")
    def _ordered(self) -> Repeats:
        if self.at_least > self.at_most:
            raise ValueError("at_least lies above at_most")
        return self

    @property
    def planned(self) -> int:
        """Repeats that every cell gets, whatever they show."""
        return self.at_least if self.until is not None else self.at_most


class Budget(Document):
    """When no further run is begun; what runs then is finished, and the report lists what was not run."""

    hours: Positive | None = None
    """Of the study, interruptions left out."""
    runs: Annotated[int, Field(ge=1)] | None = None
    """Trained by this study; results that were there before cost nothing."""


class StudyDataset(Document):
    """A version that the study learns from or tests on."""

    version: VersionText
    made_by: str = ""
    """Command that makes it, for those who don't have it."""


class Comparison(Document):
    """A statistical question about an axis."""

    each: Name
    """Axis whose values are compared..."""
    against: Annotated[dict[Name, Scalar], Field(min_length=1, max_length=1)]
    """...with this value of it."""
    test: Literal["welch", "paired_t"] = "welch"
    alternative: Literal["greater", "less", "two_sided"] = "two_sided"
    correction: Literal["holm", "none"] = "holm"


class StudyReport(Document):
    """What the report shows."""

    metric: Annotated[str, Field(min_length=1)] = "test.mean_dataset_iou"
    """Dotted path in the run's result, such as `test.mean_dataset_iou`, or `test.dataset_iou.mirror` of a class."""
    compare: Comparison | Annotated[tuple[Comparison, ...], Field(min_length=1, max_length=32)] | None = None
    """One question, or several."""
    figures: tuple[Name, ...] = ()

    @field_validator("metric")
    @classmethod
    def _mean_of_classes(cls, metric: str) -> str:
        """`test.dataset_iou.mean` stands in the result as `test.mean_dataset_iou`."""
        part, _, name = metric.partition(".")
        return f"{part}.mean_dataset_iou" if name == "dataset_iou.mean" else metric

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """All questions."""
        if self.compare is None:
            return ()
        return (self.compare,) if isinstance(self.compare, Comparison) else self.compare


class Study(Document):
    """A study, as a user writes it."""

    schema_version: SchemaVersion
    name: Name
    question: str = ""
    notes: tuple[str, ...] = ()
    """Sentences that belong beside every figure: what was tested on, what a paper leaves open and was filled in."""
    datasets: dict[Name, VersionText | StudyDataset] = {}
    """Versions by the names that the base run and the axes call them, so that another one is put in at one place."""
    mixes: Annotated[
        dict[MixName, tuple[dict[str, Any], ...]], Field(max_length=64, exclude_if=lambda found: not found)
    ] = {}
    """Training sources by the names that `data.mix` calls them; others are mixes of the registry."""
    base: str | dict[str, Any]
    """Path of a training document, or the document itself."""
    set: dict[Path, Any] = {}
    """Fields in which all runs differ from the base run, by their paths."""
    axes: Annotated[dict[Name, Axis], Field(min_length=1, max_length=8)]
    leave_out: Annotated[tuple[dict[Name, Scalar], ...], Field(max_length=1000)] = ()
    """Cells that are not run, by the values of some axes, such as `{real: 0, synthetic: 0}`."""
    before: Annotated[dict[Name, dict[Path, Any]], Field(max_length=32)] = {}
    """Runs that others start from, each trained once: the fields in which they differ from the base run. Where a path
    of weights may stand, `run:NAME` is the best checkpoint of such a run."""
    subsets: Subsets | dict[Name, Subsets] = "nested"
    """Which images are drawn where a source gives some of its own; one word for all, or by dataset. `nested`: fresh in
    every repeat, and the larger amounts hold the smaller ones; `independent`: fresh for every repeat and amount;
    `fixed`: the same throughout. Within a repeat, cells that differ in other axes share their images."""
    repeats: Repeats = Repeats()
    budget: Budget = Budget()
    report: StudyReport

    def version_of(self, dataset: str) -> str:
        """The `name@version` that a dataset name of the study stands for; others stay as they are."""
        found = self.datasets.get(dataset, dataset)
        return found.version if isinstance(found, StudyDataset) else found

    @model_validator(mode="after")
    def _axes_named(self) -> Study:
        for comparison in self.report.comparisons:
            for name in [comparison.each, *comparison.against]:
                self._check_axis("report.compare", name)
            if comparison.each not in comparison.against:
                raise ValueError(f"report.compare.against: name a value of the axis '{comparison.each}'")
            self._check_cell("report.compare.against", comparison.against)
        for place, cell in enumerate(self.leave_out):
            self._check_cell(f"leave_out.{place}", cell)
        return self

    @model_validator(mode="after")
    def _subsets_named(self) -> Study:
        names = set(self.datasets) | {self.version_of(name).split("@")[0] for name in self.datasets}
        for name in self.subsets if isinstance(self.subsets, dict) and self.datasets else ():
            if name not in names:
                raise ValueError(f"subsets: no dataset '{name}', {nearest(name, names)}")
        return self

    def _check_cell(self, where: str, cell: dict[str, Scalar]) -> None:
        for name, value in cell.items():
            self._check_axis(where, name)
            if shown(value) not in self.axes[name].shown_values:
                values = self.axes[name].shown_values
                raise ValueError(
                    f"{where}: axis '{name}' has no value '{shown(value)}', {nearest(shown(value), values)}"
                )

    def _check_axis(self, where: str, name: str) -> None:
        if name not in self.axes:
            raise ValueError(f"{where}: no axis '{name}', {nearest(name, self.axes)}")
