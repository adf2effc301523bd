"""What a set of labelled images looks like in figures, and how far two sets lie apart. Pure.

Everything is measured at the size a network sees, so that the squeeze to a square is part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from contracts.frame_spec import IGNORE_ID

FloatArray = npt.NDArray[np.float64]
ByteArray = npt.NDArray[np.uint8]

GRID = 8
"""Cells of the frame along each side, for where a class lies."""
PRESENT_PX = 4
"""Pixels from which a class counts as being in an image: fewer nobody would have drawn."""
APPEARANCE = ("brightness", "contrast", "mean gradient", "saturation")
VIEWS = ("front", "front corner", "side", "back corner", "back", "no end, no door")
"""Sides of the vehicle that an image shows; left and right are one, as training flips images."""
END_ONLY, SIDE_ONLY = 0.8, 0.15
"""Share of bumper and lamp pixels in those of bumper, lamps and doors: above the first, an image shows an end and no
side; below the second, a side and no end."""


@dataclass(frozen=True)
class ImageMeasures:
    """Of one image."""

    area: FloatArray
    """(C,) share of the frame by class; 0 where it is not present."""
    location: FloatArray
    """(C, GRID, GRID) share of the class's pixels by cell, mean of the image and its mirror image; 0 if not present."""
    appearance: FloatArray
    """(4,) in the order of `APPEARANCE`: mean and standard deviation of luma, mean length of its gradient per pixel,
    mean HSV saturation; all of 0 to 1."""


@dataclass(frozen=True)
class SetMeasures:
    """Of a set of images."""

    area: FloatArray
    """(N, C)."""
    location: FloatArray
    """(N, C, GRID, GRID)."""
    appearance: FloatArray
    """(N, 4)."""
    views: tuple[str | None, ...]
    """Of every image; none where not known."""

    def __len__(self) -> int:
        return len(self.area)

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """(N, C)."""
        return self.area > 0


@dataclass(frozen=True)
class Gap:
    """One figure of two sets."""

    what: str
    photographs: float | None
    """Mean, or share; none where the figure is a whole distribution."""
    synthetic: float | None
    effect: float
    """Synthetic against photographs, in `measure`."""
    measure: str
    """`d`: Cohen's d; `h`: Cohen's h of two shares; `distance`: total variation of two distributions, 0 to 1."""
    by_chance: float
    """Size of effect that 95 % of random divisions of all these images into two such sets stay under."""

    @property
    def beyond_chance(self) -> float:
        """Size of the effect over what chance gives; above 1 it is worth a look."""
        return abs(self.effect) / self.by_chance if self.by_chance else 0.0


def measure_image(image: ByteArray, target: ByteArray, classes: int) -> ImageMeasures:
    """Measure an image.

    Args:
        image: (H, W, 3) uint8 sRGB.
        target: (H, W) uint8 class ids from 1, 0 background, 255 ignore.
        classes: Number of classes.
    """
    luma = (image.astype(np.float64) @ np.array([0.2126, 0.7152, 0.0722])) / 255.0
    down, across = np.diff(luma, axis=0)[:, :-1], np.diff(luma, axis=1)[:-1]
    saturation = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[..., 1].mean() / 255.0
    appearance = np.array([luma.mean(), luma.std(), np.hypot(down, across).mean(), saturation])
    area = np.zeros(classes)
    location = np.zeros((classes, GRID, GRID))
    counted = int((target != IGNORE_ID).sum())
    for number in range(classes):
        inside = target == number + 1
        pixels = int(inside.sum())
        if pixels < PRESENT_PX:
            continue
        area[number] = pixels / counted
        cells = cv2.resize(inside.astype(np.float64), (GRID, GRID), interpolation=cv2.INTER_AREA)
        cells = cells + cells[:, ::-1]
        location[number] = cells / cells.sum()
    return ImageMeasures(area, location, appearance)


def gather(measures: Iterable[ImageMeasures], views: Sequence[str | None]) -> SetMeasures:
    """A set from its images, in one order with their views."""
    found = list(measures)
    return SetMeasures(
        np.stack([each.area for each in found]),
        np.stack([each.location for each in found]),
        np.stack([each.appearance for each in found]),
        tuple(views),
    )


def view(pixels: Mapping[str, int]) -> str:
    """Which sides of the vehicle an image shows, from the pixels of its parts by label name."""

    front = back = doors = 0
    for name, count in pixels.items():
        side = side_of(name)
        front += count if side == "front" else 0
        back += count if side == "back" else 0
        doors += count if side == "doors" else 0
    if not front + back + doors:
        return "no end, no door"
    end = "front" if front >= back else "back"
    share = max(front, back) / (max(front, back) + doors)
    if share > END_ONLY:
        return end
    return "side" if share < SIDE_ONLY else f"{end} corner"


def side_of(name: str) -> str | None:
    """Which side of a vehicle a label belongs to: `front`, `back`, `doors` or none of them, by the words of its name.

    Photographs and generators name parts with and without left and right, and lamps by place or by use.
    """
    words = set(name.split("_")) - {"left", "right"}
    if "bumper" in words or "light" in words:
        return "front" if words & {"front", "head"} else "back" if words & {"back", "tail"} else None
    return "doors" if words in ({"front", "door"}, {"back", "door"}, {"front", "window"}, {"back", "window"}) else None


def gaps(photographs: SetMeasures, synthetic: SetMeasures, classes: Sequence[str], *, draws: int = 400) -> list[Gap]:
    """Every figure of the two sets.

    Args:
        photographs: One set.
        synthetic: The other.
        classes: Names of the classes.
        draws: Random divisions that say what chance gives.
    """
    found = []
    for number, name in enumerate(classes):
        has, has_synthetic = photographs.present[:, number], synthetic.present[:, number]
        found.append(_gap(f"{name}: share of images", has[:, None], has_synthetic[:, None], "h", draws))
        if has.sum() < 2 or has_synthetic.sum() < 2:
            continue
        area, area_synthetic = photographs.area[has, number], synthetic.area[has_synthetic, number]
        found.append(_gap(f"{name}: area when present", area[:, None], area_synthetic[:, None], "d", draws))
        places = photographs.location[has, number].reshape(-1, GRID * GRID)
        places_synthetic = synthetic.location[has_synthetic, number].reshape(-1, GRID * GRID)
        found.append(_gap(f"{name}: location", places, places_synthetic, "distance", draws))
    numbers, numbers_synthetic = (
        np.eye(len(classes) + 1)[each.present.sum(axis=1)] for each in (photographs, synthetic)
    )
    found.append(_gap("number of classes in an image", numbers, numbers_synthetic, "distance", draws))
    for number, name in enumerate(APPEARANCE):
        one, other = photographs.appearance[:, number, None], synthetic.appearance[:, number, None]
        found.append(_gap(name, one, other, "d", draws))
    seen, seen_synthetic = view_table(photographs.views), view_table(synthetic.views)
    if len(seen) and len(seen_synthetic):
        found.append(_gap("viewpoint", seen, seen_synthetic, "distance", draws))
    return found


def view_table(views: Sequence[str | None]) -> FloatArray:
    """(N, views) ones and zeros of the images whose view is known."""
    known = [VIEWS.index(view) for view in views if view is not None]
    return np.eye(len(VIEWS))[known]


def cohens_d(one: FloatArray, other: FloatArray) -> float:
    """(N, 1) against (M, 1): difference of the means, other - one, over the pooled standard deviation.

    Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd edition, section 2.5.2.
    """
    freedom = len(one) + len(other) - 2
    pooled = (((one - one.mean()) ** 2).sum() + ((other - other.mean()) ** 2).sum()) / freedom
    return float((other.mean() - one.mean()) / np.sqrt(pooled)) if pooled > 0 else 0.0


def cohens_h(one: FloatArray, other: FloatArray) -> float:
    """(N, 1) against (M, 1) ones and zeros: difference of the shares' arcsines, other - one.

    Cohen, as above, section 6.2.
    """
    return float(2 * np.arcsin(np.sqrt(other.mean())) - 2 * np.arcsin(np.sqrt(one.mean())))


def total_variation(one: FloatArray, other: FloatArray) -> float:
    """(N, K) against (M, K), each row a distribution: half the absolute difference of the mean distributions."""
    return float(0.5 * np.abs(one.mean(axis=0) - other.mean(axis=0)).sum())


_EFFECTS: dict[str, Callable[[FloatArray, FloatArray], float]] = {
    "d": cohens_d,
    "h": cohens_h,
    "distance": total_variation,
}


def _gap(what: str, one: npt.NDArray[np.generic], other: npt.NDArray[np.generic], measure: str, draws: int) -> Gap:
    effect = _EFFECTS[measure]
    photographs, synthetic = one.astype(np.float64), other.astype(np.float64)
    both = np.concatenate([photographs, synthetic])
    random = np.random.Generator(np.random.Philox(key=0))
    sizes = []
    for _ in range(draws):
        order = random.permutation(len(both))
        sizes.append(abs(effect(both[order[: len(one)]], both[order[len(one) :]])))
    means = (None, None) if measure == "distance" else (float(photographs.mean()), float(synthetic.mean()))
    return Gap(what, *means, effect(photographs, synthetic), measure, float(np.quantile(sizes, 0.95)))
