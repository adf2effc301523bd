"""What a run ran on, and how far it repeats: versions, device, threads, and the settings that make it repeat."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass
from typing import Any, Literal

import torch

from contracts.errors import CapabilityMissingError

PACKAGES = (
    "beltline",
    "torch",
    "torchvision",
    "segmentation-models-pytorch",
    "timm",
    "albumentations",
    "opencv-python-headless",
    "numpy",
)


@dataclass(frozen=True)
class Device:
    """Where and how precisely a run computes."""

    kind: Literal["cpu", "cuda"]
    precision: Literal["float32", "float16", "bfloat16"]
    index: int | None = None
    """Of the GPU, where each of several processes has its own."""

    @property
    def place(self) -> torch.device:
        return torch.device(self.kind) if self.index is None else torch.device(self.kind, self.index)

    @property
    def is_mixed(self) -> bool:
        return self.precision != "float32"

    @property
    def autocast_dtype(self) -> torch.dtype:
        return torch.float16 if self.precision == "float16" else torch.bfloat16


def choose_device(device: str, precision: str) -> Device:
    """Resolve `auto`.

    Args:
        device: `auto`, `cpu` or `cuda`.
        precision: `auto` (mixed on a GPU, float32 elsewhere), `float32` or `mixed`.

    Raises:
        CapabilityMissingError: A GPU is asked for and there is none that torch can use.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise CapabilityMissingError(
            "device: 'cuda' is asked for and torch finds no usable GPU",
            hint="write device: auto, or install a CUDA build of torch and a driver it accepts",
        )
    kind: Literal["cpu", "cuda"] = "cuda" if device == "cuda" or (device == "auto" and _has_gpu()) else "cpu"
    if precision == "float32" or (precision == "auto" and kind == "cpu"):
        return Device(kind, "float32")
    has_bfloat16 = kind == "cpu" or torch.cuda.is_bf16_supported(including_emulation=False)
    return Device(kind, "bfloat16" if has_bfloat16 else "float16")


WITHOUT_DETERMINISTIC = "does not have a deterministic implementation"
"""In torch's error about an operation that can't give the same bits every time."""


def make_repeatable(*, strict: bool = False) -> None:
    """Ask torch for deterministic algorithms: bit for bit on a CPU; on a GPU as far as kernels exist, or strictly."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    if strict or not _has_gpu():
        # On a GPU the backward pass of bilinear upsampling, which most decoders hold, has no deterministic kernel.
        torch.use_deterministic_algorithms(True)
        # Filling uninitialised memory guards against reading it, which no network here does, and costs time.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def capture(device: Device, processes: int = 1, *, strict: bool = False) -> dict[str, Any]:
    """Versions, device and determinism, as JSON types; and the processes where there were several."""
    versions = {}
    for package in (*PACKAGES, *(("accelerate",) if processes > 1 else ())):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed as a distribution"
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cpus": usable_cpus(),
        "torch_threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if device.kind == "cuda" else "cpu",
        **({"processes": processes} if processes > 1 else {}),
        "precision": device.precision,
        "deterministic": "bitwise" if strict or device.kind == "cpu" else "same draws; kernels may round differently",
        "versions": versions,
    }


def usable_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _has_gpu() -> bool:
    return torch.cuda.is_available()


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a kernel interface, not a file
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
