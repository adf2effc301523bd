"""Optimizers, learning rates, clipped steps, and the running average of weights. Where they stand is in checkpoints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel

from contracts.run import ExponentialAverage, Optimizer, ReduceOnPlateau, Stage, StepDecay
from training.networks.segmentation import SegmentationNetwork


@dataclass(frozen=True)
class ScaledOptimizer:
    """An optimizer, and the scaling of losses that float16 gradients need (switched off for others)."""

    inner: torch.optim.Optimizer
    scaler: torch.amp.GradScaler

    def backward(self, loss: torch.Tensor) -> None:
        """Add a loss's gradients to those there are."""
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def step(self, clip_norm: float | None) -> None:
        """Change the parameters by their gradients, of which all together are no longer than `clip_norm`."""
        if clip_norm is not None:
            self.scaler.unscale_(self.inner)
            parameters = [parameter for group in self.inner.param_groups for parameter in group["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
        self.scaler.step(self.inner)
        self.scaler.update()

    def state_dict(self) -> dict[str, Any]:
        return {"optimizer": self.inner.state_dict(), "scaler": self.scaler.state_dict()}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        self.inner.load_state_dict(values["optimizer"])
        self.scaler.load_state_dict(values["scaler"])


@dataclass
class Plateau:
    """How long a score has not improved, and what the learning rates have been lowered to for it."""

    best: float = -math.inf
    waited: int = 0
    """Evaluations without improvement since the last one, or since rates were last lowered."""
    factor: float = 1.0

    def see(self, value: float, schedule: ReduceOnPlateau) -> None:
        """Take in a score (higher is better): as torch's ReduceLROnPlateau without a threshold."""
        if value > self.best:
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        if self.waited > schedule.patience:
            self.factor, self.waited = self.factor * schedule.factor, 0


def make_optimizer(settings: Optimizer, network: SegmentationNetwork) -> torch.optim.Optimizer:
    """The optimizer of a stage, over what is not frozen: the encoder's parameters first, if any, then the others."""
    decay = settings.weight_decay
    encoder_decay = decay if settings.encoder_weight_decay is None else settings.encoder_weight_decay
    parts = [
        (settings.encoder_lr, encoder_decay, list(network.encoder.parameters())),
        (settings.decoder_lr, decay, list(network.decoder_parameters())),
    ]
    groups = []
    for learning_rate, weight_decay, parameters in parts:
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        if trained:
            group = {"params": trained, "lr": learning_rate, "base_lr": learning_rate, "weight_decay": weight_decay}
            groups.append(group)
    match settings.kind:
        case "adam":
            return torch.optim.Adam(groups, weight_decay=settings.weight_decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)
        case "sgd":
            return torch.optim.SGD(groups, momentum=0.9, weight_decay=settings.weight_decay, fused=True)


def set_learning_rate(
    optimizer: torch.optim.Optimizer, settings: Optimizer, stage: Stage, steps: int, stage_step: int, plateau: Plateau
) -> None:
    """Set the rates of a step out of `steps`: a function of its place, and of what the scores have lowered them to."""
    match settings.schedule:
        case "cosine":
            decay = 0.5 * (1 + math.cos(math.pi * stage_step / steps))
        case StepDecay(every_steps=every_steps, factor=factor):
            decay = factor ** (stage_step // every_steps)
        case ReduceOnPlateau():
            decay = plateau.factor
        case _:
            decay = 1.0
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * stage.learning_rate_factor * decay


def make_average(settings: ExponentialAverage, network: SegmentationNetwork) -> AveragedModel:
    """The running average of a network's weights and batch statistics, updated by `update_parameters(network)`.

    After step n the average keeps min(decay, (1 + n) / (10 + n)) of itself, so that the first steps are soon forgotten.
    """

    def update(averages: Any, values: Any, steps: Any) -> None:
        if not torch.is_floating_point(averages[0]):  # counters
            for average, value in zip(averages, values, strict=True):
                average.copy_(value)
            return
        n = int(steps)
        torch._foreach_lerp_(averages, values, 1 - min(settings.decay, (1 + n) / (10 + n)))

    return AveragedModel(network, multi_avg_fn=update, use_buffers=True)
