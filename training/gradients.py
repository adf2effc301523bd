"""Gradients of a step: of as many batches as it takes, each whole or, where memory does not hold it, in parts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from training.distributed import Processes
from training.environment import Device
from training.optimization import ScaledOptimizer
from training.tasks.task import Task

Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass
class BatchParts:
    """In how many parts a batch is learned from, one after the other; doubled when memory runs out."""

    smallest_images: int = 1
    """Of a part."""
    count: int = 1

    def double(self, batch_size: int) -> bool:
        """Halve the parts, if they stay large enough."""
        if batch_size // (2 * self.count) < self.smallest_images:
            return False
        self.count *= 2
        return True


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the GPU or the machine, ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def add_gradients(
    network: torch.nn.Module,
    task: Task,
    device: Device,
    optimizer: ScaledOptimizer,
    ready: Iterator[Batch],
    *,
    batches: int,
    parts: BatchParts,
    say: Callable[[str], None],
    processes: Processes | None = None,
) -> torch.Tensor:
    """Gradients of the mean loss of the next batches; gives that loss.

    When memory runs out the parts of a batch are halved, said on stderr, and the step's batches are gone through again.
    The loss of a batch is then the mean of its parts' losses, weighted by their images: batch statistics, Dice and IoU
    are those of a part. Where several processes share the batches, none can go through its part again alone.

    Args:
        network: In training mode; from `Processes.for_gradients`.
        task: Its loss.
        device: Where the network is.
        optimizer: Whose gradients these are; what it has is forgotten.
        ready: Batches to come, (B, 3, H, W) and (B, H, W) uint8.
        batches: As many as the step takes.
        parts: Changed when memory runs out.
        say: Told when it does.
        processes: Those that share the batches; none is this one alone.

    Raises:
        RuntimeError: Memory runs out with parts that can't be halved.
    """
    taken: list[Batch] = []
    processes = processes or Processes()
    while True:
        optimizer.inner.zero_grad(set_to_none=True)
        try:
            return _mean_loss(network, task, device, optimizer, ready, taken, batches, parts.count, processes)
        except (RuntimeError, MemoryError) as error:
            size = len(taken[-1][0]) if taken else 0
            if not is_out_of_memory(error) or processes.count > 1 or not parts.double(size):
                raise
        # The error is gone by here, and with it the frames that hold what memory did not suffice for.
        optimizer.inner.zero_grad(set_to_none=True)
        if device.kind == "cuda":
            torch.cuda.empty_cache()
        message = f"out of memory: each batch of {size} images is now learned from in {parts.count} parts"
        print(message, file=sys.stderr)
        say(message)


def _mean_loss(
    network: torch.nn.Module,
    task: Task,
    device: Device,
    optimizer: ScaledOptimizer,
    ready: Iterator[Batch],
    taken: list[Batch],
    batches: int,
    parts: int,
    processes: Processes,
) -> torch.Tensor:
    total: torch.Tensor | None = None
    for number in range(batches):
        if number == len(taken):
            taken.append(next(ready))
        whole_images, whole_targets = taken[number]
        for some_images, some_targets in zip(
            whole_images.tensor_split(parts), whole_targets.tensor_split(parts), strict=True
        ):
            images, targets = (tensor.to(device.place, non_blocking=True) for tensor in (some_images, some_targets))
            more_to_come = number + 1 < batches
            with processes.without_averaging(network) if more_to_come else nullcontext():
                with torch.autocast(device.kind, dtype=device.autocast_dtype, enabled=device.is_mixed):
                    outputs = network(images)
                loss = task.loss(outputs, targets, processes.sums) / batches
                if parts > 1:
                    loss = loss * (len(images) / len(whole_images))
                optimizer.backward(loss)
            total = loss.detach() if total is None else total + loss.detach()
    assert total is not None
    return total
