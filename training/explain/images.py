"""Images to be explained: read as the model was trained to see them, and the best and worst of them chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.errors import NotFoundError
from contracts.frame import FrameRecord
from contracts.label_map import LabelMap
from registry.label_maps.applied import read_labels
from registry.reader import Version
from training.data import scale_image, scale_mask
from training.environment import usable_cpus
from training.metrics.detail import TRUE_POSITIVE
from training.tasks.segmentation import IMAGE_IOU_EPSILON
from training.tasks.task import ByteArray, Counts


@dataclass(frozen=True)
class LabelledImage:
    """An image and its truth, at the size that a model takes."""

    record: FrameRecord
    pixels: ByteArray
    """(H, W, 3) uint8 sRGB."""
    truth: ByteArray
    """(H, W) uint8 class ids, 255 ignore."""


class VersionImages:
    """Frames of a version as a model sees them; every byte is verified as it is read.

    Args:
        version: The version.
        label_map: The model's.
        size_px: Width, height that the model takes.

    Raises:
        ConfigurationError: The label map names none of the version's labels.
    """

    def __init__(self, version: Version, label_map: LabelMap, size_px: tuple[int, int]) -> None:
        self._version = version
        self._label_map = label_map
        self._size_px = size_px
        self._lookup = np.array(label_map.lookup(version.labels), dtype=np.uint8)

    def records(self, split: str | None, frames: Sequence[int]) -> list[FrameRecord]:
        """Frames of a split or of the whole version; of these, where some are named, only them, in that order.

        Raises:
            NotFoundError: There is no such split or frame, or no frame at all.
        """
        records = self._version.records(split)
        place = f"split '{split}' of {self._version.name}" if split is not None else self._version.name
        if not records:
            raise NotFoundError(
                f"{place} holds no frames", code="no_images", hint="name another split, or another version"
            )
        by_index = {record.index: record for record in records}
        unknown = [index for index in frames if index not in by_index]
        if unknown:
            raise NotFoundError(
                f"{place} has no frame {unknown[0]}",
                code="unknown_frame",
                hint=f"it has {len(records)} frames, from {records[0].index} to {records[-1].index}",
            )
        return [by_index[index] for index in frames] if frames else records

    def read(self, record: FrameRecord) -> LabelledImage:
        """A frame's image and truth.

        Raises:
            IntegrityError: The bytes are missing or damaged; the message names file and version.
        """
        mask = read_labels(self._version, record, self._label_map)
        return LabelledImage(
            record,
            scale_image(self._version.read_image(record), self._size_px),
            self._lookup[scale_mask(mask, self._size_px)],
        )

    def batches(self, records: Sequence[FrameRecord], size: int) -> Iterator[list[LabelledImage]]:
        """Images of frames in their order, `size` at a time, read in several threads."""
        with ThreadPoolExecutor(usable_cpus()) as pool:
            for first in range(0, len(records), size):
                yield list(pool.map(self.read, records[first : first + size]))


def image_ious(counts: Counts, class_id: int | None) -> npt.NDArray[np.float64]:
    """IoU of each image, (N,): of one class, or the mean over those that are there or predicted; of none it is 1.

    The mean image IoU of reports counts each class that is neither as 1, so that images that show little and in which
    nothing is found would be among the best.

    Args:
        counts: (N, C, 3) int64.
        class_id: From 1; none is all classes.
    """
    chosen = counts if class_id is None else counts[:, class_id - 1 : class_id]
    union = chosen.sum(axis=-1)
    ious = (chosen[..., TRUE_POSITIVE] + IMAGE_IOU_EPSILON) / (union + IMAGE_IOU_EPSILON)
    weights = np.where((union > 0).any(axis=1, keepdims=True), union > 0, True)
    return np.asarray((ious * weights).sum(axis=1) / weights.sum(axis=1), dtype=np.float64)


def best_and_worst(scores: npt.NDArray[np.float64], places: Sequence[int], count: int) -> tuple[list[int], list[int]]:
    """Of some images the best, best first, and the worst, worst last; none of them twice.

    Args:
        scores: (N,), higher is better.
        places: Numbers of the images to choose from, into `scores`.
        count: Wanted of each; where there are too few for both, there is at most one more best than worst.
    """
    order = sorted(places, key=lambda place: (-scores[place], place))
    worst = min(count, len(order) // 2)
    return order[: min(count, len(order) - worst)], order[len(order) - worst :]
