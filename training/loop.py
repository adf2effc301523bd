"""The training loop, to be read from top to bottom.

For each stage: make batches ahead, take optimizer steps, and every so often score the validation images, keep the best
network, and save where training stands. Everything random is a function of the seed and the place in the run, or is in
the checkpoint, so a run that is killed and started again ends where an undisturbed one would. Where several processes
share the batches (`training/distributed.py`), all go through this loop in step, and the first one writes the files.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from functools import reduce
from operator import add
from typing import cast

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel
from torch.utils.tensorboard.writer import SummaryWriter

from contracts.errors import TrainingDivergedError
from contracts.run import CurvePoint, ReduceOnPlateau, Stage
from contracts.scores import SegmentationScores
from training import checkpoint
from training.batches import TrainingBatches, plain_batches
from training.environment import usable_cpus
from training.gradients import Batch, add_gradients
from training.mixing import BatchSampler, Selection
from training.networks.freezing import freeze
from training.networks.segmentation import SegmentationNetwork
from training.optimization import Plateau, ScaledOptimizer, make_average, make_optimizer, set_learning_rate
from training.paste import Paster
from training.process import Monitor, Stopped
from training.state import Run, State, resume, save
from training.streams import torch_seed
from training.tasks.task import ByteArray, Counts

SAVE_EVERY_S = 60.0
"""Longest time between checkpoints."""
LOSSES_BEFORE_CHECK = {"cpu": 1, "cuda": 20}
"""Steps after which losses are looked at: on a GPU, looking waits for it."""


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
    spec, rank = run.spec, run.processes.rank
    network.to(run.device.place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    run.processes.synchronised(network)
    torch.manual_seed(torch_seed(spec.seed, "training", *([rank] if rank else [])))
    average = make_average(spec.ema, network) if spec.ema else None
    state, optimizer_state = resume(run, network, average)
    first = run.processes.is_first
    writer = SummaryWriter(str(run.workspace / "tensorboard"), purge_step=state.step + 1) if first else None
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
            save(run, network, None, state, average)
    finally:
        if writer is not None:
            writer.close()
    return state


def train_stage(
    run: Run,
    network: SegmentationNetwork,
    optimizer: ScaledOptimizer,
    state: State,
    stage: Stage,
    monitor: Monitor,
    writer: SummaryWriter | None,
    average: AveragedModel | None = None,
) -> None:
    """Take the stage's steps, or as many as early stopping leaves."""
    kept = network if average is None else cast(SegmentationNetwork, average.module)
    spec, device, processes, length = run.spec, run.device, run.processes, run.lengths[state.stage]
    model = processes.for_gradients(network)
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
        part=(processes.rank, processes.count),
        pin=device.kind == "cuda",
        threads=max(1, usable_cpus() // 2 // processes.here) if processes.count > 1 else None,
    )
    network.train()
    with batches:
        ready = iter(batches)
        while True:
            if state.evaluation_due:
                try:
                    _evaluate_and_keep(run, kept, state, stage, monitor, writer)
                except Stopped:
                    save(run, network, optimizer, state, average)  # the evaluation is still due
                    raise
                save(run, network, optimizer, state, average)
                last_save = time.monotonic()
            if state.stage_step == length.steps:
                return
            if spec.early_stopping and state.evaluations_without_gain >= spec.early_stopping.patience:
                state.stopped_early = True
                return

            started = time.perf_counter()
            set_learning_rate(optimizer.inner, spec.optimizer, stage, length.steps, state.stage_step, state.plateau)
            losses.append((state.step + 1, _gradients(run, model, optimizer, ready, monitor)))
            if len(losses) >= LOSSES_BEFORE_CHECK[device.kind]:
                _take_in(losses, state, stage)
            optimizer.step(spec.optimizer.clip_norm)
            if average is not None:
                average.update_parameters(network)
            state.step += 1
            state.stage_step += 1
            ends = state.stage_step == length.steps
            state.evaluation_due = ends or state.stage_step % length.evaluate_every_steps == 0
            taken = time.perf_counter() - started
            state.seconds += taken
            state.step_seconds += taken

            monitor.step(state.step, _message(state, stage, length.steps))
            stops, save_due = processes.agreed(monitor.should_stop, time.monotonic() - last_save > SAVE_EVERY_S)
            if state.evaluation_due or stops or save_due:
                _take_in(losses, state, stage)
            if stops:
                save(run, network, optimizer, state, average)
                raise Stopped
            if save_due:
                save(run, network, optimizer, state, average)
                last_save = time.monotonic()


def _gradients(
    run: Run, model: torch.nn.Module, optimizer: ScaledOptimizer, ready: Iterator[Batch], monitor: Monitor
) -> torch.Tensor:
    return add_gradients(
        model,
        run.task,
        run.device,
        optimizer,
        ready,
        batches=run.spec.accumulate_batches,
        parts=run.batch_parts,
        say=monitor.say,
        processes=run.processes,
    )


def evaluate(
    run: Run, network: SegmentationNetwork, selection: Selection, monitor: Monitor, what: str
) -> SegmentationScores:
    """Score a network on a selection, with the mean loss."""
    found = [
        (run.task.count(run.task.predict(outputs).cpu().numpy(), targets), batch_loss * len(targets))
        for outputs, _, targets, batch_loss in answers(run, network, selection, monitor, what)
    ]
    counts, losses = zip(*run.processes.dealt_out(found), strict=True)
    return run.task.scores(np.concatenate(counts), reduce(add, losses) / len(selection.places))


def evaluate_in_detail(
    run: Run, network: SegmentationNetwork, selection: Selection, monitor: Monitor, what: str
) -> tuple[SegmentationScores, Counts]:
    """As `evaluate`, with everything else that the task can say; and each image's counts in the selection's order."""
    found = [
        (run.task.examine(images, outputs, targets), batch_loss * len(targets))
        for outputs, images, targets, batch_loss in answers(run, network, selection, monitor, what)
    ]
    evidence, losses = zip(*run.processes.dealt_out(found), strict=True)
    records = run.data[selection.key].records
    chosen = [records[int(place)] for place in selection.places]
    return run.task.detailed_scores(evidence, chosen, reduce(add, losses) / len(selection.places))


def answers(
    run: Run, network: SegmentationNetwork, selection: Selection, monitor: Monitor, what: str
) -> Iterator[tuple[torch.Tensor, ByteArray, ByteArray, float]]:
    """Outputs, images (B, H, W, 3), targets and loss of each batch of a selection, in its order.

    Of several processes each answers every so many batches; none can stop meanwhile, since the others wait for it.
    """
    was_training = network.training
    network.eval()
    processes = run.processes
    done, size = 0, max(1, run.spec.batch_size // run.batch_parts.count)
    say = monitor.say if processes.count == 1 else monitor.tell
    part = (processes.rank, processes.count)
    try:
        for images, targets in plain_batches(run.data[selection.key], selection.places, size, part):
            say(f"{what}: {done}/{len(selection.places)} images")
            with (
                torch.inference_mode(),
                torch.autocast(run.device.kind, dtype=run.device.autocast_dtype, enabled=run.device.is_mixed),
            ):
                outputs = network(images.to(run.device.place))
            with torch.inference_mode():
                loss = float(run.task.loss(outputs, targets.to(run.device.place)))
            yield outputs, images.permute(0, 2, 3, 1).numpy(), targets.numpy(), loss
            done = min(done + len(images) * processes.count, len(selection.places))
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
    writer: SummaryWriter | None,
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
        if writer is not None:
            writer.add_scalar(name, value, state.step)
    values = {"validation.loss": -validation_loss, "validation.mean_iou": scores.mean_dataset_iou}
    value = values[run.spec.early_stopping.metric if run.spec.early_stopping else "validation.mean_iou"]
    if isinstance(run.spec.optimizer.schedule, ReduceOnPlateau):
        state.plateau.see(values[run.spec.optimizer.schedule.metric], run.spec.optimizer.schedule)
    state.evaluations_without_gain = 0 if value > state.stage_best_value else state.evaluations_without_gain + 1
    state.stage_best_value = max(value, state.stage_best_value)
    if value > state.best_value:
        state.best_value, state.best_step = value, state.step
        if run.processes.is_first:
            checkpoint.save(
                run.workspace / checkpoint.BEST,
                {"order_digest": run.order_digest, "step": state.step, "model": network.state_dict()},
            )


def _message(state: State, stage: Stage, steps: int) -> str:
    parts = [f"stage {stage.name} {state.stage_step}/{steps}"]
    if state.loss_count:
        parts.append(f"loss {state.loss_sum / state.loss_count:.3f}")
    if state.curve:
        parts.append(f"validation mean IoU {state.curve[-1]['validation_mean_iou']:.3f}")
    return ", ".join(parts)
