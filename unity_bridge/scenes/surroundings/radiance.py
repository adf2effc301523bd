"""Radiance HDR files (RGBE, run-length form), as players read environments.

Source: Greg Ward, "Real Pixels", Graphics Gems II (1991), and the Radiance file format notes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from contracts.errors import IntegrityError

_LITERAL_RUN = 128


def encode_radiance(image: NDArray[np.float32]) -> bytes:
    """A linear image as Radiance HDR.

    image: (H, W, 3) float32, not negative; W from 8 to 32767. Each value keeps about 8 bits of the pixel's largest.
    Deterministic. Raises IntegrityError for another shape, or for values that are negative or not finite.
    """
    if image.ndim != 3 or image.shape[2] != 3 or not 8 <= image.shape[1] < 32768:
        raise IntegrityError(
            f"an environment has shape {image.shape}",
            code="radiance_shape",
            hint="give (H, W, 3) with 8 <= W < 32768",
        )
    if not np.isfinite(image).all() or image.min() < 0:
        raise IntegrityError(
            "an environment holds a value that is negative or not finite",
            code="radiance_value",
            hint="light is not negative; check the random fields it was made from",
        )
    height, width = image.shape[:2]
    largest = np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2])
    _, exponent = np.frexp(largest)
    exponent[largest <= 1e-32] = -128
    rgbe = np.empty((height, width, 4), dtype=np.uint8)
    # A power of two scales without rounding, and no mantissa reaches 256.
    rgbe[..., :3] = np.ldexp(image, 8 - exponent[..., None])
    rgbe[..., 3] = exponent + 128
    # A plain line that starts with 2, 2 would be taken for a compressed one, so every line takes the compressed form.
    planes = rgbe.transpose(0, 2, 1)
    pieces = []
    for start in range(0, width, _LITERAL_RUN):
        run = planes[:, :, start : start + _LITERAL_RUN]
        pieces += [np.full((height, 4, 1), run.shape[2], dtype=np.uint8), run]
    lines = np.concatenate(pieces, axis=2).reshape(height, -1)
    mark = np.broadcast_to(np.array([2, 2, width >> 8, width & 255], dtype=np.uint8), (height, 4))
    header = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {height} +X {width}\n".encode()
    return header + np.concatenate([mark, lines], axis=1).tobytes()
