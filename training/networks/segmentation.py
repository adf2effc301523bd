"""Segmentation networks by name: of segmentation_models_pytorch, and those of [BMW]."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from contracts.errors import CapabilityMissingError, ConfigurationError, nearest
from contracts.run import BMW_ARCHITECTURES, Network
from training import torchvision_compat
from training.networks.unet import LEVELS, DoubleUNet, PlainEncoder, UNet

torchvision_compat.install()

import segmentation_models_pytorch  # noqa: E402 - imports torchvision

MEAN = (123.675, 116.28, 103.53)
STANDARD_DEVIATION = (58.395, 57.12, 57.375)
"""Of ImageNet's images, sRGB 0 to 255: what pretrained encoders expect, used for all."""
STRIDE_PX = 32
"""Images are padded to a multiple of this, and what networks give is cut back."""
NEEDS_BATCH = frozenset({"deeplabv3", "deeplabv3plus", "pspnet", "pan", "upernet"})
"""Architectures with batch statistics over one pooled value an image: one image has none."""
DROPOUT_FIELDS = {
    "fpn": "decoder_dropout",
    "deeplabv3": "decoder_aspp_dropout",
    "deeplabv3plus": "decoder_aspp_dropout",
    "pspnet": "psp_dropout",
}
"""What the library calls a decoder's dropout."""


class SegmentationNetwork(nn.Module):
    """A network that takes images as they are: bytes of any size, normalised and padded inside.

    Args:
        network: Gives logits at the size of normalised images whose sides `STRIDE_PX` divides; has a part `encoder`.
    """

    mean: torch.Tensor
    standard_deviation: torch.Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.fixed = frozenset(name for name, parameter in self.named_parameters() if not parameter.requires_grad)
        """Parameters that the architecture never trains."""
        self.kept_statistics: list[nn.Module] = []
        """Batch normalisations that stay as in evaluation, since the stage keeps their statistics."""
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("standard_deviation", torch.tensor(STANDARD_DEVIATION).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits, (B, C, H, W) float, of images, (B, 3, H, W) uint8 or float sRGB 0 to 255."""
        height, width = images.shape[-2:]
        pixels = (images.float() - self.mean) / self.standard_deviation
        bottom, right = -height % STRIDE_PX, -width % STRIDE_PX
        if bottom or right:
            pixels = functional.pad(pixels, (0, right, 0, bottom), mode="replicate")
        outputs: torch.Tensor = self.network(pixels)
        return outputs[..., :height, :width]

    def train(self, mode: bool = True) -> SegmentationNetwork:
        """Set training mode, or evaluation mode, of all but what keeps its statistics."""
        super().train(mode)
        for module in self.kept_statistics:
            module.eval()
        return self

    @property
    def encoder(self) -> nn.Module:
        """The part that can be pretrained and frozen."""
        encoder: nn.Module = self.network.get_submodule("encoder")
        return encoder

    def decoder_parameters(self) -> Iterator[nn.Parameter]:
        """Parameters of everything but the encoder."""
        encoder = {id(parameter) for parameter in self.encoder.parameters()}
        return (parameter for parameter in self.parameters() if id(parameter) not in encoder)


def build(settings: Network, output_channels: int) -> SegmentationNetwork:
    """Make a network; weights without a source are random, from torch's generator.

    Raises:
        ConfigurationError: No such encoder, or it can't serve this architecture, or the weights don't fit it.
        CapabilityMissingError: ImageNet weights are asked for and are not at hand.
    """
    if settings.architecture in BMW_ARCHITECTURES:
        wrapped = SegmentationNetwork(_of_bmw(settings, output_channels))
    else:
        wrapped = SegmentationNetwork(_from_library(settings, output_channels))
    if settings.weights is not None:
        _load(wrapped, _read_weights(Path(settings.weights), "weights"), settings.weights, "weights")
    elif settings.encoder_weights == "imagenet":
        _load(wrapped.encoder, _imagenet_weights(settings), "the ImageNet weights")
    elif settings.encoder_weights is not None:
        source = settings.encoder_weights
        values = _read_weights(Path(source))
        first = _within(values, "network.")
        if isinstance(wrapped.network, DoubleUNet) and any(name.startswith("decoder.") for name in first):
            _load(wrapped.network.first, first, source)
        else:
            encoder = _within(values, "network.encoder.") or _within(values, "network.first.encoder.")
            _load(wrapped.encoder, encoder or values, source)
    return wrapped


def _of_bmw(settings: Network, output_channels: int) -> nn.Module:
    if settings.encoder == "vgg19":
        encoder = segmentation_models_pytorch.encoders.get_encoder("vgg19", depth=LEVELS - 1, weights=None)
        first = UNet(output_channels, encoder, encoder.out_channels)
    else:
        plain = PlainEncoder()
        first = UNet(output_channels, plain, plain.out_channels)
    return DoubleUNet(output_channels, first) if settings.architecture == "bmw-double-unet" else first


def _from_library(settings: Network, output_channels: int) -> nn.Module:
    _check_encoder(settings.encoder)
    dropout: dict[str, float] = {}
    if settings.decoder_dropout is not None and settings.architecture in DROPOUT_FIELDS:
        dropout = {DROPOUT_FIELDS[settings.architecture]: settings.decoder_dropout}
    try:
        network: nn.Module = segmentation_models_pytorch.create_model(
            settings.architecture,
            encoder_name=settings.encoder,
            encoder_weights=None,
            in_channels=3,
            classes=output_channels,
            **dropout,
        )
    except Exception as error:  # the library raises whatever its parts raise
        raise ConfigurationError(
            f"network: encoder '{settings.encoder}' can't be used with architecture '{settings.architecture}': {error}",
            code="invalid_network",
            hint="take another encoder or architecture",
        ) from error
    return network


def check_size(network: SegmentationNetwork, size_px: tuple[int, int]) -> None:
    """See whether a network takes images of this width and height; some halve them too often for small ones.

    Raises:
        ConfigurationError: It does not.
    """
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            network(torch.zeros(1, 3, size_px[1], size_px[0], dtype=torch.uint8))
    except (RuntimeError, ValueError) as error:
        raise ConfigurationError(
            f"image_size: the network can't take images of {size_px[0]}x{size_px[1]}: {error}",
            code="invalid_network",
            hint="take larger images or another architecture",
        ) from error
    finally:
        network.train(was_training)


def _check_encoder(name: str) -> None:
    if name.startswith("tu-"):
        import timm

        known = [f"tu-{model}" for model in timm.list_models()]
        found = name.split(".")[0] in known  # a dot separates the name of pretrained weights
    else:
        known = segmentation_models_pytorch.encoders.get_encoder_names()
        found = name in known
    if not found:
        raise ConfigurationError(
            f"network.encoder: no encoder '{name}'",
            code="invalid_network",
            hint=nearest(name, known).replace("valid: ", "")[:400],
        )


def _imagenet_weights(settings: Network) -> dict[str, torch.Tensor]:
    """ImageNet weights of an encoder: from the local cache of the weights' host, or from the network."""
    if settings.encoder == "plain":
        raise ConfigurationError(
            "network.encoder_weights: the encoder 'plain' has no ImageNet weights",
            code="invalid_network",
            hint="write encoder_weights: null, or take the encoder vgg19",
        )
    try:
        encoder = segmentation_models_pytorch.encoders.get_encoder(settings.encoder, weights="imagenet")
    except Exception as error:
        raise CapabilityMissingError(
            f"network.encoder_weights: the ImageNet weights of '{settings.encoder}' are not on this machine and"
            f" can't be fetched: {type(error).__name__}",
            hint="write encoder_weights: null, or the path of a weights file, or run once where there is a network",
            context={"encoder": settings.encoder},
        ) from error
    state: dict[str, torch.Tensor] = encoder.state_dict()
    return state


def _read_weights(path: Path, field: str = "encoder_weights") -> dict[str, torch.Tensor]:
    """Weights from a safetensors or torch file, or from a checkpoint of a run."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            values: Any = load_file(path)
        else:
            values = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConfigurationError(
            f"network.{field}: no file {path}", code="invalid_network", hint="check the path"
        ) from None
    except Exception as error:
        raise ConfigurationError(
            f"network.{field}: {path} can't be read as weights: {error}",
            code="invalid_network",
            hint="give a file of tensors only: safetensors, or a state dict that torch saved",
        ) from error
    for name in ("model", "state_dict"):
        if isinstance(values, dict) and isinstance(values.get(name), dict):
            values = values[name]
    if not isinstance(values, dict) or not all(isinstance(value, torch.Tensor) for value in values.values()):
        raise ConfigurationError(f"network.{field}: {path} holds no state dict", code="invalid_network")
    return values


def _within(values: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Weights of a part, named within it."""
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _load(part: nn.Module, weights: dict[str, torch.Tensor], source: str, field: str = "encoder_weights") -> None:
    own = part.state_dict()
    missing = sorted(own.keys() - weights.keys())
    wrong = sorted(name for name in own.keys() & weights.keys() if own[name].shape != weights[name].shape)
    whole = "encoder" if field == "encoder_weights" else "network, or of other classes"
    if missing or wrong:
        raise ConfigurationError(
            f"network.{field}: {source} is of another {whole}: {len(missing)} tensors are missing and"
            f" {len(wrong)} have another shape, such as {(missing + wrong)[0]}",
            code="invalid_network",
            hint="name the architecture, encoder and label map that the weights were made with",
        )
    part.load_state_dict({name: weights[name] for name in own})
