"""Which parameters and batch statistics of a network a stage leaves as they are."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from contracts.errors import ConfigurationError, nearest
from contracts.run import Stage
from training.networks.segmentation import SegmentationNetwork


def freeze(network: SegmentationNetwork, stage: Stage) -> None:
    """Let a stage's gradients reach all of a network but the parts that the stage freezes.

    A frozen part's batch statistics still update unless the stage keeps them. Parameters that the architecture itself
    keeps fixed stay so.

    Raises:
        ConfigurationError: The network has no such part, or nothing is left to train.
    """
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name not in network.fixed)
    network.kept_statistics = []
    for name in stage.frozen_parts:
        part = _part(network, name, stage)
        part.requires_grad_(False)
        if stage.frozen_statistics == "keep":
            network.kept_statistics += [module for module in part.modules() if isinstance(module, _BatchNorm)]
    network.train(network.training)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ConfigurationError(
            f"stages: stage '{stage.name}' freezes all of the network",
            code="invalid_network",
            hint="leave a part that learns",
        )


def _part(network: SegmentationNetwork, name: str, stage: Stage) -> nn.Module:
    try:
        return network.network.get_submodule(name)
    except AttributeError:
        known = [known for known, _ in network.network.named_modules() if known]
        raise ConfigurationError(
            f"stages: stage '{stage.name}' freezes '{name}', and the network has no such part",
            code="invalid_network",
            hint=nearest(name, known)[:400],
        ) from None
