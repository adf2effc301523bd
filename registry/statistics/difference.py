"""Two versions side by side: frames added, removed, changed, and how far their numbers moved."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from contracts.frame import FrameRecord
from contracts.statistics import (
    ChoiceSummary,
    FrameDifference,
    FrameDifferences,
    NumberSummary,
    PixelDifference,
    Shift,
    VersionDiff,
    VersionStatistics,
)
from registry.frame_index import ROLES, FrameIndex, frame_index
from registry.reader import Version
from registry.statistics.pixels import compare_pixels

SHOWN_MAX = 1000
PIXELS_COMPARED_MAX = 50
"""Frames of which the pixels are compared: a second or two."""


def compare_versions(
    version: Version,
    against: Version,
    statistics: VersionStatistics,
    against_statistics: VersionStatistics,
    cache: Path | None = None,
) -> VersionDiff:
    """What `version` has that `against` has not, and the other way round.

    Args:
        version: The version.
        against: The other one.
        statistics: Of the version.
        against_statistics: Of the other one, under the same label map.
        cache: Folder of frame indexes.

    Raises:
        IntegrityError: The frames of one of them are damaged.
    """
    names = {item.name for item in statistics.classes}
    others = {item.name for item in against_statistics.classes}
    here = {item.name: item for item in statistics.classes}
    there = {item.name: item for item in against_statistics.classes}
    shared = [item.name for item in statistics.classes if item.name in others]
    return VersionDiff(
        version=version.name,
        against=against.name,
        digest=version.digest,
        against_digest=against.digest,
        label_map=statistics.label_map,
        frames=compare_frames(version, against, cache, pixels_of=PIXELS_COMPARED_MAX),
        labels_added=tuple(sorted(names - others)),
        labels_removed=tuple(sorted(others - names)),
        areas={
            name: Shift(
                mean=here[name].area_share_mean,
                against_mean=there[name].area_share_mean,
                effect_size=cohens_d(
                    (here[name].area_share_mean, here[name].area_share_standard_deviation, statistics.frames),
                    (
                        *(there[name].area_share_mean, there[name].area_share_standard_deviation),
                        against_statistics.frames,
                    ),
                ),
            )
            for name in shared
        },
        frequencies={
            name: Shift(
                mean=here[name].frequency,
                against_mean=there[name].frequency,
                effect_size=cohens_h(here[name].frequency, there[name].frequency),
            )
            for name in shared
        },
        image=_shifts(statistics.image, against_statistics.image),
        viewpoint=_shifts(statistics.viewpoint, against_statistics.viewpoint),
        numbers=_shifts(statistics.numbers, against_statistics.numbers),
        choices={
            name: total_variation(found, against_statistics.choices[name])
            for name, found in statistics.choices.items()
            if name in against_statistics.choices
        },
    )


def compare_frames(
    version: Version, against: Version, cache: Path | None = None, *, pixels_of: int = 0
) -> FrameDifferences:
    """Frames of two versions, matched by content and then by where they come from; by their indexes alone.

    Args:
        version: The version.
        against: The other one.
        cache: Folder of frame indexes; none makes them for this once.
        pixels_of: Most frames of one specification whose pixels are compared, too.

    Raises:
        IntegrityError: Stored bytes are damaged.
    """
    if version.manifest.frames.digest == against.manifest.frames.digest:
        return FrameDifferences(
            same=len(version), added=0, removed=0, changed=0, added_indices=(), removed_indices=(), changed_frames=()
        )
    here, there = frame_index(version, cache), frame_index(against, cache)
    new = np.flatnonzero(~np.isin(here.content, there.content))
    gone = np.flatnonzero(~np.isin(there.content, here.content))
    _, left, right = np.intersect1d(here.origin[new], there.origin[gone], return_indices=True)
    changed_new, changed_gone = new[left], gone[right]
    order = np.argsort(changed_new)
    changed_new, changed_gone = changed_new[order], changed_gone[order]
    added, removed = np.setdiff1d(new, changed_new), np.setdiff1d(gone, changed_gone)
    pairs = list(zip(changed_new[:SHOWN_MAX].tolist(), changed_gone[:SHOWN_MAX].tolist(), strict=True))
    pixels = _pixels((version, here), (against, there), pairs, pixels_of)
    shown = [
        FrameDifference(
            index=one,
            against_index=other,
            files=_differing(here, there, one, other),
            pixels=pixels.get(one),
        )
        for one, other in pairs
    ]
    return FrameDifferences(
        same=len(here.content) - len(new),
        added=len(added),
        removed=len(removed),
        changed=len(changed_new),
        added_indices=tuple(added[:SHOWN_MAX].tolist()),
        removed_indices=tuple(removed[:SHOWN_MAX].tolist()),
        changed_frames=tuple(shown),
    )


_Indexed = tuple[Version, FrameIndex]


def _pixels(here: _Indexed, there: _Indexed, pairs: list[tuple[int, int]], wanted: int) -> dict[int, PixelDifference]:
    """Differences of the first pairs of one specification, by the index of the first frame."""
    rendered = all(version.manifest.generator is not None for version, _ in (here, there))
    if not (pairs and wanted and rendered):
        return {}
    lines = [
        index.read(version, [pair[place] for pair in pairs]) for place, (version, index) in enumerate((here, there))
    ]
    found: dict[int, PixelDifference] = {}
    for line, other_line in zip(*lines, strict=True):
        record, other = FrameRecord.model_validate_json(line), FrameRecord.model_validate_json(other_line)
        difference = compare_pixels(here[0], record, there[0], other)
        if difference is not None:
            found[record.index] = difference
            if len(found) == wanted:
                break
    return found


Spread = tuple[float, float, int]
"""Mean, standard deviation, count."""


def cohens_d(one: Spread, other: Spread) -> float | None:
    """Difference of two means over their pooled standard deviation (Cohen 1988, 2.2); none where nothing varies."""
    freedom = one[2] + other[2] - 2
    if freedom <= 0:
        return None
    pooled = math.sqrt(((one[2] - 1) * one[1] ** 2 + (other[2] - 1) * other[1] ** 2) / freedom)
    if pooled == 0:
        return 0.0 if one[0] == other[0] else None
    return (one[0] - other[0]) / pooled


def cohens_h(one: float, other: float) -> float:
    """Difference of two proportions on the arcsine scale (Cohen 1988, 6.2)."""
    return 2 * math.asin(math.sqrt(one)) - 2 * math.asin(math.sqrt(other))


def total_variation(one: ChoiceSummary, other: ChoiceSummary) -> float:
    """Half the sum of the differences of the shares of every word."""
    totals = [sum(found.counts.values()) + found.other for found in (one, other)]
    if not all(totals):
        return 0.0
    words = {*one.counts, *other.counts}
    pairs = [(one.counts.get(word, 0), other.counts.get(word, 0)) for word in words] + [(one.other, other.other)]
    return min(1.0, sum(abs(left / totals[0] - right / totals[1]) for left, right in pairs) / 2)


def _shifts(here: Mapping[str, NumberSummary], there: Mapping[str, NumberSummary]) -> dict[str, Shift]:
    found = {}
    for name in here.keys() & there.keys():
        one, other = here[name], there[name]
        found[name] = Shift(
            mean=one.mean,
            against_mean=other.mean,
            effect_size=cohens_d(
                (one.mean, one.standard_deviation, one.count), (other.mean, other.standard_deviation, other.count)
            ),
        )
    return dict(sorted(found.items()))


def _differing(one: FrameIndex, other: FrameIndex, index: int, other_index: int) -> tuple[str, ...]:
    """Roles of which two frames have different bytes."""
    pairs = zip(ROLES, one.files[index], other.files[other_index], strict=True)
    return tuple(role for role, left, right in pairs if left != right)
