"""From luminance to 8-bit sRGB: exposure, white balance, filmic tone curve, encoding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from contracts.camera import Exposure

LUMINANCE_WEIGHTS = (0.2126, 0.7152, 0.0722)
"""CIE Y of linear Rec. 709 primaries (ITU-R BT.709-6, 3.2)."""


def exposure_scale(exposure: Exposure) -> float:
    """Factor from cd/m2 to a linear sensor that saturates at 1 (ISO 12232: at 1.2 x 2^EV100)."""
    return float(1.0 / (1.2 * 2.0**exposure.ev100))


def develop(linear: NDArray[np.float32], exposure: Exposure) -> NDArray[np.uint8]:
    """The picture of an exposed image.

    Args:
        linear: (H, W, 3) float32, linear Rec. 709, already multiplied with `exposure_scale`.

    Returns:
        (H, W, 3) uint8 sRGB.
    """
    balanced = linear * np.array(exposure.white_balance_gains, np.float32)
    return encode_srgb(tone_curve(balanced))


def tone_curve(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Filmic curve with toe and shoulder, 0 to 1, channel by channel.

    Source: K. Narkowicz, "ACES Filmic Tone Mapping Curve", 2015: a rational fit of the ACES reference and output
    transforms.
    """
    value = np.maximum(linear, np.float32(0))
    mapped = value * (np.float32(2.51) * value + np.float32(0.03))
    mapped /= value * (np.float32(2.43) * value + np.float32(0.59)) + np.float32(0.14)
    return np.minimum(mapped, np.float32(1))


def encode_srgb(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """sRGB transfer function (IEC 61966-2-1) and rounding to 8 bits."""
    power = np.power(linear, np.float32(1 / 2.4), dtype=np.float32)
    encoded = np.where(linear <= 0.0031308, np.float32(12.92) * linear, np.float32(1.055) * power - np.float32(0.055))
    return np.clip(np.rint(encoded * np.float32(255)), 0, 255).astype(np.uint8)
