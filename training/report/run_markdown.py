"""The report of one run as Markdown: what `report.html` says; plots are in `figures/`, pictures in `pictures/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import cv2
import numpy as np

from contracts.label_map import LabelMap
from contracts.process import write_atomically
from contracts.run import RunResult, TrainingOrder
from contracts.scores import PartScore
from training.report import pictures
from training.report.markdown import points, table, text
from training.report.pages import between, count, duration, score, signed, signed_between
from training.tasks.task import ByteArray, Task

FIGURES_FOLDER = "figures"
STRIP_WIDTH_PX = 200
"""About that of each of a strip's three pictures."""
_GAP_PX = 4


def as_markdown(
    order: TrainingOrder,
    result: RunResult,
    *,
    command: str,
    metric: str,
    data: Sequence[Mapping[str, Any]],
    slices: Sequence[PartScore],
    groups: Sequence[PartScore],
    calibration: tuple[float, float] | None,
    environment: Mapping[str, Any],
    settings: str,
    shown: Mapping[str, Sequence[tuple[int, float]]],
) -> str:
    """The whole report.

    Args:
        order: What was asked.
        result: What came of it.
        command: How the run was started.
        metric: What the kept network was best by, on the validation images.
        data: Rows with part, dataset, split, images, share of a batch and digest.
        slices: The worst.
        groups: The worst.
        calibration: Error over the pixels where a class is predicted, and over all; none where it was not measured.
        environment: What it ran on.
        settings: The spec as YAML.
        shown: Frame and score of the pictures shown, by what they are.
    """
    spec, test = order.spec, result.test
    start = spec.network.start
    network = (
        f"{spec.network.architecture} with {spec.network.encoder}"
        f" ({'random initialisation' if start is None else f'starting from {start}'}),"
        f" {spec.image_size[0]}×{spec.image_size[1]} pixels, batches of {spec.batch_size}."
    )
    kept = (
        f"The network kept is that of step {count(result.best_step)}, the best on the validation images by {metric}"
        f"{'; training stopped early' if result.stopped_early else ''}. Test images had no part in any choice."
    )
    parts = [f"# {text(result.run)}", text(network), points(_figures(result)), kept, points(cautions(result))]
    parts += ["## Test scores by class", _classes(result)]
    if test.intervals is not None:
        parts.append(
            f"Intervals are those of {count(test.intervals.resamples)} resamples of the"
            f" {count(test.intervals.groups)} {'groups of images' if test.intervals.grouped else 'images'}: how far"
            " another test set of the kind would move the scores of this network."
        )
    if slices or groups:
        parts += ["## Where it is worst", _parts(slices, ("by", "value")), _parts(groups, ("group",))]
        parts += ["The worst of many looks worse than it is: intervals are not corrected for their number."]
    if calibration is not None:
        of_classes, of_all = calibration
        parts += ["## Calibration", f"![Reliability]({FIGURES_FOLDER}/reliability.svg)"]
        parts.append(
            f"Expected calibration error {score(of_classes)} over the pixels where a class is predicted,"
            f" {score(of_all)} over all."
        )
    parts += ["## Data", _data(data), _label_map(order.label_map)]
    parts += ["## Curves", f"![Curves]({FIGURES_FOLDER}/curves.svg)", "## Pictures"]
    parts += ["Image, truth and prediction; classes have these colours:", f"![Classes]({FIGURES_FOLDER}/classes.svg)"]
    for title, frames in shown.items():
        parts += [f"### {title}" if frames else ""]
        parts += [
            f"frame {frame}, IoU {score(value)}: ![frame {frame}]({strip_path(frame)})" for frame, value in frames
        ]
    parts += ["## How to repeat it", _fenced(command), _about(order, result, environment), _fenced(settings.strip())]
    return "\n\n".join(part for part in parts if part) + "\n"


def cautions(result: RunResult) -> list[str]:
    """What a reader of the scores should know of this run."""
    found = []
    if result.batch_parts > 1:
        found.append(
            f"Memory did not hold a batch whole: each was learned from in {result.batch_parts} parts, one after the"
            " other, whose batch statistics, Dice and IoU are their own."
        )
    if result.classes_not_shown:
        found.append(
            f"No training image shows {', '.join(result.classes_not_shown)}: nothing could be learned of"
            f" {'it' if len(result.classes_not_shown) == 1 else 'them'}."
        )
    return found


def strip_path(frame: int) -> str:
    """Of a frame's image, truth and prediction side by side, relative to the workspace.

    It lies among the run's pictures, so that whoever removes a frame's pictures removes it too.
    """
    return f"pictures/{frame:06d}-strip.jpg"


def strip(task: Task, image: ByteArray, truth: ByteArray, prediction: ByteArray) -> bytes:
    """Image, truth and prediction side by side, as JPEG.

    Args:
        task: Draws the classes.
        image: (H, W, 3) uint8 sRGB.
        truth: (H, W) uint8.
        prediction: (H, W) uint8.
    """
    scale = pictures.scale_for(image, STRIP_WIDTH_PX)
    size = (image.shape[1] * scale, image.shape[0] * scale)
    shown = [cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)]
    shown += [task.picture(image, labels, scale) for labels in (truth, prediction)]
    gap = np.full((size[1], _GAP_PX, 3), 255, np.uint8)
    return pictures.jpeg(np.concatenate([shown[0], gap, shown[1], gap, shown[2]], axis=1))


def write_strips(workspace: Path, task: Task, frames: Sequence[int]) -> None:
    """Write the strips of frames whose pictures the workspace keeps."""
    for frame in dict.fromkeys(frames):
        image, truth, prediction = (pictures.read(workspace, frame, role) for role in ("image", "truth", "prediction"))
        write_atomically(workspace / strip_path(frame), strip(task, image, truth, prediction))


def classes_svg(legend: Sequence[tuple[str, str]]) -> str:
    """Names beside their colours (as style sheets write them), as an `<svg>` element that can be read on any page."""
    width = 40 + 9 * max((len(name) for name, _ in legend), default=0)
    style = 'font-family="sans-serif" font-size="14" fill="#808080"'
    rows = [
        f'<rect y="{22 * number}" width="16" height="16" fill="{color}"/>'
        f'<text x="24" y="{22 * number + 13}" {style}>{escape(name)}</text>'
        for number, (name, color) in enumerate(legend)
    ]
    height = 22 * len(rows)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{"".join(rows)}</svg>\n'


def _figures(result: RunResult) -> list[str]:
    intervals = result.test.intervals
    return [
        f"mean dataset IoU {score(result.test.mean_dataset_iou)}"
        + (f" ({between(intervals.mean_dataset_iou)})" if intervals is not None else ""),
        f"mean image IoU {score(result.test.mean_image_iou)}"
        + (f" ({between(intervals.mean_image_iou)})" if intervals is not None else ""),
        f"{count(result.test.images)} test images, {count(result.steps)} optimizer steps, {duration(result.seconds)}",
    ]


def _classes(result: RunResult) -> str:
    intervals = result.test.intervals
    header = ["class", "IoU"]
    header += [f"{100 * intervals.confidence:.0f} % interval"] if intervals is not None else []
    header += ["Dice", "boundary F", "precision", "recall", "true pixels", "predicted pixels"]
    rows = []
    for name, found in result.test.classes.items():
        row = [name, score(found.iou)]
        row += [between(intervals.classes[name].iou)] if intervals is not None else []
        row += [score(value) for value in (found.dice, found.boundary_f, found.precision, found.recall)]
        rows.append([*row, count(found.truth_px), count(found.predicted_px)])
    mean = ["mean over classes", score(result.test.mean_dataset_iou)]
    mean += [between(intervals.mean_dataset_iou)] if intervals is not None else []
    mean += [score(result.test.mean_dice), score(result.test.mean_boundary_f)]
    return table(header, [*rows, [*mean, *[""] * (len(header) - len(mean))]], 1)


def _parts(found: Sequence[PartScore], words: tuple[str, ...]) -> str:
    if not found:
        return ""
    by_slice = len(words) == 2
    header = [*words, "images", "mean dataset IoU", "mean image IoU", "to the other images"]
    rows = [
        [
            *([part.of] if by_slice else []),
            part.part,
            count(part.images),
            score(part.mean_dataset_iou),
            score(part.mean_image_iou),
            signed(part.difference),
            *([signed_between(part.difference_interval)] if by_slice else []),
        ]
        for part in found
    ]
    return table([*header, *(["interval"] if by_slice else [])], rows, len(words))


def _data(data: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [row["part"], row["dataset"], row["split"] or "whole", row["digest"], count(row["images"]), row["share"]]
        for row in data
    ]
    return table(["part", "version", "split", "digest", "images", "share of a batch"], rows, 4)


def _label_map(label_map: LabelMap) -> str:
    classes = [
        name if list(sources) == [name] else f"{name} = {' + '.join(sources)}"
        for name, sources in label_map.classes.items()
    ]
    return text(f"Label map {label_map.name}: {'; '.join(classes)}.")


def _about(order: TrainingOrder, result: RunResult, environment: Mapping[str, Any]) -> str:
    rows = [("order digest", result.order_digest), *order.versions.items()]
    rows += [(name, str(value)) for name, value in environment.items()]
    return table(["what", "which"], rows, 2)


def _fenced(code: str) -> str:
    return f"```\n{code}\n```"
