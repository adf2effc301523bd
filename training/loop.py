"""The training loop, to be read from top to bottom.

For each stage: make batches ahead, take optimizer steps, and every so often score the validation images, keep the best
network, and save where training stands. Everything random is a function of the seed and the place in the run, or is in
the checkpoint, so a run that is killed and started again ends where an undisturbed one would.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel
from torch.utils.tensorboard.writer import SummaryWriter

from contracts.errors import ConflictError, TrainingDivergedError
from contracts.run import CurvePoint, ReduceOnPlateau, Stage, TrainingSpec
from contracts.scores import SegmentationScores
from training import checkpoint
from training.batches import LabelledFrames, TrainingBatches, plain_batches
from training.environment import Device
from training.gradients import Batch, BatchParts, add_gradients
from training.mixing import BatchSampler, Mix, Selection
from training.networks.freezing import freeze
from training.networks.segmentation import SegmentationNetwork
from training.optimization import Plateau, ScaledOptimizer, make_average, make_optimizer, set_learning_rate
from training.paste import Paster
from training.process import Monitor, Stopped
from training.streams import torch_seed
from training.tasks.task import ByteArray, Counts, Task

SAVE_EVERY_S = 60.0
"""Longest time between checkpoints."""
LOSSES_BEFORE_CHECK = {"cpu": 1, "cuda": 20}
"""Steps after which losses are looked at: on a GPU, looking waits for it."""


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
    mirrored_ids: Sequence[int] | None = None
    """Class ids by class id in flipped images; none where no image is flipped."""
    batch_parts: BatchParts = field(default_factory=BatchParts)
    """Changed when memory runs out."""


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


def train(run: Run, network: SegmentationNetwork, monitor: Monitor) -> State:
    """Train a network through all stages, from where its workspace says it stands.

    Args:
        run: What to do.
        network: The network, as built from the run's seed; changed in place.
        monitor: Told of progress; asked whether to stop.

    Returns:
        Where training ended. The best network lies in the workspace's best checkpoint.

    Raises:
        Stopped: The process was asked to stop; the last checkpoint holds where it stands.
        TrainingDivergedError: The loss became non-finite.
        ConflictError: The workspace holds a run of another order.
    """
    spec = run.spec
    network.to(run.device.place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    torch.manual_seed(torch_seed(spec.seed, "training"))
    average = make_average(spec.ema, network) if spec.ema else None
    state, optimizer_state = _resume(run, network, average)
    writer = SummaryWriter(str(run.workspace / "tensorboard"), purge_step=state.step + 1)
    try:
        while state.stage < len(spec.stages):
            stage = spec.stages[state.stage]
            freeze(network, stage)
            optimizer = ScaledOptimizer(
                make_optimizer(spec.optimizer, network),
                torch.amp.GradScaler(run.device.kind, enabled=run.device.precision == "float16"),
            )
            if optimizer_state is not None:
                optimizer.load_state_dict(optimizer_state)
            train_stage(run, network, optimizer, state, stage, monitor, writer, average)
            state.stage, state.stage_step = state.stage + 1, 0
            state.stage_best_value, state.evaluations_without_gain = -math.inf, 0
            state.plateau, optimizer_state = Plateau(), None
            _save(run, network, None, state, average)
    finally:
        writer.close()
    return state


def train_stage(
    run: Run,
    network: SegmentationNetwork,
    optimizer: ScaledOptimizer,
    state: State,
    stage: Stage,
    monitor: Monitor,
    writer: SummaryWriter,
    average: AveragedModel | None = None,
) -> None:
    """Take the stage's steps, or as many as early stopping leaves."""
    kept = network if average is None else cast(SegmentationNetwork, average.module)
    spec, device = run.spec, run.device
    sampler = BatchSampler(run.mix.train, on=stage.on, stage=stage.name, batch_size=spec.batch_size, seed=spec.seed)
    sources = {number: run.data[source.key] for number, source in enumerate(run.mix.train)}
    paste = spec.augmentation.paste
    losses: list[tuple[int, torch.Tensor]] = []
    last_save = time.monotonic()
    batches = TrainingBatches(
        sources,
        sampler,
        spec.augmentation,
        mirrored_ids=run.mirrored_ids,
        paster=Paster(paste, run.mix.train, sources) if paste is not None else None,
        stage=stage.name,
        seed=spec.seed,
        start=state.stage_step * spec.accumulate_batches,
        pin=device.kind == "cuda",
    )
    network.train()
    with batches:
        ready = iter(batches)
        while True:
            if state.evaluation_due:
                try:
                    _evaluate_and_keep(run, kept, state, stage, monitor, writer)
                except Stopped:
                    _save(run, network, optimizer, state, average)  # the evaluation is still due
                    raise
                _save(run, network, optimizer, state, average)
                last_save = time.monotonic()
            if state.stage_step == stage.steps:
                return
            if spec.early_stopping and state.evaluations_without_gain >= spec.early_stopping.patience:
                state.stopped_early = True
                return

            started = time.perf_counter()
            set_learning_rate(optimizer.inner, spec.optimizer, stage, state.stage_step, state.plateau)
            losses.append((state.step + 1, _gradients(run, network, optimizer, ready, monitor)))
            if len(losses) >= LOSSES_BEFORE_CHECK[device.kind]:
                _take_in(losses, state, stage)
            optimizer.step(spec.optimizer.clip_norm)
            if average is not None:
                average.update_parameters(network)
            state.step += 1
            state.stage_step += 1
            state.evaluation_due = state.stage_step == stage.steps or state.stage_step % spec.evaluate_every_steps == 0
            taken = time.perf_counter() - started
            state.seconds += taken
            state.step_seconds += taken

            monitor.step(state.step, _message(state, stage))
            if state.evaluation_due or monitor.should_stop or time.monotonic() - last_save > SAVE_EVERY_S:
                _take_in(losses, state, stage)
            if monitor.should_stop:
                _save(run, network, optimizer, state, average)
                raise Stopped
            if time.monotonic() - last_save > SAVE_EVERY_S:
                _save(run, network, optimizer, state, average)
                last_save = time.monotonic()


def _gradients(
    run: Run, network: SegmentationNetwork, optimizer: ScaledOptimizer, ready: Iterator[Batch], monitor: Monitor
) -> torch.Tensor:
    batches, parts = run.spec.accumulate_batches, run.batch_parts
    return add_gradients(network, run.task, run.device, optimizer, ready, batches=batches, parts=parts, say=monitor.say)


def evaluate(
    run: Run, network: SegmentationNetwork, selection: Selection, monitor: Monitor, what: str
) -> SegmentationScores:
    """Score a network on a selection, with the mean loss."""
    counts, loss = [], 0.0
    for outputs, _, targets, batch_loss in answers(run, network, selection, monitor, what):
        loss += batch_loss * len(targets)
        counts.append(run.task.count(run.task.predict(outputs).cpu().numpy(), targets))
    return run.task.scores(np.concatenate(counts), loss / len(selection.places))


def evaluate_in_detail(
    run: Run, network: SegmentationNetwork, selection: Selection, monitor: Monitor, what: str
) -> tuple[SegmentationScores, Counts]:
    """As `evaluate`, with everything else that the task can say; and each image's counts in the selection's order."""
    evidence, loss = [], 0.0
    for outputs, images, targets, batch_loss in answers(run, network, selection, monitor, what):
        loss += batch_loss * len(targets)
        evidence.append(run.task.examine(images, outputs, targets))
    records = run.data[selection.key].records
    chosen = [records[int(place)] for place in selection.places]
    return run.task.detailed_scores(evidence, chosen, loss / len(selection.places))


def answers(
    run: Run, network: SegmentationNetwork, selection: Selection, monitor: Monitor, what: str
) -> Iterator[tuple[torch.Tensor, ByteArray, ByteArray, float]]:
    """Outputs, images (B, H, W, 3), targets and loss of each batch of a selection, in its order."""
    was_training = network.training
    network.eval()
    done, size = 0, max(1, run.spec.batch_size // run.batch_parts.count)
    try:
        for images, targets in plain_batches(run.data[selection.key], selection.places, size):
            monitor.say(f"{what}: {done}/{len(selection.places)} images")
            with (
                torch.inference_mode(),
                torch.autocast(run.device.kind, dtype=run.device.autocast_dtype, enabled=run.device.is_mixed),
            ):
                outputs = network(images.to(run.device.place))
            with torch.inference_mode():
                loss = float(run.task.loss(outputs, targets.to(run.device.place)))
            yield outputs, images.permute(0, 2, 3, 1).numpy(), targets.numpy(), loss
            done += len(images)
    finally:
        network.train(was_training)


def _take_in(losses: list[tuple[int, torch.Tensor]], state: State, stage: Stage) -> None:
    """Add losses, each with its step, to the mean since the last evaluation.

    Raises:
        TrainingDivergedError: One of them is not finite.
    """
    if not losses:
        return
    for (step, _), value in zip(losses, torch.stack([loss for _, loss in losses]).tolist(), strict=True):
        if not math.isfinite(value):
            raise _diverged("loss", value, step, stage)
        state.loss_sum += value
        state.loss_count += 1
    losses.clear()


def _diverged(what: str, value: float, step: int, stage: Stage) -> TrainingDivergedError:
    return TrainingDivergedError(
        f"the {what} became {value} at step {step}, in stage '{stage.name}'",
        hint="lower the learning rates; the last checkpoint is from before that step",
        context={"step": step, "stage": stage.name},
    )


def _evaluate_and_keep(
    run: Run,
    network: SegmentationNetwork,
    state: State,
    stage: Stage,
    monitor: Monitor,
    writer: SummaryWriter,
) -> None:
    """Score the validation images, add to the curve, lower rates if due, and keep the network if it is the best."""
    started = time.perf_counter()
    scores = evaluate(run, network, run.mix.validation, monitor, "validating")
    validation_loss = math.nan if scores.loss is None else scores.loss
    if not math.isfinite(validation_loss):
        raise _diverged("validation loss", validation_loss, state.step, stage)
    state.seconds += time.perf_counter() - started
    train_loss = state.loss_sum / state.loss_count
    point = CurvePoint(
        step=state.step,
        stage=stage.name,
        train_loss=train_loss,
        validation_loss=validation_loss,
        validation_mean_iou=scores.mean_dataset_iou,
        seconds=state.seconds,
    )
    state.curve.append(point.model_dump())
    state.evaluation_due = False
    state.loss_sum, state.loss_count = 0.0, 0
    for name, value in (
        ("loss/train", train_loss),
        ("loss/validation", validation_loss),
        ("mean_iou/validation", scores.mean_dataset_iou),
        ("mean_image_iou/validation", scores.mean_image_iou),
    ):
        writer.add_scalar(name, value, state.step)
    values = {"validation.loss": -validation_loss, "validation.mean_iou": scores.mean_dataset_iou}
    value = values[run.spec.early_stopping.metric if run.spec.early_stopping else "validation.mean_iou"]
    if isinstance(run.spec.optimizer.schedule, ReduceOnPlateau):
        state.plateau.see(values[run.spec.optimizer.schedule.metric], run.spec.optimizer.schedule)
    state.evaluations_without_gain = 0 if value > state.stage_best_value else state.evaluations_without_gain + 1
    state.stage_best_value = max(value, state.stage_best_value)
    if value > state.best_value:
        state.best_value, state.best_step = value, state.step
        checkpoint.save(
            run.workspace / checkpoint.BEST,
            {"order_digest": run.order_digest, "step": state.step, "model": network.state_dict()},
        )


def _save(
    run: Run,
    network: SegmentationNetwork,
    optimizer: ScaledOptimizer | None,
    state: State,
    average: AveragedModel | None,
) -> None:
    values = {
        "order_digest": run.order_digest,
        "state": asdict(state),
        "batch_parts": run.batch_parts.count,
        "model": network.state_dict(),
        "average": average.state_dict() if average else None,
        "optimizer": optimizer.state_dict() if optimizer else None,
        "random": {
            "cpu": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if run.device.kind == "cuda" else [],
        },
    }
    checkpoint.save(run.workspace / checkpoint.LAST, values)


def _resume(
    run: Run, network: SegmentationNetwork, average: AveragedModel | None
) -> tuple[State, dict[str, Any] | None]:
    """Put the network, its average and the random generators where the last checkpoint, if any, says they were."""
    values = checkpoint.load(run.workspace / checkpoint.LAST)
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
    torch.set_rng_state(values["random"]["cpu"])
    if run.device.kind == "cuda" and len(values["random"]["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(values["random"]["cuda"])
    plateau = Plateau(**values["state"].pop("plateau", {}))  # checkpoints of earlier releases have none
    return State(**values["state"], plateau=plateau), values["optimizer"]


def _message(state: State, stage: Stage) -> str:
    parts = [f"stage {stage.name} {state.stage_step}/{stage.steps}"]
    if state.loss_count:
        parts.append(f"loss {state.loss_sum / state.loss_count:.3f}")
    if state.curve:
        parts.append(f"validation mean IoU {state.curve[-1]['validation_mean_iou']:.3f}")
    return ", ".join(parts)
