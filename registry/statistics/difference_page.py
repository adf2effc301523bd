"""Two versions side by side as one HTML page that loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from contracts.statistics import (
    ChoiceSummary,
    ClassStatistics,
    FrameDifferences,
    NumberSummary,
    Shift,
    VersionDiff,
    VersionStatistics,
)
from registry.statistics.drawing import heat, two_histograms
from registry.statistics.page import dark, html_page, section

_FRAMES_SHOWN = 20
_INDICES_SHOWN = 12
_WORDS_SHOWN = 12
_GREY = (120, 128, 138)
_OUTLINE = "#8a5a33"


def difference_page(found: VersionDiff, statistics: VersionStatistics, against: VersionStatistics) -> str:
    """The page.

    Args:
        found: How the versions differ.
        statistics: Of the version.
        against: Of the one it is compared with, under the same label map.
    """
    sections = [
        _head(found),
        _frames(found.frames),
        _classes(found),
        _areas(statistics, against),
        section("Images", "sRGB values, 0 to 1", _numbers(found.image, statistics.image, against.image)),
        section(
            "Viewpoint",
            "where the camera stands about the world's origin",
            _numbers(found.viewpoint, statistics.viewpoint, against.viewpoint),
        ),
        section(
            "Sampled parameters",
            _missing(statistics, against),
            _numbers(found.numbers, statistics.numbers, against.numbers) + _choices(found, statistics, against),
        ),
    ]
    return html_page(_title(found), sections)


def _title(found: VersionDiff) -> str:
    return f"{found.version} against {found.against}"


def _head(found: VersionDiff) -> str:
    frames = found.frames
    facts = [f"{frames.same} frames the same, {frames.added} added, {frames.removed} removed, {frames.changed} changed"]
    facts += [f"under the label map {found.label_map.name}"] if found.label_map is not None else []
    facts += [
        f"labels {word}: {', '.join(labels)}"
        for word, labels in (("added", found.labels_added), ("removed", found.labels_removed))
        if labels
    ]
    outline, shape = f"background:#fff;border:2px solid {_OUTLINE}", "background:#c9ced4"
    return (
        f"<h1>{escape(_title(found))}</h1><p>{escape('; '.join(facts))}<br>"
        f"<code>{found.digest}</code><br><code>{found.against_digest}</code></p>"
        f'<p><span class="swatch" style="{outline}"></span>{escape(found.version)}: an outline; '
        f'<span class="swatch" style="{shape}"></span>{escape(found.against)}: grey. Both plots of a number have one '
        "area: they compare shapes, not numbers of frames. d is Cohen's d, h Cohen's h of frequencies: 0.2 is little, "
        "0.8 much.</p>"
    )


def _frames(frames: FrameDifferences) -> str:
    lists = [
        f"<p>{word}: {', '.join(map(str, indices[:_INDICES_SHOWN]))}{' …' if count > _INDICES_SHOWN else ''}</p>"
        for word, indices, count in (
            ("added", frames.added_indices, frames.added),
            ("removed", frames.removed_indices, frames.removed),
        )
        if indices
    ]
    rows = "".join(
        f"<tr><td>{item.index}</td><td>{item.against_index}</td><td>{', '.join(item.files)}</td>"
        + (
            f"<td>{100 * item.pixels.image:.3g} %</td><td>{item.pixels.image_mean:.3g}</td>"
            f"<td>{item.pixels.image_most}</td>"
            f"<td>{f'{100 * item.pixels.mask:.3g} %' if item.pixels.mask is not None else '–'}</td>"
            if item.pixels is not None
            else "<td>–</td><td>–</td><td>–</td><td>–</td>"
        )
        + "</tr>"
        for item in frames.changed_frames[:_FRAMES_SHOWN]
    )
    if not (rows or lists):
        return ""
    table = (
        '<div class="scroll"><table><tr><th>frame</th><th>against</th><th>files that differ</th>'
        "<th>another colour</th><th>mean difference, of 255</th><th>most</th><th>another label</th></tr>"
        f"{rows}</table></div>"
        + (f"<p>The first {_FRAMES_SHOWN} of {frames.changed}.</p>" if frames.changed > _FRAMES_SHOWN else "")
        + "<p>Pixels are compared of frames that both versions rendered to one specification.</p>"
    )
    return f"<h2>Frames</h2>{''.join(lists)}{table if rows else ''}"


def _classes(found: VersionDiff) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td>"
        f"<td>{100 * shown.mean:.1f} %</td><td>{100 * shown.against_mean:.1f} %</td><td>{_effect(shown)}</td>"
        f"<td>{100 * area.mean:.2f} %</td><td>{100 * area.against_mean:.2f} %</td><td>{_effect(area)}</td></tr>"
        for name, area, shown in ((name, area, found.frequencies[name]) for name, area in found.areas.items())
    )
    here, there = escape(found.version), escape(found.against)
    return (
        '<h2>Classes</h2><div class="scroll"><table><tr><th>class</th>'
        f"<th>frequency, {here}</th><th>{there}</th><th>h</th><th>mean area, {here}</th><th>{there}</th><th>d</th></tr>"
        f"{rows}</table></div>"
    )


def _areas(statistics: VersionStatistics, against: VersionStatistics) -> str:
    others = {item.name: item for item in against.classes}
    cards = "".join(
        _area_card(item, others[item.name])
        for item in statistics.classes[1:]
        if item.name in others and item.area_share is not None and others[item.name].area_share is not None
    )
    return section("Area and place", "in the images that show the class", cards)


def _area_card(item: ClassStatistics, other: ClassStatistics) -> str:
    assert item.area_share is not None
    assert other.area_share is not None
    areas = two_histograms(
        item.area_share.histogram,
        other.area_share.histogram,
        color=dark(item.color),
        logarithmic=item.area_share.histogram.edges == other.area_share.histogram.edges,
        percent=True,
    )
    places = f"{heat(item.location)} {heat(other.location, color=_GREY)}"
    return (
        f'<div class="card"><h3>{escape(item.name)}</h3><p>area, share of the image</p>{areas}'
        f"<p>where its pixels lie</p>{places}</div>"
    )


def _numbers(shifts: Mapping[str, Shift], here: Mapping[str, NumberSummary], there: Mapping[str, NumberSummary]) -> str:
    return "".join(
        f'<div class="card"><h3>{escape(name)}</h3>'
        f"{two_histograms(here[name].histogram, there[name].histogram, color=_OUTLINE)}"
        f"<p>{shift.mean:.4g}, against {shift.against_mean:.4g}; d {_effect(shift)}</p></div>"
        for name, shift in shifts.items()
    )


def _choices(found: VersionDiff, statistics: VersionStatistics, against: VersionStatistics) -> str:
    cards = []
    for name, distance in found.choices.items():
        shares = [_shares(one.choices[name]) for one in (statistics, against)]
        words = sorted({*shares[0], *shares[1]}, key=lambda word: (-max(one.get(word, 0.0) for one in shares), word))
        rows = "".join(
            f"<tr><td>{escape(word)}</td><td>{', against '.join(f'{100 * one.get(word, 0.0):.3g} %' for one in shares)}"
            "</td></tr>"
            for word in words[:_WORDS_SHOWN]
        )
        cards.append(
            f'<div class="card"><h3>{escape(name)}</h3><div class="scroll"><table>{rows}</table></div>'
            f"<p>{100 * distance:.3g} % differently chosen</p></div>"
        )
    return "".join(cards)


def _shares(found: ChoiceSummary) -> dict[str, float]:
    total = (sum(found.counts.values()) + found.other) or 1
    return {word: count / total for word, count in found.counts.items()} | (
        {"others": found.other / total} if found.other else {}
    )


def _missing(statistics: VersionStatistics, against: VersionStatistics) -> str:
    """Parameters that only one of them has, in words."""
    names = [{*found.numbers, *found.choices} for found in (statistics, against)]
    parts = [
        f"only in {'this' if place == 0 else 'the other'} one: {', '.join(sorted(only))}"
        for place, only in enumerate((names[0] - names[1], names[1] - names[0]))
        if only
    ]
    return escape("; ".join(parts))


def _effect(shift: Shift) -> str:
    return f"{shift.effect_size:+.2f}" if shift.effect_size is not None else "–"
