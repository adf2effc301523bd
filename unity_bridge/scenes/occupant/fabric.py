"""Textures of hair and cloth, and the coordinates that lay cloth's texture around trunk and sleeves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.mesh import Surface
from unity_bridge.scenes.occupant.body import Bodies, RestBody
from unity_bridge.scenes.surroundings.textures import png_of

Image = NDArray[np.float32]
Float64 = NDArray[np.float64]
Color = tuple[float, float, float]

HAIR_TEXTURES = 6
"""Different strand textures; players keep those that come again."""
HAIR_MEAN = 0.62
"""Mean of a strand texture."""
CLOTH_SIZE_PX = (448, 512)
"""Height and width of a cloth texture: once around the trunk, and from above the shoulders to below the hem."""
_KEPT_SIZE_PX = (336, 384)
_SLEEVE_SPAN = 0.42
"""Of the trunk's girth that a sleeve goes around; sleeves show what is behind the back."""
_TEXTURE_HEIGHT_SHARE = 0.48
"""Of the stature that the texture's height covers."""


def _waves(random: np.random.Generator, height: int, width: int, across_px: float, along_px: float) -> Image:
    """(H, W) noise of unit variance that repeats, smooth over so many pixels across (columns) and along (rows)."""
    field = random.standard_normal((height, width)).astype(np.float32)
    pad_x, pad_y = min(width, int(4 * across_px) + 1), min(height, int(4 * along_px) + 1)
    wide = np.pad(field, ((pad_y, pad_y), (pad_x, pad_x)), mode="wrap")
    smooth = cv2.GaussianBlur(wide, (0, 0), sigmaX=across_px, sigmaY=along_px)
    smooth = smooth[pad_y : pad_y + height, pad_x : pad_x + width]
    return np.asarray(smooth / max(float(smooth.std()), 1e-9), dtype=np.float32)


@lru_cache(maxsize=HAIR_TEXTURES)
def hair_texture(number: int) -> bytes:
    """PNG of strands that run along v: light and dark, finer and coarser, a little darker at the roots (v = 0)."""
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([number, 6])))
    height, width = 128, 256
    strands = sum(
        share * _waves(random, height, width, across, along)
        for across, along, share in ((0.7, 20.0, 0.6), (2.0, 30.0, 0.7), (6.0, 30.0, 0.35), (18.0, 40.0, 0.15))
    )
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    image = HAIR_MEAN * np.exp(0.28 * strands) * (0.80 + 0.35 * rows)
    image *= HAIR_MEAN / float(image.mean())
    return png_of(np.repeat(np.clip(image, 0.02, 1.0)[..., None], 3, axis=2))


@dataclass(frozen=True, eq=False)
class ClothFrame:
    """Where cloth lies on the rest pose. middle_x_m: between its front and its back panel. top_z_m, height_m, girth_m:
    what the texture covers. shoulder, wrist: (3,) of the left arm."""

    middle_x_m: float
    top_z_m: float
    height_m: float
    girth_m: float
    shoulder: Float64
    wrist: Float64

    @classmethod
    def of(cls, bodies: Bodies, rest: RestBody) -> ClothFrame:
        """The frame of a body."""
        chest = bodies.weight_of("spine01", "spine02", "spine03") > 0.6
        return cls(
            middle_x_m=float(np.median(rest.vertices[chest, 0])),
            top_z_m=float(rest.joints[bodies.bone("neck01")][2]) + 0.05 * rest.stature_m / 1.7,
            height_m=_TEXTURE_HEIGHT_SHARE * rest.stature_m,
            girth_m=_TEXTURE_HEIGHT_SHARE * rest.stature_m * CLOTH_SIZE_PX[1] / CLOTH_SIZE_PX[0],
            shoulder=rest.joints[bodies.bone("upperarm01.L")].astype(np.float64),
            wrist=rest.joints[bodies.bone("wrist.L")].astype(np.float64),
        )


FRONT, BACK, SLEEVE = 0, 1, 2
"""Panels of a garment; each has its own place in the texture."""


def cloth_coordinates(surface: Surface, rest_points: Float64, panels: NDArray[np.int64], frame: ClothFrame) -> Surface:
    """The surface with texture coordinates; vertices are doubled where panels meet, and where a sleeve's cloth meets
    under the arm.

    Args:
        surface: The garment.
        rest_points: (V, 3) its vertices on the rest pose.
        panels: (F,) `FRONT`, `BACK` or `SLEEVE`.
        frame: Where the cloth lies.
    """
    x, y, z = rest_points.T
    # Cloth lies flat over chest and back and bends around the sides.
    at_side = np.clip((np.abs(y) - 0.09) / 0.06, 0, 1)
    from_front = np.clip(frame.middle_x_m + 0.05 - x, 0, 0.2) * at_side
    from_back = np.clip(x - frame.middle_x_m + 0.05, 0, 0.2) * at_side
    trunk_v = (frame.top_z_m - z) / frame.height_m
    front_u = 0.5 + (y + np.sign(y) * from_front) / frame.girth_m
    back_u = 1.0 - (y + np.sign(y) * from_back) / frame.girth_m
    along = frame.wrist - frame.shoulder
    along = along / float(np.linalg.norm(along))
    offset = np.stack([x, np.abs(y), z], axis=1) - frame.shoulder
    way = offset @ along
    across = offset - way[:, None] * along
    up = np.array([0.0, 0.0, 1.0]) - along * along[2]
    up /= np.linalg.norm(up)
    sleeve_u = np.arctan2(across[:, 0], across @ up) / (2 * np.pi) * _SLEEVE_SPAN
    places = np.stack(
        [np.stack([front_u, trunk_v], 1), np.stack([back_u, trunk_v], 1),
         np.stack([sleeve_u, 0.06 + way / frame.height_m], 1)]
    )  # fmt: skip
    # Where a sleeve's face spans the jump of the angle, its corners on the low side belong to the next turn.
    corner_u = sleeve_u[surface.faces]
    wraps = corner_u < corner_u.max(axis=1, keepdims=True) - 0.5 * _SLEEVE_SPAN
    wraps &= (panels == SLEEVE)[:, None]
    key = (surface.faces.astype(np.int64) * 3 + panels[:, None]) * 2 + wraps
    unique, faces = np.unique(key.ravel(), return_inverse=True)
    vertex, panel, wrapped = unique // 6, unique // 2 % 3, unique % 2
    uvs = places[panel, vertex].copy()
    uvs[:, 0] += wrapped * _SLEEVE_SPAN
    return Surface(surface.vertices[vertex], faces.reshape(-1, 3), surface.normals[vertex], uvs)


def cloth_texture(pattern: str, garment: str, color: Color, second: Color, seed: int) -> bytes:
    """PNG of a garment's cloth: wear, pattern, a shirt's button line, a hoodie's pocket.

    Args:
        pattern: `plain`, `stripes`, `broad_diagonal`, `checks` or `print`.
        garment: As in the `Clothing` randomizer.
        color: Linear reflectance of the ground.
        second: Of the pattern.
        seed: Of widths, angles and what is printed.
    """
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 9])))
    height, width = CLOTH_SIZE_PX
    share = _pattern_share(pattern, random)[..., None]
    ground, drawn = np.array(color, np.float32), np.array(second, np.float32)
    image = ground * (1 - share) + drawn * share
    if pattern == "print":
        image = _printed(image, drawn, random)
    coarse = random.standard_normal((14, 16), dtype=np.float32)
    worn = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    image = image * np.exp(0.05 * worn)[..., None]
    _sew(image, garment, random)
    # Drawn finer than it is kept, so that edges are smooth.
    kept = cv2.resize(image.astype(np.float32), _KEPT_SIZE_PX[::-1], interpolation=cv2.INTER_AREA)
    return png_of(np.clip(kept, 0.003, 0.9))


def _pattern_share(pattern: str, random: np.random.Generator) -> Image:
    """(H, W) share of the second colour."""
    height, width = CLOTH_SIZE_PX
    v, u = np.mgrid[0:height, 0:width].astype(np.float32)

    def bands(phase: Image, filled: float) -> Image:
        """1 inside bands, with edges one pixel soft; phase in repeats of the band."""
        step = max(float(np.abs(np.diff(phase[:, 0])).max()), float(np.abs(np.diff(phase[0])).max()), 1e-6)
        edge = np.abs((phase + 100) % 1 - 0.5)
        return np.asarray(np.clip((filled / 2 - edge) / step + 0.5, 0, 1), np.float32)

    if pattern == "stripes":
        count = int(random.integers(8, 40))
        along = random.random() < 0.7
        phase = v / height * count * 0.9 if along else u / width * 2 * (count // 2)
        return bands(phase + float(random.random()), float(random.uniform(0.15, 0.6)))
    if pattern == "broad_diagonal":
        # As wide as webbing, and as steep as it lies on a chest.
        slope = float(random.uniform(0.5, 1.3)) * random.choice([-1.0, 1.0])
        spacing = float(random.choice([90.0, 130.0, 200.0, 400.0]))
        phase = ((u - width / 2) + v * slope + float(random.uniform(0, spacing))) / spacing
        return bands(phase, float(random.uniform(24, 42)) / spacing * np.sqrt(1 + slope**2))
    if pattern == "checks":
        count = int(random.integers(6, 26)) * 2
        filled = float(random.uniform(0.2, 0.5))
        lines = [bands(v / height * count * 0.86 + 0.2, filled), bands(u / width * count + 0.25, filled)]
        return np.asarray(0.5 * lines[0] + 0.5 * lines[1], np.float32)
    return np.zeros(CLOTH_SIZE_PX, np.float32)


def _printed(image: Image, color: Image, random: np.random.Generator) -> Image:
    """A block on the chest: strokes like lettering, discs and boards."""
    height, width = CLOTH_SIZE_PX
    image = np.ascontiguousarray(image, np.float32)
    middle, top = width // 2, int(height * random.uniform(0.20, 0.30))
    half, tall = int(random.integers(34, 62)), int(random.integers(30, 110))
    other = [float(value) for value in random.uniform(0.02, 0.8, 3)]
    own = [float(value) for value in color]
    kind = random.integers(3)
    if kind == 0:
        cv2.rectangle(image, (middle - half, top), (middle + half, top + tall), own, -1)
    elif kind == 1:
        cv2.circle(image, (middle, top + tall // 2), min(half, tall // 2 + 12), own, -1, cv2.LINE_AA)
    for row in range(int(random.integers(1, 4))):
        y = top + 6 + row * max(12, tall // 4)
        x = middle - half + int(random.integers(4, 16))
        while x < middle + half - 8:
            wide = int(random.integers(3, 9))
            kind_of_stroke = int(random.integers(3))
            if kind_of_stroke == 0:
                cv2.rectangle(image, (x, y), (x + wide, y + 10), other, 2)
            elif kind_of_stroke == 1:
                cv2.line(image, (x, y + 10), (x + wide, y), other, 2, cv2.LINE_AA)
            else:
                cv2.rectangle(image, (x, y), (x + 2, y + 10), other, -1)
            x += wide + 3
    return image


def _sew(image: Image, garment: str, random: np.random.Generator) -> None:
    """A placket with buttons; a pocket."""
    height, width = CLOTH_SIZE_PX
    if garment == "shirt":
        middle, half = width // 2, 9
        image[:, middle - half : middle + half] *= 1.04
        for column in (middle - half, middle + half):
            image[:, column] *= 0.55
        button = [float(value) for value in (image.mean(axis=(0, 1)) * 0.3 if random.random() < 0.4 else [0.6] * 3)]
        for row in range(int(height * 0.10), int(height * 0.80), 38):
            cv2.circle(image, (middle, row), 3, button, -1, cv2.LINE_AA)
            cv2.circle(image, (middle, row), 4, [value * 0.4 for value in button], 1, cv2.LINE_AA)
        if random.random() < 0.6:
            left, top = middle + 34, int(height * 0.27)
            outline = np.array(
                [[left, top], [left + 44, top], [left + 44, top + 44], [left + 22, top + 52], [left, top + 44]]
            )
            shade = [float(value) for value in image.mean(axis=(0, 1)) * 0.5]
            cv2.polylines(image, [outline.astype(np.int32)], True, shade, 1, cv2.LINE_AA)
    elif garment == "hoodie":
        middle = width // 2
        low, high = int(height * 0.80), int(height * 0.60)
        outline = np.array([[middle - 78, low], [middle - 78, low - 34], [middle - 44, high], [middle + 44, high],
                            [middle + 78, low - 34], [middle + 78, low]])  # fmt: skip
        shade = [float(value) for value in image.mean(axis=(0, 1)) * 0.4]
        cv2.polylines(image, [outline.astype(np.int32)], False, shade, 2, cv2.LINE_AA)
