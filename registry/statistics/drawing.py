"""Small plots as SVG text, with nothing but the standard library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from contracts.statistics import Histogram

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 260, 110, 34, 20, 6


def histogram(found: Histogram, *, color: str = "#33658a", logarithmic: bool = False, percent: bool = False) -> str:
    """Bars over their edges.

    Args:
        found: The counts.
        color: Of the bars.
        logarithmic: Whether the bins grow by a factor: they are drawn with one width.
        percent: Whether the edges are shares, to be written in percent.
    """
    highest = max(found.counts, default=0) or 1
    bins = len(found.counts)
    step = (_WIDTH - _LEFT - 6) / bins
    floor = _HEIGHT - _BOTTOM
    bars = []
    for place, count in enumerate(found.counts):
        tall = (floor - _TOP) * count / highest
        low, high = found.edges[place], found.edges[place + 1]
        bars.append(
            f'<rect x="{_LEFT + place * step:.1f}" y="{floor - tall:.1f}" width="{max(step - 1, 0.5):.1f}" '
            f'height="{tall:.1f}" fill="{color}"><title>{_number(low, percent)} to {_number(high, percent)}: {count}'
            "</title></rect>"
        )
    marks = [0, bins // 2, bins]
    ticks = [
        f'<text x="{_LEFT + mark * step:.1f}" y="{_HEIGHT - 5}" text-anchor="{anchor}">'
        f"{_number(found.edges[mark], percent)}</text>"
        for mark, anchor in zip(marks, ("start", "middle", "end"), strict=True)
    ]
    scale = f'<text x="{_LEFT - 4}" y="{_TOP + 8}" text-anchor="end">{highest}</text>'
    line = f'<line x1="{_LEFT}" y1="{floor}" x2="{_WIDTH - 6}" y2="{floor}"/>'
    kind = "logarithmic bins" if logarithmic else "histogram"
    return _svg(_WIDTH, _HEIGHT, kind, "".join([*bars, line, scale, *ticks]))


def two_histograms(
    found: Histogram, against: Histogram, *, color: str = "#33658a", logarithmic: bool = False, percent: bool = False
) -> str:
    """Outline of one over the grey shape of another, each of one area: the bins may differ.

    Args:
        found: Counts, outlined.
        against: Counts, in grey.
        color: Of the outline.
        logarithmic: Whether the bins, the same of both, grow by a factor: they are drawn with one width.
        percent: Whether the edges are shares, to be written in percent.
    """
    places = [
        [float(place) for place in range(len(one.edges))] if logarithmic else one.edges for one in (found, against)
    ]
    low, high = min(places[0][0], places[1][0]), max(places[0][-1], places[1][-1])
    densities = [
        [count / (sum(one.counts) or 1) / (place[bin_ + 1] - place[bin_]) for bin_, count in enumerate(one.counts)]
        for one, place in zip((found, against), places, strict=True)
    ]
    highest = max(*densities[0], *densities[1]) or 1.0
    floor = _HEIGHT - _BOTTOM
    scale = (_WIDTH - _LEFT - 6) / (high - low)
    outlines = []
    for place, density in zip(places, densities, strict=True):
        points = [(place[0], 0.0)]
        for bin_, value in enumerate(density):
            points += [(place[bin_], value), (place[bin_ + 1], value)]
        points.append((place[-1], 0.0))
        outlines.append(
            " ".join(f"{_LEFT + (x - low) * scale:.1f},{floor - (floor - _TOP) * y / highest:.1f}" for x, y in points)
        )
    middle = found.edges[len(found.counts) // 2] if logarithmic else (low + high) / 2
    ends = (found.edges[0], middle, found.edges[-1]) if logarithmic else (low, middle, high)
    ticks = [
        f'<text x="{_LEFT + (_WIDTH - _LEFT - 6) * step / 2:.1f}" y="{_HEIGHT - 5}" text-anchor="{anchor}">'
        f"{_number(edge, percent)}</text>"
        for step, (edge, anchor) in enumerate(zip(ends, ("start", "middle", "end"), strict=True))
    ]
    parts = [
        f'<polygon points="{outlines[1]}" fill="#c9ced4"/>',
        f'<line x1="{_LEFT}" y1="{floor}" x2="{_WIDTH - 6}" y2="{floor}"/>',
        f'<polyline points="{outlines[0]}" fill="none" stroke="{color}" stroke-width="1.8"/>',
    ]
    return _svg(_WIDTH, _HEIGHT, "two histograms", "".join([*parts, *ticks]))


def bars(rows: Sequence[tuple[str, float, str]], *, color: str = "#33658a") -> str:
    """Horizontal bars: name, value from 0, and what is written beside it."""
    highest = max((value for _, value, _ in rows), default=0.0) or 1.0
    height = 17 * len(rows) + 4
    parts = []
    for place, (name, value, text) in enumerate(rows):
        top = 17 * place + 2
        wide = 95 * value / highest
        parts.append(
            f'<text x="84" y="{top + 12}" text-anchor="end">{escape(_short(name, 14))}<title>{escape(name)}</title>'
            f'</text><rect x="90" y="{top + 1}" width="{wide:.1f}" height="13" fill="{color}"/>'
            f'<text x="{94 + wide:.1f}" y="{top + 12}">{escape(text)}</text>'
        )
    return _svg(_WIDTH, height, "bars", "".join(parts))


def heat(cells: Sequence[Sequence[float]], *, color: tuple[int, int, int] = (51, 101, 138), side: int = 11) -> str:
    """A grid of shades, the darkest the highest."""
    highest = max((value for row in cells for value in row), default=0.0) or 1.0
    parts = [
        f'<rect x="{column * side}" y="{row * side}" width="{side}" height="{side}" '
        f'fill="{_shade(color, value / highest)}"><title>{100 * value:.1f} %</title></rect>'
        for row, values in enumerate(cells)
        for column, value in enumerate(values)
    ]
    return _svg(side * len(cells[0]), side * len(cells), "where its pixels lie", "".join(parts))


def matrix(names: Sequence[str], cells: Sequence[Sequence[int]], totals: Sequence[int]) -> str:
    """Shares of each row's total, with the column names written upwards."""
    side, left, top = 18, 160, 120
    parts = []
    for row, name in enumerate(names):
        parts.append(
            f'<text x="{left - 6}" y="{top + row * side + 13}" text-anchor="end">{escape(_short(name))}</text>'
            f'<text transform="translate({left + row * side + 13},{top - 6}) rotate(-60)">{escape(_short(name))}</text>'
        )
        for column, other in enumerate(names):
            share = cells[row][column] / totals[row] if totals[row] else 0.0
            parts.append(
                f'<rect x="{left + column * side}" y="{top + row * side}" width="{side - 1}" height="{side - 1}" '
                f'fill="{_shade((51, 101, 138), share)}"><title>{escape(other)} in {100 * share:.0f} % of the frames '
                f"with {escape(name)} ({cells[row][column]})</title></rect>"
            )
    wide = left + side * len(names) + 80
    return _svg(wide, top + side * len(names) + 4, "classes that are shown together", "".join(parts))


def _svg(width: int, height: int, label: str, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{label}">'
        f"{content}</svg>"
    )


def _shade(color: tuple[int, int, int], strength: float) -> str:
    red, green, blue = (round(244 + (part - 244) * strength) for part in color)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _number(value: float, percent: bool) -> str:
    return f"{100 * value:.3g} %" if percent else f"{value:.4g}"


def _short(name: str, letters: int = 24) -> str:
    return name if len(name) <= letters else f"{name[: letters - 1]}…"
