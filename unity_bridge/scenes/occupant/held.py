"""What hands hold: a telephone that lies in a hand, a bag between hands, thighs and belly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.belt.surface import DrapeSurface
from unity_bridge.scenes.mesh import Part, Surface, merge, smooth_normals, transform, unit
from unity_bridge.scenes.occupant.body import Bodies
from unity_bridge.scenes.primitives import ellipsoid, rounded_box, tube

Float64 = NDArray[np.float64]

PHONE_SIZE_M = (0.0085, 0.073, 0.150)
"""Thickness, width, length."""
_SCREEN_M = 0.0009
_FLESH_M = 0.002
"""That the palm gives way under a telephone."""
_PHONE_BEYOND_KNUCKLE_M = 0.015
_STEEPEST = 0.35
"""Slope of a telephone against the palm."""
_BAG_DEPTH_M = (0.10, 0.15)
_BAG_WIDTH_M = (0.26, 0.36)
_PRESSED_M = 0.014
"""That hands and thighs press into a bag before it gives way."""
_OFF_CLOTHES_M = 0.003
"""Between a bag and what it gives way to: room for a belt."""
_ROUNDS = 6


@dataclass(frozen=True, eq=False)
class Hand:
    """A hand in the pose.

    knuckle: (3,) joint where the middle finger begins. along: (3,) unit, from the wrist to there; thumbward: (3,) unit,
    across the palm; inward: (3,) unit, out of the palm. skin: (N, 3) all of it but the thumb.
    """

    knuckle: Float64
    along: Float64
    thumbward: Float64
    inward: Float64
    skin: Float64


def hand_of(bodies: Bodies, joints: Float64, posed: Float64, side: str) -> Hand:
    """The left (`L`) or right (`R`) hand of a posed body.

    Args:
        bodies: The body model.
        joints: (B, 3) posed bone heads.
        posed: (V, 3) the posed body.
        side: `L` or `R`.
    """
    wrist, knuckle, index, little = (
        joints[bodies.bone(f"{name}.{side}")] for name in ("wrist", "finger3-1", "finger2-1", "finger5-1")
    )
    along = unit((knuckle - wrist)[None])[0]
    across = index - little
    thumbward = unit((across - along * (across @ along))[None])[0]
    inward = np.cross(along, thumbward) if side == "L" else np.cross(thumbward, along)
    names = [
        name
        for name in bodies.bone_names
        if name.startswith(("wrist", "metacarpal", "finger")) and name.endswith(side) and name[:7] != "finger1"
    ]
    return Hand(knuckle, along, thumbward, inward, posed[bodies.weight_of(*names) > 0.6].astype(np.float64))


def held_parts(
    held: str, hands: tuple[Hand, Hand], trunk: Surface, arms: tuple[Surface, Surface], seed: int
) -> list[Part]:
    """Parts `phone` and `phone_screen`, or `bag`; none where the hands hold nothing.

    Args:
        held: Of `pose.HELD`.
        hands: Left and right.
        trunk: Clothes and skin of trunk and thighs, on which a bag stands.
        arms: Clothes and skin of both arms, which lie on a bag.
        seed: Of the bag's form.
    """
    if held in ("phone_left", "phone_right"):
        return _phone(hands[held == "phone_right"])
    return [_bag(hands, trunk, arms, seed)] if held == "bag" else []


def _phone(hand: Hand) -> list[Part]:
    """Flat on palm and fingers, its screen away from them and its upper end at the fingertips."""
    thick, wide, tall = PHONE_SIZE_M
    height, across, ahead = ((hand.skin - hand.knuckle) @ axis for axis in (hand.inward, hand.thumbward, hand.along))
    ahead = ahead - _PHONE_BEYOND_KNUCKLE_M
    under = (np.abs(across) < wide / 2) & (np.abs(ahead) < tall / 2)
    # Of all planes with the whole hand below, the one that is nearest to it on average.
    slopes = np.linspace(-_STEEPEST, _STEEPEST, 29)
    levels = (height[under] - slopes[:, None] * ahead[under]).max(axis=1)
    best = int((levels + slopes * ahead[under].mean()).argmin())
    screen = unit((hand.inward - slopes[best] * hand.along)[None])[0]
    upper = unit((hand.along + slopes[best] * hand.inward)[None])[0]
    pose = np.eye(4)
    pose[:3, :3] = np.stack([screen, np.cross(upper, screen), upper], axis=1)
    middle = hand.knuckle + _PHONE_BEYOND_KNUCKLE_M * hand.along + levels[best] * hand.inward
    pose[:3, 3] = middle + (thick / 2 - _FLESH_M) * screen
    case = rounded_box(PHONE_SIZE_M, (0.0, 0.0, 0.0), 0.0035)
    glass = rounded_box((_SCREEN_M, wide - 0.005, tall - 0.008), (thick / 2, 0.0, 0.0), 0.0004)
    return [transform(case, pose).named("phone"), transform(glass, pose).named("phone_screen")]


def _bag(hands: tuple[Hand, Hand], trunk: Surface, arms: tuple[Surface, Surface], seed: int) -> Part:
    """A soft bag with two handles: it fills the room between hands and thighs and gives way to whatever is there."""
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 13])))
    width, depth = float(random.uniform(*_BAG_WIDTH_M)), float(random.uniform(*_BAG_DEPTH_M))
    palms = np.concatenate([hand.skin for hand in hands])
    middle = np.array([np.median(palms[:, 0]), np.median(palms[:, 1]), 0.0])
    lap = np.asarray(trunk.vertices, dtype=np.float64)
    aside = np.abs(lap[:, 1] - middle[1]) < 0.4 * width
    # Ahead of the belly, as far as the hands still reach over it.
    level = palms[:, 2].min()
    belly = lap[aside & (np.abs(lap[:, 2] - level + 0.03) < 0.03), 0]
    middle[0] = np.clip(middle[0], belly.max(initial=-1.0) + depth / 2 - _PRESSED_M, middle[0] + depth / 2)
    thighs = lap[aside & (np.abs(lap[:, 0] - middle[0]) < 0.3 * depth) & (lap[:, 2] < level), 2]
    low = float(np.quantile(thighs, 0.9)) - _PRESSED_M if len(thighs) else level - 0.18
    high = float(level) + _PRESSED_M
    middle[2], height = (low + high) / 2, max(high - low, 0.08)

    shape = ellipsoid((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 36, 64)
    points = np.asarray(shape.vertices, dtype=np.float64)
    # A superquadric that is fuller below, as what is in a bag lies there.
    points = points / ((np.abs(points) ** 4.5).sum(axis=1) ** (1 / 4.5))[:, None]
    sag = 1.0 - 0.22 * np.clip((points[:, 2] + 1) / 2, 0, 1) ** 2
    folds = (
        0.05 * np.sin(3.1 * points[:, 1] * random.uniform(0.8, 1.4) + random.uniform(0, 6)) * (1 - points[:, 2] ** 2)
    )
    points = points * np.array([depth / 2, width / 2, height / 2])
    points[:, 0] *= sag + folds
    points[:, 1] *= 0.94 + 0.06 * sag
    points += middle
    for obstacle in (DrapeSurface(trunk), *(DrapeSurface(arm, thick=False) for arm in arms)):
        points = _given_way(points, obstacle)
    surfaces = [Surface(points, shape.faces, smooth_normals(points, shape.faces))]
    arc = np.linspace(0, np.pi, 17)
    for size in (1.0, 0.8):
        # The handles have fallen over to the front.
        loop = np.stack(
            [depth * (0.30 + 0.24 * size * np.sin(arc)), 0.24 * size * width * np.cos(arc),
             height * 0.46 - 0.07 * size * np.sin(arc)], axis=1,
        )  # fmt: skip
        surfaces.append(tube(loop + middle, 0.006))
    return merge(surfaces).named("bag")


def _given_way(points: Float64, obstacle: DrapeSurface) -> Float64:
    """Points moved out of an obstacle."""
    for _ in range(_ROUNDS):
        height, normal = obstacle.clearance(points)
        missing = np.maximum(_OFF_CLOTHES_M - height, 0.0)
        if missing.max() < 0.0005:
            break
        points = points + normal * missing[:, None]
    return points
