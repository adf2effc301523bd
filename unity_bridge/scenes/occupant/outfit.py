"""What an occupant wears, in the terms of the `Clothing` randomizer."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.errors import ConfigurationError
from contracts.randomizers.cabin import GARMENTS, PATTERNS
from unity_bridge.scenes.occupant.hair import HAIR_LOCKS

COLLARS = ("crew", "wide", "v_neck", "turtleneck")
CAPS = ("short", "medium", "receding")
"""Hair styles that are a smooth cap."""
HAIR_STYLES = (*CAPS, "bald", *HAIR_LOCKS)
JACKET_LIES = ("under_belt", "over_belt")
GLASSES = ("none", "glasses", "sunglasses")
HEADWEAR = ("none", "cap")
SCARVES = ("none", "scarf")
HAIR_FRONTS = ("behind", "left", "right", "both")


@dataclass(frozen=True)
class Outfit:
    """What is worn.

    sleeve_length: 0 at the shoulder, 1 elbow, 2 wrist. trouser_length: 0 hip, 1 knee, 2 ankle. collar: of `COLLARS`.
    garment: of `GARMENTS`; a jacket is worn open over a T-shirt, and lies under or over the belt (`jacket_lies`).
    pattern: of `PATTERNS`, of the shirt. looseness_m: how far the shirt stands off the body. wrinkle_m: height of
    folds. hair: of `HAIR_STYLES`. hair_volume_m: thickness of the hair, where it is a cap. hair_length_share: 0 the
    style's shortest, 1 its longest. hair_front: of `HAIR_FRONTS`, where long hair falls over the shoulder to the front.
    glasses: of `GLASSES`; headwear: of `HEADWEAR`; scarf: of `SCARVES`. detail_seed: of all that is not named.
    """

    sleeve_length: float = 1.9
    trouser_length: float = 1.93
    collar: str = "crew"
    looseness_m: float = 0.011
    wrinkle_m: float = 0.0035
    garment: str = "pullover"
    pattern: str = "plain"
    jacket_lies: str = "under_belt"
    hair: str = "short"
    hair_volume_m: float = 0.014
    hair_length_share: float = 0.5
    hair_front: str = "behind"
    glasses: str = "none"
    headwear: str = "none"
    scarf: str = "none"
    detail_seed: int = 0

    def __post_init__(self) -> None:
        for name, valid in (
            ("collar", COLLARS), ("garment", GARMENTS), ("pattern", PATTERNS), ("jacket_lies", JACKET_LIES),
            ("hair", HAIR_STYLES), ("hair_front", HAIR_FRONTS),
            ("glasses", GLASSES), ("headwear", HEADWEAR), ("scarf", SCARVES),
        ):  # fmt: skip
            if getattr(self, name) not in valid:
                raise ConfigurationError(f"outfit {name} is '{getattr(self, name)}'", hint=f"valid: {', '.join(valid)}")
        for name, low, high in (
            ("sleeve_length", 0.3, 1.95), ("trouser_length", 0.7, 1.97), ("looseness_m", 0.004, 0.03),
            ("wrinkle_m", 0.0, 0.01), ("hair_volume_m", 0.006, 0.03), ("hair_length_share", 0.0, 1.0),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ConfigurationError(
                    f"outfit {name} is {getattr(self, name)}", hint=f"give a number from {low} to {high}"
                )

    @property
    def textured(self) -> bool:
        """Whether the shirt has a texture: the plain pullover has none."""
        return self.garment != "pullover" or self.pattern != "plain"
