"""Mixes: which versions a training run learns from, how much of each, and their share of every batch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contracts.document import Document
from contracts.ids import Name, Seed, VersionText


class DataSource(Document):
    """A dataset version, or one split of it."""

    dataset: VersionText
    """`name@version`."""
    split: Name | None = None
    """One split; none is the whole version."""


class TrainingSource(DataSource):
    """A source of a mix."""

    take: Annotated[int, Field(ge=0)] | Literal["all"] = "all"
    """Images taken at random, without repetition; `0` leaves the source out."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Relative share of each batch."""
    seed: Seed = 0
    """Of the random choice of images."""


class ValidationSource(DataSource):
    """Images set apart before the mix is drawn, the same for every run of a study."""

    reserve: Annotated[int, Field(ge=1)] | Literal["all"] = "all"
    """Least number of images; whole groups are reserved until it is reached."""
    by: Literal["group"] = "group"
    """What is never cut apart."""
    seed: Seed = 0
    """Of the random choice of groups."""


class DataPlan(Document):
    """All data of a run."""

    train: Annotated[tuple[TrainingSource, ...], Field(min_length=1, max_length=64)]
    validation: ValidationSource
    test: DataSource

    @model_validator(mode="after")
    def _something_left(self) -> DataPlan:
        if all(source.take == 0 for source in self.train):
            raise ValueError("train: every source takes 0 images")
        return self
