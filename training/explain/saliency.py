"""The simplistic saliency map of [Volvo], section 3.4.1: each square of an image whitened in turn.

The distance between the prediction A of the image as it is and the prediction B of the image without a square is the
sum over all rows of the L1 norm of their difference (equation 3.2). Predictions are 0 or 1 a pixel (equation 3.1), so
it is the number of pixels whose prediction changes. It asks nothing of a network but predictions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from training.tasks.task import ByteArray

ALL_CLASSES = 0
"""In place of a class's id: every change of a pixel's class counts, once."""
WHITE = 255
Distances = npt.NDArray[np.int32]
FloatMap = npt.NDArray[np.float64]


def square_grid(size_px: tuple[int, int], square_px: int) -> tuple[int, int]:
    """Rows and columns of squares that cover width, height; the last ones are cut where sides don't divide."""
    width, height = size_px
    return -(-height // square_px), -(-width // square_px)


def square_distances(
    predict: Callable[[ByteArray], ByteArray],
    image: ByteArray,
    classes: Sequence[int],
    *,
    square_px: int,
    batch: int,
    on_batch: Callable[[int], None] = lambda images: None,
) -> Distances:
    """How far the prediction moves when a square of the image is whitened, for every square.

    All batches are of one size, that of the image as it is, too: sums are rounded otherwise in a batch of another
    size, and that would count as an effect wherever a class is as likely as not.

    Args:
        predict: Class ids (B, H, W) uint8 of images (B, H, W, 3) uint8 sRGB.
        image: (H, W, 3) uint8 sRGB.
        classes: Ids of the classes whose binary predictions are compared; `ALL_CLASSES` compares class ids.
        square_px: Side of a square.
        batch: Images predicted at a time.
        on_batch: Told, before each batch, of how many squares have been done.

    Returns:
        (classes, rows, columns) int32, pixels that change.
    """
    height, width = image.shape[:2]
    rows, columns = square_grid((width, height), square_px)
    images = np.repeat(image[None], batch, axis=0)
    on_batch(0)
    plain = predict(images)[0]
    found = np.zeros((len(classes), rows * columns), np.int32)
    for first in range(0, rows * columns, batch):
        on_batch(first)
        squares = range(first, min(first + batch, rows * columns))
        images[:] = image
        for place, square in enumerate(squares):
            y, x = (side * square_px for side in divmod(square, columns))
            images[place, y : y + square_px, x : x + square_px] = WHITE
        changed = predict(images)[: len(squares)]
        for number, class_id in enumerate(classes):
            differs = changed != plain if class_id == ALL_CLASSES else (changed == class_id) != (plain == class_id)
            found[number, first : first + len(squares)] = np.count_nonzero(differs, axis=(1, 2))
    return found.reshape(len(classes), rows, columns)


def spread_over_pixels(distances: npt.NDArray[np.int32], size_px: tuple[int, int], square_px: int) -> FloatMap:
    """Each square's number shared out among its pixels, so that sums over pixels are sums of distances.

    Args:
        distances: (rows, columns), pixels that change.
        size_px: Width, height of the image.
        square_px: Side of a square.

    Returns:
        (H, W) float64.
    """
    width, height = size_px
    areas = np.multiply.outer(_sides(height, square_px), _sides(width, square_px))
    return enlarged(distances / areas, size_px, square_px)


def enlarged(values: npt.NDArray[np.generic], size_px: tuple[int, int], square_px: int) -> FloatMap:
    """Each square's number, (rows, columns), on each of its pixels, (H, W) float64."""
    width, height = size_px
    whole = values.repeat(square_px, axis=0).repeat(square_px, axis=1)
    return np.asarray(whole[:height, :width], dtype=np.float64)


def _sides(length_px: int, square_px: int) -> npt.NDArray[np.int64]:
    starts = np.arange(0, length_px, square_px)
    return np.minimum(starts + square_px, length_px) - starts
