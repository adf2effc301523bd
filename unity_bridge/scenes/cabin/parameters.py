"""Sampled values of the cabin's randomizers, with constants in place of those that a generator leaves out."""

from __future__ import annotations

from typing import Any

from contracts.randomizers.common import Randomizer
from unity_bridge.sampling import FrameParameters


def values_of(parameters: FrameParameters, kind: type[Randomizer]) -> dict[str, Any]:
    """Sampled values of a kind; the kind's own constants where the generator has no such randomizer."""
    constants = {name: field.default for name, field in kind.model_fields.items() if name != "kind"}
    return {"detail_seed": 0} | constants | parameters.of_kind(kind.__name__)
