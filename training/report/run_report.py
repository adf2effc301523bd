"""The report of one run: what it learned from, how it went, what it scored, what it sees."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from contracts.run import RunResult, TrainingOrder
from contracts.scores import PartScore
from training.report import pictures
from training.report.curves import reliability, run_curves
from training.report.pages import svg, write_page
from training.tasks.task import Task

PARTS_SHOWN = 8
"""Groups and slices, each."""


def write(order: TrainingOrder, result: RunResult, task: Task, workspace: Path, command: str) -> None:
    """Write `report.html`, complete in itself, into the workspace.

    Args:
        order: What was asked.
        result: What came of it.
        task: Knows how to draw.
        workspace: Where the run's pictures lie.
        command: How the run was started.
    """
    spec = order.spec
    index = pictures.read_index(workspace)
    environment = {name.replace("_", " "): value for name, value in result.environment.items() if name != "versions"}
    environment["packages"] = ", ".join(f"{name} {number}" for name, number in result.environment["versions"].items())
    write_page(
        workspace / result.files["report"],
        "run.html.j2",
        result=result,
        spec=spec,
        metric="loss"
        if spec.early_stopping and spec.early_stopping.metric == "validation.loss"
        else "mean dataset IoU",
        classes=[(name, css(color), result.test.classes[name]) for name, color in task.legend()],
        intervals=result.test.intervals,
        calibration=_calibration(result),
        slices=_worst(result.test.slices),
        groups=_worst(result.test.groups),
        data=_data_rows(order, result),
        label_map=order.label_map,
        curves=svg(run_curves(result.curve, result.best_step)),
        pictures=[
            ("Worst", "Lowest mean IoU of one image.", _strips(workspace, task, index, index["worst"])),
            ("Best", "Highest mean IoU of one image.", _strips(workspace, task, index, index["best"])),
            (
                "By lot",
                "Chosen by the hash of the image: the same for every run on this test set.",
                _strips(workspace, task, index, index["by_lot"][:6]),
            ),
        ],
        command=command,
        versions=dict(order.versions),
        environment=environment,
        settings=yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, width=100),
    )


def _worst(parts: Sequence[PartScore]) -> list[PartScore]:
    """The parts that lie furthest below the other images; no part that does not."""
    scored = [part for part in parts if part.difference is not None and part.difference < 0]
    return sorted(scored, key=lambda part: (part.difference or 0.0, part.of, part.part))[:PARTS_SHOWN]


def _calibration(result: RunResult) -> dict[str, Any] | None:
    found = result.test.calibration
    if found is None or found.all is None:
        return None
    of_classes = found.classes or found.all
    return {"all": found.all.error, "classes": of_classes.error, "picture": svg(reliability(of_classes))}


def css(color: tuple[int, int, int]) -> str:
    """A colour as a style sheet writes it."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def _data_rows(order: TrainingOrder, result: RunResult) -> list[dict[str, Any]]:
    plan = order.spec.data
    active = [source for source in plan.train if source.take != 0]
    total = sum(Fraction(source.weight) for source in active)
    rows = [
        {
            "part": "training",
            "dataset": source.dataset,
            "split": source.split,
            "images": images,
            "share": f"{float(Fraction(source.weight) / total):.0%}",
        }
        for source, images in zip(active, result.training_images.values(), strict=True)
    ]
    for part, source, images in (
        ("validation", plan.validation, result.validation_images),
        ("test", plan.test, result.test.images),
    ):
        rows.append({"part": part, "dataset": source.dataset, "split": source.split, "images": images, "share": "–"})
    for row in rows:
        row["digest"] = order.versions[str(row["dataset"])]
    return rows


def _strips(workspace: Path, task: Task, index: dict[str, Any], frames: Sequence[int]) -> list[dict[str, Any]]:
    found = []
    for frame in frames:
        image = pictures.read(workspace, frame, "image")
        scale = pictures.scale_for(image)
        overlays = {
            role: pictures.data_url(task.picture(image, pictures.read(workspace, frame, role), scale))
            for role in ("truth", "prediction")
        }
        score = index["frames"][str(frame)]["score"]
        found.append({"frame": frame, "score": score, "image": pictures.data_url(image), **overlays})
    return found
