"""The page of an explanation: triplets as in [Volvo] figure 4.7, in one file that loads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from contracts.explanation import CountedPixels, ExplainedClass, ExplainedImage, Explanation, ExplanationMap, Method
from training.explain import drawing
from training.report.pages import count, write_page
from training.report.pictures import data_url
from training.report.run_report import css
from training.tasks.task import ByteArray

METHOD_NAMES: dict[Method, str] = {"guided-backprop": "guided backpropagation", "saliency": "saliency"}
_COUNTED_NAMES: dict[CountedPixels, str] = {
    "predicted": "the pixels that it predicts as the class",
    "truth": "the pixels that truly show the class",
    "all": "all pixels",
}
_PLACES = {
    "best": ("Best", "Highest IoU of one image, of those that show it."),
    "worst": ("Worst", "Lowest IoU of one image, of those that show it."),
    "named": ("Named", "In the order in which the frames were named."),
}


def write(
    path: Path,
    explanation: Explanation,
    drawn: Mapping[str, ByteArray],
    legend: Sequence[tuple[str, tuple[int, int, int]]],
) -> None:
    """Write the page.

    Args:
        path: Where to.
        explanation: What it shows.
        drawn: Pictures, (H, W, 3) uint8 sRGB, by their path.
        legend: Name and sRGB colour of each class.
    """
    width, height = explanation.model.preprocessing.image_size
    bar = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None], 16, axis=0)
    write_page(
        path,
        "explanation.html.j2",
        explanation=explanation,
        counted=_COUNTED_NAMES[explanation.counted],
        methods={method: METHOD_NAMES[method] for method in explanation.methods},
        bar=data_url(drawing.heat(bar)),
        sections=[_section(found, drawn, width * height) for found in explanation.classes],
        classes=[(name, css(color)) for name, color in legend],
    )


def _section(found: ExplainedClass, drawn: Mapping[str, ByteArray], image_px: int) -> dict[str, Any]:
    groups = []
    for place, (title, note) in _PLACES.items():
        images = [image for image in found.images if image.place == place]
        if images:
            strips = [_strip(image, drawn, image_px) for image in images]
            groups.append({"title": title, "note": note, "strips": strips})
    return {"title": found.class_name or "All classes", "found": found, "groups": groups}


def _strip(image: ExplainedImage, drawn: Mapping[str, ByteArray], image_px: int) -> list[dict[str, str]]:
    figures = [
        (image.image, f"frame {image.frame}"),
        (image.truth, f"truth: {count(image.truth_px)} px, {100 * image.truth_px / image_px:.1f} % of the image"),
        (image.prediction, f"prediction: {count(image.predicted_px)} px, IoU {image.iou:.3f}"),
        *((item.picture, _map_caption(item)) for item in image.maps),
    ]
    return [{"source": data_url(drawn[path]), "caption": caption} for path, caption in figures]


def _map_caption(item: ExplanationMap) -> str:
    name = METHOD_NAMES[item.method]
    if item.on_truth is None:
        return f"{name}: nothing"
    largest = f"up to {count(int(item.largest))} px, " if item.method == "saliency" else ""
    return f"{name}: {largest}{100 * item.on_truth:.0f} % of it on the truth"
