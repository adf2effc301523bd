"""Procedural pictures: noise, ground and wall textures. All are pure functions of a random generator."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from contracts.errors import ConfigurationError, IntegrityError, nearest

Image = NDArray[np.float32]

GROUNDS = ("asphalt", "concrete", "tiles", "grass", "gravel", "plain")
WALLS = ("bricks", "panels", "hedge", "shop", "house", "fence", "street", "garage")


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


def _color(random: np.random.Generator, low: float, high: float, spread: float = 0.06) -> Image:
    return (random.uniform(low, high) * random.uniform(1 - spread, 1 + spread, 3)).astype(np.float32)


def muted_color(random: np.random.Generator, low: float, high: float, vivid_share: float = 0.12) -> Image:
    """(3,) float32 linear reflectance: mostly a tinted grey, as man-made things are, seldom a strong colour."""
    spread = random.uniform(0.35, 0.95) if random.random() < vivid_share else random.uniform(0.0, 0.3)
    tint = 1 - spread * random.random(3)
    return (random.uniform(low, high) * tint / tint.max()).astype(np.float32)


def ground_texture(kind: str, random: np.random.Generator, size: int = 256) -> Image:
    """(size, size, 3) float32 linear reflectance of 4 m x 4 m of ground; tiles without a seam."""
    if kind not in GROUNDS:
        raise ConfigurationError(f"there is no ground '{kind}'", code="unknown_ground", hint=nearest(kind, GROUNDS))
    rough = noise(random, size, size, 7, 0.85)
    fine = random.random((size, size), dtype=np.float32)
    rows = np.arange(size)
    if kind == "grass":
        base = np.array([0.12, 0.145, 0.075], dtype=np.float32) * random.uniform(0.7, 1.5)
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
        image = _color(random, 0.12, 0.5, 0.08) * (0.45 + 0.95 * rough[..., None])
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
        raise ConfigurationError(f"there is no wall '{kind}'", code="unknown_wall", hint=nearest(kind, WALLS))
    field = noise(random, height, width, 7, 0.8)[..., None]
    fine = random.random((height, width, 1), dtype=np.float32)
    y, x = np.arange(height)[:, None], np.arange(width)[None]
    image = muted_color(random, 0.08, 0.75, 0.05) * (0.4 + 1.05 * field)
    if kind == "hedge":
        image = _leaves(random, field, fine)
        for _ in range(int(random.integers(0, 7))):
            place = int(random.integers(0, width - 8))
            image[int(random.integers(0, height // 2)) :, place : place + int(random.integers(2, 7))] = muted_color(
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
    elif kind == "garage":
        image *= random.uniform(0.08, 0.45)
        _add_shelves(image, random)
    elif kind == "street":
        image = _street(random, field, fine)
    else:
        _add_windows(image, field, random)
    if kind in ("shop", "house", "panels", "garage"):
        _add_signs(image, random)
    return np.clip(image, 0.005, 0.9).astype(np.float32)


def _leaves(random: np.random.Generator, field: Image, fine: Image) -> Image:
    """Foliage: clumps lit from above, dark gaps, single leaves, here and there the light behind."""
    height, width = field.shape[:2]
    leaf = np.array([0.105, 0.135, 0.055], dtype=np.float32) * random.uniform(0.5, 1.6)
    leaf[0] *= random.uniform(0.75, 1.25)
    clumps = np.clip(2.4 * (noise(random, height, width, 8, 1.0)[..., None] - 0.3), 0, 1) ** 1.4
    image = leaf * (0.05 + 2.6 * clumps * field + 2.2 * (fine - 0.35) * (0.25 + field))
    image[np.broadcast_to(fine > random.uniform(0.975, 0.998), image.shape)] = random.uniform(0.3, 0.8)
    return np.asarray(image, dtype=np.float32)


def _add_windows(image: Image, field: Image, random: np.random.Generator) -> None:
    """Rows of windows and doors with light frames; behind the panes it is dark, with something in it."""
    height, width = image.shape[:2]
    pitch_y, pitch_x = int(random.integers(40, 96)), int(random.integers(30, 128))
    sill, jamb = pitch_y * random.uniform(0.2, 0.5), pitch_x * random.uniform(0.15, 0.5)
    y, x = np.arange(height)[:, None] % pitch_y, np.arange(width)[None] % pitch_x
    window = (y > sill) & (x > jamb)
    frame = window & ((y < sill + 3) | (x < jamb + 3) | (y > pitch_y - 3) | (np.abs(x - 0.5 * (jamb + pitch_x)) < 1.5))
    shapes = cv2.resize((random.random((24, 48)) ** 3).astype(np.float32), (width, height), interpolation=0)
    image[window] = (muted_color(random, 0.02, 0.2) * (0.3 + 1.2 * field + 2.5 * shapes[..., None]))[window]
    image[frame] = muted_color(random, 0.05, 0.8)
    image[: int(random.integers(1, 12))] *= random.uniform(0.2, 0.6)


def _add_shelves(image: Image, random: np.random.Generator) -> None:
    """Racks full of boxes, a dark opening, strips of light: the inside of a workshop or a hall."""
    height, width = image.shape[:2]
    for _ in range(int(random.integers(1, 5))):
        top, left = int(random.integers(0, height // 2)), int(random.integers(0, width - 60))
        tall, wide = int(random.integers(40, height // 2)), int(random.integers(40, 130))
        rack = image[top : top + tall, left : left + wide]
        boxes = random.random((-(-tall // 7), -(-wide // 9)))
        shades = np.kron(boxes**2 * 0.6, np.ones((7, 9)))[: rack.shape[0], : rack.shape[1], None]
        rack[:] = shades * muted_color(random, 0.5, 1.0)
        rack[:: max(12, tall // 4)] = random.uniform(0.02, 0.5)
    for _ in range(int(random.integers(0, 3))):
        top, left = int(random.integers(20, height // 2)), int(random.integers(0, width - 40))
        image[top:, left : left + int(random.integers(40, 150))] *= random.uniform(0.02, 0.3)
    for _ in range(int(random.integers(0, 8))):
        top, left = int(random.integers(0, height // 3)), int(random.integers(0, width - 50))
        image[top : top + int(random.integers(2, 5)), left : left + int(random.integers(14, 60))] = 0.9


def _street(random: np.random.Generator, field: Image, fine: Image) -> Image:
    """A street as seen across it: sky, houses, trees, wires, parked cars, signs; lower edge at the ground."""
    height, width = field.shape[:2]
    image = random.uniform(0.5, 0.9) * (0.8 + 0.3 * field) * np.array([0.93, 0.97, 1.0], dtype=np.float32)
    x = np.arange(width)
    for _ in range(int(random.integers(2, 9))):
        left, wide = int(random.integers(-20, width - 20)), int(random.integers(30, 150))
        top = int(random.uniform(0.05, 0.6) * height)
        house = image[top:, max(left, 0) : left + wide]
        house[:] = muted_color(random, 0.08, 0.75) * (0.6 + 0.7 * field[top:, max(left, 0) : left + wide])
        if house.shape[1] > 8:
            _add_windows(house, field[top:, max(left, 0) : left + wide], random)
    leaves = _leaves(random, field, fine)
    for _ in range(int(random.integers(0, 8))):
        center, half = random.uniform(0, width), random.uniform(12, 90)
        top, foot = random.uniform(0.05, 0.55) * height, random.uniform(0.6, 1.0) * height
        round_top = top + (foot - top) * ((x - center) / half) ** 2 * 0.7
        edge = round_top + height * 0.25 * (field[int(top), :, 0] - 0.5)
        rows = np.arange(height)[:, None]
        crown = (rows > edge) & (rows < foot) & (np.abs(x - center) < half)[None]
        image[crown] = leaves[crown]
        trunk = int(np.clip(center, 0, width - 4))
        image[int(foot) - 2 :, trunk : trunk + 3] = muted_color(random, 0.03, 0.12)
    for _ in range(int(random.integers(0, 7))):
        _add_parked_car(image, random)
    for _ in range(int(random.integers(0, 5))):
        place = int(random.integers(0, width - 4))
        image[int(random.uniform(0, 0.4) * height) :, place : place + int(random.integers(1, 4))] = random.uniform(
            0.03, 0.5
        )
    for _ in range(int(random.integers(0, 6))):
        ends = [(0, int(random.uniform(0, 0.4) * height)), (width, int(random.uniform(0, 0.4) * height))]
        cv2.line(image, *ends, (0.05, 0.05, 0.05), 1)
    _add_signs(image, random, 10)
    image[-int(random.integers(2, 12)) :] = muted_color(random, 0.1, 0.4)
    return np.asarray(image, dtype=np.float32)


def _add_parked_car(image: Image, random: np.random.Generator) -> None:
    """Body, glasshouse, windows and wheels in plain shapes, at the lower edge."""
    height, width = image.shape[:2]
    long = int(random.integers(50, 90))
    left, low = int(random.integers(-20, width - 30)), height - int(random.integers(2, 14))
    tall = int(0.34 * long)
    paint = [float(value) for value in muted_color(random, 0.02, 0.8)]
    body = np.array([[0, 0.9], [0, 0.5], [0.2, 0.45], [0.32, 0.05], [0.72, 0.03], [0.86, 0.45], [1, 0.52], [1, 0.9]])
    glass = np.array([[0.27, 0.44], [0.36, 0.12], [0.69, 0.11], [0.79, 0.44]])
    place = np.array([left, low - tall])
    for outline, color in ((body, paint), (glass, [random.uniform(0.01, 0.2)] * 3)):
        points = np.round(outline * [long, tall] + place).astype(np.int32)
        cv2.fillPoly(image, [points.reshape(-1, 1, 2)], color)
    for share in (0.2, 0.8):
        middle = (int(left + share * long), int(low - 0.1 * tall))
        cv2.circle(image, middle, max(3, int(0.2 * tall)), (0.015, 0.015, 0.015), -1)
        cv2.circle(image, middle, max(1, int(0.1 * tall)), (0.3, 0.3, 0.3), -1)
    cv2.rectangle(image, (left, low - int(0.55 * tall)), (left + 3, low - int(0.4 * tall)), (0.4, 0.02, 0.02), -1)


def _add_signs(image: Image, random: np.random.Generator, most: int = 26) -> None:
    """Boards with strokes like lettering, pipes, doors: plain shapes, few of them in strong colours."""
    height, width = image.shape[:2]
    for _ in range(int(random.integers(3, most))):
        top, left = int(random.integers(0, height - 4)), int(random.integers(0, width - 4))
        image[top : top + int(random.integers(3, 60)), left : left + int(random.integers(3, 80))] = muted_color(
            random, 0.02, 0.85, 0.25
        )
    for _ in range(int(random.integers(0, 4))):
        top, left = int(random.integers(0, height - 34)), int(random.integers(0, width - 130))
        rows, columns = int(random.integers(12, 30)), 120
        image[top : top + rows, left : left + columns] = muted_color(random, 0.02, 0.85, 0.5)
        strokes = np.kron(random.random((5, 36)) < 0.5, np.ones((max(1, (rows - 4) // 5), 3), dtype=bool))
        region = image[top + 2 : top + 2 + strokes.shape[0], left + 6 : left + 6 + strokes.shape[1]]
        region[strokes] = muted_color(random, 0.0, 0.9, 0.5)


def png_of(linear: Image) -> bytes:
    """Linear reflectance as an 8-bit sRGB PNG file."""
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-6) ** (1 / 2.4) - 0.055)
    eight_bit = np.clip(np.round(encoded * 255), 0, 255).astype(np.uint8)
    done, data = cv2.imencode(".png", eight_bit[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise IntegrityError("a texture could not be encoded", code="texture_encoding", hint="report the generator")
    return data.tobytes()
