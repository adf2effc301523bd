"""Batches made ahead of the training loop, in background threads, in an order that threads have no part in."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import cv2
import numpy as np
import numpy.typing as npt
import torch

from contracts.frame import FrameRecord
from contracts.run import Augmentation
from training import augment
from training.data import DecodedFrames
from training.environment import usable_cpus
from training.mixing import BatchItem, BatchSampler
from training.paste import Paster
from training.streams import stream

AHEAD = 3
"""Batches that a thread keeps ready."""

# Our threads are the parallelism; the image library's own would only take processors from the network.
cv2.setNumThreads(0)


@dataclass(frozen=True)
class LabelledFrames:
    """Decoded frames seen through a label map."""

    frames: DecodedFrames
    lookup: npt.NDArray[np.uint8]
    """(256,) class id by source label id, 255 ignore."""

    @property
    def records(self) -> Sequence[FrameRecord]:
        return self.frames.records

    def image(self, place: int) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8 sRGB."""
        return np.asarray(self.frames.images[place])

    def target(self, place: int) -> npt.NDArray[np.uint8]:
        """(H, W) uint8 class ids, 255 ignore."""
        return np.asarray(self.lookup[self.frames.masks[place]])


def batch_of(images: npt.NDArray[np.uint8], targets: npt.NDArray[np.uint8]) -> tuple[torch.Tensor, torch.Tensor]:
    """Tensors that share the arrays' memory: (B, 3, H, W) uint8, channels last in memory, and (B, H, W) uint8."""
    return torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(targets)


class TrainingBatches:
    """Augmented batches of a stage, ready before they are needed.

    Iterate within a `with` block; iteration starts at batch `start` and does not end by itself.

    Args:
        sources: The mix's training sources, by the sampler's numbers.
        sampler: Says what each batch is made of.
        augmentation: Random changes; each sample's are drawn from (seed, stage, batch, place in the batch).
        mirrored_ids: Class ids by class id in flipped images (`LabelMap.mirrored_ids`).
        paster: Puts things of other images onto an image before it is changed.
        stage: The stage's name.
        seed: The run's seed.
        start: First batch.
        part: Which of every so many samples of a batch are made, such as (1, 2): every second one, from the second on.
        pin: Whether to page-lock the tensors, for copies to a GPU beside its work.
        threads: Background threads; none chooses by the machine.
    """

    def __init__(
        self,
        sources: Mapping[int, LabelledFrames],
        sampler: BatchSampler,
        augmentation: Augmentation,
        *,
        mirrored_ids: Sequence[int] | None = None,
        paster: Paster | None = None,
        stage: str,
        seed: int,
        start: int = 0,
        part: tuple[int, int] = (0, 1),
        pin: bool = False,
        threads: int | None = None,
    ) -> None:
        self._sources = sources
        self._sampler = sampler
        self._augmentation = augmentation
        self._mirrored_ids = mirrored_ids
        self._paster = paster
        self._stage = stage
        self._seed = seed
        self._next = start
        self._first, self._every = part
        self._pin = pin
        self._threads = threads or max(1, min(8, usable_cpus() // 2))
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="augment")
        self._pending: deque[Future[tuple[torch.Tensor, torch.Tensor]]] = deque()

    def __enter__(self) -> TrainingBatches:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            while len(self._pending) < AHEAD * self._threads:
                self._pending.append(self._pool.submit(self._make, self._next, self._sampler.batch(self._next)))
                self._next += 1
            yield self._pending.popleft().result()

    def _make(self, step: int, items: Sequence[BatchItem]) -> tuple[torch.Tensor, torch.Tensor]:
        if not hasattr(self._local, "augment"):
            self._local.augment = augment.build(self._augmentation, self._mirrored_ids)
        images = []
        targets = []
        for slot, item in list(enumerate(items))[self._first :: self._every]:
            source = self._sources[item.source]
            image, target = source.image(item.place), source.target(item.place)
            if self._paster is not None:
                draws = stream(self._seed, "paste", self._stage, step, slot)
                image, target = self._paster.paste(item.source, image, target, draws)
            draws = stream(self._seed, "augment", self._stage, step, slot)
            image, target = self._local.augment(image, target, draws)
            images.append(image)
            targets.append(target)
        tensors = batch_of(np.stack(images), np.stack(targets))
        return (tensors[0].pin_memory(), tensors[1].pin_memory()) if self._pin else tensors


def plain_batches(
    frames: LabelledFrames,
    places: Sequence[int] | npt.NDArray[np.int64],
    batch_size: int,
    part: tuple[int, int] = (0, 1),
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Frames as they are, in order; the last batch may be smaller. Of the batches, every so many from one on."""
    first, every = part
    for start in range(0, len(places), batch_size)[first::every]:
        chosen = [int(place) for place in places[start : start + batch_size]]
        yield batch_of(
            np.stack([frames.image(place) for place in chosen]), np.stack([frames.target(place) for place in chosen])
        )
