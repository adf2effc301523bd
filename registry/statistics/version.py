"""Statistics of a version: two passes over its frames, in memory that does not grow with their number.

The first pass finds the range of every number, the second fills the histograms and measures pixels. What was measured
of a frame is remembered by its content (`MeasureTable`), so a version that shares frames with another one, or a
computation that was interrupted, measures only the rest.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contracts.errors import IntegrityError
from contracts.frame import FrameRecord
from contracts.frame_spec import Label
from contracts.label_map import LabelMap
from contracts.process import write_atomically
from contracts.statistics import ClassStatistics, VersionStatistics
from registry.durable import storage_error
from registry.label_maps.applied import Classes, classes_of
from registry.reader import Version
from registry.spool import SortedEntries
from registry.statistics.measures import GRID, FrameMeasure, MeasureTable
from registry.statistics.numbers import Moments, Numbers, Words, decade_edges, even_edges
from registry.statistics.parameters import flat_parameters, viewpoint
from registry.streaming import read_lines

OnProgress = Callable[[int, int], None]
"""Called with (frames done, frames)."""

_AREA_EDGES = decade_edges(-6, 0, 4)
_INSTANCE_EDGES = decade_edges(0, 8, 4)
_INSTANCES_MAX = 10
_SIZES_MAX = 50
_GROUP_BYTES = 16
"""Of a group's name, hashed."""


def version_statistics(
    version: Version, cache: Path, *, label_map: LabelMap | None = None, on_progress: OnProgress | None = None
) -> VersionStatistics:
    """Statistics of a version, from the cache where it has them.

    Args:
        version: The version.
        cache: Folder of what was found before; it may be deleted at any time.
        label_map: Classes, masks and instances are counted as it makes them; none counts the version's own.
        on_progress: Called after every frame.

    Raises:
        ConfigurationError: The version has none of the labels that the map names.
        IntegrityError: The version is damaged.
    """
    known = known_statistics(version, cache, label_map=label_map)
    if known is not None:
        return known
    classes = classes_of(version.labels, label_map)
    found = _compute(version, classes, cache / "measures.db", on_progress)
    path = _kept_in(cache, version, classes)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, found.model_dump_json().encode())
    return found


def known_statistics(version: Version, cache: Path, *, label_map: LabelMap | None = None) -> VersionStatistics | None:
    """Statistics that were found before; none where they must be computed. Arguments and errors as of
    `version_statistics`."""
    path = _kept_in(cache, version, classes_of(version.labels, label_map))
    try:
        known = VersionStatistics.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None  # never computed, or by another release
    return known if known.digest == version.digest and known.label_map == label_map else None


def _kept_in(cache: Path, version: Version, classes: Classes) -> Path:
    remaining = f".without-{len(version.erased)}" if version.erased else ""
    mapped = f".{classes.digest.removeprefix('sha256:')[:32]}" if classes.label_map is not None else ""
    return cache / f"{version.digest.removeprefix('sha256:')}{remaining}{mapped}.json"


def _compute(version: Version, classes: Classes, table: Path, on_progress: OnProgress | None) -> VersionStatistics:
    ranges: dict[str, Moments] = {}
    seen: dict[str, Moments] = {}
    for line in _records(version):
        for name, value in flat_parameters(line["parameters"]):
            if isinstance(value, float):
                ranges.setdefault(name, Moments()).add(value)
        for name, value in viewpoint(line["camera"], line["size"][0]).items():
            seen.setdefault(name, Moments()).add(value)
    try:
        with tempfile.TemporaryDirectory(prefix="beltline-groups-") as folder, MeasureTable(table) as measures:
            whole = _Whole(classes, _numbers(ranges), _numbers(seen), SortedEntries(Path(folder), _GROUP_BYTES))
            for done, line in enumerate(_records(version), 1):
                record = FrameRecord.model_validate(line)
                whole.add(line, record, measures.measure(version, record, classes))
                if on_progress is not None:
                    on_progress(done, len(version))
            return whole.result(version)
    except OSError as error:
        raise storage_error(error, f"write statistics of {version.name}") from error


def _numbers(ranges: dict[str, Moments]) -> dict[str, Numbers]:
    return {name: Numbers(even_edges(found.minimum, found.maximum)) for name, found in sorted(ranges.items())}


def _records(version: Version) -> Iterator[dict[str, Any]]:
    try:
        for line in read_lines(version.store, version.manifest.frames.digest, what=f"frames.jsonl of {version.name}"):
            found = json.loads(line)
            if found["index"] not in version.erased:
                yield found
    except ValueError as error:
        raise IntegrityError(
            f"frames.jsonl of {version.name} is damaged: {error}", hint="`beltline verify` names the file"
        ) from None


@dataclass
class _OfClass:
    """Sums of one label."""

    images: int = 0
    pixels: int = 0
    shown: Numbers = field(default_factory=lambda: Numbers(_AREA_EDGES))
    everywhere: Moments = field(default_factory=Moments)
    cells: list[int] = field(default_factory=lambda: [0] * GRID**2)
    per_image: Counter[int] = field(default_factory=Counter)
    instances: Numbers = field(default_factory=lambda: Numbers(_INSTANCE_EDGES))


class _Whole:
    """Sums over all frames."""

    def __init__(
        self, classes: Classes, numbers: dict[str, Numbers], views: dict[str, Numbers], groups: SortedEntries
    ) -> None:
        self._label_map = classes.label_map
        self._labels = sorted(classes.labels, key=lambda label: label.id)
        self._classes = {label.id: _OfClass() for label in self._labels}
        self._together: Counter[tuple[int, int]] = Counter()
        self._numbers, self._views = numbers, views
        self._words: dict[str, Words] = {}
        self._image: dict[str, Numbers] = {}
        self._sizes: Counter[str] = Counter()
        self._splits: Counter[str] = Counter()
        self._groups = groups
        self._pixels = self._ignored = self._frames = 0

    def add(self, line: dict[str, Any], record: FrameRecord, measure: FrameMeasure) -> None:
        """Add a frame."""
        self._frames += 1
        width, height = measure.size
        self._sizes[f"{width}x{height}"] += 1
        self._pixels += width * height
        self._ignored += measure.ignored
        if record.split is not None:
            self._splits[record.split] += 1
        if record.group is not None:
            self._groups.add(hashlib.blake2b(record.group.encode(), digest_size=_GROUP_BYTES).digest())
        self._add_areas(measure)
        self._add_instances(measure)
        for name, value in measure.image.items():
            self._image.setdefault(name, Numbers(even_edges(0.0, 1.0))).add(value)
        for name, value in viewpoint(line["camera"], width).items():
            self._views[name].add(value)
        for name, number_or_word in flat_parameters(line["parameters"]):
            if isinstance(number_or_word, float):
                self._numbers[name].add(number_or_word)
            else:
                self._words.setdefault(name, Words()).add(number_or_word)

    def _add_areas(self, measure: FrameMeasure) -> None:
        width, height = measure.size
        shown = sorted(label for label in measure.cells if label in self._classes)
        for label, sums in self._classes.items():
            cells = measure.cells.get(label)
            area = sum(cells) if cells is not None else 0
            sums.everywhere.add(area / (width * height))
            if cells is not None:
                sums.images += 1
                sums.pixels += area
                sums.shown.add(area / (width * height))
                sums.cells = [before + more for before, more in zip(sums.cells, cells, strict=True)]
        self._together.update((one, other) for one in shown for other in shown)

    def _add_instances(self, measure: FrameMeasure) -> None:
        if not measure.instances:
            return
        counted = Counter(class_id for class_id, _ in measure.instances)
        for label, sums in self._classes.items():
            sums.per_image[min(counted[label], _INSTANCES_MAX)] += 1
        for class_id, area_px in measure.instances:
            if class_id in self._classes:
                self._classes[class_id].instances.add(float(area_px))

    def result(self, version: Version) -> VersionStatistics:
        """The statistics of all frames that were added."""
        ids = [label.id for label in self._labels]
        return VersionStatistics(
            digest=version.digest,
            label_map=self._label_map,
            frames=self._frames,
            sizes=dict(self._sizes.most_common(_SIZES_MAX)),
            splits=dict(sorted(self._splits.items())),
            groups=sum(1 for _ in self._groups),
            ignored_share=self._ignored / self._pixels if self._pixels else 0.0,
            classes=tuple(self._of_class(label, self._classes[label.id]) for label in self._labels),
            cooccurrence=tuple(tuple(self._together[one, other] for other in ids) for one in ids),
            image=_summaries(self._image),
            viewpoint=_summaries(self._views),
            numbers=_summaries(self._numbers),
            choices={name: words.summary() for name, words in sorted(self._words.items())},
        )

    def _of_class(self, label: Label, sums: _OfClass) -> ClassStatistics:
        counted = self._pixels - self._ignored
        return ClassStatistics(
            name=label.name,
            color=label.color,
            images=sums.images,
            frequency=sums.images / self._frames if self._frames else 0.0,
            pixels=sums.pixels,
            pixel_share=sums.pixels / counted if counted else 0.0,
            area_share=sums.shown.summary(),
            area_share_mean=sums.everywhere.mean,
            area_share_standard_deviation=sums.everywhere.standard_deviation,
            location=tuple(
                tuple(count / max(sums.pixels, 1) for count in sums.cells[row * GRID : (row + 1) * GRID])
                for row in range(GRID)
            ),
            instances=sums.instances.moments.count,
            instances_per_image={
                f"{number}+" if number == _INSTANCES_MAX else str(number): count
                for number, count in sorted(sums.per_image.items())
            },
            instance_area_px=sums.instances.summary(),
        )


def _summaries(numbers: dict[str, Numbers]) -> dict[str, Any]:
    return {name: found for name, item in sorted(numbers.items()) if (found := item.summary()) is not None}
