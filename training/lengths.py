"""How long the stages of a run are, in optimizer steps: an epoch is as long as the images of its stage make it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.run import Stage, TrainingSpec


@dataclass(frozen=True)
class StageLength:
    """Of one stage."""

    steps: int
    """Optimizer steps."""
    evaluate_every_steps: int
    """Steps between evaluations."""

    @property
    def evaluations(self) -> int:
        """Of the validation images; the last step is always followed by one."""
        return math.ceil(self.steps / self.evaluate_every_steps)


def stage_lengths(spec: TrainingSpec, images: Sequence[tuple[str, int]]) -> tuple[StageLength, ...]:
    """The length of each stage.

    Args:
        spec: The run.
        images: Name of the dataset (without version) and number of images of each source.
    """
    return tuple(_length(spec, stage, images) for stage in spec.stages)


def _length(spec: TrainingSpec, stage: Stage, images: Sequence[tuple[str, int]]) -> StageLength:
    taking_part = sum(count for name, count in images if stage.on is None or name in stage.on)
    epoch_steps = taking_part / (spec.batch_size * spec.accumulate_batches)
    steps = math.ceil((stage.epochs or 0) * epoch_steps) if stage.steps is None else stage.steps
    every = spec.evaluate_every_steps
    return StageLength(max(1, steps), max(1, math.ceil(epoch_steps)) if every == "epoch" else every)
