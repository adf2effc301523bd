"""Several processes that train one network, through Hugging Face Accelerate; the one module that knows of it.

Each process learns from its own samples of every batch. What is a sum over the batch is summed over all processes, and
differentiated through: the sums that a loss is made of, and the batch statistics of the network. Gradients are then
averaged by torch's DistributedDataParallel. So a step is that of the whole batch, however many processes share it: up
to the rounding of sums, and to dropout, whose draws are each process's own.

One process alone is `Processes`, where each of these is nothing at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from contracts.errors import CapabilityMissingError, ConfigurationError
from contracts.run import TrainingOrder
from training.environment import Device, usable_cpus

if TYPE_CHECKING:
    from accelerate import Accelerator

SILENCE_MAX = timedelta(minutes=30)
"""That a process waits for another one; what dies is noticed at once, by the connection that breaks."""
FOLDER = "processes"
"""In a run's folder: one of each process but the first, by its rank, with its log and its last word."""

_ValueT = TypeVar("_ValueT")


def launched() -> int:
    """Processes that a launcher (this trainer, torchrun, `accelerate launch`) has started together; 1 without."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def own_rank() -> int:
    """Number of this process among those launched together."""
    return int(os.environ.get("RANK") or 0) if launched() > 1 else 0


def own_share(order: TrainingOrder) -> TrainingOrder:
    """The order as this process carries it out: the first one in the run's folder, the others in their own below it."""
    rank = own_rank()
    return order.model_copy(update={"workspace": str(Path(order.workspace) / FOLDER / str(rank))}) if rank else order


def folder_of_run(order: TrainingOrder) -> Path:
    """From the order as this process carries it out to the folder of the run."""
    return Path(order.workspace).parents[1] if own_rank() else Path(order.workspace)


def check(asked: int, device: Device) -> None:
    """See whether so many processes can train here.

    Raises:
        ConfigurationError: A launcher has started another number, or there are more than processors.
        CapabilityMissingError: There are more than GPUs.
    """
    if launched() > 1 and launched() != asked:
        raise ConfigurationError(
            f"processes: the run is one of {asked}, and {launched()} were launched",
            code="wrong_processes",
            hint=f"launch {asked}, or write processes: {launched()}",
        )
    here = int(os.environ.get("LOCAL_WORLD_SIZE") or asked)
    if device.kind == "cuda" and here > torch.cuda.device_count():
        raise CapabilityMissingError(
            f"processes: {here} on this machine, which has {torch.cuda.device_count()} GPUs: each takes one",
            hint="write fewer processes, or launch them on several machines",
        )
    if device.kind == "cpu" and here > usable_cpus():
        raise ConfigurationError(
            f"processes: {here} on this machine, which has {usable_cpus()} processors",
            code="wrong_processes",
            hint=f"write at most {usable_cpus()}",
        )


class Processes:
    """The processes that train a run together; here, this one alone."""

    rank = 0
    count = 1
    here = 1
    """On this machine."""

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes checkpoints, reports and results."""
        return self.rank == 0

    def synchronised(self, network: nn.Module) -> None:
        """Let batch statistics be those of the whole batch."""

    def for_gradients(self, network: nn.Module) -> nn.Module:
        """What a training batch is given to, so that each parameter's gradient is the same in all processes."""
        return network

    def without_averaging(self, model: nn.Module) -> AbstractContextManager[None]:
        """Within it gradients are added up by each process alone, since more of the step is to come."""
        return nullcontext()

    def sums(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Each tensor summed over the processes."""
        return list(tensors)

    def agreed(self, *flags: bool) -> tuple[bool, ...]:
        """What the first process says."""
        return flags

    def of_first(self, value: _ValueT) -> _ValueT:
        """The first process's value."""
        return value

    def of_all(self, value: _ValueT) -> list[_ValueT]:
        """Each process's value, by rank."""
        return [value]

    def dealt_out(self, values: Sequence[_ValueT]) -> list[_ValueT]:
        """What the processes made of things dealt out to them one by one, in the order of the things."""
        every = self.of_all(list(values))
        return [of_one[turn] for turn in range(len(every[0])) for of_one in every if turn < len(of_one)]


class _Joined(Processes):
    """Several, of which this is one."""

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        self.rank = accelerator.process_index
        self.count = accelerator.num_processes
        self.here = int(os.environ.get("LOCAL_WORLD_SIZE") or self.count)

    def synchronised(self, network: nn.Module) -> None:
        if self._accelerator.device.type == "cuda":
            from timm.layers import convert_sync_batchnorm

            convert_sync_batchnorm(network)
            return
        for module in network.modules():
            if isinstance(module, _BatchNorm):  # torch's own synchronised ones are for GPUs alone
                module.__class__ = _SynchronisedBatchNorm

    def for_gradients(self, network: nn.Module) -> nn.Module:
        self._accelerator.free_memory()  # of the last stage's, whose hooks would go on averaging
        model: nn.Module = self._accelerator.prepare_model(network, device_placement=False)
        return model

    def without_averaging(self, model: nn.Module) -> AbstractContextManager[None]:
        context: AbstractContextManager[None] = self._accelerator.no_sync(model)
        return context

    def sums(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return _sums(tensors)

    def agreed(self, *flags: bool) -> tuple[bool, ...]:
        from accelerate.utils import broadcast

        return tuple(bool(flag) for flag in broadcast(torch.tensor(flags, dtype=torch.uint8)).tolist())

    def of_first(self, value: _ValueT) -> _ValueT:
        from accelerate.utils import broadcast_object_list

        found: _ValueT = broadcast_object_list([value])[0]
        return found

    def of_all(self, value: _ValueT) -> list[_ValueT]:
        from accelerate.utils import gather_object

        found: list[_ValueT] = gather_object([value])
        return found


@contextmanager
def joined(device: Device) -> Iterator[tuple[Processes, Device]]:
    """The processes that were launched together, as soon as all of them are there, and this one's device."""
    if launched() == 1:
        yield Processes(), device
        return
    from accelerate import Accelerator
    from accelerate.utils import InitProcessGroupKwargs

    is_gpu = device.kind == "cuda"
    accelerator = Accelerator(
        cpu=not is_gpu,
        mixed_precision="no",  # the training loop casts and scales by itself, for one process and for many
        kwargs_handlers=[
            InitProcessGroupKwargs(backend="cuda:nccl,cpu:gloo" if is_gpu else "gloo", timeout=SILENCE_MAX)
        ],
    )
    yield _Joined(accelerator), replace(device, index=accelerator.local_process_index) if is_gpu else device
    accelerator.wait_for_everyone()
    accelerator.end_training()  # where an error ends the run the processes end, whom nobody need wait for


class _Sum(torch.autograd.Function):
    """A sum over processes. Every process's loss is the whole batch's, and the mean of all their gradients is taken: so
    the gradient of a sum is the sum of the gradients that all of them have for it."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        from accelerate.utils import reduce

        return reduce(values, "sum")

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        from accelerate.utils import reduce

        return reduce(gradients[0].contiguous(), "sum")


def _sums(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Sums over processes, at once; in double precision, so that counts of pixels stay exact."""
    whole = _Sum.apply(torch.cat([tensor.reshape(-1).double() for tensor in tensors]))
    parts = whole.split([tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape).to(tensor.dtype) for part, tensor in zip(parts, tensors, strict=True)]


class _SynchronisedBatchNorm(_BatchNorm):
    """Batch normalisation, with the statistics of the samples of all processes; also of timm's, which end in an
    activation. Modules become of this class, and keep all that they hold."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if self.training or self.running_mean is None:
            found = self._normalised(values)
        else:
            found = functional.batch_norm(
                values, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        for name in ("drop", "act"):
            found = getattr(self, name)(found) if hasattr(self, name) else found
        return found

    def _normalised(self, values: torch.Tensor) -> torch.Tensor:
        wide = values if values.dtype == torch.float64 else values.float()
        others = [axis for axis in range(values.dim()) if axis != 1]
        shape = [-1 if axis == 1 else 1 for axis in range(values.dim())]
        number = torch.tensor(values.numel() // values.shape[1], dtype=torch.float32, device=values.device)
        total, number = _sums([wide.sum(others), number])
        number = number.detach()
        mean = total / number
        centred = wide - mean.view(shape)
        (squares,) = _sums([(centred * centred).sum(others)])
        self._keep(mean.detach(), squares.detach() / (number - 1).clamp(min=1))
        found = centred * torch.rsqrt(squares / number + self.eps).view(shape)
        if self.weight is not None:
            found = found * self.weight.view(shape)
        if self.bias is not None:
            found = found + self.bias.view(shape)
        return found.to(values.dtype)

    def _keep(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        if not self.training or self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)
