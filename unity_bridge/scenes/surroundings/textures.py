"""Procedural pictures: noise, ground and wall textures. All are pure functions of a random generator."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from contracts.errors import ConfigurationError, IntegrityError, nearest

Image = NDArray[np.float32]

GROUNDS = ("asphalt", "concrete", "tiles", "grass", "gravel", "plain")
WALLS = ("bricks", "panels", "hedge", "shop", "house", "fence")


def noise(random: np.random.Generator, height: int, width: int, octaves: int = 6, persistence: float = 0.65) -> Image:
    """(H, W) float32 fractal noise from 0 to 1 that repeats at its borders."""
    total = np.zeros((height, width), dtype=np.float32)
    strength = 1.0
    for octave in range(octaves):
        cells = 2 ** (octave + 1)
        grid = random.standard_normal((cells, 2 * cells if width > height else cells)).astype(np.float32)
        wrapped = np.pad(grid, 2, mode="wrap")
        factor_y, factor_x = height / grid.shape[0], width / grid.shape[1]
        large = cv2.resize(
            wrapped,
            (round(wrapped.shape[1] * factor_x), round(wrapped.shape[0] * factor_y)),
            interpolation=cv2.INTER_LINEAR,
        )
        top, left = round(2 * factor_y), round(2 * factor_x)
        total += strength * large[top : top + height, left : left + width]
        strength *= persistence
    total -= total.min()
    return total / max(float(total.max()), 1e-6)


def _color(random: np.random.Generator, low: float, high: float, spread: float = 0.12) -> Image:
    return (random.uniform(low, high) * random.uniform(1 - spread, 1 + spread, 3)).astype(np.float32)


def ground_texture(kind: str, random: np.random.Generator, size: int = 256) -> Image:
    """(size, size, 3) float32 linear reflectance of 4 m x 4 m of ground; tiles without a seam."""
    if kind not in GROUNDS:
        raise ConfigurationError(f"There is no ground '{kind}'.", code="unknown_ground", hint=nearest(kind, GROUNDS))
    rough = noise(random, size, size, 7, 0.85)
    fine = random.random((size, size), dtype=np.float32)
    rows = np.arange(size)
    if kind == "grass":
        base = np.array([0.09, 0.15, 0.035], dtype=np.float32) * random.uniform(0.7, 1.5)
        image = base * (0.05 + 1.9 * rough[..., None] ** 1.5 + 0.9 * (fine[..., None] - 0.3))
    elif kind == "gravel":
        image = _color(random, 0.15, 0.4) * (0.15 + 1.0 * rough[..., None] + 0.8 * (fine[..., None] - 0.3))
    elif kind == "plain":
        image = _color(random, 0.05, 0.75) * (0.93 + 0.1 * rough[..., None])
    elif kind == "concrete":
        image = _color(random, 0.28, 0.55, 0.06) * (0.5 + 0.85 * rough[..., None] + 0.15 * fine[..., None])
        joint = (rows % (size // 2)) < 2
        image[joint] *= 0.5
        image[:, joint] *= 0.5
    elif kind == "tiles":
        pitch = int(size / random.integers(6, 28))
        joint = (rows % pitch) < max(1, pitch // 12)
        image = _color(random, 0.12, 0.5, 0.15) * (0.45 + 0.95 * rough[..., None])
        if random.random() < 0.4:
            checks = ((rows[:, None] // pitch + rows[None] // pitch) % 2).astype(np.float32)
            image *= 1 - random.uniform(0.2, 0.6) * checks[..., None]
        image[joint] *= random.uniform(0.3, 0.9)
        image[:, joint] *= random.uniform(0.3, 0.9)
    else:
        image = _color(random, 0.05, 0.24, 0.05) * (0.4 + 1.0 * rough[..., None] + 0.5 * (fine[..., None] - 0.5))
        if random.random() < 0.4:
            place = int(random.integers(0, size - 8))
            image[:, place : place + 7] = 0.6 * (0.6 + 0.4 * rough[:, place : place + 7, None])
    if kind != "grass":
        _add_stains(image, random)
    return np.clip(image, 0.01, 0.9).astype(np.float32)


def _add_stains(image: Image, random: np.random.Generator) -> None:
    """Patches, cracks and spots, as streets and yards have them."""
    size = image.shape[0]
    usual = image.mean(axis=(0, 1))
    for _ in range(int(random.integers(0, 7))):
        top, left = (int(value) for value in random.integers(0, size - 20, 2))
        tall, wide = (int(value) for value in random.integers(8, 90, 2))
        image[top : top + tall, left : left + wide] *= random.uniform(0.45, 1.5)
    for _ in range(int(random.integers(0, 8))):
        points = np.cumsum(random.normal(0, 7, (24, 2)), axis=0) + random.uniform(0, size, 2)
        shade = [float(value) for value in usual * random.uniform(0.35, 0.7)]
        cv2.polylines(image, [np.round(points).astype(np.int32)], False, shade, 1)
    for _ in range(int(random.integers(0, 40))):
        spot = [int(value) for value in random.integers(0, size, 2)]
        shade = [float(value) for value in usual * random.uniform(0.2, 2.0)]
        cv2.circle(image, spot, int(random.integers(1, 4)), shade, -1)


def wall_texture(kind: str, random: np.random.Generator, height: int = 192, width: int = 384) -> Image:
    """(H, W, 3) float32 linear reflectance of 4 m x 8 m of wall or of what else stands behind a vehicle."""
    if kind not in WALLS:
        raise ConfigurationError(f"There is no wall '{kind}'.", code="unknown_wall", hint=nearest(kind, WALLS))
    field = noise(random, height, width, 7, 0.8)[..., None]
    fine = random.random((height, width, 1), dtype=np.float32)
    y, x = np.arange(height)[:, None], np.arange(width)[None]
    color = _color(random, 0.08, 0.7, 0.25)
    image = color * (0.4 + 1.05 * field)
    if kind == "hedge":
        leaf = np.array([0.07, 0.13, 0.03], dtype=np.float32) * random.uniform(0.5, 1.7)
        clumps = np.clip(2.4 * (noise(random, height, width, 8, 1.0)[..., None] - 0.3), 0, 1) ** 1.4
        image = leaf * (0.05 + 2.6 * clumps * field + 1.2 * (fine - 0.3) * field)
        for _ in range(int(random.integers(0, 7))):
            place = int(random.integers(0, width - 8))
            image[int(random.integers(0, height // 2)) :, place : place + int(random.integers(2, 7))] = _color(
                random, 0.03, 0.2
            )
    elif kind == "bricks":
        brick_h, brick_w = int(random.integers(5, 14)), int(random.integers(12, 32))
        row = y // brick_h
        shade = random.uniform(0.55, 1.3, (height // brick_h + 1, width // brick_w + 2)).astype(np.float32)
        column = (x + (row % 2) * (brick_w // 2)) // brick_w
        image *= shade[np.broadcast_to(row, (height, width)), column][..., None]
        joint = ((y % brick_h) == 0) | (((x + (row % 2) * (brick_w // 2)) % brick_w) == 0)
        image[joint] *= random.uniform(0.5, 1.3)
    elif kind in ("panels", "fence"):
        pitch = int(random.integers(5, 40))
        dark = ((x if kind == "fence" or random.random() < 0.5 else y) % pitch) < max(1, pitch // 5)
        image[np.broadcast_to(dark, (height, width))] *= random.uniform(0.15, 0.7)
    else:
        pitch_y, pitch_x = int(random.integers(40, 96)), int(random.integers(36, 128))
        window = ((y % pitch_y) > pitch_y * random.uniform(0.2, 0.5)) & (
            (x % pitch_x) > pitch_x * random.uniform(0.2, 0.5)
        )
        image[window] = (_color(random, 0.02, 0.25, 0.3) * (0.4 + 1.2 * field))[window]
    if kind in ("shop", "house", "panels"):
        _add_signs(image, random)
    return np.clip(image, 0.005, 0.9).astype(np.float32)


def _add_signs(image: Image, random: np.random.Generator) -> None:
    """Boards with strokes like lettering, pipes, doors: plain shapes of every colour."""
    height, width = image.shape[:2]
    for _ in range(int(random.integers(3, 26))):
        top, left = int(random.integers(0, height - 4)), int(random.integers(0, width - 4))
        image[top : top + int(random.integers(3, 60)), left : left + int(random.integers(3, 80))] = random.uniform(
            0.02, 0.85
        ) * random.uniform(0.2, 1, 3)
    for _ in range(int(random.integers(0, 4))):
        top, left = int(random.integers(0, height - 34)), int(random.integers(0, width - 130))
        rows, columns = int(random.integers(12, 30)), 120
        image[top : top + rows, left : left + columns] = random.uniform(0.02, 0.85, 3)
        strokes = np.kron(random.random((5, 36)) < 0.5, np.ones((max(1, (rows - 4) // 5), 3), dtype=bool))
        region = image[top + 2 : top + 2 + strokes.shape[0], left + 6 : left + 6 + strokes.shape[1]]
        region[strokes] = random.uniform(0, 0.9, 3)


def png_of(linear: Image) -> bytes:
    """Linear reflectance as an 8-bit sRGB PNG file."""
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-6) ** (1 / 2.4) - 0.055)
    eight_bit = np.clip(np.round(encoded * 255), 0, 255).astype(np.uint8)
    done, data = cv2.imencode(".png", eight_bit[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise IntegrityError("A texture could not be encoded.", code="texture_encoding", hint="Report the generator.")
    return data.tobytes()
