"""What the training loop knows of a task: a loss, predictions, scores and pictures, and nothing of what they mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from contracts.frame import FrameRecord
from contracts.scores import SegmentationScores

ByteArray = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]
Sums = Callable[[Sequence[torch.Tensor]], Sequence[torch.Tensor]]
"""From sums over the samples at hand to those over the whole batch."""


def of_this_process(tensors: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """The whole batch is at hand."""
    return tensors


class Task(ABC):
    """A task that networks are trained for."""

    @property
    @abstractmethod
    def output_channels(self) -> int:
        """Channels that a network gives."""

    @abstractmethod
    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, sums: Sums = of_this_process) -> torch.Tensor:
        """What training makes small: a function of sums over the samples of a batch.

        Args:
            outputs: A network's, (B, C, H, W) float.
            targets: (B, H, W) uint8.
            sums: Makes sums over these samples those over the batch, where several processes share one; called once.

        Returns:
            A scalar, float32.
        """

    @abstractmethod
    def predict(self, outputs: torch.Tensor) -> torch.Tensor:
        """Predictions, (B, H, W) uint8, from a network's outputs, (B, C, H, W) float."""

    @abstractmethod
    def count(self, predictions: ByteArray, targets: ByteArray) -> Counts:
        """What scores are made of: a table an image, from (B, H, W) uint8 both, with B first."""

    @abstractmethod
    def scores(self, counts: Counts, loss: float | None = None) -> SegmentationScores:
        """Scores of a set of images, from their tables."""

    @abstractmethod
    def examine(self, images: ByteArray, outputs: torch.Tensor, targets: ByteArray) -> Any:
        """What detailed scores of a batch are made of.

        Args:
            images: (B, H, W, 3) uint8 sRGB.
            outputs: A network's, (B, C, H, W) float.
            targets: (B, H, W) uint8.
        """

    @abstractmethod
    def detailed_scores(
        self, evidence: Sequence[Any], records: Sequence[FrameRecord], loss: float | None = None
    ) -> tuple[SegmentationScores, Counts]:
        """Scores with boundaries, calibration, intervals, groups and slices, and each image's counts.

        Args:
            evidence: Of all batches of a set, from `examine`.
            records: Of all its images.
            loss: To be shown beside them.
        """

    @abstractmethod
    def image_scores(self, counts: Counts) -> npt.NDArray[np.float64]:
        """One score an image, (N,), higher is better; chooses the pictures worth looking at."""

    @abstractmethod
    def picture(self, image: ByteArray, labels: ByteArray, scale: int = 1) -> ByteArray:
        """An image (H, W, 3) uint8 with labels (H, W) uint8 drawn over it, enlarged `scale` times."""

    @abstractmethod
    def legend(self) -> Sequence[tuple[str, tuple[int, int, int]]]:
        """Name and sRGB colour of what pictures show."""
