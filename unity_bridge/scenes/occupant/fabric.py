"""Textures of hair and cloth, and the coordinates that lay cloth's texture around trunk and sleeves."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.surroundings.textures import png_of

Image = NDArray[np.float32]

HAIR_TEXTURES = 6
"""Different strand textures; players keep those that come again."""
HAIR_MEAN = 0.62
"""Mean of a strand texture."""


def _waves(random: np.random.Generator, height: int, width: int, across_px: float, along_px: float) -> Image:
    """(H, W) noise of unit variance that repeats, smooth over so many pixels across (columns) and along (rows)."""
    field = random.standard_normal((height, width)).astype(np.float32)
    pad_x, pad_y = min(width, int(4 * across_px) + 1), min(height, int(4 * along_px) + 1)
    wide = np.pad(field, ((pad_y, pad_y), (pad_x, pad_x)), mode="wrap")
    smooth = cv2.GaussianBlur(wide, (0, 0), sigmaX=across_px, sigmaY=along_px)
    smooth = smooth[pad_y : pad_y + height, pad_x : pad_x + width]
    return np.asarray(smooth / max(float(smooth.std()), 1e-9), dtype=np.float32)


@lru_cache(maxsize=HAIR_TEXTURES)
def hair_texture(number: int) -> bytes:
    """PNG of strands that run along v: light and dark, finer and coarser, a little darker at the roots (v = 0)."""
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([number, 6])))
    height, width = 128, 256
    strands = sum(
        share * _waves(random, height, width, across, along)
        for across, along, share in ((0.7, 20.0, 0.6), (2.0, 30.0, 0.7), (6.0, 30.0, 0.35), (18.0, 40.0, 0.15))
    )
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    image = HAIR_MEAN * np.exp(0.28 * strands) * (0.80 + 0.35 * rows)
    image *= HAIR_MEAN / float(image.mean())
    return png_of(np.repeat(np.clip(image, 0.02, 1.0)[..., None], 3, axis=2))
