"""Randomizers that every scene family understands, and their base.

A randomizer is a document: `kind` names it, each field is a distribution, and the key it stands under in the generator
names its random stream. Names follow Unity Perception where a counterpart exists.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator

from contracts.distributions import NumberDistribution, Weights, Within, check_weights
from contracts.document import Document
from contracts.sensor import (
    LARGEST_CONTRAST,
    LARGEST_DEFOCUS_SIGMA_PX,
    LARGEST_ISO_GAIN,
    LARGEST_MOTION_BLUR_PX,
    LARGEST_SHARPENING,
    LOWEST_CONTRAST,
    LOWEST_JPEG_QUALITY,
    UNCOMPRESSED_JPEG_QUALITY,
)


class Randomizer(Document):
    """Base of all randomizers. Beside its fields, every randomizer draws an integer `detail_seed` for what it draws in
    finer detail than its fields say, such as the texture of a wall."""


class SunDirection(Randomizer):
    """Direction towards the sun, in the scene's frame."""

    kind: Literal["SunDirection"]
    elevation_deg: Annotated[NumberDistribution, Within(-5, 90)] = 45.0
    """Above the horizon; at or below 0 there is no direct sunlight."""
    azimuth_deg: Annotated[NumberDistribution, Within(-360, 720)] = 0.0
    """From the vehicle's forward axis towards its left."""


class Light(Randomizer):
    """Strength and colour of the light, and the camera's answer to it."""

    kind: Literal["Light"]
    temperature_k: Annotated[NumberDistribution, Within(1500, 20000)] = 5600.0
    """Correlated colour temperature of direct light."""
    sun_illuminance_lux: Annotated[NumberDistribution, Within(0, 150000)] = 60000.0
    """Illuminance on a surface facing the sun."""
    sky_luminance_cd_m2: Annotated[NumberDistribution, Within(1, 50000)] = 5000.0
    """Mean luminance of the environment."""
    exposure_ev: Annotated[NumberDistribution, Within(-6, 6)] = 0.0
    """Exposure compensation in stops against a correct exposure; positive is brighter."""
    white_balance_k: Annotated[NumberDistribution, Within(2000, 15000)] = 6500.0
    """Colour temperature that the camera renders as neutral."""


class Sensor(Randomizer):
    """What the camera leaves in the picture. The defaults leave nothing; lengths are in pixels of the rendered size."""

    kind: Literal["Sensor"]
    aspect_ratio: Annotated[NumberDistribution, Within(0, 4)] = 0.0
    """Width over height of the picture as taken, before it was scaled to the frame's size: 1.333 in a square frame is a
    4:3 photograph squeezed from its sides. 0 takes it in the frame's own shape. It belongs to the camera, so that masks
    and depth are squeezed alike; the horizontal field of view stays. Pixels are at most three times as long as wide, or
    as wide as long."""
    vignetting_stops: Annotated[NumberDistribution, Within(0, 4)] = 0.0
    """Light lost in the farthest corner."""
    defocus_sigma_px: Annotated[NumberDistribution, Within(0, LARGEST_DEFOCUS_SIGMA_PX)] = 0.0
    """Standard deviation of the blur of lens and focus."""
    motion_blur_px: Annotated[NumberDistribution, Within(0, LARGEST_MOTION_BLUR_PX)] = 0.0
    """Length of the smear of a moving or hand-held camera."""
    motion_blur_angle_deg: Annotated[NumberDistribution, Within(-180, 180)] = 0.0
    """Direction of the smear, from right towards down."""
    full_well_electrons: Annotated[NumberDistribution, Within(10000, 1e6)] = 30000.0
    """Electrons at saturation, at base sensitivity. A delivered pixel that averages four of the sensor's has four times
    those of one."""
    iso_gain: Annotated[NumberDistribution, Within(0, LARGEST_ISO_GAIN)] = 0.0
    """Amplification over base sensitivity; 0 is a sensor without noise. Where gain leaves a pixel fewer than some 400
    electrons at saturation, noise hides the edges and the gate rejects frames."""
    read_noise_electrons: Annotated[NumberDistribution, Within(0, 50)] = 3.0
    """Standard deviation that reading adds."""
    contrast: Annotated[NumberDistribution, Within(LOWEST_CONTRAST, LARGEST_CONTRAST)] = 1.0
    """Of the camera's picture style: slope of its tone curve at mid grey."""
    sharpening_amount: Annotated[NumberDistribution, Within(0, LARGEST_SHARPENING)] = 0.0
    """Strength of the unsharp mask on luma; from about 1 on, edges have a halo to be seen."""
    sharpening_sigma_px: Annotated[NumberDistribution, Within(0.3, 4)] = 1.0
    """Standard deviation of the unsharp mask's blur."""
    jpeg_quality: Annotated[NumberDistribution, Within(LOWEST_JPEG_QUALITY, UNCOMPRESSED_JPEG_QUALITY)] = float(
        UNCOMPRESSED_JPEG_QUALITY
    )
    """Quality of the JPEG compression, rounded to a whole number; 100 is none."""


class Choice(Randomizer):
    """One of several named variants of the scene, by weight; labels refer to them with `must_appear_in`."""

    kind: Literal["Choice"]
    of: Weights
    """Variants with relative weights."""

    @model_validator(mode="after")
    def _weighed(self) -> Choice:
        check_weights(self.of)
        return self
