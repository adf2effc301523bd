"""What a training run is and where it stands, and the checkpoint that a run goes on from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel

from contracts.errors import ConflictError
from contracts.run import TrainingSpec
from training import checkpoint
from training.batches import LabelledFrames
from training.distributed import Processes
from training.environment import Device
from training.gradients import BatchParts
from training.lengths import StageLength
from training.mixing import Mix
from training.networks.segmentation import SegmentationNetwork
from training.optimization import Plateau, ScaledOptimizer
from training.tasks.task import Task


@dataclass(frozen=True)
class Run:
    """All that the loop needs."""

    spec: TrainingSpec
    order_digest: str
    workspace: Path
    device: Device
    mix: Mix
    data: Mapping[tuple[str, str | None], LabelledFrames]
    """Frames by version text and split."""
    task: Task
    lengths: Sequence[StageLength]
    """Of the stages."""
    mirrored_ids: Sequence[int] | None = None
    """Class ids by class id in flipped images; none where no image is flipped."""
    batch_parts: BatchParts = field(default_factory=BatchParts)
    """Changed when memory runs out."""
    processes: Processes = field(default_factory=Processes)
    """Those that train it."""
    classes_not_shown: tuple[str, ...] = ()
    """Classes of which no training image shows a pixel, as far as this process has looked."""


@dataclass
class State:
    """Where training stands; plain values, so that it can be saved."""

    stage: int = 0
    stage_step: int = 0
    step: int = 0
    """Optimizer steps over all stages."""
    best_value: float = -math.inf
    """Of the metric, turned so that higher is better."""
    best_step: int = 0
    stage_best_value: float = -math.inf
    evaluations_without_gain: int = 0
    """In this stage."""
    plateau: Plateau = field(default_factory=Plateau)
    """In this stage."""
    evaluation_due: bool = False
    stopped_early: bool = False
    loss_sum: float = 0.0
    loss_count: int = 0
    """Since the last evaluation."""
    seconds: float = 0.0
    step_seconds: float = 0.0
    """Without evaluations and checkpoints."""
    curve: list[dict[str, Any]] = field(default_factory=list)


def save(
    run: Run,
    network: SegmentationNetwork,
    optimizer: ScaledOptimizer | None,
    state: State,
    average: AveragedModel | None,
) -> None:
    """Write down where training stands: the first process, with what the others say of their random generators."""
    random = run.processes.of_all(_random_states(run))
    if not run.processes.is_first:
        return
    values = {
        "order_digest": run.order_digest,
        "state": asdict(state),
        "batch_parts": run.batch_parts.count,
        "model": network.state_dict(),
        "average": average.state_dict() if average else None,
        "optimizer": optimizer.state_dict() if optimizer else None,
        "random": random[0] if len(random) == 1 else {**random[0], "others": random[1:]},
    }
    checkpoint.save(run.workspace / checkpoint.LAST, values)


def resume(
    run: Run, network: SegmentationNetwork, average: AveragedModel | None
) -> tuple[State, dict[str, Any] | None]:
    """Put the network, its average and the random generators where the last checkpoint, if any, says they were."""
    first, rank = run.processes.is_first, run.processes.rank
    for name in (checkpoint.BEST, checkpoint.LAST) if first else ():
        checkpoint.sweep(run.workspace / name)
    values = run.processes.of_first(checkpoint.load(run.workspace / checkpoint.LAST) if first else None)
    if values is None:
        return State(), None
    if values["order_digest"] != run.order_digest:
        raise ConflictError(
            f"{run.workspace} holds a run of another order",
            hint="give each run its own workspace",
            context={"found": values["order_digest"], "expected": run.order_digest},
        )
    run.batch_parts.count = values.get("batch_parts", 1)  # checkpoints of earlier releases have none
    network.load_state_dict(values["model"])
    if average is not None:
        average.load_state_dict(values["average"])
    random = values["random"]["others"][rank - 1] if rank else values["random"]
    torch.set_rng_state(random["cpu"])
    if run.device.kind == "cuda" and run.processes.count > 1:
        torch.cuda.set_rng_state(random["cuda"][0])
    elif run.device.kind == "cuda" and len(random["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(random["cuda"])
    plateau = Plateau(**values["state"].pop("plateau", {}))  # checkpoints of earlier releases have none
    return State(**values["state"], plateau=plateau), values["optimizer"]


def _random_states(run: Run) -> dict[str, Any]:
    """Of torch's generators: of all GPUs, or of the one that is this process's own."""
    on_gpus: list[torch.Tensor] = []
    if run.device.kind == "cuda":
        on_gpus = [torch.cuda.get_rng_state()] if run.processes.count > 1 else torch.cuda.get_rng_state_all()
    return {"cpu": torch.get_rng_state(), "cuda": on_gpus}
