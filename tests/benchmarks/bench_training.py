"""What the trainer costs beside the arithmetic: its steps per second over those of a bare torch loop.

    python -m tests.benchmarks.bench_training

Both train the smallest network here (LinkNet on MobileNetV3 small 0.5) on 128x128 images in batches of 16. The bare
loop has its batches as tensors already, no augmentation, no progress, nothing but forward, loss, backward and
optimizer; the trainer's own does everything it does in a run, evaluations left out. They take turns in one process, so
that whatever else the machine does hits both.
"""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in training.run

import numpy as np
import torch
from torch.utils.tensorboard.writer import SummaryWriter

from contracts.run import Stage
from registry.reader import open_version
from tests.unit.training.training_samples import LABEL_MAP, order, publish
from training import environment, mixing
from training.batches import LabelledFrames, plain_batches
from training.data import open_frames
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


def measure() -> list[dict[str, Any]]:
    """Rows of `{"name", "value", "unit", "better"}`."""
    environment.make_repeatable()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run, decode_s, reopen_s = _prepare(folder)
        bare_s, full_s = _both(run)
    ratio = sum(bare_s) / sum(full_s)
    rows = [
        ("training: steps per second / bare torch loop on preloaded tensors", ratio, "ratio", "higher"),
        ("training: the same, median of rounds", statistics.median(map(_divide, bare_s, full_s)), "ratio", "higher"),
        ("training: step, smallest network, 16 images of 128x128", 1000 * sum(full_s) / ROUNDS / STEPS, "ms", "lower"),
        ("training: decoding an image for the cache", 1000 * decode_s / IMAGES, "ms", "lower"),
        ("training: opening cached images / decoding them", reopen_s / decode_s, "ratio", "lower"),
        ("training: peak memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB", "lower"),
    ]
    return [{"name": what, "value": value, "unit": unit, "better": better} for what, value, unit, better in rows]


def _prepare(folder: Path) -> tuple[Run, float, float]:
    versions = publish(folder, "shapes", {"train": IMAGES, "test": 4}, size_px=(200, 160))
    asked = order(
        versions,
        folder,
        image_size=[SIDE_PX, SIDE_PX],
        batch_size=16,
        stages=[{"name": "timed", "steps": 10**6}],
        evaluate_every_steps=10**6,
        data={
            "train": [{"dataset": "shapes@1", "split": "train"}],
            "validation": {"dataset": "shapes@1", "split": "train", "reserve": 4},
            "test": {"dataset": "shapes@1", "split": "test"},
        },
    )
    Path(asked.workspace).mkdir()
    version = open_version(versions.store, versions.digests["shapes@1"], name="shapes@1")
    lookup = np.array(LABEL_MAP.lookup(version.labels), np.uint8)
    started = time.perf_counter()
    open_frames(version, "train", asked.spec.image_size, folder / "cache")
    decode_s = time.perf_counter() - started
    started = time.perf_counter()
    train = open_frames(version, "train", asked.spec.image_size, folder / "cache")
    reopen_s = time.perf_counter() - started
    test = open_frames(version, "test", asked.spec.image_size, folder / "cache")
    data = {("shapes@1", "train"): LabelledFrames(train, lookup), ("shapes@1", "test"): LabelledFrames(test, lookup)}
    mix = mixing.draw(asked.spec.data, {key: frames.records for key, frames in data.items()})
    task = Segmentation(list(LABEL_MAP.classes), asked.spec.loss)
    device = environment.choose_device("cpu", "float32")
    return Run(asked.spec, "sha256:bench", Path(asked.workspace), device, mix, data, task), decode_s, reopen_s


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
