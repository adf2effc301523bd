"""What stands around a vehicle: ground, a wall behind it, clutter, and the poles that hold the scene's box.

Every model lies within the same box, so that a renderer that compiles for the scene's bounds does it once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.mesh import Model, Surface, merge, rotation, transform, translation
from unity_bridge.scenes.primitives import rounded_box, tube

GROUND_HALF_M = 90.0
SCENE_TOP_M = 16.0
GROUND_TILE_M = 4.0
WALL_TILE_M = (8.0, 4.0)
CLUTTER = ("bollard", "bin", "crate", "pole", "post", "hedge_ball", "person_board")


def ground() -> Model:
    """A square of 180 m with texture coordinates that repeat every 4 m, and specks that hold the height of the box."""
    half = GROUND_HALF_M
    steps = np.linspace(-half, half, 13)
    x, y = np.meshgrid(steps, steps, indexing="ij")
    vertices = np.stack([x, y, np.zeros_like(x)], -1).reshape(-1, 3)
    index = np.arange(169).reshape(13, 13)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    normals = np.tile([0.0, 0.0, 1.0], (len(vertices), 1))
    plane = Surface(vertices, faces, normals, vertices[:, :2] / GROUND_TILE_M)
    corner = np.array([[half, half, SCENE_TOP_M], [half - 0.01, half, SCENE_TOP_M], [half, half - 0.01, SCENE_TOP_M]])
    speck = Surface(corner, np.array([[0, 1, 2]]), np.tile([0.0, 0.0, 1.0], (3, 1)))
    return Model("ground", (plane.named("ground"), speck.named("speck")))


def wall(width_m: float, height_m: float, tile_m: tuple[float, float] = WALL_TILE_M) -> Model:
    """A wall in the plane x = 0 that faces -x, centred on y = 0, standing on the ground, with a cap.

    tile_m: width and height that one repeat of its texture covers; the texture's lower edge lies on the ground."""
    half = width_m / 2
    vertices = np.array([[0, half, 0], [0, -half, 0], [0, -half, height_m], [0, half, height_m]], dtype=np.float64)
    uvs = np.array([[0, 1], [width_m, 1], [width_m, 1], [0, 1]], dtype=np.float64) / [tile_m[0], 1]
    uvs[2:, 1] = 1 - height_m / tile_m[1]
    faces = np.array([[0, 2, 1], [0, 3, 2]])
    face = Surface(vertices, faces, np.tile([-1.0, 0.0, 0.0], (4, 1)), uvs)
    body = rounded_box((0.2, width_m, height_m), (0.105, 0, height_m / 2), 0.01, 1)
    return Model("wall", (face.named("face"), body.named("back")))


def clutter(kind: str, random: np.random.Generator) -> Model:
    """One thing of the street, standing at the origin."""
    pieces: list[Surface]
    if kind == "bollard":
        height = random.uniform(0.6, 1.1)
        pieces = [_column(random.uniform(0.05, 0.12), height)]
    elif kind == "bin":
        pieces = [
            rounded_box((0.55, 0.55, 1.0), (0, 0, 0.5), 0.06, 3),
            rounded_box((0.6, 0.6, 0.1), (0, 0, 1.03), 0.04, 3),
        ]
    elif kind == "crate":
        size = random.uniform(0.4, 1.8, 3)
        pieces = [rounded_box(size, (0, 0, size[2] / 2), 0.01, 1)]
    elif kind == "pole":
        height = random.uniform(2.5, 7.0)
        pieces = [_column(random.uniform(0.04, 0.13), height)]
        if random.random() < 0.6:
            board = rounded_box((0.03, random.uniform(0.4, 1.4), random.uniform(0.4, 1.0)), (0, 0, 0), 0.01, 1)
            pieces.append(
                transform(
                    board, translation((0, 0, min(height - 0.4, 2.3))) @ rotation((0, 0, 1), random.uniform(0, 360))
                )
            )
    elif kind == "post":
        pieces = [_column(0.04, 1.0, x) for x in (-1.2, 0.0, 1.2)]
        pieces += [tube(np.array([[-1.2, 0, z], [0, 0, z], [1.2, 0, z]]), 0.025, 8) for z in (0.5, 0.95)]
    elif kind == "hedge_ball":
        size = random.uniform(0.6, 1.6, 3)
        pieces = [rounded_box(size, (0, 0, size[2] / 2), 0.45 * float(size.min()), 5)]
    else:
        pieces = [
            rounded_box((0.25, 0.48, 0.75), (0, 0, 1.1), 0.11, 4),
            rounded_box((0.22, 0.36, 0.85), (0, 0, 0.43), 0.08, 3),
        ]
        pieces.append(rounded_box((0.2, 0.17, 0.25), (0, 0, 1.63), 0.08, 4))
    return Model(kind, (merge(pieces).named("thing"),))


def _column(radius: float, height: float, x: float = 0.0) -> Surface:
    return tube(np.array([[x, 0, 0.0], [x, 0, height / 2], [x, 0, height]]), radius, 14)


def placed(x: float, y: float, yaw_deg: float) -> NDArray[np.float64]:
    """(4, 4) pose of something standing on the ground at (x, y), turned about the vertical."""
    return translation((x, y, 0.0)) @ rotation((0, 0, 1), yaw_deg)
