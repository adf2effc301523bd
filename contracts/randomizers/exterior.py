"""Randomizers of the exterior scene family."""

from __future__ import annotations

from typing import Annotated, Literal

from contracts.distributions import NumberDistribution, OneOf, Within, WordDistribution
from contracts.randomizers.common import Randomizer


class Vehicle(Randomizer):
    """Which body, and how far its shape departs from the style's mean."""

    kind: Literal["Vehicle"]
    body: Annotated[WordDistribution, OneOf("sedan", "hatchback", "suv", "pickup")] = "sedan"
    """Body style."""


class OrbitCamera(Randomizer):
    """A camera on a circle around the vehicle, framed to it."""

    kind: Literal["OrbitCamera"]
    azimuth_deg: Annotated[NumberDistribution, Within(-360, 720)] = 45.0
    """From the vehicle's forward axis towards its left."""
    height_m: Annotated[NumberDistribution, Within(0.1, 50)] = 1.5
    """Above the ground."""


ExteriorRandomizer = Vehicle | OrbitCamera
