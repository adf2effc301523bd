"""Random changes of training images: the one module that knows albumentations.

Every sample's changes are drawn from its own random stream, so they depend on nothing but the sample's place in the
run. Masks are moved by nearest neighbour, and what comes in from outside the image is ignored (255).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from typing import Any

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # its import asks a server for newer versions otherwise

import albumentations
import cv2
import numpy as np
import numpy.typing as npt

from contracts.frame_spec import IGNORE_ID
from contracts.run import Augmentation

ByteArray = npt.NDArray[np.uint8]
Augment = Callable[[ByteArray, ByteArray, np.random.Generator], tuple[ByteArray, ByteArray]]

BORDER_COLOR = (124, 116, 104)
"""Colour of what comes in from outside an image: the mean of ImageNet, which networks see as zero."""


def build(settings: Augmentation, mirrored_ids: Sequence[int] | None = None) -> Augment:
    """Make the augmentation of one thread (albumentations keeps random state in its transforms).

    Args:
        settings: What to change and how often.
        mirrored_ids: Table of 256 class ids by class id, for masks of flipped images (`LabelMap.mirrored_ids`); none
            where no class names a side.

    Returns:
        A function of an image (H, W, 3) uint8, a mask (H, W) uint8 and a random generator, giving both changed; the
        sizes stay.
    """
    transforms = _transforms(settings, mirrored_ids)
    if not transforms:
        return lambda image, mask, generator: (image, mask)
    compose = albumentations.Compose(transforms)

    def augment(image: ByteArray, mask: ByteArray, generator: np.random.Generator) -> tuple[ByteArray, ByteArray]:
        plain = random.Random(int(generator.integers(2**63)))
        for transform in (compose, *compose.transforms):
            transform.random_generator = generator
            transform.py_random = plain
        changed = compose(image=image, mask=mask)
        return changed["image"], changed["mask"]

    return augment


class _SidedFlip(albumentations.HorizontalFlip):
    """A flip after which what was on the left is called right."""

    def __init__(self, mirrored_ids: Sequence[int], p: float) -> None:
        super().__init__(p=p)
        self.table = np.array(mirrored_ids, dtype=np.uint8)

    def apply_to_mask(self, mask: ByteArray, *args: Any, **params: Any) -> ByteArray:
        return self.table[super().apply_to_mask(mask, *args, **params)]


def _transforms(settings: Augmentation, mirrored_ids: Sequence[int] | None) -> list[albumentations.BasicTransform]:
    found: list[albumentations.BasicTransform] = []
    if settings.horizontal_flip:
        found.append(_SidedFlip(mirrored_ids or range(256), p=settings.horizontal_flip))
    low, high = settings.scale
    if settings.rotate_deg or (low, high) != (1.0, 1.0):
        # Moving goes with scaling and turning: up to a tenth of the image.
        found.append(
            albumentations.Affine(
                scale=(low, high),
                rotate=(-settings.rotate_deg, settings.rotate_deg),
                translate_percent=(-0.1, 0.1),
                interpolation=cv2.INTER_LINEAR,
                mask_interpolation=cv2.INTER_NEAREST,
                border_mode=cv2.BORDER_CONSTANT,
                fill=BORDER_COLOR,
                fill_mask=IGNORE_ID,
                p=1.0,
            )
        )
    if settings.brightness_contrast:
        found.append(albumentations.RandomBrightnessContrast(p=settings.brightness_contrast))
    if settings.hue_saturation:
        found.append(albumentations.HueSaturationValue(p=settings.hue_saturation))
    if settings.blur:
        found.append(albumentations.GaussianBlur(p=settings.blur))
    if settings.noise:
        found.append(albumentations.GaussNoise(std_range=(0.02, 0.1), p=settings.noise))
    if settings.jpeg:
        found.append(albumentations.ImageCompression(quality_range=(40, 95), p=settings.jpeg))
    return found
