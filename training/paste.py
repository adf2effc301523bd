"""Cut and paste, on the fly: things of training images put onto others, with their masks.

A thing is a connected region of labelled pixels at training size. Nothing but the mix's training images is cut up, so
validation and test images stay unseen. Where a thing lands is drawn from the sample's own random stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from contracts.augmentation import Paste
from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID
from training.mixing import SourceSelection

ByteArray = npt.NDArray[np.uint8]
Thing = tuple[ByteArray, ByteArray]
"""A cut-out: pixels (h, w, 3) uint8, and class ids (h, w) uint8, 0 where it is not."""

TRIES = 8
"""Images that are looked at for a thing before none is pasted."""


class Frames(Protocol):
    """Labelled images, by place."""

    def image(self, place: int) -> ByteArray:
        """(H, W, 3) uint8 sRGB."""
        ...

    def target(self, place: int) -> ByteArray:
        """(H, W) uint8 class ids, 255 ignore."""
        ...


class Paster:
    """Pastes things of a mix's training images.

    Args:
        settings: How often, what, and onto what.
        selections: The mix's training sources.
        frames: Their images, by the sources' numbers.

    Where all sources of things take no images, nothing is pasted.
    """

    def __init__(self, settings: Paste, selections: Sequence[SourceSelection], frames: Mapping[int, Frames]) -> None:
        self._settings = settings
        self._frames = frames
        self._onto = frozenset(_numbers(settings.onto, selections))
        self._of = [(number, selections[number].places) for number in _numbers(settings.of, selections)]
        self._ends = np.cumsum([len(places) for _, places in self._of])

    def paste(
        self, source: int, image: ByteArray, target: ByteArray, generator: np.random.Generator
    ) -> tuple[ByteArray, ByteArray]:
        """An image (H, W, 3) and its classes (H, W) with things on it; the given arrays are left as they are.

        Every image of the sources is as likely to be cut up as any other.

        Args:
            source: Number of the source that the image is of.
            image: uint8 sRGB.
            target: uint8 class ids, 255 ignore.
            generator: The sample's own.
        """
        if not self._of or source not in self._onto or generator.random() >= self._settings.p:
            return image, target
        image, target = image.copy(), target.copy()
        least, most = self._settings.things
        for _ in range(int(generator.integers(least, most + 1))):
            thing = self._thing(generator)
            if thing is not None:
                _put(self._scaled(thing, generator), image, target, generator)
        return image, target

    def _thing(self, generator: np.random.Generator) -> Thing | None:
        for _ in range(TRIES):
            drawn = int(generator.integers(self._ends[-1]))
            which = int(np.searchsorted(self._ends, drawn, side="right"))
            number, places = self._of[which]
            place = int(places[drawn - (int(self._ends[which - 1]) if which else 0)])
            target = self._frames[number].target(place)
            found = regions(target, self._settings)
            if found:
                region = found[int(generator.integers(len(found)))]
                rows, columns = (slice(int(axis.min()), int(axis.max()) + 1) for axis in np.nonzero(region))
                ids = np.where(region, target, BACKGROUND_ID).astype(np.uint8)[rows, columns]
                return self._frames[number].image(place)[rows, columns], ids
        return None

    def _scaled(self, thing: Thing, generator: np.random.Generator) -> Thing:
        pixels, ids = thing
        factor = float(generator.uniform(*self._settings.scale))
        size = (max(1, round(ids.shape[1] * factor)), max(1, round(ids.shape[0] * factor)))
        if size == ids.shape[::-1]:
            return thing
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        return (
            np.asarray(cv2.resize(pixels, size, interpolation=how), dtype=np.uint8),
            np.asarray(cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST_EXACT), dtype=np.uint8),
        )


def regions(target: ByteArray, settings: Paste) -> list[npt.NDArray[np.bool_]]:
    """Connected regions (H, W) of a mask (H, W) uint8 that are large enough to be cut out."""
    labelled = (target != BACKGROUND_ID) & (target != IGNORE_ID)
    masks = [labelled] if settings.cut == "object" else [target == number for number in np.unique(target[labelled])]
    least = settings.smallest_share * target.size
    found = []
    for mask in masks:
        _, numbers, measures, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        areas = measures[1:, cv2.CC_STAT_AREA]
        found += [numbers == number + 1 for number in np.flatnonzero(areas >= least)]
    return found


def _put(thing: Thing, image: ByteArray, target: ByteArray, generator: np.random.Generator) -> None:
    """Put a thing somewhere with its middle on the image; what sticks out is cut off."""
    pixels, ids = thing
    height, width = target.shape
    top = int(generator.integers(height)) - ids.shape[0] // 2
    left = int(generator.integers(width)) - ids.shape[1] // 2
    rows = slice(max(0, top), min(height, top + ids.shape[0]))
    columns = slice(max(0, left), min(width, left + ids.shape[1]))
    inside = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    covers = ids[inside] != BACKGROUND_ID
    image[rows, columns][covers] = pixels[inside][covers]
    target[rows, columns][covers] = ids[inside][covers]


def _numbers(names: Sequence[str] | None, selections: Sequence[SourceSelection]) -> list[int]:
    return [number for number, source in enumerate(selections) if names is None or source.dataset_name in names]
