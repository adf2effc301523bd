"""The table of the transfer study: its cells, and the training run that each repeat of a cell is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from contracts.document import validate
from contracts.errors import ConfigurationError
from contracts.run import TrainingSpec
from tests.benchmarks.transfer.photographs import DEVELOPMENT, LABEL_MAP, LEARN, TEST, VALIDATION

Count = int | Literal["all"]

LEARNING_RATE = 1.0e-3
"""From random weights, in few steps."""
SETTLING_SHARE = 0.3
"""Of the steps: a last stretch at a fifth of the learning rate."""
EVALUATIONS = 24
EVALUATE_EVERY_STEPS_MIN = 20
"""On the validation photographs: so many a run, but not closer than so many steps. The points of its curve."""


@dataclass(frozen=True)
class Profile:
    """How much is done, and on what it is scored."""

    name: str
    photographs: tuple[Count, ...]
    """Photographs to learn from: the rows of the table."""
    synthetic: tuple[int, ...]
    """Synthetic images to learn from: its columns, the first of them 0."""
    repeats: int
    steps: int
    """Optimizer steps of every run."""
    validation: int
    """Photographs that choose checkpoints, set apart from `train` by group: at least so many."""
    development: int
    """Photographs that are scored in screening, set apart likewise; 0 where `test_public` is scored."""
    precision: Literal["float32", "mixed"] = "float32"
    """What every run of the table computes in."""

    @property
    def scored(self) -> str:
        """The split that the table's figures are of."""
        return DEVELOPMENT if self.development else TEST


SCREENING = Profile("screening", (16,), (0, 512), repeats=3, steps=1200, validation=32, development=64)
"""For choosing between generators: never opens `test_public`."""
FULL = Profile("full", (0, 16, 64, "all"), (0, 2048), repeats=3, steps=3200, validation=32, development=0)
"""The table of record, once a round."""


@dataclass(frozen=True)
class Cell:
    """One training set of the table."""

    photographs: Count
    synthetic: int

    @property
    def name(self) -> str:
        return f"n{self.photographs}-s{self.synthetic}"


def cells(profile: Profile) -> list[Cell]:
    """All cells with something to learn from, rows first.

    Raises:
        ConfigurationError: There is none.
    """
    found = [Cell(n, s) for n in profile.photographs for s in profile.synthetic if n != 0 or s != 0]
    if not found:
        raise ConfigurationError(
            "every cell of the table has 0 photographs and 0 synthetic images", hint="ask for some of either"
        )
    return found


def photographs_share(photographs: Count) -> float:
    """Of every batch, where synthetic images stand beside photographs.

    Few photographs are soon learned by heart, so few are shown less often.
    """
    if photographs == "all" or photographs >= 128:
        return 0.5
    return 0.25 if photographs >= 32 else 0.125


def training_spec(cell: Cell, repeat: int, profile: Profile, photographs: str, synthetic: str | None) -> TrainingSpec:
    """The run of one repeat.

    Repeats of one number share photographs, initial weights and order of draws over all columns of the table, and
    differ from other repeats in each of these. Runs differ in nothing but their training images.

    Args:
        cell: What to learn from.
        repeat: Number of the repeat, from 0.
        profile: How long, and what to score.
        photographs: The divided photographs, `name@version`.
        synthetic: The synthetic images, `name@version`; needed where the cell has any.

    Raises:
        ConfigurationError: The cell needs synthetic images and none are named.
    """
    sources: list[dict[str, Any]] = []
    share = photographs_share(cell.photographs) if cell.synthetic else 1.0
    if cell.photographs != 0:
        sources.append(
            {"dataset": photographs, "split": LEARN, "take": cell.photographs, "weight": share, "seed": repeat}
        )
    if cell.synthetic:
        if synthetic is None:
            raise ConfigurationError(
                f"{cell.name}: no synthetic version is named", hint="give --synthetic NAME@V, or --generator to render"
            )
        weight = 1.0 - share if sources else 1.0
        sources.append({"dataset": synthetic, "take": cell.synthetic, "weight": weight})
    settling = max(1, round(profile.steps * SETTLING_SHARE))
    return validate(
        TrainingSpec,
        {
            "schema_version": 1,
            "name": f"{cell.name}-r{repeat}",
            "label_map": LABEL_MAP,
            "data": {
                "train": sources,
                "validation": {"dataset": photographs, "split": VALIDATION, "reserve": "all"},
                "test": {"dataset": photographs, "split": profile.scored},
            },
            "network": {"architecture": "unet", "encoder": "resnet18", "encoder_weights": None},
            "image_size": [128, 128],
            "batch_size": 8,
            "loss": {"bce": 0, "dice": 1, "cross_entropy": 1},  # front and back doors exclude each other
            "stages": [
                {"name": "train", "steps": max(1, profile.steps - settling)},
                {"name": "settle", "steps": settling, "learning_rate_factor": 0.2},
            ],
            "optimizer": {"kind": "adam", "encoder_lr": LEARNING_RATE, "decoder_lr": LEARNING_RATE},
            "evaluate_every_steps": max(EVALUATE_EVERY_STEPS_MIN, profile.steps // EVALUATIONS),
            "precision": profile.precision,
            "seed": repeat,
        },
        source=cell.name,
    )


def table_of(values: Sequence[str]) -> tuple[Count, ...]:
    """Numbers of photographs from their texts, such as `0 16 all`.

    Raises:
        ConfigurationError: One of them is neither a whole number nor `all`.
    """
    for value in values:
        if value != "all" and not value.isdecimal():
            raise ConfigurationError(
                f"--photographs {value}: not a whole number and not 'all'", hint="such as 0 16 64 all"
            )
    return tuple("all" if value == "all" else int(value) for value in values)
