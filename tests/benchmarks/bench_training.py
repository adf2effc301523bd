"""What the trainer costs beside the arithmetic: its steps per second over those of a bare torch loop.

    python -m tests.benchmarks.bench_training

Both train the smallest network here (LinkNet on MobileNetV3 small 0.5) on 128x128 images in batches of 16. The bare
loop has its batches as tensors already, no augmentation, no progress, nothing but forward, loss, backward and
optimizer; the trainer's own does everything it does in a run, evaluations left out. They take turns in one process, so
that whatever else the machine does hits both.

Time to the first step and memory are those of a run in a process of its own, from start to report; memory is Linux's
own account of its peak (VmHWM).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in training.run

import numpy as np
import torch
from torch.utils.tensorboard.writer import SummaryWriter

from contracts.run import Stage, TrainingOrder
from registry.reader import open_version
from tests.unit.training.training_samples import LABEL_MAP, Versions, order, publish
from training import environment, mixing
from training.batches import LabelledFrames, plain_batches
from training.data import open_frames
from training.lengths import StageLength
from training.loop import Run, State, train_stage
from training.networks.segmentation import SegmentationNetwork, build
from training.optimization import ScaledOptimizer, make_optimizer
from training.process import Monitor
from training.tasks.segmentation import Segmentation

ROUNDS = 6
STEPS = 20
"""Of each loop in each round."""
IMAGES = 64
SIDE_PX = 128
LARGER = {"architecture": "unet", "encoder": "resnet18"}
"""Network of `carparts-transfer`."""
_OWN_PROCESS = """
import sys, time
from pathlib import Path
from contracts.document import parse_json
from contracts.run import TrainingOrder
from tests.benchmarks.peak_memory import peak_mib
from training.process import Monitor
from training.run import carry_out

class Timed(Monitor):
    first_step_at = 0.0
    def step(self, done, message, total=None):
        if done:
            self.first_step_at = self.first_step_at or time.time()
        super().step(done, message, total)

asked = parse_json(TrainingOrder, Path(sys.argv[1]).read_bytes())
with Timed(Path(asked.workspace), 2, "bench", show_bar=False) as monitor:
    carry_out(asked, monitor, "bench")
print(monitor.first_step_at - float(sys.argv[2]), peak_mib())
"""
"""Carries an order out; prints seconds from a moment to its first step, and its peak memory in MiB."""


def measure() -> list[dict[str, Any]]:
    """Rows of `{"name", "value", "unit", "better"}`."""
    environment.make_repeatable()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        versions = publish(folder, "shapes", {"train": IMAGES, "test": 4}, size_px=(200, 160))
        cold_s, memory_mib = _own_process(_order(versions, folder, "cold", 2))
        warm_s, _ = _own_process(_order(versions, folder, "warm", 2))
        _, larger_mib = _own_process(_order(versions, folder, "larger", 2, network=LARGER))
        run, decode_s, reopen_s = _prepare(versions, folder)
        bare_s, full_s = _both(run)
    ratio = sum(bare_s) / sum(full_s)
    rows = [
        ("training: steps per second / bare torch loop on preloaded tensors", ratio, "ratio", "higher"),
        ("training: the same, median of rounds", statistics.median(map(_divide, bare_s, full_s)), "ratio", "higher"),
        ("training: step, smallest network, 16 images of 128x128", 1000 * sum(full_s) / ROUNDS / STEPS, "ms", "lower"),
        ("training: decoding an image for the cache", 1000 * decode_s / IMAGES, "ms", "lower"),
        ("training: opening cached images / decoding them", reopen_s / decode_s, "ratio", "lower"),
        (f"training: from a run's start to its first step, {IMAGES} images to decode", cold_s, "s", "lower"),
        ("training: the same, images in the cache", warm_s, "s", "lower"),
        ("training: peak memory of a run, smallest network", memory_mib, "MiB", "lower"),
        ("training: peak memory of a run, U-Net with ResNet-18", larger_mib, "MiB", "lower"),
    ]
    return [{"name": what, "value": value, "unit": unit, "better": better} for what, value, unit, better in rows]


def _order(versions: Versions, folder: Path, run: str, steps: int, **changes: Any) -> TrainingOrder:
    return order(
        versions,
        folder,
        run=run,
        image_size=[SIDE_PX, SIDE_PX],
        batch_size=16,
        stages=[{"name": "timed", "steps": steps}],
        evaluate_every_steps=steps,
        data={
            "train": [{"dataset": "shapes@1", "split": "train"}],
            "validation": {"dataset": "shapes@1", "split": "train", "reserve": 4},
            "test": {"dataset": "shapes@1", "split": "test"},
        },
        **changes,
    )


def _own_process(asked: TrainingOrder) -> tuple[float, float]:
    """Seconds from a run's start to its first step, and its peak memory in MiB."""
    path = Path(f"{asked.workspace}.json")
    path.write_text(asked.model_dump_json())
    Path(asked.workspace).mkdir()
    words = [sys.executable, "-c", _OWN_PROCESS, str(path), str(time.time())]
    ended = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    first_step_s, peak_mib = map(float, ended.stdout.split()[-2:])
    return first_step_s, peak_mib


def _prepare(versions: Versions, folder: Path) -> tuple[Run, float, float]:
    asked = _order(versions, folder, "loops", 10**6)
    Path(asked.workspace).mkdir()
    version = open_version(versions.store, versions.digests["shapes@1"], name="shapes@1")
    lookup = np.array(LABEL_MAP.lookup(version.labels), np.uint8)
    started = time.perf_counter()
    open_frames(version, "train", asked.spec.image_size, folder / "fresh")
    decode_s = time.perf_counter() - started
    started = time.perf_counter()
    train = open_frames(version, "train", asked.spec.image_size, folder / "fresh")
    reopen_s = time.perf_counter() - started
    test = open_frames(version, "test", asked.spec.image_size, folder / "fresh")
    data = {("shapes@1", "train"): LabelledFrames(train, lookup), ("shapes@1", "test"): LabelledFrames(test, lookup)}
    mix = mixing.draw(asked.spec.data, {key: frames.records for key, frames in data.items()})
    task = Segmentation(list(LABEL_MAP.classes), asked.spec.loss)
    lengths = (StageLength(STEPS, STEPS),)
    device = environment.choose_device("cpu", "float32")
    return Run(asked.spec, "sha256:bench", Path(asked.workspace), device, mix, data, task, lengths), decode_s, reopen_s


def _both(run: Run) -> tuple[list[float], list[float]]:
    """Seconds of each round of the bare loop and of the trainer's."""
    bare_network, bare_optimizer = _network(run)
    network, optimizer = _network(run)
    scaled = ScaledOptimizer(optimizer, torch.amp.GradScaler("cpu", enabled=False))
    source = run.mix.train[0]
    preloaded = list(plain_batches(run.data[source.key], source.places[:48], 16))
    bare_s, full_s = [], []
    writer = SummaryWriter(str(run.workspace / "tensorboard"))
    for number in range(ROUNDS + 1):
        started = time.perf_counter()
        for step in range(STEPS):
            images, targets = preloaded[step % len(preloaded)]
            bare_optimizer.zero_grad(set_to_none=True)
            run.task.loss(bare_network(images), targets).backward()
            bare_optimizer.step()
        bare = time.perf_counter() - started
        with _TimedMonitor(run.workspace, STEPS, "bench", show_bar=False) as monitor:
            started = time.perf_counter()
            train_stage(run, network, scaled, State(), Stage(name=f"round-{number}", steps=STEPS), monitor, writer)
        if number:  # the first warms up
            bare_s.append(bare)
            full_s.append(monitor.trained_at - started)
    writer.close()
    return bare_s, full_s


class _TimedMonitor(Monitor):
    """Notes when the last step is done and the evaluation begins."""

    trained_at = 0.0

    def say(self, message: str) -> None:
        self.trained_at = self.trained_at or time.perf_counter()
        super().say(message)


def _network(run: Run) -> tuple[SegmentationNetwork, torch.optim.Optimizer]:
    torch.manual_seed(0)
    network = build(run.spec.network, run.task.output_channels)
    network.to(memory_format=torch.channels_last)
    return network.train(), make_optimizer(run.spec.optimizer, network)


def _divide(one: float, other: float) -> float:
    return one / other


if __name__ == "__main__":
    for row in measure():
        print(f"{row['value']:10.3f} {row['unit']:<6} {row['name']}")
