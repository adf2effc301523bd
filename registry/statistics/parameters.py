"""Numbers and words that a frame's record holds: sampled parameters and where the camera stands."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

_VECTOR_MAX = 4
"""Longer lists are no vectors and are left out."""


def flat_parameters(parameters: dict[str, Any]) -> Iterator[tuple[str, float | str]]:
    """Sampled values by name: numbers, and words (truth values too); vectors element by element, seeds left out."""
    for name, value in parameters.items():
        if name.endswith("_seed"):
            continue  # it says nothing of the picture
        if isinstance(value, list | tuple):
            if len(value) <= _VECTOR_MAX:
                for place, item in enumerate(value):
                    yield from _plain(f"{name}[{place}]", item)
        elif isinstance(value, dict):
            yield from flat_parameters({f"{name}.{key}": item for key, item in value.items()})
        else:
            yield from _plain(name, value)


def viewpoint(camera: dict[str, Any] | None, width: int) -> dict[str, float]:
    """Where a camera stands about the world's origin (z up, azimuth from x towards y), and its field of view.

    Args:
        camera: `K` and `world_from_camera` of a record; none where unknown.
        width: Of the image, in pixels.
    """
    if camera is None:
        return {}
    x, y, z = (row[3] for row in camera["world_from_camera"][:3])
    ground = math.hypot(x, y)
    return {
        "azimuth_deg": math.degrees(math.atan2(y, x)),
        "elevation_deg": math.degrees(math.atan2(z, ground)),
        "distance_m": math.hypot(ground, z),
        "horizontal_fov_deg": math.degrees(2 * math.atan(width / (2 * camera["K"][0][0]))),
    }


def _plain(name: str, value: Any) -> Iterator[tuple[str, float | str]]:
    if isinstance(value, bool):
        yield name, "true" if value else "false"
    elif isinstance(value, int | float):
        if math.isfinite(value):
            yield name, float(value)
    elif isinstance(value, str):
        yield name, value
