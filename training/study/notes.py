"""Sentences that belong beside every figure of a study: how it was repeated, and in what its runs differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from contracts.run import RunResult
from contracts.study import Study

SAME_PACKAGES = ("torch", "segmentation-models-pytorch", "timm", "albumentations", "opencv-python-headless", "numpy")
"""Packages of which several versions may move scores."""


def _device(result: RunResult) -> object:
    return result.environment.get("device")


def _precision(result: RunResult) -> object:
    return result.environment.get("precision")


def _version(package: str, result: RunResult) -> object:
    return result.environment.get("versions", {}).get(package)


_LOOKS: tuple[tuple[str, Callable[[RunResult], object]], ...] = (("device", _device), ("precision", _precision))


def notes(study: Study, results: Sequence[RunResult]) -> tuple[str, ...]:
    """All that have something to say.

    Args:
        study: What was asked.
        results: Of its runs, as many as there are.
    """
    return (*_repeats(study), *_environments(results), *_not_shown(results))


def _repeats(study: Study) -> tuple[str, ...]:
    until, repeats = study.repeats.until, study.repeats
    if until is None:
        return ()
    note = (
        f"Every cell was repeated {repeats.at_least} to {repeats.at_most} times, until the"
        f" {until.confidence:.0%} interval of the mean of {study.report.metric} was narrower than"
        f" {2 * until.half_width_of_mean:.1%} of the mean ({until.rule} rule)."
    )
    return (note,)


def _environments(results: Sequence[RunResult]) -> tuple[str, ...]:
    """What the runs were made with, where that is not the same for all."""
    found = []
    for name, look in (*_LOOKS, *((package, partial(_version, package)) for package in SAME_PACKAGES)):
        numbers = Counter(str(look(result)) for result in results)
        if len(numbers) > 1:
            found.append(f"{name} ({', '.join(_counted(value, runs) for value, runs in sorted(numbers.items()))})")
    if not found:
        return ()
    return (f"The runs were not all made with the same {', '.join(found)}: differences between cells may come of it.",)


def _not_shown(results: Sequence[RunResult]) -> tuple[str, ...]:
    """Classes that no training image of some runs shows."""
    numbers = Counter(name for result in results for name in result.classes_not_shown)
    return tuple(
        f"No training image shows {name} in {runs} of {len(results)} runs: these could learn nothing of it."
        for name, runs in numbers.items()
    )


def _counted(value: str, runs: int) -> str:
    return f"{value}: {runs} run{'' if runs == 1 else 's'}"
