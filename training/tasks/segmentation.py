"""Semantic segmentation: a sigmoid a class or a softmax, its losses, and the scores of [Volvo] and [BMW].

A network gives one logit a pixel and class; background has none of its own. A pixel's prediction is the class with
the highest probability where that reaches one half, else background ([BMW]: threshold 50 %). Pixels marked 255 are
left out of everything: the loss, both of its terms' averages, and every score.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from contracts.frame import FrameRecord
from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID
from contracts.run import Loss
from contracts.scores import ClassScore, SegmentationScores
from training.metrics.boundary import boundary_counts
from training.metrics.calibration import calibration_table
from training.metrics.detail import TRUE_POSITIVE, Evidence, joined, with_detail
from training.tasks.task import ByteArray, Counts, Sums, Task, of_this_process

REGION_EPSILON = 1.0
"""Pixels added to both sides of the Dice and IoU fractions, so that a few stray pixels don't swing a rare class."""
IMAGE_IOU_EPSILON = 1e-6
"""[Volvo]: empty against empty is 1."""

PALETTE = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (60, 90, 220),
    (150, 220, 80),
    (140, 86, 75),
    (0, 210, 210),
    (255, 105, 180),
    (128, 60, 200),
    (190, 190, 190),
)
"""sRGB by class, repeated where there are more: Okabe and Ito's colours first, told apart by colour-blind eyes."""


class Segmentation(Task):
    """Segmentation into classes that exclude each other.

    Args:
        classes: Names by id from 1, background left out.
        loss: Weights of the loss's terms.

    Raises:
        ConfigurationError: The loss weighs a class that there is not.
    """

    def __init__(self, classes: Sequence[str], loss: Loss) -> None:
        self.classes = tuple(classes)
        self._loss = loss
        loss.check_classes(self.classes)
        weights = torch.tensor([loss.class_weights.get(name, 1.0) for name in self.classes])
        self._weights = {torch.device("cpu"): weights}  # by device: copying to a GPU waits for it

    @property
    def output_channels(self) -> int:
        return len(self.classes)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, sums: Sums = of_this_process) -> torch.Tensor:
        """Weighted sum of binary cross entropy, focal loss, cross entropy, 1 - soft Dice and 1 - soft IoU.

        The first two are means over classes and counted pixels, cross entropy over counted pixels. Dice and IoU are
        taken over all counted pixels of the batch and averaged over the classes that occur in it, or over all. A batch
        without a counted pixel has loss 0.

        Args:
            outputs: (B, C, H, W) float logits.
            targets: (B, H, W) uint8 class ids, 255 ignore.
            sums: From sums over these samples to those over the batch.
        """
        counted = (targets != IGNORE_ID).unsqueeze(1)
        ids = torch.arange(1, len(self.classes) + 1, dtype=targets.dtype, device=targets.device)
        truth = (targets.unsqueeze(1) == ids.view(1, -1, 1, 1)).float()
        # Chosen, not multiplied: an infinite logit under an ignored pixel must not become NaN.
        logits = torch.where(counted, outputs.float(), 0.0)
        of_samples = {"counted": counted.sum()}
        if self._loss.bce or self._loss.focal:
            entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
            if self._loss.bce:
                of_samples["bce"] = self._pixel_sum(entropy, counted)
            if self._loss.focal:
                of_truth = torch.sigmoid(torch.where(truth > 0, logits, -logits))
                focal = entropy * (1 - of_truth).pow(self._loss.focal_gamma)
                of_samples["focal"] = self._pixel_sum(focal, counted)
        if self._loss.cross_entropy:
            of_samples |= self._cross_entropy(logits, targets, counted)
        if self._loss.dice or self._loss.iou:
            probability = probabilities(logits, self._loss.is_exclusive) * counted
            of_samples["shared"] = (probability * truth).sum(dim=(0, 2, 3))
            of_samples["truth"] = truth.sum(dim=(0, 2, 3))
            of_samples["both"] = probability.sum(dim=(0, 2, 3)) + of_samples["truth"]
        return self._of_sums(dict(zip(of_samples, sums(list(of_samples.values())), strict=True)))

    def _of_sums(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """The loss, from what is summed over a batch."""
        total = batch["counted"].new_zeros((), dtype=torch.float32)
        if self._loss.bce:
            total = total + self._loss.bce * self._pixel_mean(batch["bce"], batch["counted"])
        if self._loss.focal:
            total = total + self._loss.focal * self._pixel_mean(batch["focal"], batch["counted"])
        if self._loss.cross_entropy:
            total = total + self._loss.cross_entropy * batch["cross_entropy"] / batch["weight"].clamp(min=1e-12)
        if self._loss.dice:
            missing = 1 - (2 * batch["shared"] + REGION_EPSILON) / (batch["both"] + REGION_EPSILON)
            total = total + self._loss.dice * self._class_mean(missing, batch["truth"])
        if self._loss.iou:
            missing = 1 - (batch["shared"] + REGION_EPSILON) / (batch["both"] - batch["shared"] + REGION_EPSILON)
            total = total + self._loss.iou * self._class_mean(missing, batch["truth"])
        return total

    def _cross_entropy(
        self, logits: torch.Tensor, targets: torch.Tensor, counted: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Sums over counted pixels of the softmax's cross entropy and of the pixels' weights, background's being 1."""
        ids = torch.where(counted[:, 0], targets, BACKGROUND_ID).long()
        weight = torch.cat([torch.ones(1, device=logits.device), self._weights_on(logits.device)])[ids] * counted[:, 0]
        entropy = functional.cross_entropy(with_background(logits), ids, reduction="none")
        return {"cross_entropy": (entropy * weight).sum(), "weight": weight.sum()}

    def _pixel_sum(self, values: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
        """Sum of (B, C, H, W) over classes, by their weights, and counted pixels, (B, 1, H, W)."""
        if not self._loss.class_weights:
            return (values * counted).sum()
        return ((values * counted).sum(dim=(0, 2, 3)) * self._weights_on(values.device)).sum()

    def _pixel_mean(self, summed: torch.Tensor, counted_px: torch.Tensor) -> torch.Tensor:
        """From `_pixel_sum` to the mean over classes, by their weights, and counted pixels."""
        if not self._loss.class_weights:
            return summed / (counted_px * len(self.classes)).clamp(min=1)
        return summed / (counted_px.clamp(min=1) * self._weights_on(summed.device).sum())

    def _class_mean(self, values: torch.Tensor, truth_px: torch.Tensor) -> torch.Tensor:
        """Mean of (C,) by the classes' weights, over those that occur or all."""
        share = self._weights_on(values.device)
        if self._loss.mean_over == "occurring":
            share = share * (truth_px > 0)
        return (values * share).sum() / share.sum().clamp(min=1e-12)

    def _weights_on(self, device: torch.device) -> torch.Tensor:
        if device not in self._weights:
            self._weights[device] = self._weights[torch.device("cpu")].to(device)
        return self._weights[device]

    def predict(self, outputs: torch.Tensor) -> torch.Tensor:
        """Class ids: the class of the highest probability where that is at least 0.5 or, of classes that exclude each
        other, at least background's; else background."""
        best, index = outputs.max(dim=1)
        # A logit of 0 is a probability of 0.5, and background's logit in a softmax.
        return torch.where(best >= 0, index + 1, BACKGROUND_ID).to(torch.uint8)

    def count(self, predictions: ByteArray, targets: ByteArray) -> Counts:
        """Pixels of each image and class: (B, C, 3) int64, true positive, false positive, false negative."""
        size = len(self.classes) + 1
        batch = len(targets)
        counted = targets != IGNORE_ID
        image = np.broadcast_to(np.arange(batch).reshape(-1, 1, 1), targets.shape)[counted]
        place = (image * size + targets[counted]) * size + predictions[counted]
        confusion = np.bincount(place, minlength=batch * size * size).reshape(batch, size, size)
        hit = np.diagonal(confusion, axis1=1, axis2=2)
        counts = np.stack([hit, confusion.sum(axis=1) - hit, confusion.sum(axis=2) - hit], axis=-1)
        return np.asarray(counts[:, 1:], dtype=np.int64)

    def image_scores(self, counts: Counts) -> npt.NDArray[np.float64]:
        """IoU of each image, mean over classes, (N,); empty against empty is 1 ([Volvo])."""
        hit = counts[..., TRUE_POSITIVE]
        union = counts.sum(axis=-1)
        return np.asarray(((hit + IMAGE_IOU_EPSILON) / (union + IMAGE_IOU_EPSILON)).mean(axis=-1), dtype=np.float64)

    def scores(self, counts: Counts, loss: float | None = None) -> SegmentationScores:
        """Scores of a set of images.

        Args:
            counts: (N, C, 3) int64 from `count`; some class must occur in the truth.
            loss: To be shown beside them.
        """
        totals = counts.sum(axis=0)
        classes = {name: _class_score(*map(int, total)) for name, total in zip(self.classes, totals, strict=True)}
        occurring = [score.iou for score in classes.values() if score.truth_px and score.iou is not None]
        dice = [score.dice for score in classes.values() if score.truth_px and score.dice is not None]
        return SegmentationScores(
            images=len(counts),
            dataset_iou={name: score.iou for name, score in classes.items()},
            mean_dataset_iou=float(np.mean(occurring)),
            mean_image_iou=float(self.image_scores(counts).mean()),
            classes=classes,
            loss=loss,
            mean_dice=float(np.mean(dice)),
        )

    def examine(self, images: ByteArray, outputs: torch.Tensor, targets: ByteArray) -> Evidence:
        """Counts, boundaries, confidences, brightness and visible area of each image."""
        predictions = self.predict(outputs).cpu().numpy()
        of_class = (targets != BACKGROUND_ID) & (targets != IGNORE_ID)
        grey = images @ np.array([0.299, 0.587, 0.114]) / 255  # ITU-R BT.601, of the sRGB values
        return Evidence(
            counts=self.count(predictions, targets),
            boundary=boundary_counts(predictions, targets, len(self.classes)),
            calibration=calibration_table(self._confidence(outputs), predictions, targets),
            brightness=np.asarray(grey.mean(axis=(1, 2)), dtype=np.float64),
            area=np.asarray(of_class.mean(axis=(1, 2)), dtype=np.float64),
        )

    def _confidence(self, outputs: torch.Tensor) -> npt.NDArray[np.float64]:
        """Probability of what is predicted at each pixel, (B, H, W)."""
        logits = outputs.float()
        if self._loss.is_exclusive:
            confidence = torch.softmax(with_background(logits), dim=1).amax(dim=1)
        else:
            confidence = torch.sigmoid(logits.amax(dim=1).abs())  # of background, 1 minus the highest
        return np.asarray(confidence.double().cpu().numpy())

    def detailed_scores(
        self, evidence: Sequence[Evidence], records: Sequence[FrameRecord], loss: float | None = None
    ) -> tuple[SegmentationScores, Counts]:
        whole = joined(evidence)
        scores = self.scores(whole.counts, loss)
        return with_detail(scores, whole, self.image_scores(whole.counts), records), whole.counts

    def picture(self, image: ByteArray, labels: ByteArray, scale: int = 1) -> ByteArray:
        """Classes as colours over a greyed image, each with a dark edge; ignored pixels dark."""
        height, width = labels.shape
        size = (width * scale, height * scale)
        grey = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), cv2.COLOR_RGB2GRAY)
        base = np.repeat(grey[..., None].astype(np.float32) * 0.6 + 70, 3, axis=2)
        ids = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
        base[ids == IGNORE_ID] *= 0.3
        for number, (_, color) in enumerate(self.legend(), 1):
            inside = ids == number
            base[inside] = 0.3 * base[inside] + 0.7 * np.array(color, dtype=np.float32)
        edges = cv2.morphologyEx(ids, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
        base[edges & (ids != IGNORE_ID)] *= 0.35
        return np.asarray(base.clip(0, 255), dtype=np.uint8)

    def legend(self) -> list[tuple[str, tuple[int, int, int]]]:
        return [(name, PALETTE[index % len(PALETTE)]) for index, name in enumerate(self.classes)]


def with_background(logits: torch.Tensor) -> torch.Tensor:
    """Logits of a softmax over background, whose logit is 0, and the classes: (B, C, H, W) to (B, C + 1, H, W)."""
    return functional.pad(logits, (0, 0, 0, 0, 1, 0))


def probabilities(logits: torch.Tensor, is_exclusive: bool) -> torch.Tensor:
    """Probability of each class, (B, C, H, W): its share of a softmax over background too, or a sigmoid each."""
    return torch.softmax(with_background(logits), dim=1)[:, 1:] if is_exclusive else torch.sigmoid(logits)


def _class_score(hit: int, false: int, missed: int) -> ClassScore:
    def ratio(part: int, whole: int) -> float | None:
        return part / whole if whole else None

    return ClassScore(
        iou=ratio(hit, hit + false + missed),
        dice=ratio(2 * hit, 2 * hit + false + missed),
        precision=ratio(hit, hit + false),
        recall=ratio(hit, hit + missed),
        truth_px=hit + missed,
        predicted_px=hit + false,
    )
