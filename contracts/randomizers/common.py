"""Randomizers that every scene family understands, and their base.

A randomizer is a document: `kind` names it, each field is a distribution, and the key it stands under in the generator
names its random stream. Names follow Unity Perception where a counterpart exists.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator

from contracts.distributions import NumberDistribution, Weights, Within, check_weights
from contracts.document import Document


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


class Choice(Randomizer):
    """One of several named variants of the scene, by weight; labels refer to them with `must_appear_in`."""

    kind: Literal["Choice"]
    of: Weights
    """Variants with relative weights."""

    @model_validator(mode="after")
    def _weighed(self) -> Choice:
        check_weights(self.of)
        return self
