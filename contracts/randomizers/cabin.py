"""Randomizers of the cabin scene family."""

from __future__ import annotations

from typing import Annotated, Literal

from contracts.distributions import OneOf, WordDistribution
from contracts.randomizers.common import Randomizer


class Belt(Randomizer):
    """How the belt is worn, and its colour."""

    kind: Literal["Belt"]
    state: Annotated[WordDistribution, OneOf("correct")] = "correct"
    """Wearing state."""


class CabinCamera(Randomizer):
    """A camera looking at the front passenger."""

    kind: Literal["CabinCamera"]


CabinRandomizer = Belt | CabinCamera
