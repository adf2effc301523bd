"""Statistics of a version as one HTML page that loads nothing."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from contracts.statistics import ChoiceSummary, ClassStatistics, NumberSummary, VersionStatistics
from registry.statistics.drawing import bars, heat, histogram, matrix

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1d2329;background:#fff}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:.95rem;margin:.2rem 0}
code{font-size:.85em;color:#555;overflow-wrap:anywhere}table{border-collapse:collapse}
th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid #e3e6ea}
th:first-child,td:first-child{text-align:left}
th{font-weight:600;border-bottom:2px solid #c7ccd1}.scroll{overflow-x:auto}
.grid{display:flex;flex-wrap:wrap;gap:1rem}
.card{box-sizing:border-box;width:18rem;border:1px solid #e3e6ea;border-radius:6px;padding:.6rem .8rem;overflow:hidden}
.card p{margin:.1rem 0;color:#555;font-size:.85rem}.swatch{display:inline-block;width:.8em;
height:.8em;margin-right:.4em;border:1px solid #0003}svg text{font:11px system-ui,sans-serif;fill:#444}
svg line{stroke:#888}svg{max-width:100%}
"""


def statistics_page(name: str, found: VersionStatistics) -> str:
    """The page.

    Args:
        name: What the page calls the version.
        found: Its statistics.
    """
    facts = [f"{found.frames} frames"]
    facts += [f"{count} of {size} px" for size, count in list(found.sizes.items())[:4]]
    facts += [f"{split}: {count}" for split, count in found.splits.items()]
    facts += [f"{found.groups} groups"] * bool(found.groups)
    facts += [f"{100 * found.ignored_share:.2f} % of the pixels without a label"] * bool(found.ignored_share)
    facts += [f"under the label map {found.label_map.name}"] if found.label_map is not None else []
    sections = [
        f"<h1>{escape(name)}</h1><p>{escape(', '.join(facts))}<br><code>{found.digest}</code></p>",
        _classes(found),
        _areas(found),
        _together(found),
        section("Images", "sRGB values, 0 to 1; one number for every image", _numbers(found.image, "#6b7a3a")),
        section("Viewpoint", "where the camera stands about the world's origin", _numbers(found.viewpoint, "#7a4f8a")),
        section("Sampled parameters", "", _numbers(found.numbers, "#8a5a33") + _choices(found.choices)),
    ]
    return html_page(f"{name}: statistics", sections)


def html_page(title: str, sections: Iterable[str]) -> str:
    """Sections as one page that loads nothing; empty ones are left out."""
    body = "\n".join(filter(None, sections))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _classes(found: VersionStatistics) -> str:
    rows = "".join(
        f'<tr><td><span class="swatch" style="background:rgb{item.color}"></span>{escape(item.name)}</td>'
        f"<td>{item.images}</td><td>{100 * item.frequency:.1f} %</td><td>{100 * item.pixel_share:.2f} %</td>"
        f"<td>{_mean_area(item)}</td><td>{item.instances or '–'}</td><td>{_mean_instances(item)}</td></tr>"
        for item in found.classes
    )
    return (
        '<h2>Classes</h2><div class="scroll"><table><tr><th>class</th><th>images</th><th>frequency</th>'
        "<th>pixels</th><th>mean area where shown</th><th>instances</th><th>per image</th></tr>"
        f"{rows}</table></div>"
    )


def _mean_area(item: ClassStatistics) -> str:
    return f"{100 * item.area_share.mean:.2f} %" if item.area_share is not None else "–"


def _mean_instances(item: ClassStatistics) -> str:
    frames = sum(item.instances_per_image.values())
    return f"{item.instances / frames:.2f}" if frames else "–"


def _areas(found: VersionStatistics) -> str:
    cards = []
    for item in found.classes[1:]:
        if item.area_share is None:
            cards.append(f'<div class="card"><h3>{escape(item.name)}</h3><p>in no image</p></div>')
            continue
        per_image = ", ".join(f"{number}: {count}" for number, count in item.instances_per_image.items())
        cards.append(
            f'<div class="card"><h3>{escape(item.name)}</h3><p>area, share of the image</p>'
            + histogram(item.area_share.histogram, color=dark(item.color), logarithmic=True, percent=True)
            + "<p>where its pixels lie</p>"
            + heat(item.location)
            + (f"<p>instances per image: {per_image}</p>" if item.instances else "")
            + "</div>"
        )
    return f'<h2>Area and place</h2><div class="grid">{"".join(cards)}</div>' if cards else ""


def _together(found: VersionStatistics) -> str:
    names = [item.name for item in found.classes]
    totals = [item.images for item in found.classes]
    return (
        "<h2>Shown together</h2><p>Of the frames with the row's class, the share that shows the column's.</p>"
        f'<div class="scroll">{matrix(names, found.cooccurrence, totals)}</div>'
    )


def _numbers(found: dict[str, NumberSummary], color: str) -> str:
    return "".join(
        f'<div class="card"><h3>{escape(name)}</h3>{histogram(item.histogram, color=color)}'
        f"<p>{item.mean:.4g} ± {item.standard_deviation:.3g}, {item.minimum:.4g} to {item.maximum:.4g}"
        f"{'' if item.count == 1 else f', {item.count} frames'}</p></div>"
        for name, item in found.items()
    )


def _choices(found: dict[str, ChoiceSummary]) -> str:
    cards = []
    for name, item in found.items():
        total = sum(item.counts.values()) + item.other
        rows = [(word, float(count), f"{count} ({100 * count / total:.2g} %)") for word, count in item.counts.items()]
        rows = rows[:12] + ([("others", float(item.other), str(item.other))] if item.other else [])
        cards.append(f'<div class="card"><h3>{escape(name)}</h3>{bars(rows, color="#8a5a33")}</div>')
    return "".join(cards)


def section(title: str, text: str, cards: str) -> str:
    """Cards under a title and a line of text; nothing without cards."""
    if not cards:
        return ""
    return f'<h2>{title}</h2>{f"<p>{text}</p>" if text else ""}<div class="grid">{cards}</div>'


def dark(color: tuple[int, int, int]) -> str:
    """The class's colour, dark enough to stand on white."""
    brightest = max(color)
    factor = min(1.0, 170 / brightest) if brightest else 1.0
    red, green, blue = (round(part * factor) for part in color)
    return f"#{red:02x}{green:02x}{blue:02x}"
