"""Finished runs, read back from their folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from contracts.document import parse_json
from contracts.errors import ConfigurationError, NotFoundError
from contracts.process import RESULT_FILE
from contracts.run import RunResult, TrainingOrder

ORDER_FILE = "order.json"
"""The order that a workspace was filled by."""


@dataclass(frozen=True)
class FinishedRun:
    """A run's folder, with its order and result."""

    folder: Path
    order: TrainingOrder
    result: RunResult

    @property
    def name(self) -> str:
        """The name its user gave it, or its id."""
        return self.order.spec.name or self.order.run

    @property
    def training_images(self) -> int:
        return sum(self.result.training_images.values())


def read_run(folder: Path) -> FinishedRun:
    """Read a finished run.

    Raises:
        NotFoundError: The folder holds no finished run.
        ConfigurationError: Its documents are not valid.
    """
    try:
        order = (folder / ORDER_FILE).read_bytes()
        result = (folder / RESULT_FILE).read_bytes()
    except OSError as error:
        raise NotFoundError(
            f"{folder} holds no finished run: {error.strerror}: {error.filename}",
            hint="name folders that `python -m training.run` filled",
        ) from None
    return FinishedRun(
        folder,
        parse_json(TrainingOrder, order, source=str(folder / ORDER_FILE)),
        parse_json(RunResult, result, source=str(folder / RESULT_FILE)),
    )


def check_comparable(runs: list[FinishedRun]) -> None:
    """Refuse runs whose test scores do not speak of the same thing.

    Raises:
        ConfigurationError: They differ in test set, classes or image size.
    """

    def measured(run: FinishedRun) -> dict[str, object]:
        test = run.order.spec.data.test
        return {
            "test set": (run.order.versions[test.dataset], test.split),
            "label map": run.order.label_map.classes,
            "image size": run.order.spec.image_size,
        }

    first = measured(runs[0])
    for run in runs[1:]:
        for what, value in measured(run).items():
            if value != first[what]:
                raise ConfigurationError(
                    f"{run.name} and {runs[0].name} can't be compared: their {what} differs",
                    code="not_comparable",
                    hint="compare runs that were tested alike",
                )
