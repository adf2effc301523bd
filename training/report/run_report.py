"""The report of one run, as a page and as Markdown: what it learned from, how it went, what it scored, what it sees."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from contracts.process import write_atomically
from contracts.run import RunResult, TrainingOrder
from contracts.scores import Calibration, PartScore
from training.report import pictures, run_markdown
from training.report.curves import reliability, run_curves
from training.report.pages import svg, write_page
from training.tasks.task import Task

PARTS_SHOWN = 8
"""Groups and slices, each."""
BY_LOT_SHOWN = 6
"""Pictures chosen by lot."""


def write(order: TrainingOrder, result: RunResult, task: Task, workspace: Path, command: str) -> None:
    """Write `report.html`, complete in itself, and `report.md` with its figures, into the workspace.

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
    by_loss = spec.early_stopping is not None and spec.early_stopping.metric == "validation.loss"
    metric = "loss" if by_loss else "mean dataset IoU"
    legend = [(name, css(color)) for name, color in task.legend()]
    slices, groups = _worst(result.test.slices), _worst(result.test.groups)
    data = _data_rows(order, result)
    settings = yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, width=100)
    shown = [
        ("Worst", "Lowest mean IoU of one image.", index["worst"]),
        ("Best", "Highest mean IoU of one image.", index["best"]),
        (
            "By lot",
            "Chosen by the hash of the image: the same for every run on this test set.",
            index["by_lot"][:BY_LOT_SHOWN],
        ),
    ]
    plots = {"curves": run_curves(result.curve, result.best_step)}
    calibration = _calibration(result)
    if calibration is not None:
        plots["reliability"] = reliability(calibration)
    write_page(
        workspace / result.files["report"],
        "run.html.j2",
        result=result,
        spec=spec,
        metric=metric,
        cautions=run_markdown.cautions(result),
        classes=[(name, color, result.test.classes[name]) for name, color in legend],
        intervals=result.test.intervals,
        calibration=_calibration_errors(result),
        reliability=svg(plots.get("reliability", "")),
        slices=slices,
        groups=groups,
        data=data,
        label_map=order.label_map,
        curves=svg(plots["curves"]),
        pictures=[(title, note, _strips(workspace, task, index, frames)) for title, note, frames in shown],
        command=command,
        versions=dict(order.versions),
        environment=environment,
        settings=settings,
    )
    scores = {int(frame): entry["score"] for frame, entry in index["frames"].items()}
    run_markdown.write_strips(workspace, task, [frame for _, _, frames in shown for frame in frames])
    folder = workspace / run_markdown.FIGURES_FOLDER
    folder.mkdir(exist_ok=True)
    for name, plot in {**plots, "classes": run_markdown.classes_svg(legend)}.items():
        write_atomically(folder / f"{name}.svg", plot.encode())
    text = run_markdown.as_markdown(
        order,
        result,
        command=command,
        metric=metric,
        data=data,
        slices=slices,
        groups=groups,
        calibration=_calibration_errors(result),
        environment=environment,
        settings=settings,
        shown={title: [(frame, scores[frame]) for frame in frames] for title, _, frames in shown},
    )
    write_atomically(workspace / result.files["markdown"], text.encode())


def _worst(parts: Sequence[PartScore]) -> list[PartScore]:
    """The parts that lie furthest below the other images; no part that does not."""
    scored = [part for part in parts if part.difference is not None and part.difference < 0]
    return sorted(scored, key=lambda part: (part.difference or 0.0, part.of, part.part))[:PARTS_SHOWN]


def _calibration(result: RunResult) -> Calibration | None:
    """Of the pixels where a class is predicted, if any is."""
    found = result.test.calibration
    return None if found is None or found.all is None else found.classes or found.all


def _calibration_errors(result: RunResult) -> tuple[float, float] | None:
    """Over the pixels where a class is predicted, and over all."""
    found, of_classes = result.test.calibration, _calibration(result)
    return None if found is None or found.all is None or of_classes is None else (of_classes.error, found.all.error)


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
