"""The U-Net of [BMW], its variant with a VGG19 encoder, and their Double-U-Net.

Sizes follow the paper's table II, which counts batch statistics as parameters (8 classes):

| network | millions | with a frozen encoder or first network |
|---|---|---|
| U-Net | 7.77 | 3.05 |
| VGG19 encoder | 23.86 | 3.83 |
| Double-U-Net | 10.11 | 2.34 |
| Double-U-Net on VGG19 | 26.59 | 6.56 |

Batch normalisation stands along the contracting path only. Where the paper is silent: convolutions are 3x3 and padded,
each followed by normalisation (contracting path) and ReLU; steps up are transposed 2x2 convolutions; dropout follows
each pooling of a plain contracting path and each concatenation. The paper calls the two networks of the Double-U-Net
identical; its table is met by a second one of half the width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

WIDTH = 32
"""Channels of the first level of a U-Net; each level below has twice as many."""
SECOND_WIDTH = 16
"""Of a Double-U-Net's second network."""
LEVELS = 5
DROPOUT = 0.30


class PlainEncoder(nn.Module):
    """The contracting path: two convolutions a level, then pooling.

    Args:
        in_channels: Of what comes in.
        width: Channels of the first level.
    """

    def __init__(self, in_channels: int = 3, width: int = WIDTH) -> None:
        super().__init__()
        self.out_channels = tuple(width * 2**level for level in range(LEVELS))
        ins = (in_channels, *self.out_channels)
        self.levels = nn.ModuleList(
            nn.Sequential(*_normalised(ins[level], channels), *_normalised(channels, channels))
            for level, channels in enumerate(self.out_channels)
        )
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Features of each level, (B, C, H / 2**level, W / 2**level) float."""
        features: list[torch.Tensor] = []
        for level in self.levels:
            if features:
                images = self.dropout(functional.max_pool2d(images, 2))
            images = level(images)
            features.append(images)
        return features


class Decoder(nn.Module):
    """The expanding path: a step up, concatenation with the level's features, two convolutions.

    Args:
        deepest: Channels of the deepest features.
        skips: Channels of all features of each other level, deepest first.
        widths: Channels of each step, deepest first.
    """

    def __init__(self, deepest: int, skips: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        ins = (deepest, *widths)
        self.steps_up = nn.ModuleList(
            nn.ConvTranspose2d(ins[step], width, kernel_size=2, stride=2) for step, width in enumerate(widths)
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(*_plain(width + skip, width), *_plain(width, width))
            for width, skip in zip(widths, skips, strict=True)
        )
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, deepest: torch.Tensor, skips: Sequence[Sequence[torch.Tensor]]) -> torch.Tensor:
        """Features (B, C, H, W) at the first level, from the deepest ones and those of each other level."""
        found = deepest
        for step_up, block, skip in zip(self.steps_up, self.blocks, skips, strict=True):
            found = block(self.dropout(torch.cat([step_up(found), *skip], dim=1)))
        return found


class UNet(nn.Module):
    """A contracting path and an expanding one.

    Args:
        classes: Logits a pixel.
        encoder: Gives features of five levels, each of half the last one's sides.
        feature_channels: Of each level.
    """

    def __init__(self, classes: int, encoder: nn.Module, feature_channels: Sequence[int]) -> None:
        super().__init__()
        self.encoder = encoder
        self.feature_channels = tuple(feature_channels)
        self.decoder = Decoder(self.feature_channels[-1], self.feature_channels[-2::-1], _widths_up(WIDTH))
        self.segmentation_head = nn.Conv2d(WIDTH, classes, kernel_size=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (B, classes, H, W) of normalised images (B, 3, H, W), whose sides 16 divides."""
        return self.answer(self.encoder(images))

    def answer(self, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Logits of the encoder's features."""
        found: torch.Tensor = self.segmentation_head(self.decoder(features[-1], [[skip] for skip in features[-2::-1]]))
        return found


class DoubleUNet(nn.Module):
    """Two U-Nets: the second sees the image times each of the first one's maps, and the first encoder's features.

    Args:
        classes: Logits a pixel.
        first: The first network.
    """

    def __init__(self, classes: int, first: UNet) -> None:
        super().__init__()
        self.first = first
        self.second = _SecondUNet(classes, first.feature_channels)

    @property
    def encoder(self) -> nn.Module:
        """The first network's: the one that can be pretrained."""
        return self.first.encoder

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (B, classes, H, W) of normalised images (B, 3, H, W), whose sides 16 divides."""
        features = self.first.encoder(images)
        maps = torch.sigmoid(self.first.answer(features))
        seen = (images.unsqueeze(1) * maps.unsqueeze(2)).flatten(1, 2)
        found: torch.Tensor = self.second(seen, features)
        return found


class _SecondUNet(nn.Module):
    """The second network: plain, of half the width.

    Args:
        classes: Logits a pixel; three times as many channels come in.
        first_channels: Channels of the first encoder's features, shallowest first.
    """

    def __init__(self, classes: int, first_channels: Sequence[int]) -> None:
        super().__init__()
        self.encoder = PlainEncoder(3 * classes, SECOND_WIDTH)
        own = self.encoder.out_channels
        skips = [mine + other for mine, other in zip(own[-2::-1], first_channels[-2::-1], strict=True)]
        self.decoder = Decoder(own[-1], skips, _widths_up(SECOND_WIDTH))
        self.segmentation_head = nn.Conv2d(SECOND_WIDTH, classes, kernel_size=1)

    def forward(self, seen: torch.Tensor, first: Sequence[torch.Tensor]) -> torch.Tensor:
        own = self.encoder(seen)
        skips = list(zip(own[-2::-1], first[-2::-1], strict=True))
        found: torch.Tensor = self.segmentation_head(self.decoder(own[-1], skips))
        return found


def _widths_up(width: int) -> list[int]:
    return [width * 2**level for level in range(LEVELS - 2, -1, -1)]


def _normalised(ins: int, outs: int) -> list[nn.Module]:
    return [nn.Conv2d(ins, outs, kernel_size=3, padding=1), nn.BatchNorm2d(outs), nn.ReLU()]


def _plain(ins: int, outs: int) -> list[nn.Module]:
    return [nn.Conv2d(ins, outs, kernel_size=3, padding=1), nn.ReLU()]
