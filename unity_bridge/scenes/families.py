"""Scene families by the name that generators call them (`scenario`); loaded when first used.

A new family is a package with a `compose` function and a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from contracts.errors import ConfigurationError, nearest
from unity_bridge.sampling import FrameParameters
from unity_bridge.scenes.composition import ComposedFrame

Compose = Callable[[FrameParameters, tuple[int, int]], ComposedFrame]
"""From sampled parameters and a size (width, height in pixels) to a frame. Pure."""

FAMILIES: dict[str, str] = {
    "cabin": "unity_bridge.scenes.cabin.compose:compose",
    "exterior": "unity_bridge.scenes.exterior.compose:compose",
}
"""Scenario to `module:function`."""


def compose_function(scenario: str) -> Compose:
    """The function that composes frames of a scenario.

    Raises:
        ConfigurationError: No such scenario.
    """
    if scenario not in FAMILIES:
        raise ConfigurationError(
            f"unknown scenario '{scenario}'", code="unknown_scenario", hint=nearest(scenario, FAMILIES)
        )
    module, function = FAMILIES[scenario].split(":")
    compose: Compose = getattr(import_module(module), function)
    return compose


def compose(parameters: FrameParameters) -> ComposedFrame:
    """Compose a frame with the family and the size that its generator names."""
    return compose_function(parameters.generator.scenario)(parameters, parameters.generator.camera.size)
