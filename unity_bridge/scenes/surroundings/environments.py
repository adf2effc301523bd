"""Light from everywhere: procedural equirectangular environments of mean luminance 1.

The image's centre lies in direction +x, its left half to the left (+y), its upper edge is +z.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ConfigurationError, nearest
from unity_bridge.scenes.surroundings.textures import muted_color, noise

Image = NDArray[np.float32]

ENVIRONMENTS = ("busy", "sky", "studio")
HEIGHT_PX, WIDTH_PX = 384, 768
# A camera's automatic white balance takes out most of a colour cast of the whole scene.
_NEUTRALISED = 0.9
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


def environment_image(kind: str, random: np.random.Generator) -> Image:
    """(384, 768, 3) float32, linear, of mean luminance 1 over the sphere.

    busy: shapes of every colour in all directions, to be rotated about all axes as in [BMW] (Anderson et al., section
    on image generation); sky: clear to overcast, with a skyline; studio: a dark or light room with panels of light.
    Raises ConfigurationError for an unknown kind.
    """
    makers = {"busy": _busy, "sky": _sky, "studio": _studio}
    if kind not in makers:
        raise ConfigurationError(
            f"there is no environment '{kind}'", code="unknown_environment", hint=nearest(kind, makers)
        )
    image = np.clip(makers[kind](random), 0.002, 60.0)
    weight = np.cos(_elevation())
    cast = weight @ image.mean(axis=1, dtype=np.float64) / weight.sum()
    gains = (cast.mean() / cast) ** _NEUTRALISED
    mean = float(cast @ (gains * _LUMINANCE))
    return image * (gains / mean).astype(np.float32)


@cache
def _elevation() -> NDArray[np.float64]:
    """(384,) of each row, radians."""
    return np.pi / 2 - (np.arange(HEIGHT_PX) + 0.5) / HEIGHT_PX * np.pi


@cache
def _azimuth() -> NDArray[np.float64]:
    """(768,) of each column, radians."""
    return np.pi - (np.arange(WIDTH_PX) + 0.5) / WIDTH_PX * 2 * np.pi


def _away(azimuth: float) -> NDArray[np.float64]:
    """Angle of each column from an azimuth, 0 to pi."""
    return np.abs((_azimuth() - azimuth + np.pi) % (2 * np.pi) - np.pi)


def _busy(random: np.random.Generator) -> Image:
    one = muted_color(random, 0.05, 0.9, 0.4) * (0.4 + noise(random, HEIGHT_PX, WIDTH_PX, 5)[..., None])
    share = noise(random, HEIGHT_PX, WIDTH_PX, 4)[..., None]
    other = muted_color(random, 0.05, 0.9, 0.4)
    image = other + (one - other) * share
    rows, columns = np.arange(HEIGHT_PX)[:, None], np.arange(WIDTH_PX)[None]
    for _ in range(int(random.integers(120, 300))):
        top, left = int(random.integers(0, HEIGHT_PX)), int(random.integers(0, WIDTH_PX))
        tall, wide = int(random.integers(3, 90)), int(random.integers(3, 130))
        color = (
            random.uniform(0.0, 1.0) ** 1.5
            * muted_color(random, 0.5, 1.0, 0.4)
            * (4.0 if random.random() < 0.08 else 1.2)
        )
        window = (slice(top, min(top + tall, HEIGHT_PX)), slice(left, min(left + wide, WIDTH_PX)))
        shape = image[window]
        y, x = rows[window[0]] - top, columns[:, window[1]] - left
        form = int(random.integers(0, 4))
        if form == 0:
            shape[:] = color
        elif form == 1:
            shape[:] = color * (y / tall)[..., None] + shape * (1 - y / tall)[..., None]
        elif form == 2:
            inside = ((y - tall / 2) / (tall / 2)) ** 2 + ((x - wide / 2) / (wide / 2)) ** 2 < 1
            shape[inside] = color
        else:
            pitch = int(random.integers(3, 16))
            shape[((x + y) // pitch % 2 == 0) & np.ones(shape.shape[:2], dtype=bool)] = color
    return image


def _sky(random: np.random.Generator) -> Image:
    elevation = _elevation()[:, None]
    height = np.clip(np.sin(elevation), 0, 1)[..., None] ** 0.5
    overcast = random.random() < 0.45
    zenith = np.array([0.8, 0.86, 0.95]) if overcast else np.array([0.20, 0.40, 0.95])
    horizon = np.array([0.85, 0.87, 0.9]) if overcast else np.array([0.9, 0.97, 1.05])
    clear = (horizon * (1 - height) + zenith * height).astype(np.float32)
    clouds = np.clip(noise(random, HEIGHT_PX, WIDTH_PX) * 2.2 - random.uniform(0.7, 1.5), 0, 1)[..., None]
    image = clear + (np.float32(random.uniform(0.7, 1.6)) - clear) * clouds
    ground = (random.uniform(0.10, 0.35) * random.uniform(0.85, 1.1, 3)).astype(np.float32)
    below = elevation[:, 0] < 0
    image[below] = ground * (0.8 + 0.4 * noise(random, HEIGHT_PX, WIDTH_PX, 5)[below, :, None])
    _skyline(image, random)
    return image


def _skyline(image: Image, random: np.random.Generator) -> None:
    elevation, azimuth = _elevation(), _azimuth()
    for _ in range(int(random.integers(3, 22))):
        center, half, top = random.uniform(-np.pi, np.pi), random.uniform(0.05, 0.4), random.uniform(0.04, 0.5)
        window = _window(center, half, -0.06, top)
        color = random.uniform(0.06, 0.7) * random.uniform(0.75, 1.15, 3)
        across = np.sin(azimuth * random.uniform(30, 110)) > 0.1
        upward = np.sin(elevation * random.uniform(40, 130)) > 0.0
        lit = upward[window[0]] & across[window[1]]
        image[window] = color * np.where(lit, random.uniform(0.2, 0.9), 1.0)[..., None]
    # Glass and paint show it a few degrees to a pixel: finer leaves would be speckle there.
    texture = noise(random, HEIGHT_PX, WIDTH_PX, 6, 0.8)
    for _ in range(int(random.integers(1, 12))):
        center, half, top = random.uniform(-np.pi, np.pi), random.uniform(0.1, 0.9), random.uniform(0.05, 0.45)
        leaf = random.uniform(0.08, 0.2) * np.array([random.uniform(0.7, 0.95), 1.0, random.uniform(0.4, 0.65)])
        window = _window(center, half, -0.06, 1.5 * top)
        leaves, shape = texture[window], image[window]
        crown = top * np.clip(1 - (_away(center)[window[1]] / half) ** 2, 0, 1) * (0.5 + leaves)
        inside = elevation[window[0]] < crown
        shape[inside] = leaf * (0.15 + 2.6 * leaves[inside][:, None] ** 2)
        image[window] = shape
    for _ in range(int(random.integers(15, 90))):
        center, level = random.uniform(-np.pi, np.pi), random.uniform(-0.15, 0.2)
        half, reach = random.uniform(0.006, 0.1), random.uniform(0.006, 0.09)
        window = _window(center, half, level - reach, level + reach)
        image[window] = muted_color(random, 0.0, 1.0)


def _window(center: float, half: float, low: float, high: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Index of the pixels within `half` of an azimuth and between two elevations, radians; it may wrap around."""
    elevation = _elevation()
    return np.ix_(np.flatnonzero((elevation > low) & (elevation < high)), np.flatnonzero(_away(center) < half))


def _studio(random: np.random.Generator) -> Image:
    elevation = _elevation()[:, None]
    light_room = random.random() < 0.5
    base = random.uniform(0.5, 1.0) if light_room else random.uniform(0.03, 0.15)
    room = base * (0.85 + 0.3 * np.sin(elevation))[..., None] * random.uniform(0.92, 1.06, 3)
    image = room.astype(np.float32) * (0.85 + 0.3 * noise(random, HEIGHT_PX, WIDTH_PX, 4)[..., None])
    for _ in range(int(random.integers(3, 10))):
        center, level = random.uniform(-np.pi, np.pi), random.uniform(0.3, 1.4)
        wide, tall = random.uniform(0.08, 0.5) / np.cos(min(level, 1.3)), random.uniform(0.03, 0.25)
        window = _window(center, wide, level - tall, level + tall)
        image[window] = random.uniform(3, 11) * random.uniform(0.93, 1.05, 3)
    if not light_room:
        for _ in range(int(random.integers(3, 30))):
            center, level = random.uniform(-np.pi, np.pi), random.uniform(-0.2, 0.5)
            half, reach = random.uniform(0.02, 0.2), random.uniform(0.02, 0.2)
            window = _window(center, half, level - reach, level + reach)
            image[window] = muted_color(random, 0.0, 0.8)
    return image
