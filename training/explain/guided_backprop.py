"""Guided backpropagation: all that knows captum (the extra `beltline[explain]`).

[Volvo] section 2.5.1, equation 2.11 (Springenberg et al., 2015): on its way back through a ReLU a gradient passes where
the ReLU's input was positive and the gradient is, too. What reaches the image are the pixels that speak for the
prediction. The rule is one for ReLUs, so networks with other rectifiers are refused rather than half guided; gates such
as a sigmoid pass gradients as they are.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from contracts.errors import CapabilityMissingError, ConfigurationError
from contracts.run import Network
from training.models import FloatArray

try:
    import captum
    from captum.attr import GuidedBackprop
except ImportError as missing:
    raise CapabilityMissingError(
        f"guided backpropagation needs a package that is not installed: {missing.name}",
        hint="pip install 'beltline[explain]'; or take the method saliency",
    ) from missing

VERSION: str = captum.__version__
_NAMES = {
    "gelu": "GELU",
    "quickgelu": "GELU",
    "silu": "SiLU",
    "swish": "SiLU",
    "hardswish": "Hardswish",
    "mish": "Mish",
    "hardmish": "Mish",
    "elu": "ELU",
    "selu": "SELU",
    "celu": "CELU",
    "leakyrelu": "LeakyReLU",
    "prelu": "PReLU",
    "rrelu": "RReLU",
    "hardtanh": "ReLU6",
    "softplus": "Softplus",
}
"""Rectifiers other than ReLU, by the beginning of the name of their module or of their step back."""
_OTHER = re.compile(rf"({'|'.join(sorted(_NAMES, key=len, reverse=True))})", re.IGNORECASE)


def gradient_maps(network: nn.Module, images: torch.Tensor, weights: torch.Tensor) -> FloatArray:
    """How much each pixel speaks for a weighted sum of logits, by guided backpropagation.

    Of a pixel's three gradients the one of the largest absolute value counts (Simonyan et al., 2014, section 3.1).

    Args:
        network: Gives logits, (B, C, H, W) float; in evaluation mode, and one that `check` lets pass.
        images: (B, 3, H, W) uint8 or float sRGB 0 to 255.
        weights: (B, C, H, W) float: what each logit counts. Each image's sum is its own.

    Returns:
        (B, H, W) float32, at least 0, in logits per step of sRGB.
    """
    pixels = images.detach().float().requires_grad_()
    with _own_inputs(network), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Setting backward hooks on ReLU activations")  # it says what it does
        found = GuidedBackprop(_WeightedSum(network)).attribute(pixels, additional_forward_args=(weights,))
    return np.asarray(found.detach().abs().amax(dim=1).cpu().numpy(), dtype=np.float32)


def check(network: nn.Module, settings: Network, size_px: tuple[int, int]) -> None:
    """See whether every rectifier of a network is a ReLU that captum can guide gradients through.

    The network is run once, and all that it does is looked through: which modules it has says nothing of functions that
    it calls.

    Args:
        network: Gives logits of images, (1, 3, H, W); in evaluation mode.
        settings: What it is called.
        size_px: Width, height of images that it takes.

    Raises:
        ConfigurationError: It has other rectifiers, or ReLUs that are no modules (`not_guidable`).
    """
    guided: list[Any] = []  # kept alive: a step's identity is good only as long as it is
    found: set[str] = set()

    def remember(module: nn.Module, inputs: Any, output: Any) -> None:
        guided.append(output.grad_fn)

    def name(module: nn.Module, inputs: Any, output: Any) -> None:
        found.update(_other(type(module).__name__))

    with ExitStack() as hooks:
        for module in network.modules():
            if isinstance(module, nn.ReLU):
                hooks.enter_context(_hook(module, remember))
            elif _other(type(module).__name__) and not any(True for _ in module.children()):
                hooks.enter_context(_hook(module, name))
        device = next(network.parameters()).device
        image = torch.zeros(1, 3, size_px[1], size_px[0], device=device, requires_grad=True)
        outputs = network(image)
    modules = {id(step) for step in guided}
    functions = 0
    for step in _steps(outputs.grad_fn):
        if step.name().startswith("ReluBackward"):
            functions += id(step) not in modules
        found.update(_other(step.name()))
    if functions:
        found.add(f"ReLU as a function ({functions} times)")
    if found:
        raise ConfigurationError(
            f"guided backpropagation needs a network whose rectifiers are ReLU modules, and {settings.architecture}"
            f" with the encoder {settings.encoder} has {', '.join(sorted(found))}",
            code="not_guidable",
            hint="take the method saliency, which asks nothing of a network",
        )


class _WeightedSum(nn.Module):
    """One number an image: the sum of its logits, weighted."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """(B,) of images, (B, 3, H, W), and weights, (B, C, H, W)."""
        total: torch.Tensor = (self.network(images).float() * weights).sum(dim=(1, 2, 3))
        return total


@contextmanager
def _own_inputs(network: nn.Module) -> Iterator[None]:
    """Give each ReLU a view of its input that nothing else reads.

    captum rectifies the gradient of the tensor that goes into a ReLU. Where a shortcut reads that tensor, too, its
    gradient is the sum of both, and the shortcut's part must pass as it is.
    """
    with ExitStack() as hooks:
        for module in network.modules():
            if isinstance(module, nn.ReLU):
                handle = module.register_forward_pre_hook(lambda module, inputs: (inputs[0].view_as(inputs[0]),))
                hooks.callback(handle.remove)
        yield


@contextmanager
def _hook(module: nn.Module, function: Any) -> Iterator[None]:
    handle = module.register_forward_hook(function)
    try:
        yield
    finally:
        handle.remove()


def _other(name: str) -> list[str]:
    """The rectifier other than ReLU that a module or a step back is named after."""
    match = _OTHER.match(name)
    return [_NAMES[match[1].lower()]] if match else []


def _steps(last: Any) -> list[Any]:
    """All steps of a way back."""
    found: dict[int, Any] = {}
    waiting = [last]
    while waiting:
        step = waiting.pop()
        if step is not None and id(step) not in found:
            found[id(step)] = step
            waiting.extend(before for before, _ in step.next_functions)
    return list(found.values())
