"""What a study found, as the table that its report reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from contracts.run import RunResult
from contracts.scores import ClassScore, SegmentationScores
from contracts.study import Study
from contracts.study_cells import Cell
from contracts.study_order import StudyOrder
from contracts.study_table import StudyRun, StudyTable, TableAxis, ValidationPoint
from training.study.runs import StudyTask

NOT_YET_RUN = "not yet run"
_FIGURES = ("mean_dataset_iou", "mean_image_iou", "mean_dice", "mean_boundary_f", "loss")


@dataclass(frozen=True)
class Row:
    """A run of the table, or why there is none."""

    cell: Cell
    repeat: int
    task: StudyTask
    state: Literal["succeeded", "failed", "not_run"]
    reason: str | None = None
    result: RunResult | None = None


def make_table(
    order: StudyOrder, amounts: Mapping[str, tuple[float | None, ...]], rows: Sequence[Row], notes: Sequence[str]
) -> StudyTable:
    """The table of a study.

    Args:
        order: What was asked.
        amounts: The numbers that each axis' values stand for.
        rows: Its runs.
        notes: Sentences that belong beside every figure, after the study's own.
    """
    return StudyTable(
        schema_version=1,
        study=order.study.name,
        study_digest=order.study_digest,
        question=order.study.question,
        axes=tuple(_axes(order.study, amounts)),
        notes=(*order.study.notes, *notes),
        runs=tuple(_run(row) for row in rows),
    )


def figures(result: RunResult) -> dict[str, float | None]:
    """A run's scores by dotted path."""
    found: dict[str, float | None] = {}
    for part, scores in (("test", result.test), ("validation", result.validation)):
        found |= {f"{part}.{path}": value for path, value in _figures(scores)}
    return found


def score(result: RunResult, metric: str) -> float | None:
    """One of a run's scores by its dotted path; none where it can't be taken."""
    return figures(result).get(metric)


def _figures(scores: SegmentationScores) -> Iterator[tuple[str, float | None]]:
    for name in _FIGURES:
        yield name, getattr(scores, name)
    for name, value in scores.dataset_iou.items():
        yield f"dataset_iou.{name}", value
    for name, of_class in scores.classes.items():
        for figure in ClassScore.model_fields:
            yield f"classes.{name}.{figure}", getattr(of_class, figure)
    calibration = scores.calibration
    for name in ("all", "classes"):
        found = getattr(calibration, name) if calibration is not None else None
        if found is not None:
            yield f"calibration.{name}.error", found.error


def _axes(study: Study, amounts: Mapping[str, tuple[float | None, ...]]) -> Iterator[TableAxis]:
    for name, axis in study.axes.items():
        numbers = amounts[name]
        yield TableAxis(
            name=name,
            title=axis.title,
            role=axis.role,
            values=axis.shown_values,
            amounts=numbers if any(number is not None for number in numbers) else (),
        )


def _run(row: Row) -> StudyRun:
    of_result: dict[str, Any] = {}
    if row.result is not None:
        of_result = {
            "scores": figures(row.result),
            "parts": (*row.result.test.groups, *row.result.test.slices),
            "validation_curve": tuple(
                ValidationPoint(step=point.step, mean_dataset_iou=point.validation_mean_iou)
                for point in row.result.curve
            ),
            "seconds": row.result.seconds,
        }
    return StudyRun(
        cell=dict(row.cell.values),
        repeat=row.repeat,
        seed=row.task.spec.seed,
        state=row.state,
        reason=row.reason,
        run=row.task.run if row.state != "not_run" else None,
        run_digest=row.task.digest,
        datasets=dict(row.task.versions),
        **of_result,
    )
