"""datasets --stats and --diff: a version in numbers, and two side by side, as text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean

from contracts.errors import StorageError
from contracts.ids import VersionReference
from contracts.label_map import LabelMap
from contracts.statistics import Shift, VersionDiff, VersionStatistics
from server.commands.session import Session, table
from server.resources import AskedLabelMap


def show_statistics(
    session: Session, reference: VersionReference, page: Path | None, label_map: AskedLabelMap | None
) -> None:
    """Print statistics, and write the page where one is asked for.

    Raises:
        StorageError: The page can't be written.
    """
    service = session.service()
    if page is not None:
        _write_page(session, page, service.statistics_page(reference, label_map=label_map))
    found = service.statistics(reference, label_map=label_map)
    session.emit(found, lambda: _statistics_text(reference, found))


def show_difference(
    session: Session,
    reference: VersionReference,
    against: VersionReference,
    page: Path | None,
    label_map: AskedLabelMap | None,
) -> None:
    """Print how a version differs from another, and write the page where one is asked for.

    Raises:
        StorageError: The page can't be written.
    """
    service = session.service()
    if page is not None:
        _write_page(session, page, service.diff_page(reference, against, label_map=label_map))
    found = service.diff(reference, against, label_map=label_map)
    session.emit(found, lambda: _difference_text(found))


def _write_page(session: Session, path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror}", hint="check the path") from None
    session.say(f"wrote {path}")


def _statistics_text(reference: VersionReference, found: VersionStatistics) -> str:
    sizes = ", ".join(f"{size} ({count})" for size, count in list(found.sizes.items())[:5])
    rows = [
        (
            item.name,
            item.images,
            f"{100 * item.frequency:.1f} %",
            f"{100 * item.pixel_share:.2f} %",
            f"{100 * item.area_share.mean:.2f} %" if item.area_share is not None else "-",
            item.instances,
        )
        for item in found.classes
    ]
    lines = [f"{reference}  {found.frames} frames, {sizes}{_under(found.label_map)}", ""]
    lines.append(table(rows, ("CLASS", "IMAGES", "FREQUENCY", "PIXELS", "MEAN AREA WHERE SHOWN", "INSTANCES")))
    numbers = [
        (name, f"{item.mean:.4g}", f"{item.standard_deviation:.3g}", f"{item.minimum:.4g}", f"{item.maximum:.4g}")
        for part in (found.image, found.viewpoint, found.numbers)
        for name, item in part.items()
    ]
    lines += ["", table(numbers, ("NUMBER", "MEAN", "DEVIATION", "LEAST", "MOST"))]
    lines += [
        f"{name}: " + ", ".join(f"{word} {count}" for word, count in list(item.counts.items())[:8])
        for name, item in found.choices.items()
    ]
    return "\n".join(lines)


def _difference_text(found: VersionDiff) -> str:
    frames = found.frames
    counts = f"{frames.same} frames the same, {frames.added} added, {frames.removed} removed, {frames.changed} changed"
    lines = [f"{found.version} against {found.against}: {counts}{_under(found.label_map)}"]
    lines += _pixels_text(found)
    for word, labels in (("added", found.labels_added), ("removed", found.labels_removed)):
        lines += [f"labels {word}: {', '.join(labels)}"] * bool(labels)
    for title, shifts in (
        ("AREA", found.areas),
        ("FREQUENCY", found.frequencies),
        ("IMAGE", found.image),
        ("VIEWPOINT", found.viewpoint),
        ("PARAMETER", found.numbers),
    ):
        lines += ["", _shift_table(title, shifts)] * bool(shifts)
    lines += [f"{name}: {100 * distance:.0f} % differently chosen" for name, distance in found.choices.items()]
    return "\n".join(lines)


def _pixels_text(found: VersionDiff) -> list[str]:
    compared = [frame.pixels for frame in found.frames.changed_frames if frame.pixels is not None]
    if not compared:
        return []
    colors = 100 * fmean(item.image for item in compared)
    steps = fmean(item.image_mean for item in compared)
    masks = [item.mask for item in compared if item.mask is not None]
    parts = [
        f"{len(compared)} changed frames of one specification: another colour in {colors:.2g} % of the pixels",
        f"by {steps:.2g} of 255 on average and {max(item.image_most for item in compared)} at most",
        *([f"another label in {100 * fmean(masks):.2g} %"] if masks else []),
    ]
    return [", ".join(parts)]


def _under(label_map: LabelMap | None) -> str:
    return f", under the label map '{label_map.name}'" if label_map is not None else ""


def _shift_table(title: str, shifts: Mapping[str, Shift]) -> str:
    rows = [
        (
            name,
            f"{shift.against_mean:.4g}",
            f"{shift.mean:.4g}",
            f"{shift.effect_size:+.2f}" if shift.effect_size is not None else "-",
        )
        for name, shift in shifts.items()
    ]
    return table(rows, (title, "AGAINST", "MEAN", "EFFECT SIZE"))
