"""The optional denoiser, Intel Open Image Denoise through `pyoidn`."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from unity_bridge.embedded.faults import UNSUPPORTED, spec_fault


def is_available() -> bool:
    """Whether the denoiser is installed."""
    return find_spec("pyoidn") is not None


def denoise(
    color: NDArray[np.float32], albedo: NDArray[np.float32] | None, normal: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """A denoised linear image.

    Args:
        color: (H, W, 3) float32, exposed linear RGB.
        albedo: (H, W, 3) float32, 0 to 1, or none.
        normal: (H, W, 3) float32, -1 to 1, or none.

    Raises:
        RenderError: `unsupported`: it is not installed.
    """
    if not is_available():
        raise spec_fault(
            UNSUPPORTED, "render.denoise", "the denoiser is not installed", "install pyoidn, or set denoise to false"
        )
    import pyoidn

    result: NDArray[np.float32] = pyoidn.denoise(
        np.ascontiguousarray(color), albedo=albedo, normal=normal, hdr=True, quality="high"
    )
    return result
