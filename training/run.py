"""Train, score and report one run.

    python -m training.run ORDER.json

The order (`contracts/run.py: TrainingOrder`) names a workspace, where `progress.json` is kept fresh and `result.json`
or `error.json` is left (`contracts/process.py`). A run that was stopped or killed goes on from its last checkpoint when
it is started again; a run that is finished says its result again. Exit codes: 0 done, 1 failed, 2 the order can't be
read, 143 stopped on request.

Where the spec asks for several processes, this one looks at everything, then starts the others
(`training/other_processes.py`); started by torchrun or `accelerate launch`, on one machine or several, each is one of
them.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

# Threads that spin while they wait for each other slow a shared machine to a crawl: beside rendering processes a step
# takes many times as long. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from contracts.errors import CapabilityMissingError, ConfigurationError, ConflictError, TrainingError
from contracts.ids import canonical_json, digest_of
from contracts.process import RESULT_FILE, write_document
from contracts.run import CurvePoint, RunResult, TrainingOrder
from contracts.scores import SegmentationScores
from registry.label_maps.applied import classes_of
from registry.reader import open_version
from training import augment, checkpoint, distributed, environment, mixing
from training.batches import LabelledFrames
from training.checks import check_images
from training.data import open_frames
from training.gradients import BatchParts, is_out_of_memory
from training.lengths import stage_lengths
from training.loop import evaluate, evaluate_in_detail, train
from training.networks.freezing import freeze
from training.networks.segmentation import NEEDS_BATCH, SegmentationNetwork, build, check_size
from training.other_processes import OtherProcesses, heed_the_first, started_by_first
from training.process import Monitor, carry_out_order
from training.report import pictures, run_report
from training.report.results import ORDER_FILE
from training.state import Run, State
from training.streams import torch_seed
from training.tasks.segmentation import Segmentation
from training.tasks.task import Counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the order named on the command line."""
    words = sys.argv[1:] if arguments is None else arguments
    command = shlex.join(["python", "-m", "training.run", *words])
    return carry_out_order(
        TrainingOrder,
        lambda order: _train_and_say(order, command),
        "training.run",
        words,
        lock="trainer.lock",
        again="start the run again to go on",
        share=distributed.own_share,
    )


def _train_and_say(order: TrainingOrder, command: str) -> None:
    try:
        with Monitor(Path(order.workspace), order.spec.known_steps, order.run) as monitor:
            if distributed.own_rank() > 0:
                heed_the_first()
                help_out(order, monitor)
                return
            monitor.stop_on_signals()
            result = carry_out(order, monitor, command)
    except (RuntimeError, MemoryError) as error:
        if environment.WITHOUT_DETERMINISTIC in str(error):
            raise CapabilityMissingError(
                f"deterministic: {str(error).splitlines()[0][:300]}",
                hint="write deterministic: false, or take a network without that operation",
            ) from error
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            f"out of memory with batches of {order.spec.batch_size} images of {order.spec.image_size} pixels",
            code="out_of_memory",
            hint="lower batch_size or image_size"
            + (", or share the batches among more processes" if order.spec.processes > 1 else ""),
        ) from error
    print(summary(result))


def order_digest(order: TrainingOrder) -> str:
    """Digest of what a run is: its spec, label map and versions, and not where it runs."""
    return digest_of(
        canonical_json(
            {
                "spec": order.spec.model_dump(mode="json"),
                "label_map": order.label_map.model_dump(mode="json"),
                "versions": dict(order.versions),
            }
        )
    )


def carry_out(order: TrainingOrder, monitor: Monitor, command: str) -> RunResult:
    """Train, score and report a run in its workspace.

    Args:
        order: What to do.
        monitor: Told of progress.
        command: How this was started, for the report.

    Raises:
        ConfigurationError: The order can't be carried out; nothing was trained.
        IntegrityError: A version is damaged; nothing was trained.
        CapabilityMissingError: The machine lacks what the order needs.
        TrainingDivergedError: The loss became non-finite.
        ConflictError: The workspace holds a run of another order.
        Stopped: The process was asked to stop.
    """
    workspace = Path(order.workspace)
    digest = order_digest(order)
    finished = _finished(workspace, digest)
    if finished is not None:
        monitor.step(finished.steps, "finished before", total=finished.steps)
        return finished
    write_document(workspace / ORDER_FILE, order)
    run, network = _made_ready(order, monitor)
    spec = order.spec
    starts_others = spec.processes > 1 and distributed.launched() == 1
    with (
        OtherProcesses(workspace / ORDER_FILE, workspace, spec.processes) if starts_others else nullcontext(),
        distributed.joined(run.device) as (processes, device),
    ):
        run = replace(run, processes=processes, device=device)
        found = environment.capture(device, processes.count, strict=spec.deterministic)
        state, validation, (test, counts) = _trained_and_scored(run, network, monitor)

    monitor.say("drawing the report")
    files = {
        "checkpoint": checkpoint.BEST,
        "last_checkpoint": checkpoint.LAST,
        "tensorboard": "tensorboard",
        "report": "report.html",
        "markdown": "report.md",
        "figures": "figures",
        "pictures": pictures.write(run, network, counts),
    }
    result = RunResult(
        run=order.run,
        order_digest=digest,
        best_step=state.best_step,
        steps=state.step,
        stopped_early=state.stopped_early,
        training_images={source.name: len(source.places) for source in run.mix.train},
        validation_images=len(run.mix.validation.places),
        validation=validation,
        test=test,
        curve=tuple(CurvePoint.model_validate(point) for point in state.curve),
        seconds=state.seconds,
        seconds_per_step=state.step_seconds / state.step,
        files=files,
        environment=found,
        batch_parts=run.batch_parts.count,
        classes_not_shown=run.classes_not_shown,
    )
    run_report.write(order, result, run.task, workspace, command)
    write_document(workspace / RESULT_FILE, result)
    return result


def help_out(order: TrainingOrder, monitor: Monitor) -> None:
    """Train and score a run as one of several processes, but the first; nothing is kept of it.

    Raises:
        As `carry_out`.
    """
    if _finished(distributed.folder_of_run(order), order_digest(order)) is not None:
        return
    run, network = _made_ready(order, monitor)
    with distributed.joined(run.device) as (processes, device):
        _trained_and_scored(replace(run, processes=processes, device=device), network, monitor)


def _made_ready(order: TrainingOrder, monitor: Monitor) -> tuple[Run, SegmentationNetwork]:
    """Everything that training needs, looked at; what the first process has looked at, the others need not."""
    spec = order.spec
    device = environment.choose_device(spec.device, spec.precision)
    distributed.check(spec.processes, device)
    environment.make_repeatable(strict=spec.deterministic)
    _check(order)
    task = Segmentation(list(order.label_map.classes), spec.loss)
    data = read_data(order, monitor, verified=started_by_first())
    mix = mixing.draw(spec.data, {key: frames.records for key, frames in data.items()})
    first = distributed.own_rank() == 0
    absent = check_images(mix, data, task, order.label_map.name) if first else ()
    for stage in spec.stages:  # a stage without images is refused before the first is trained
        mixing.BatchSampler(mix.train, on=stage.on, stage=stage.name, batch_size=spec.batch_size, seed=spec.seed)
    lengths = stage_lengths(spec, [(source.dataset_name, len(source.places)) for source in mix.train])
    monitor.step(0, "looked at the data", total=sum(length.steps for length in lengths))
    monitor.say("building the network")
    torch.manual_seed(torch_seed(spec.seed, "weights"))
    network = build(spec.network, task.output_channels)
    check_size(network, spec.image_size)
    for stage in spec.stages:  # so is one that freezes what there is not, or everything
        freeze(network, stage)
    parts = BatchParts(smallest_images=2 if spec.network.architecture in NEEDS_BATCH else 1)
    workspace = Path(order.workspace)
    run = Run(spec, order_digest(order), workspace, device, mix, data, task, lengths, _mirrored_ids(order), parts)
    return replace(run, classes_not_shown=absent), network


def _trained_and_scored(
    run: Run, network: SegmentationNetwork, monitor: Monitor
) -> tuple[State, SegmentationScores, tuple[SegmentationScores, Counts]]:
    """Where training ended, and what the best network scores on the validation and test images, with its counts."""
    state = train(run, network, monitor)
    first = run.processes.is_first
    best = run.processes.of_first(checkpoint.load(run.workspace / checkpoint.BEST) if first else None)
    if best is None:
        raise TrainingError(f"{run.workspace / checkpoint.BEST} is gone", hint="start the run in a fresh workspace")
    network.load_state_dict(best["model"])
    validation = evaluate(run, network, run.mix.validation, monitor, "scoring the validation images")
    return state, validation, evaluate_in_detail(run, network, run.mix.test, monitor, "scoring the test images")


def read_data(
    order: TrainingOrder, monitor: Monitor, *, verified: bool = False
) -> dict[mixing.SourceKey, LabelledFrames]:
    """Open, verify and if need be decode every version and split that the order names.

    Args:
        order: Names them.
        monitor: Told of progress.
        verified: Whether another process has just verified them.

    Raises:
        ConfigurationError: A version's digest is not given, or the label map fits none of its labels.
        IntegrityError: A version is damaged.
    """
    data = {}
    for dataset, split in mixing.sources_of(order.spec.data):
        if dataset not in order.versions:
            raise ConfigurationError(
                f"the order gives no digest of {dataset}", hint="list every version of the spec under versions"
            )
        version = open_version(order.store, order.versions[dataset], name=dataset)
        if version.erased:
            groups = ", ".join(sorted({mark.group for mark in version.erased.values()}))
            left = f"{len(version.erased)} of {len(version)} frames were erased ({groups}) and are left out"
            print(f"{dataset}: {left}", file=sys.stderr)
        lookup = classes_of(version.labels, order.label_map).lookup
        last = [0.0]

        def tell(done: int, total: int, what: str, last: list[float] = last) -> None:
            if time.monotonic() - last[0] > 0.2 or done == total:
                last[0] = time.monotonic()
                monitor.say(f"{what}: {done}/{total}")

        frames = open_frames(
            version,
            split,
            order.spec.image_size,
            Path(order.cache),
            tell,
            label_map=order.label_map,
            verified=verified,
        )
        data[dataset, split] = LabelledFrames(frames, lookup)
    return data


def summary(result: RunResult) -> str:
    """The test scores in a few lines."""
    lines = [
        f"{result.run}: {result.steps} steps in {result.seconds:.0f} s, best at step {result.best_step}"
        + (", stopped early" if result.stopped_early else ""),
        f"test, {result.test.images} images:",
        f"  {'mean dataset IoU':<24} {result.test.mean_dataset_iou:.3f}",
        f"  {'mean image IoU':<24} {result.test.mean_image_iou:.3f}",
    ]
    for name, value in result.test.dataset_iou.items():
        lines.append(f"  {name:<24} {'absent' if value is None else f'{value:.3f}'}")
    return "\n".join(lines)


def _finished(workspace: Path, digest: str) -> RunResult | None:
    """The result that lies in the workspace.

    Raises:
        ConflictError: It is of another order.
    """
    try:
        result = RunResult.model_validate_json((workspace / RESULT_FILE).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ConflictError(
            f"{workspace / RESULT_FILE} is no result of this trainer: {error}",
            hint="give each run its own workspace",
        ) from error
    if result.order_digest != digest:
        raise ConflictError(f"{workspace} holds the result of another order", hint="give each run its own workspace")
    return result


def _check(order: TrainingOrder) -> None:
    """Refuse what a document alone can show to be wrong."""
    spec = order.spec
    augment.build(spec.augmentation, _mirrored_ids(order))
    if spec.batch_size < 2 and spec.network.architecture in NEEDS_BATCH:
        raise ConfigurationError(
            f"batch_size: architecture '{spec.network.architecture}' can't learn from batches of one image",
            code="invalid_network",
            hint="use batches of 2 or more, or another architecture",
        )


def _mirrored_ids(order: TrainingOrder) -> list[int] | None:
    return order.label_map.mirrored_ids() if order.spec.augmentation.horizontal_flip else None


if __name__ == "__main__":
    sys.exit(main())
