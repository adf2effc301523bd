"""From versions to the images of a run: what is set apart, what is drawn, and what every batch is made of.

The order matters: validation groups are set apart first, out of every source of the same dataset; only then are the
sources' images drawn. The test set is whole, and shares no image and no group with anything that is learned from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np
import numpy.typing as npt

from contracts.errors import ConfigurationError
from contracts.frame import FrameRecord
from contracts.mix import DataPlan, DataSource, TrainingSource, ValidationSource, share_of
from registry.splits import reserve, subset
from training.streams import stream

SourceKey = tuple[str, str | None]
"""Version text and split."""


@dataclass(frozen=True)
class Selection:
    """Frames of one version or split."""

    dataset: str
    """`name@version`."""
    split: str | None
    places: npt.NDArray[np.int64]
    """Places in the records of the version or split."""

    @property
    def key(self) -> SourceKey:
        return self.dataset, self.split


@dataclass(frozen=True)
class SourceSelection(Selection):
    """Frames that a source gives to the mix."""

    name: str
    """What reports call the source: dataset and split, numbered where they come twice."""
    weight: Fraction
    """Relative share of each batch."""

    @property
    def dataset_name(self) -> str:
        return self.dataset.split("@")[0]


@dataclass(frozen=True)
class Mix:
    """All frames of a run."""

    train: tuple[SourceSelection, ...]
    validation: Selection
    test: Selection


def sources_of(plan: DataPlan) -> list[SourceKey]:
    """Every version and split that the plan reads, once; sources that take nothing are not read.

    Raises:
        ConfigurationError: The plan names a mix whose sources nobody has put in its place.
    """
    if plan.mix is not None and not plan.train:
        raise ConfigurationError(
            f"data.mix: '{plan.mix}' has not been read", hint="`beltline train` puts its sources in its place"
        )
    train = [source for source in plan.train if source.take != 0]
    return list(dict.fromkeys((source.dataset, source.split) for source in [*train, plan.validation, plan.test]))


def draw(plan: DataPlan, records: Mapping[SourceKey, Sequence[FrameRecord]]) -> Mix:
    """Carry out a data plan.

    Args:
        plan: What to set apart, draw and test on.
        records: Frames by version and split, for all of `sources_of(plan)`.

    Raises:
        ConfigurationError: The plan asks for more images than there are, leaves a source without images, or learns
            from images or groups that it tests on.
    """
    validation_records = records[plan.validation.dataset, plan.validation.split]
    validation = reserved(plan.validation, validation_records)
    test_records = records[plan.test.dataset, plan.test.split]
    test = Selection(plan.test.dataset, plan.test.split, np.arange(len(test_records)))
    apart = _Footprint(plan.validation, (validation_records[place] for place in validation.places))
    tested = _Footprint(plan.test, test_records)
    tested.refuse(apart.source, "data.validation", (validation_records[place] for place in validation.places))
    selections: list[SourceSelection] = []
    for number, source in enumerate(plan.train):
        if source.take == 0:
            continue
        own = records[source.dataset, source.split]
        tested.refuse(source, f"data.train.{number}", own)
        left = [place for place, record in enumerate(own) if not apart.holds(source, record)]
        places = _drawn(source, f"data.train.{number}", own, left)
        name = _name(source, [selection.name for selection in selections])
        weight = Fraction(source.weight).limit_denominator(10**6)
        selections.append(SourceSelection(source.dataset, source.split, places, name, weight))
    return Mix(tuple(selections), validation, test)


def reserved(source: ValidationSource, records: Sequence[FrameRecord]) -> Selection:
    """The images that are set apart for validation.

    Args:
        source: How many, and by which seed.
        records: All frames of its version or split.

    Raises:
        ConfigurationError: There are fewer.
    """
    if source.reserve == "all":
        places = list(range(len(records)))
    else:
        if source.reserve > len(records):
            raise ConfigurationError(
                f"data.validation: reserve {source.reserve} of {source.dataset}, which has {len(records)} images",
                code="mix_too_large",
                hint=f"reserve at most {len(records)}",
            )
        reserved, _ = reserve(list(records), source.reserve, source.seed)
        wanted = {record.index for record in reserved}
        places = [place for place, record in enumerate(records) if record.index in wanted]
    return Selection(source.dataset, source.split, np.array(places, dtype=np.int64))


def _drawn(
    source: TrainingSource, where: str, records: Sequence[FrameRecord], left: Sequence[int]
) -> npt.NDArray[np.int64]:
    """Take images at random; unless they are independent, takes of one seed are nested: 16 are among the 64."""
    take = len(left) if source.take == "all" else source.take
    if source.share is not None:
        take = share_of(source.share, len(left))
        if take == 0:
            raise ConfigurationError(
                f"{where}: a share of {source.share:g} of {source.dataset}, which has {len(left)} images, is none",
                code="mix_too_small",
                hint="take a larger share",
            )
    if take > len(left) or not left:
        apart = len(records) - len(left)
        raise ConfigurationError(
            f"{where}: take {source.take} of {source.dataset}, which has {len(left)} images"
            + (f" beside the {apart} that are set apart for validation" if apart else ""),
            code="mix_too_large",
            hint=f"take at most {len(left)}" if left else "reserve fewer images or validate on another dataset",
        )
    chosen = subset([records[place] for place in left], take, source.seed, subsets=source.subsets)
    taken = {record.index for record in chosen}
    return np.array([place for place in left if records[place].index in taken], dtype=np.int64)


def _name(source: DataSource, taken: Sequence[str]) -> str:
    name = f"{source.dataset}/{source.split}" if source.split else source.dataset
    number = sum(other == name or other.startswith(f"{name}#") for other in taken) + 1
    return name if number == 1 else f"{name}#{number}"


class _Footprint:
    """Images and groups of a selection, to find them again in other sources.

    Images are known by their digest, wherever they turn up; groups by their name within the same dataset, of whatever
    version, since two datasets may use one group name for different things.
    """

    def __init__(self, source: DataSource, records: Iterable[FrameRecord]) -> None:
        self.source = source
        self.dataset_name = source.dataset.split("@")[0]
        self.images: set[str] = set()
        self.groups: set[str] = set()
        for record in records:
            self.images.add(record.files["image"])
            if record.group is not None:
                self.groups.add(record.group)

    def holds(self, source: DataSource, record: FrameRecord) -> bool:
        in_group = source.dataset.split("@")[0] == self.dataset_name and record.group in self.groups
        return in_group or record.files["image"] in self.images

    def refuse(self, source: DataSource, where: str, records: Iterable[FrameRecord]) -> None:
        """Raise if `records` share an image or a group with the test set."""
        shared = [record for record in records if self.holds(source, record)]
        if not shared:
            return
        first = f"group '{shared[0].group}'" if shared[0].group in self.groups else f"frame {shared[0].index}"
        raise ConfigurationError(
            f"{where}: {len(shared)} images of {_name(source, [])} are, or share a group with, images of the test set"
            f" {_name(self.source, [])} (such as {first})",
            code="test_set_leak",
            hint="train on a split that the test set has no part in",
            context={"images": len(shared)},
        )


@dataclass(frozen=True)
class BatchItem:
    """One sample of a batch."""

    source: int
    """Index in the mix's training sources."""
    place: int
    """Place in the records of the source's version or split."""


class BatchSampler:
    """Which samples make up batch k of a stage: a pure function of (seed, stage, k).

    Each source's share of all batches so far is exact to within one sample per source, and each source is walked
    through in epochs: every image once, in a fresh random order, before any comes again.

    Args:
        sources: All training sources of the mix.
        on: Dataset names that take part; none is all.
        stage: The stage's name.
        batch_size: Samples in a batch.
        seed: The run's seed.

    Raises:
        ConfigurationError: No source takes part.
    """

    def __init__(
        self,
        sources: Sequence[SourceSelection],
        *,
        on: Sequence[str] | None,
        stage: str,
        batch_size: int,
        seed: int,
    ) -> None:
        self._sources = [
            (number, source) for number, source in enumerate(sources) if on is None or source.dataset_name in on
        ]
        if not self._sources:
            raise ConfigurationError(
                f"stage '{stage}' is left without images: its sources take 0",
                code="empty_stage",
                hint="leave the stage out, or take images from one of its datasets",
            )
        total = sum((source.weight for _, source in self._sources), Fraction(0))
        self.shares = [source.weight / total for _, source in self._sources]
        self._stage = stage
        self._batch_size = batch_size
        self._seed = seed
        self._orders: dict[tuple[int, int], npt.NDArray[np.int64]] = {}

    def batch(self, step: int) -> list[BatchItem]:
        """Samples of the batch of `step` (from 0 in each stage)."""
        before, after = self._drawn_before(step), self._drawn_before(step + 1)
        return [
            BatchItem(number, self._at(number, source, position))
            for (number, source), start, stop in zip(self._sources, before, after, strict=True)
            for position in range(start, stop)
        ]

    def _drawn_before(self, step: int) -> list[int]:
        """Samples of each source in all batches before `step`.

        Later sources get the whole part of their share of what is left over, the first one the rest: integers that
        sum to step * batch_size and never decrease, in exact arithmetic.
        """
        left, share_left = step * self._batch_size, Fraction(1)
        counts = [0] * len(self.shares)
        for index in range(len(self.shares) - 1, 0, -1):
            counts[index] = floor(left * self.shares[index] / share_left)
            left -= counts[index]
            share_left -= self.shares[index]
        counts[0] = left
        return counts

    def _at(self, number: int, source: SourceSelection, position: int) -> int:
        epoch, index = divmod(position, len(source.places))
        if (number, epoch) not in self._orders:
            self._orders = {
                key: order for key, order in self._orders.items() if key[0] != number or key[1] >= epoch - 1
            }
            draws = stream(self._seed, "order", self._stage, source.name, epoch)
            self._orders[number, epoch] = source.places[draws.permutation(len(source.places))]
        return int(self._orders[number, epoch][index])
