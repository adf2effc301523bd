"""Several runs beside each other, each measured against the first: what did the difference in their data do?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from contracts.errors import ConfigurationError
from training.report import pictures
from training.report.curves import compared_curves
from training.report.pages import count, score, signed, svg, write_page
from training.report.results import FinishedRun, check_comparable
from training.report.run_report import css
from training.tasks.segmentation import Segmentation

SHOWN = 6
"""Pictures of most gain and of most loss, each."""


def compare(runs: Sequence[FinishedRun], page: Path) -> str:
    """Write a page that compares runs.

    Args:
        runs: Finished runs with the same test set; the first is the one to compare with.
        page: HTML file to write.

    Returns:
        The table as plain text.

    Raises:
        ConfigurationError: Fewer than two runs, or they were not tested alike.
        IntegrityError: A run's pictures are missing.
    """
    if len(runs) < 2:
        raise ConfigurationError("a comparison needs two runs or more", hint="name another run's folder")
    check_comparable(list(runs))
    names = _names(runs)
    rows = score_rows(runs)
    first = runs[0].order
    task = Segmentation(list(first.label_map.classes), first.spec.loss)
    colors = {name: css(color) for name, color in task.legend()}
    gains, losses, most = _pictures(runs, task)
    write_page(
        page,
        "comparison.html.j2",
        title=" · ".join(names),
        names=names,
        runs=list(zip(names, runs, strict=True)),
        rows=rows,
        colors=colors,
        test=first.spec.data.test,
        test_digest=first.versions[first.spec.data.test.dataset],
        image_size=first.spec.image_size,
        differing=_differing(runs),
        curves=svg(compared_curves({name: run.result.curve for name, run in zip(names, runs, strict=True)})),
        gains=gains,
        losses=losses,
        most=most,
    )
    return text_table(runs)


def score_rows(runs: Sequence[FinishedRun]) -> list[dict[str, Any]]:
    """Rows of the table: a name, each run's test score, and each later run's difference to the first."""
    tests = [run.result.test for run in runs]
    rows: list[tuple[str, list[float | None]]] = [
        (name, [test.dataset_iou[name] for test in tests]) for name in tests[0].dataset_iou
    ]
    rows.append(("mean dataset IoU", [test.mean_dataset_iou for test in tests]))
    rows.append(("mean image IoU", [test.mean_image_iou for test in tests]))
    return [
        {
            "name": name,
            "values": values,
            "differences": [None if value is None or values[0] is None else value - values[0] for value in values[1:]],
        }
        for name, values in rows
    ]


def text_table(runs: Sequence[FinishedRun]) -> str:
    """The scores as plain text: classes down, runs across, each later run with its difference to the first."""
    names = _names(runs)
    heads = ["test score", names[0]]
    for name in names[1:]:
        heads += [name, "difference"]
    lines = [heads]
    rows = score_rows(runs)
    for row in rows:
        cells = [f"IoU {row['name']}" if row["name"] not in ("mean dataset IoU", "mean image IoU") else row["name"]]
        cells.append(score(row["values"][0]))
        for value, difference in zip(row["values"][1:], row["differences"], strict=True):
            cells += [score(value), signed(difference)]
        lines.append(cells)
    for what, values in (
        ("training images", [count(run.training_images) for run in runs]),
        ("optimizer steps", [count(run.result.steps) for run in runs]),
        ("test images", [count(run.result.test.images) for run in runs]),
    ):
        lines.append([what, values[0], *(cell for value in values[1:] for cell in (value, ""))])
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    rule = "  ".join("-" * width for width in widths)
    text = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    classes = len(rows) - 2
    return "\n".join([text[0], rule, *text[1 : classes + 1], rule, *text[classes + 1 : classes + 3], rule, *text[-3:]])


def _names(runs: Sequence[FinishedRun]) -> list[str]:
    """Names of the runs, told apart where they are the same."""
    names = [run.name for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} ({run.order.run})" for name, run in zip(names, runs, strict=True)
    ]


def _differing(runs: Sequence[FinishedRun]) -> list[str]:
    """Parts of the settings, beside name and training data, in which the runs differ."""
    settings = [run.order.spec.model_dump(mode="json") for run in runs]
    validations = [setting["data"]["validation"] for setting in settings]
    found = [
        name.replace("_", " ")
        for name in settings[0]
        if name not in ("name", "data") and any(setting[name] != settings[0][name] for setting in settings)
    ]
    if any(validation != validations[0] for validation in validations):
        found.append("validation images")
    if len({run.result.steps for run in runs}) > 1:
        found.append("steps taken")
    return found


def _pictures(runs: Sequence[FinishedRun], task: Segmentation) -> tuple[list[Any], list[Any], bool]:
    """Strips of test images by lot: those that the last run sees most better than the first, and most worse."""
    indices = [pictures.read_index(run.folder) for run in runs]
    shared = [frame for frame in indices[0]["by_lot"] if all(frame in index["by_lot"] for index in indices)]
    scores = np.array([[index["frames"][str(frame)]["score"] for index in indices] for frame in shared])
    scores = scores.reshape(len(shared), len(runs))
    gain = scores[:, -1] - scores[:, 0]
    order = [int(place) for place in np.argsort(-gain, kind="stable")]
    better = [place for place in order if gain[place] > 0][:SHOWN]
    worse = [place for place in reversed(order) if gain[place] < 0][:SHOWN]

    def strip(place: int) -> dict[str, Any]:
        frame = shared[place]
        image = pictures.read(runs[0].folder, frame, "image")
        scale = pictures.scale_for(image)
        return {
            "frame": frame,
            "image": pictures.data_url(image),
            "truth": pictures.data_url(task.picture(image, pictures.read(runs[0].folder, frame, "truth"), scale)),
            "predictions": [
                (
                    pictures.data_url(task.picture(image, pictures.read(run.folder, frame, "prediction"), scale)),
                    float(scores[place, column]),
                )
                for column, run in enumerate(runs)
            ],
        }

    return [strip(place) for place in better], [strip(place) for place in worse], len(runs) > 2
