"""Tables of studies whose truth is known: scores drawn from a learning curve, with runs that failed or were not run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from contracts.ids import digest_of
from contracts.scores import PartScore
from contracts.study_table import StudyRun, StudyTable, TableAxis, ValidationPoint
from training.streams import stream

CLASSES = ("front door", "mirror", "tail light")
VERSIONS = {"photographs@1": digest_of(b"photographs"), "exterior@3": digest_of(b"exterior")}
METRIC = "test.mean_dataset_iou"


def amounts_axis(name: str, amounts: Sequence[int], largest_is_all: bool = False) -> TableAxis:
    """An axis of numbers of images, `real` or `synthetic`."""
    shown = [str(amount) for amount in amounts]
    if largest_is_all:
        shown[-1] = "all"
    return TableAxis(
        name=name,
        title=f"{name} images",
        role=f"{name}_images",
        values=tuple(shown),
        amounts=tuple(map(float, amounts)),
    )


def learned(real: float, synthetic: float, harm: float = 0.012, worth: float = 45.0) -> float:
    """True score: that of more real images, of which synthetic ones are worth ever fewer, and which they dilute."""
    equivalent = real + worth * synthetic / (synthetic + 900) * (0.6 if real == 0 else 1.0)
    level = 0.92 - 1.35 * (equivalent + 6) ** -0.42
    return max(0.02, level - harm * (synthetic / (real + 64)) ** 0.5 / 4)


def number_of(axis: TableAxis, value: str) -> float | None:
    """The number that a value stands for."""
    return axis.amounts[axis.values.index(value)] if axis.amounts else None


def simulated(
    axes: Sequence[TableAxis],
    score: Callable[[dict[str, str], dict[str, float | None]], float],
    repeats: int | Callable[[dict[str, str]], int],
    *,
    deviation: float | Callable[[dict[str, str]], float] = 0.02,
    without: Callable[[dict[str, str], int], tuple[str, str] | None] = lambda cell, repeat: None,
    seed: int = 0,
    name: str = "simulated",
    question: str = "How many photographs do synthetic vehicles replace?",
    parts: bool = False,
    notes: Sequence[str] = (),
) -> StudyTable:
    """A table of normal scores.

    Args:
        axes: Of the study.
        score: True score of a cell, from its values as shown and their numbers.
        repeats: Of each cell.
        deviation: Standard deviation of each cell's scores.
        without: State and reason of runs without a result.
        seed: Of the scores.
        name: Of the study.
        question: Of the study.
        parts: Whether runs tell groups and slices of the test set.
        notes: Sentences beside every figure.
    """
    draws = stream(seed, "simulated study", name)
    runs = []
    for values in itertools.product(*(axis.values for axis in axes)):
        cell = {axis.name: value for axis, value in zip(axes, values, strict=True)}
        numbers = {axis.name: number_of(axis, cell[axis.name]) for axis in axes}
        truth = score(cell, numbers)
        spread = deviation(cell) if callable(deviation) else deviation
        for repeat in range(repeats(cell) if callable(repeats) else repeats):
            value = float(draws.normal(truth, spread))
            shifts = draws.normal(0, 0.01, size=len(CLASSES) + 4)
            missing = without(cell, repeat)
            if missing is not None:
                runs.append(StudyRun(cell=cell, repeat=repeat, seed=repeat, state=missing[0], reason=missing[1]))
                continue
            runs.append(_run(cell, repeat, value, shifts.tolist(), parts, name))
    return StudyTable(
        schema_version=1,
        study=name,
        study_digest=digest_of(name.encode()),
        question=question,
        axes=tuple(axes),
        notes=tuple(notes),
        runs=tuple(runs),
    )


def risen(score: float, shift: float = 0.0, steps: int = 800, evaluations: int = 20) -> tuple[ValidationPoint, ...]:
    """A validation curve that comes near to its score in a quarter of the steps, and stays there."""
    every = steps // evaluations
    return tuple(
        ValidationPoint(step=step, mean_dataset_iou=score * (1 - math.exp(-12 * step / steps)) + shift * (-1) ** number)
        for number, step in enumerate(range(every, steps + 1, every))
    )


def _run(cell: dict[str, str], repeat: int, value: float, shifts: list[float], parts: bool, name: str) -> StudyRun:
    scores: dict[str, float | None] = {METRIC: value, "test.mean_image_iou": min(1.0, value + 0.05)}
    for number, (class_name, shift) in enumerate(zip(CLASSES, shifts, strict=False)):
        scores[f"test.dataset_iou.{class_name}"] = value + 0.1 * (1 - number) + shift
    found = ()
    if parts:
        found = tuple(
            PartScore(
                of=of,
                part=part,
                images=images,
                mean_dataset_iou=value + lower + shift,
                mean_image_iou=value,
                difference=lower + shift,
                difference_interval=None,
            )
            for (of, part, images, lower), shift in zip(
                [
                    ("brightness", "0.00 to 0.21", 31, -0.12),
                    ("viewpoint", "back", 18, -0.05),
                    ("group", "garage-7", 12, -0.2),
                    ("visible area", "0.4 to 0.6", 40, 0.03),
                ],
                shifts[len(CLASSES) :],
                strict=True,
            )
        )
    text = f"{name} {sorted(cell.items())} {repeat}"
    return StudyRun(
        cell=cell,
        repeat=repeat,
        seed=repeat,
        state="succeeded",
        run="run-" + digest_of(text.encode())[7:19],
        run_digest=digest_of(text.encode()),
        datasets=VERSIONS,
        scores=scores,
        parts=found,
        validation_curve=risen(value, shifts[0]),
        seconds=60 + 10 * abs(shifts[0]),
    )
