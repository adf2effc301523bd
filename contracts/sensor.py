"""What lens, sensor and the camera's own processing leave in a picture."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.document import Document

# Bounds are such that the edges of the picture can still be held against the borders of the masks.
LARGEST_DEFOCUS_SIGMA_PX = 2.0
LARGEST_MOTION_BLUR_PX = 4.0
LARGEST_ISO_GAIN = 64.0
LOWEST_CONTRAST = 0.5
LARGEST_CONTRAST = 2.5
LARGEST_SHARPENING = 2.0
LOWEST_JPEG_QUALITY = 30
UNCOMPRESSED_JPEG_QUALITY = 100


class SensorEffects(Document):
    """Traces of the camera in the colour image, in the order in which they are applied; the defaults leave none.

    Vignetting, defocus, motion and noise act on linear light, exposed and before white balance; the one signal of a
    monochrome sensor is taken before noise. Contrast, sharpening and JPEG act on the encoded picture. Masks, instances
    and depth are untouched: those of a still, sharp camera. Pixels are those of the delivered image.
    """

    monochrome: Annotated[bool, Field(exclude_if=lambda value: not value)] = False
    """Whether the sensor has no colour filters: one signal of the light's luminance, with one noise, in all three
    channels. Not written where it is not so."""
    vignetting_stops: Annotated[float, Field(ge=0, le=4)] = 0.0
    """Light lost at the corner farthest from the optical axis, in stops; the loss grows with the square of the tangent
    of the angle to the axis."""
    defocus_sigma_px: Annotated[float, Field(ge=0, le=LARGEST_DEFOCUS_SIGMA_PX)] = 0.0
    """Standard deviation of the Gaussian that lens and focus spread a point over."""
    motion_blur_px: Annotated[float, Field(ge=0, le=LARGEST_MOTION_BLUR_PX)] = 0.0
    """Length of the straight line that a point is smeared over, half of it to either side of its place."""
    motion_blur_angle_deg: Annotated[float, Field(ge=-180, le=180)] = 0.0
    """Direction of that line, from right towards down."""
    full_well_electrons: Annotated[float, Field(ge=10000, le=1e6)] = 30000.0
    """Electrons that a pixel's colour has collected where it saturates, at base sensitivity."""
    iso_gain: Annotated[float, Field(ge=0, le=LARGEST_ISO_GAIN)] = 0.0
    """Amplification over base sensitivity: with a gain of 4 a pixel is saturated by a quarter of the full well's
    electrons, and its noise is larger. 0 is a sensor without noise."""
    read_noise_electrons: Annotated[float, Field(ge=0, le=50)] = 3.0
    """Standard deviation that reading adds to a pixel, whatever its light."""
    contrast: Annotated[float, Field(ge=LOWEST_CONTRAST, le=LARGEST_CONTRAST)] = 1.0
    """Slope at mid grey of the camera's S-shaped tone curve on encoded values: v becomes v^c / (v^c + (1 - v)^c)."""
    sharpening_amount: Annotated[float, Field(ge=0, le=LARGEST_SHARPENING)] = 0.0
    """How much of the difference between luma and blurred luma is added to it (unsharp mask)."""
    sharpening_sigma_px: Annotated[float, Field(ge=0.3, le=4)] = 1.0
    """Standard deviation of that blur; the width of the halo along edges."""
    jpeg_quality: Annotated[int, Field(ge=LOWEST_JPEG_QUALITY, le=UNCOMPRESSED_JPEG_QUALITY)] = (
        UNCOMPRESSED_JPEG_QUALITY
    )
    """Quality, in the scale of the Independent JPEG Group, at which the picture is compressed and decoded again, its
    colour at half the resolution (4:2:0); 100 leaves it as it is. The file stays PNG."""
