"""Randomizers of the exterior scene family: a vehicle seen from outside."""

from __future__ import annotations

from typing import Annotated, Literal

from contracts.distributions import NumberDistribution, OneOf, Within, WordDistribution
from contracts.randomizers.common import Randomizer

BODY_STYLES = ("sedan", "hatchback", "wagon", "suv", "pickup", "coupe", "van")
PAINT_COLORS = ("white", "silver", "grey", "black", "red", "blue", "green", "yellow", "orange", "brown", "beige", "any")
PAINT_FINISHES = ("solid", "metallic", "matte")
ENVIRONMENTS = ("busy", "sky", "studio")
GROUNDS = ("asphalt", "concrete", "tiles", "grass", "gravel", "plain")
WALLS = ("none", "bricks", "panels", "hedge", "shop", "house", "fence", "street", "garage")


class Vehicle(Randomizer):
    """Which body, and how its proportions depart from those that the detail seed draws for its style."""

    kind: Literal["Vehicle"]
    body: Annotated[WordDistribution, OneOf(*BODY_STYLES)] = "sedan"
    """Body style."""
    length_scale: Annotated[NumberDistribution, Within(0.85, 1.15)] = 1.0
    """Factor of the length."""
    height_scale: Annotated[NumberDistribution, Within(0.8, 1.25)] = 1.0
    """Factor of the height above the side windows' lower edge."""
    mirror_scale: Annotated[NumberDistribution, Within(0.6, 1.8)] = 1.0
    """Factor of the outside mirrors' size."""
    steering_deg: Annotated[NumberDistribution, Within(-35, 35)] = 0.0
    """Turn of the front wheels to the left."""


class Paint(Randomizer):
    """Colour and finish of the bodywork."""

    kind: Literal["Paint"]
    color: Annotated[WordDistribution, OneOf(*PAINT_COLORS)] = "white"
    """Family of colours; the shade within it follows from the detail seed. `any` is every hue."""
    finish: Annotated[WordDistribution, OneOf(*PAINT_FINISHES)] = "solid"
    """Kind of paint."""
    dirt: Annotated[NumberDistribution, Within(0, 1)] = 0.0
    """How far the paint is dulled, from clean to covered in dust."""


class Glass(Randomizer):
    """Transmittance of the panes."""

    kind: Literal["Glass"]
    windshield_transmittance: Annotated[NumberDistribution, Within(0.01, 1)] = 0.72
    """Of the windscreen."""
    front_transmittance: Annotated[NumberDistribution, Within(0.01, 1)] = 0.6
    """Of the front doors' windows."""
    back_transmittance: Annotated[NumberDistribution, Within(0.01, 1)] = 0.3
    """Of the back doors' and quarter windows."""
    rear_transmittance: Annotated[NumberDistribution, Within(0.01, 1)] = 0.3
    """Of the rear window."""


class Surroundings(Randomizer):
    """What stands around the vehicle and lights it."""

    kind: Literal["Surroundings"]
    environment: Annotated[WordDistribution, OneOf(*ENVIRONMENTS)] = "sky"
    """Image around the scene: `busy` shapes of all colours, a `sky` with a skyline, or a `studio` with light panels."""
    yaw_deg: Annotated[NumberDistribution, Within(-360, 360)] = 0.0
    """Turn of the environment about the vertical."""
    pitch_deg: Annotated[NumberDistribution, Within(-360, 360)] = 0.0
    """Turn about the vehicle's left axis; of the busy environment only, as the others have an up and a down."""
    roll_deg: Annotated[NumberDistribution, Within(-360, 360)] = 0.0
    """Turn about the vehicle's forward axis; of the busy environment only."""
    ground: Annotated[WordDistribution, OneOf(*GROUNDS)] = "asphalt"
    """What the vehicle stands on."""
    wall: Annotated[WordDistribution, OneOf(*WALLS)] = "none"
    """What stands behind the vehicle, seen from the camera."""
    wall_distance_m: Annotated[NumberDistribution, Within(2.5, 60)] = 8.0
    """From the vehicle's middle."""
    other_vehicles: Annotated[NumberDistribution, Within(0, 6)] = 0
    """Vehicles beside and behind, unlabelled; rounded to a whole number."""
    clutter: Annotated[NumberDistribution, Within(0, 30)] = 0
    """Poles, bins, crates and the like; rounded to a whole number."""


class OrbitCamera(Randomizer):
    """A camera on a circle around the vehicle, framed to it."""

    kind: Literal["OrbitCamera"]
    azimuth_deg: Annotated[NumberDistribution, Within(-360, 720)] = 45.0
    """From the vehicle's forward axis towards its left."""
    azimuth_jitter_deg: Annotated[NumberDistribution, Within(-180, 180)] = 0.0
    """Added to the azimuth, so that views may be listed and still vary."""
    height_m: Annotated[NumberDistribution, Within(0.1, 50)] = 1.5
    """Above the ground."""
    fill: Annotated[NumberDistribution, Within(0.05, 3)] = 0.85
    """Share of the picture's width or height, whichever is fuller, that the vehicle takes; above 1 it is cut off."""
    roll_deg: Annotated[NumberDistribution, Within(-45, 45)] = 0.0
    """Turn of the camera about its axis, clockwise."""
    offset_x: Annotated[NumberDistribution, Within(-1, 1)] = 0.0
    """The vehicle's place right of the picture's middle, as a share of the width."""
    offset_y: Annotated[NumberDistribution, Within(-1, 1)] = 0.0
    """The vehicle's place below the picture's middle, as a share of the height."""


ExteriorRandomizer = Vehicle | Paint | Glass | Surroundings | OrbitCamera
