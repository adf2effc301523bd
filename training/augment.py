"""Random changes of training images: the one module that knows albumentations.

Every sample's changes are drawn from its own random stream, so they depend on nothing but the sample's place in the
run. Masks are moved by nearest neighbour, and what comes in from outside the image is ignored (255).
"""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # its import asks a server for newer versions otherwise

import albumentations
import cv2
import numpy as np
import numpy.typing as npt

from contracts import augmentation as named
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
    by_size: dict[tuple[int, int], albumentations.Compose] = {}

    def augment(image: ByteArray, mask: ByteArray, generator: np.random.Generator) -> tuple[ByteArray, ByteArray]:
        height, width = mask.shape
        if (width, height) not in by_size:
            named_ones = [_named(change, width, height) for change in settings.transforms if change.p]
            by_size[width, height] = albumentations.Compose([*_transforms(settings, mirrored_ids), *named_ones])
        compose = by_size[width, height]
        if not compose.transforms:
            return image, mask
        plain = random.Random(int(generator.integers(2**63)))
        for transform in _all_of(compose):
            transform.random_generator = generator
            transform.py_random = plain
        changed = compose(image=image, mask=mask)
        return changed["image"], changed["mask"]

    return augment


def _all_of(transform: Any) -> Iterator[Any]:
    """A transform and all those in it."""
    yield transform
    for part in getattr(transform, "transforms", ()):
        yield from _all_of(part)


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


def _named(change: named.Transform, width: int, height: int) -> Any:
    """The transform of albumentations that a document names, for images of one size."""
    p = change.p
    # What moves pixels: masks by nearest neighbour, ignored where they come in from outside.
    nearest: dict[str, Any] = {"interpolation": cv2.INTER_LINEAR, "mask_interpolation": cv2.INTER_NEAREST}
    outside: dict[str, Any] = {"border_mode": cv2.BORDER_CONSTANT, "fill": BORDER_COLOR, "fill_mask": IGNORE_ID}
    to_size = albumentations.Resize(
        height, width, interpolation=cv2.INTER_LINEAR, mask_interpolation=cv2.INTER_NEAREST_EXACT, p=1.0
    )
    match change:
        case named.RandomRotate90():
            return albumentations.Sequential([albumentations.RandomRotate90(p=1.0), to_size], p=p)
        case named.RandomCrop():
            sides = (max(1, round(change.height_share * height)), max(1, round(change.width_share * width)))
            return albumentations.Sequential([albumentations.RandomCrop(*sides, p=1.0), to_size], p=p)
        case named.CoarseDropout():
            return albumentations.CoarseDropout(
                num_holes_range=change.holes,
                hole_height_range=change.side_share,
                hole_width_range=change.side_share,
                fill=BORDER_COLOR,
                fill_mask=IGNORE_ID if change.mask == "ignore" else None,
                p=p,
            )
        case named.ShiftScaleRotate():
            with warnings.catch_warnings():  # that Affine does the same
                warnings.simplefilter("ignore", UserWarning)
                return albumentations.ShiftScaleRotate(
                    shift_limit=change.shift_share,
                    scale_limit=(change.scale[0] - 1, change.scale[1] - 1),
                    rotate_limit=change.rotate_deg,
                    p=p,
                    **nearest,
                    **outside,
                )
        case named.Solarize():
            return albumentations.Solarize(threshold_range=change.threshold, p=p)
        case named.RandomBrightnessContrast():
            return albumentations.RandomBrightnessContrast(change.brightness, change.contrast, p=p)
        case named.ElasticTransform():
            return albumentations.ElasticTransform(change.alpha, change.sigma_px, p=p, **nearest, **outside)
        case named.RandomFog():
            return albumentations.RandomFog(change.alpha, change.density, p=p)
        case named.GridDistortion():
            return albumentations.GridDistortion(change.cells, change.distort, p=p, **nearest, **outside)
        case named.HueSaturationValue():
            # Its hue is that of OpenCV, in steps of 2 degrees.
            return albumentations.HueSaturationValue(change.hue_deg / 2, change.saturation, change.value, p=p)
        case named.GaussNoise():
            return albumentations.GaussNoise(std_range=change.standard_deviation, p=p)
        case named.ShotNoise():
            return albumentations.ShotNoise(scale_range=change.scale, p=p)
        case named.ImageCompression():
            return albumentations.ImageCompression(quality_range=change.quality, p=p)
        case named.GaussianBlur():
            return albumentations.GaussianBlur(blur_limit=0, sigma_limit=change.sigma_px, p=p)
        case named.MotionBlur():
            # To both sides alike: otherwise the image would move beside its mask.
            return albumentations.MotionBlur(
                blur_limit=change.length_px, allow_shifted=False, direction_range=(0.0, 0.0), p=p
            )
        case named.Defocus():
            return albumentations.Defocus(radius=change.radius_px, p=p)
        case named.RandomGamma():
            return albumentations.RandomGamma((change.gamma[0] * 100, change.gamma[1] * 100), p=p)
        case named.PlanckianJitter():
            return albumentations.PlanckianJitter(temperature_limit=change.temperature_k, p=p)
