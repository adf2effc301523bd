"""What the images of a study's versions show to be wrong, before any run: amounts, leaks, stages without images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from contracts.errors import BeltlineError, ConfigurationError
from contracts.frame import FrameRecord
from contracts.ids import canonical_json
from contracts.mix import DataPlan
from contracts.run import TrainingSpec
from contracts.study import Axis
from contracts.study_cells import Cell
from contracts.study_order import StudyOrder
from registry.reader import open_version
from training.lengths import StageLength, stage_lengths
from training.mixing import BatchSampler, Mix, SourceKey, draw, sources_of


class DataOfStudy:
    """The versions of a study as its cells use them. Cells that differ in amounts alone are looked at together.

    Args:
        order: Names the versions.
        cells: All cells, or preparatory runs as cells.

    Raises:
        ConfigurationError: A cell asks for more images than there are, learns from what it tests on, or has a stage
            without images; the message names the cell.
        NotFoundError: A version has no such split.
        IntegrityError: A manifest is damaged.
    """

    def __init__(self, order: StudyOrder, cells: Sequence[Cell]) -> None:
        self._order = order
        self._records: dict[SourceKey, Sequence[FrameRecord]] = {}
        self._mixes: dict[bytes, Mix] = {}
        groups: dict[bytes, list[Cell]] = defaultdict(list)
        for cell in cells:
            groups[_kind(cell.spec.data)].append(cell)
        for kind, alike in groups.items():
            self._mixes[kind] = self._largest(alike)
            for cell in alike:
                self._check_stages(cell, self._mixes[kind])

    def amounts(self, axis: Axis, name: str, cells: Sequence[Cell]) -> tuple[float | None, ...]:
        """The number that each value of an axis stands for; none where it stands for none.

        Raises:
            ConfigurationError: The axis counts images, and a value of it is no number of any.
        """
        found = tuple(self._amount(axis, name, value, place, cells) for place, value in enumerate(axis.shown_values))
        if axis.role != "other" and None in found:
            value = axis.shown_values[found.index(None)]
            raise ConfigurationError(
                f"study '{self._order.study.name}': axes.{name}: role '{axis.role}' counts images, and '{value}' is no"
                " number of them",
                code="invalid_study",
                hint="call the options by numbers, or leave the role out",
            )
        return found

    def lengths(self, spec: TrainingSpec) -> tuple[StageLength, ...]:
        """The length of each stage of a cell's run, or of a repeat of it."""
        mix = self._mixes[_kind(spec.data)]
        used = [source for source in spec.data.train if source.take != 0]
        images = [
            (chosen.dataset_name, len(chosen.places) if isinstance(source.take, str) else source.take)
            for source, chosen in zip(used, mix.train, strict=True)
        ]
        return stage_lengths(spec, images)

    def _amount(self, axis: Axis, name: str, value: str, place: int, cells: Sequence[Cell]) -> float | None:
        counted: list[int] = []
        for path, item in axis.changes()[place].items():
            parts = path.split(".")
            if parts[:2] != ["data", "train"]:
                continue
            if parts[3:] == ["take"] and item == "all":
                counted.append(int(parts[2]))
            if parts[3:] == ["share"] and item is not None and axis.role != "other":
                return self._counted(int(parts[2]), name, value, cells)  # a number, and not of images
        try:
            return float(value) if float(value) >= 0 else None
        except ValueError:
            return self._counted(counted[0], name, value, cells) if counted else None

    def _counted(self, source: int, name: str, value: str, cells: Sequence[Cell]) -> float | None:
        """Images that a source gives in the first cell with a value of an axis."""
        return next((float(self._taken(cell, source)) for cell in cells if cell.values[name] == value), None)

    def _taken(self, cell: Cell, source: int) -> int:
        """Images that a source gives whose amount is all, or a share."""
        mix = self._mixes[_kind(cell.spec.data)]
        used = [place for place, item in enumerate(cell.spec.data.train) if item.take != 0]
        return len(mix.train[used.index(source)].places)

    def _largest(self, cells: Sequence[Cell]) -> Mix:
        """The mix with every source's largest amount: where it can be drawn, those of all the cells can."""
        plan = cells[0].spec.data
        numbers = []
        for place in range(len(plan.train)):
            takes = [cell.spec.data.train[place].take for cell in cells]
            numbers.append(([take for take in takes if take != "all"], "all" in takes))
        with_numbers = plan.model_copy(
            update={
                "train": tuple(
                    source.model_copy(update={"take": max(amounts) if amounts else "all"})
                    for source, (amounts, _) in zip(plan.train, numbers, strict=True)
                )
            }
        )
        with_all = plan.model_copy(
            update={
                "train": tuple(
                    source.model_copy(update={"take": "all" if has_all else max(amounts)})
                    for source, (amounts, has_all) in zip(plan.train, numbers, strict=True)
                )
            }
        )
        try:
            mix = self._drawn(with_numbers)
            return mix if with_all == with_numbers else self._drawn(with_all)
        except BeltlineError as error:
            for cell in cells:  # which one is it?
                try:
                    self._drawn(cell.spec.data)
                except BeltlineError as of_cell:
                    raise self._in_cell(cell, of_cell) from None
            raise self._in_cell(cells[0], error) from None

    def _drawn(self, plan: DataPlan) -> Mix:
        for dataset, split in sources_of(plan):
            if (dataset, split) not in self._records:
                version = open_version(self._order.store, self._order.versions[dataset], name=dataset)
                self._records[dataset, split] = version.records(split)
        return draw(plan, self._records)

    def _check_stages(self, cell: Cell, mix: Mix) -> None:
        for stage in cell.spec.stages:
            try:
                BatchSampler(
                    mix.train,
                    on=stage.on,
                    stage=stage.name,
                    batch_size=cell.spec.batch_size,
                    seed=cell.spec.seed,
                )
            except ConfigurationError as error:
                raise self._in_cell(cell, error) from None

    def _in_cell(self, cell: Cell, error: BeltlineError) -> BeltlineError:
        message = f"study '{self._order.study.name}', cell {cell.name}: {error.message}"
        return type(error)(message, code=error.code, hint=error.hint, context=error.context)


def _kind(plan: DataPlan) -> bytes:
    """What cells have in common whose plans differ in amounts and in the draw alone."""
    value = plan.model_dump(mode="json")
    for source in value["train"]:
        source["take"] = source["take"] != 0
        source["seed"] = 0
        source["weight"] = 1
    return canonical_json(value)
