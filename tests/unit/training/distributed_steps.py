"""Steps that several processes take together, or one alone: `python -m tests.unit.training.distributed_steps OUT`.

As one of several, by the environment that torchrun gives, each writes down where it is in the end.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from contracts.run import Loss, Network, Optimizer, Stage
from training.distributed import Processes, joined
from training.environment import choose_device
from training.gradients import BatchParts, add_gradients
from training.networks.freezing import freeze
from training.networks.segmentation import build
from training.optimization import ScaledOptimizer, make_optimizer
from training.tasks.segmentation import Segmentation

STAGES = (Stage(name="whole", steps=2), Stage(name="head", steps=2, freeze="encoder"))
BATCH, BATCHES_A_STEP = 5, 2


def take_steps(processes: Processes) -> dict[str, Any]:
    """Losses and the network after two stages, on noise with ignored pixels; an odd number of images a batch."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    device = choose_device("cpu", "float32")
    # Blocks of timm, whose normalisation ends in an activation, and of torch.
    network = build(Network(architecture="unet", encoder="tu-mobilenetv3_small_050"), 2)
    network.to(torch.float64, memory_format=torch.channels_last)  # so that what differs is no rounding
    processes.synchronised(network)
    task = Segmentation(("one", "two"), Loss(iou=1, focal=1, mean_over="all", class_weights={"two": 2}))
    settings = Optimizer(kind="sgd", encoder_lr=0.05, decoder_lr=0.05)
    losses = []
    network.train()
    for stage in STAGES:
        freeze(network, stage)
        optimizer = ScaledOptimizer(make_optimizer(settings, network), torch.amp.GradScaler("cpu", enabled=False))
        model = processes.for_gradients(network)
        for _ in range(stage.steps):
            batches = [whole_batch(generator) for _ in range(BATCHES_A_STEP)]
            own = iter([tuple(part[processes.rank :: processes.count] for part in batch) for batch in batches])
            parts = BatchParts()
            loss = add_gradients(
                model,
                task,
                device,
                optimizer,
                own,
                batches=BATCHES_A_STEP,
                parts=parts,
                say=print,
                processes=processes,
            )
            optimizer.step(clip_norm=1.0)
            losses.append(float(loss))
        del model  # with its hooks, before the next stage has some of its own
    return {
        "losses": losses,
        "network": network.state_dict(),
        "dealt_out": processes.dealt_out([f"{processes.rank}-{turn}" for turn in range(3 - processes.rank)]),
        "agreed": processes.agreed(processes.is_first, not processes.is_first),
    }


def whole_batch(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.randint(0, 256, (BATCH, 3, 32, 32), generator=generator).to(torch.uint8)
    targets = torch.randint(0, 3, (BATCH, 32, 32), generator=generator).to(torch.uint8)
    targets[0, :20] = 255  # so that the parts of a batch have different numbers of counted pixels
    return images, targets


if __name__ == "__main__":
    with joined(choose_device("cpu", "float32")) as (processes, _):
        found = take_steps(processes)
    torch.save(found, Path(sys.argv[1]) / f"{processes.rank}.pt")
