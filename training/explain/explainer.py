"""Images explained one by one: what a model predicts there, and its maps, as numbers and pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from contracts.errors import TrainingError
from contracts.explanation import ExplainedImage, ExplanationMap, ExplanationOrder, Place
from contracts.frame import FrameRecord
from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID
from contracts.process import write_atomically
from contracts.run import Loss
from training.explain import drawing
from training.explain.images import LabelledImage, VersionImages, image_ious
from training.explain.saliency import ALL_CLASSES, enlarged, spread_over_pixels, square_distances, square_grid
from training.models import Model
from training.process import Monitor
from training.report.pictures import scale_for
from training.tasks.segmentation import Segmentation
from training.tasks.task import ByteArray, Counts

_PIXELS_TOGETHER = 1 << 20
_IMAGES_TOGETHER_MAX = 32

GradientMap = Callable[[ByteArray, npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""From an image, (H, W, 3) uint8 sRGB, and what each of its logits counts, (C, H, W), to a map, (H, W)."""


@dataclass(frozen=True)
class Chosen:
    """What is explained for a class, or for all of them together."""

    shown_by: list[int]
    """Numbers of the images that truly show it."""
    places: list[tuple[Place, int]]
    """Numbers of those to be explained, and why."""


@dataclass
class Explainer:
    """Images of a version explained one by one, into a folder.

    Args:
        order: What is asked.
        model: What is explained.
        source: Its images.
        gradient_map: Guided backpropagation of the model; none where it isn't asked for.
        folder: Where pictures and maps go.
        monitor: Told of progress.
    """

    order: ExplanationOrder
    model: Model
    source: VersionImages
    gradient_map: GradientMap | None
    folder: Path
    monitor: Monitor
    drawn: dict[str, ByteArray] = field(default_factory=dict)
    """Pictures, (H, W, 3) uint8 sRGB, by their path in the folder."""
    _done: int = 0

    @cached_property
    def task(self) -> Segmentation:
        """What the model was trained for."""
        return Segmentation(list(self.model.description.label_map.classes), Loss())

    @property
    def _together(self) -> int:
        width, height = self.model.description.preprocessing.image_size
        return max(1, min(_IMAGES_TOGETHER_MAX, _PIXELS_TOGETHER // (width * height)))

    def count(self, records: Sequence[FrameRecord]) -> Counts:
        """What scores of frames are made of, (N, C, 3) int64."""
        self.monitor.step(0, "looking for the best and the worst", total=len(records))
        found = []
        for batch in self.source.batches(records, self._together):
            self.monitor.say("looking for the best and the worst")
            predictions = self._predict(np.stack([item.pixels for item in batch]))
            found.append(self.task.count(predictions, np.stack([item.truth for item in batch])))
            self._done += len(batch)
            self.monitor.step(self._done, "looking for the best and the worst")
        return np.concatenate(found)

    def explained(
        self,
        records: Sequence[FrameRecord],
        counts: Counts,
        chosen: dict[int | None, Chosen],
    ) -> dict[tuple[int | None, int], ExplainedImage]:
        """Images, by class and their number among the frames."""
        wanted: dict[int, list[tuple[int | None, Place]]] = {}
        for subject, choice in chosen.items():
            for place, number in choice.places:
                wanted.setdefault(number, []).append((subject, place))
        squares = int(np.prod(self._grid)) if "saliency" in self.order.methods else 0
        gradients = sum(map(len, wanted.values())) if self.gradient_map is not None else 0
        self.monitor.step(self._done, "explaining", total=self._done + gradients + squares * len(wanted))
        ious = {subject: image_ious(counts, subject) for subject in chosen}
        found = {}
        for number in sorted(wanted):
            image = self.source.read(records[number])
            predicted = self._predict(image.pixels[None])[0]
            maps = self._maps(image, predicted, [subject for subject, _ in wanted[number]])
            for subject, place in wanted[number]:
                of_class = counts[number] if subject is None else counts[number, subject - 1 : subject]
                hit, false, missed = of_class.sum(axis=0).tolist()
                found[subject, number] = ExplainedImage(
                    place=place,
                    frame=image.record.index,
                    digest=image.record.files["image"],
                    source=image.record.source,
                    iou=float(ious[subject][number]),
                    truth_px=hit + missed,
                    predicted_px=hit + false,
                    maps=maps[subject],
                    **self._pictures(image, predicted, subject),
                )
        return found

    def _predict(self, images: ByteArray) -> ByteArray:
        """Class ids (B, H, W) uint8 of images (B, H, W, 3) uint8 sRGB."""
        logits = self.model.logits(images)
        if not np.isfinite(logits).all():
            raise TrainingError(
                "the model gives no numbers", code="invalid_model", hint="its weights are not finite; take another run"
            )
        return np.asarray(self.task.predict(torch.from_numpy(logits)).numpy())

    @property
    def _grid(self) -> tuple[int, int]:
        return square_grid(self.model.description.preprocessing.image_size, self.order.square_px)

    def _maps(
        self, image: LabelledImage, predicted: ByteArray, subjects: Sequence[int | None]
    ) -> dict[int | None, tuple[ExplanationMap, ...]]:
        """Maps of an image for some classes, by class, in the order of the methods."""
        found: dict[int | None, tuple[ExplanationMap, ...]] = dict.fromkeys(subjects, ())
        for method in self.order.methods:
            self.monitor.say(f"frame {image.record.index}: {method}")
            distances = self._distances(image, subjects) if method == "saliency" else None
            for number, subject in enumerate(subjects):
                values: npt.NDArray[np.generic]
                if distances is not None:
                    values, sizes = distances[number], (image.truth.shape[::-1], self.order.square_px)
                    density = spread_over_pixels(distances[number], *sizes)
                    shares = drawing.strength(enlarged(values, *sizes), clip=False)
                else:
                    values = density = self._gradients(image, predicted, subject)
                    shares = drawing.strength(values, clip=True)
                    self._done += 1
                name = f"{_stem(image.record, subject, self.task)}-{method}"
                picture = drawing.heat_over(image.pixels, shares, _shows(predicted, subject), scale_for(image.pixels))
                found[subject] += (
                    ExplanationMap(
                        method=method,
                        picture=self._put(f"pictures/{name}.png", picture),
                        values=self._save(f"maps/{name}.npy", values),
                        largest=float(values.max()),
                        on_truth=_share_on(density, _shows(image.truth, subject)),
                    ),
                )
        return found

    def _distances(self, image: LabelledImage, subjects: Sequence[int | None]) -> npt.NDArray[np.int32]:
        words = f"frame {image.record.index}: saliency"

        def on_batch(squares: int) -> None:
            self.monitor.step(self._done + squares, words)
            self.monitor.say(words)

        found = square_distances(
            self._predict,
            image.pixels,
            [ALL_CLASSES if subject is None else subject for subject in subjects],
            square_px=self.order.square_px,
            batch=self._together,
            on_batch=on_batch,
        )
        self._done += int(np.prod(self._grid))
        self.monitor.step(self._done, words)
        return found

    def _gradients(self, image: LabelledImage, predicted: ByteArray, subject: int | None) -> npt.NDArray[np.float32]:
        assert self.gradient_map is not None
        weights = logit_weights(
            image.truth if self.order.counted == "truth" else predicted,
            len(self.task.classes),
            subject,
            everywhere=self.order.counted == "all",
        )
        return self.gradient_map(image.pixels, weights)

    def _pictures(self, image: LabelledImage, predicted: ByteArray, subject: int | None) -> dict[str, str]:
        """Paths of the image, its truth and its prediction."""
        scale = scale_for(image.pixels)
        stem = _stem(image.record, subject, self.task)
        drawn = {
            role: self._put(f"pictures/{stem}-{role}.png", self.task.picture(image.pixels, labels, scale))
            for role, labels in (("truth", _only(image.truth, subject)), ("prediction", _only(predicted, subject)))
        }
        plain = image.pixels.repeat(scale, axis=0).repeat(scale, axis=1)
        return {"image": self._put(f"pictures/{image.record.index:06d}-image.png", plain), **drawn}

    def _put(self, path: str, picture: ByteArray) -> str:
        if path not in self.drawn:
            self.drawn[path] = picture
            self._write(path, drawing.png(picture))
        return path

    def _save(self, path: str, values: npt.NDArray[np.generic]) -> str:
        buffer = io.BytesIO()
        np.save(buffer, values, allow_pickle=False)
        self._write(path, buffer.getvalue())
        return path

    def _write(self, path: str, data: bytes) -> None:
        (self.folder / path).parent.mkdir(exist_ok=True)
        write_atomically(self.folder / path, data)


def logit_weights(
    labels: ByteArray, classes: int, class_id: int | None, *, everywhere: bool = False
) -> npt.NDArray[np.float32]:
    """What each logit counts in the sum that guided backpropagation takes the gradient of: 1 or 0.

    Args:
        labels: (H, W) uint8 class ids: each pixel counts by the logit of its class, and not at all without one.
        classes: How many there are.
        class_id: Only pixels of this class count; none is all classes.
        everywhere: Whether every pixel counts, whatever its label: by the logit of the class, or by all of them.

    Returns:
        (classes, H, W) float32.
    """
    ids = np.arange(1, classes + 1, dtype=np.uint8)[:, None, None]
    counted = np.broadcast_to(True, (classes, *labels.shape)) if everywhere else labels[None] == ids
    if class_id is not None:
        counted = counted & (ids == class_id)
    return np.asarray(counted, dtype=np.float32)


def _shows(labels: ByteArray, subject: int | None) -> npt.NDArray[np.bool_]:
    """Pixels of a class, or of any."""
    if subject is not None:
        return np.asarray(labels == subject)
    return np.asarray((labels != BACKGROUND_ID) & (labels != IGNORE_ID))


def _only(labels: ByteArray, subject: int | None) -> ByteArray:
    """Labels with every other class as background."""
    if subject is None:
        return labels
    return np.where(np.isin(labels, (subject, IGNORE_ID)), labels, np.uint8(BACKGROUND_ID))


def _share_on(density: npt.NDArray[np.floating], pixels: npt.NDArray[np.bool_]) -> float | None:
    """Share of a map's sum that lies on some pixels; none where the sum is 0."""
    total = float(density.sum(dtype=np.float64))
    return min(1.0, float(density[pixels].sum(dtype=np.float64)) / total) if total > 0 else None


def _stem(record: FrameRecord, subject: int | None, task: Segmentation) -> str:
    return f"{record.index:06d}" + (f"-{task.classes[subject - 1]}" if subject is not None else "")
