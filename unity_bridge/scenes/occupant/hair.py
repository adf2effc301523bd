"""Hair as locks: ribbons that grow from the scalp, are combed, fall, and lie on head, shoulders and clothes.

Each lock is a line marched from its root: it keeps its direction as far as it is stiff, is drawn down by its weight and
along by the comb, and is pushed out of what lies under it. A ribbon with an arched section is laid along each line.
Under the locks lies a thin cap, so that no scalp shows between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from unity_bridge.scenes.mesh import Surface, merge, unit
from unity_bridge.scenes.occupant import regions
from unity_bridge.scenes.occupant.body import Bodies, RestBody

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

STEPS = 16
TEXTURE_WIDTH_M = 0.09
"""Of hair that one repeat of the strand texture covers."""
_NEIGHBOURS = 3
_OVER_CLOTHES_M = 0.011
_OVER_SEAT_M, _DEEPEST_IN_SEAT_M, _NEAR_SEAT_M = 0.005, 0.07, 0.06


@dataclass(frozen=True)
class HairStyle:
    """How locks grow.

    region: of `regions.hair_region`. comb: `whorl` (away from a point at the back of the crown), `part` (down from a
    parting), `back`. length_m: shortest and longest locks. lift: how steeply locks leave the scalp. weight: how soon
    they fall. hold: share by which they keep to their layer at each step. layer_m: lowest and highest locks above the
    scalp. ends_below_eyes_m: a blunt cut, at the least and greatest length; none leaves the length as it is. tied:
    gathered at the back of the head. steps: of each line.
    """

    region: str
    comb: str
    locks: int
    width_m: float
    length_m: tuple[float, float]
    lift: float
    weight: float
    hold: float
    layer_m: tuple[float, float]
    ends_below_eyes_m: tuple[float, float] | None = None
    tied: bool = False
    steps: int = STEPS


HAIR_LOCKS: dict[str, HairStyle] = {
    "cropped": HairStyle("short", "whorl", 420, 0.007, (0.010, 0.018), 0.20, 0.0, 0.6, (0.002, 0.005), steps=8),
    "tousled": HairStyle("short", "whorl", 420, 0.009, (0.026, 0.046), 0.55, 0.05, 0.4, (0.004, 0.014), steps=8),
    "side_part": HairStyle("short", "part", 380, 0.011, (0.045, 0.075), 0.30, 0.06, 0.6, (0.003, 0.014), steps=8),
    "bob": HairStyle("medium", "part", 400, 0.013, (0.34, 0.34), 0.20, 0.30, 0.6, (0.003, 0.020), (0.075, 0.125)),
    "shoulder_length": HairStyle(
        "medium", "part", 400, 0.013, (0.44, 0.44), 0.20, 0.32, 0.6, (0.003, 0.020), (0.15, 0.23)
    ),
    "long": HairStyle("medium", "part", 400, 0.013, (0.52, 0.68), 0.20, 0.32, 0.6, (0.003, 0.022)),
    "tied_back": HairStyle("short", "back", 340, 0.011, (0.30, 0.30), 0.05, 0.0, 0.7, (0.002, 0.006), None, True),
}
"""By the style's name; the other styles are smooth caps."""


@dataclass(frozen=True, eq=False)
class Head:
    """Where the head is in the pose.

    rotation: (3, 3) from rest to pose. eyes, neck: (3,) middles in the pose. radius_m: half the head's width.
    """

    rotation: Float64
    eyes: Float64
    neck: Float64
    radius_m: float


def head_of(bodies: Bodies, rest: RestBody, posed: Float64) -> Head:
    """The head's rigid motion from its vertices (Kabsch, Acta Crystallographica A32, 1976)."""
    stiff = bodies.weight_of("head") > 0.97
    before = rest.vertices[stiff].astype(np.float64)
    after = posed[stiff]
    left, _, right = np.linalg.svd((after - after.mean(0)).T @ (before - before.mean(0)))
    sign = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(left @ right)))])
    eyes = np.unique(regions.topology_of(bodies).eye_faces)
    rotation = left @ sign @ right
    neck = after.mean(0) + rotation @ (rest.joints[bodies.bone("neck02")] - before.mean(0))
    return Head(rotation, posed[eyes].mean(0), neck, float(np.ptp(before[:, 1])) / 2)


class Underneath:
    """What hair lies on: points with normals."""

    def __init__(self, points: Float64, normals: Float64) -> None:
        self._tree = cKDTree(points)
        self._points, self._normals = points, normals

    def with_more(self, points: NDArray[np.floating], normals: NDArray[np.floating]) -> Underneath:
        """The same with what lies over it."""
        return Underneath(np.concatenate([self._points, points]), np.concatenate([self._normals, normals]))

    def height(self, places: Float64) -> tuple[Float64, Float64]:
        """Height (N,) of places above the surface, and its normal there (N, 3)."""
        distance, index = self._tree.query(places, k=_NEIGHBOURS)
        weight = 1 / (distance + 0.002)
        weight /= weight.sum(axis=1, keepdims=True)
        normal = unit(np.einsum("nk,nkj->nj", weight, self._normals[index]))
        base = np.einsum("nk,nkj->nj", weight, self._points[index])
        return np.einsum("nj,nj->n", places - base, normal), normal


@dataclass(frozen=True, eq=False)
class _Roots:
    """places, normals: (N, 3) on the scalp in the pose; own: (N, 3) in the head's frame from between the eyes, in units
    of half the head's width; rank: (N,) 0 at the lowest root, 1 at the highest."""

    places: Float64
    normals: Float64
    own: Float64
    rank: Float64


def locks(
    style: HairStyle,
    head: Head,
    scalp: tuple[Float64, Float64],
    under: Underneath,
    detail_seed: int,
    length_share: float,
    front: str,
    behind: Underneath | None = None,
) -> Surface:
    """All locks of a head of hair.

    Args:
        style: How they grow.
        head: Where the head is.
        scalp: (N, 3) places of the scalp where hair grows, and normals.
        under: What the hair lies on.
        detail_seed: Of roots, parting and unevenness.
        length_share: 0 the style's shortest, 1 its longest.
        front: Where long hair falls over the shoulder to the front: `behind` (nowhere), `left`, `right`, `both`.
        behind: What the head leans against, a seat: hair stays before it even where a back is pressed into it.
    """
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([detail_seed, 5])))
    roots = _roots(style, head, scalp, random)
    own_length = style.length_m[0] + length_share * (style.length_m[1] - style.length_m[0])
    length = own_length * np.exp(random.normal(0, 0.10, len(roots.places)))
    fringe = _fringe(style, roots, random)
    length[fringe] = 0.075 * head.radius_m / 0.075 * random.uniform(0.8, 1.05)
    layer = style.layer_m[0] + (style.layer_m[1] - style.layer_m[0]) * np.clip(
        0.75 * roots.rank + 0.35 * random.random(len(roots.places)), 0, 1
    )
    fall = _fall_of(front, roots, random)
    paths, outward = _march(style, head, roots, under, length, layer, fall, fringe, random, behind)
    if style.ends_below_eyes_m is not None:
        low, high = style.ends_below_eyes_m
        cut = (low + length_share * (high - low)) * head.radius_m / 0.075
        paths, outward = _cut_at(paths, outward, head, cut * np.exp(random.normal(0, 0.05, len(paths))))
    surfaces = [_ribbons(paths, outward, style.width_m * head.radius_m / 0.075, random)]
    if style.tied:
        surfaces.append(_tail(head, under, length_share, front, random, behind))
    return merge(surfaces)


def _roots(style: HairStyle, head: Head, scalp: tuple[Float64, Float64], random: np.random.Generator) -> _Roots:
    places, normals = scalp
    chosen = np.sort(random.permutation(len(places))[: style.locks])
    places, normals = places[chosen], normals[chosen]
    own = (places - head.eyes) @ head.rotation / head.radius_m
    height = own[:, 2]
    return _Roots(places, normals, own, (height - height.min()) / max(float(np.ptp(height)), 1e-6))


def _fringe(style: HairStyle, roots: _Roots, random: np.random.Generator) -> NDArray[np.bool_]:
    """Locks that are cut short over the forehead: half of the heads of a style that falls have some."""
    has = style.ends_below_eyes_m is not None and random.random() < 0.5
    at_front = (roots.own[:, 0] > -0.75) & (np.abs(roots.own[:, 1]) < 0.62) & (roots.own[:, 2] > 0.7)
    return at_front & has


def _fall_of(front: str, roots: _Roots, random: np.random.Generator) -> Float64:
    """(N,) 1 where a lock falls to the front of the shoulder, -1 where it falls behind."""
    side = np.sign(roots.own[:, 1])
    chosen = {"behind": np.zeros(len(side), bool), "left": side > 0, "right": side < 0, "both": side != 0}[front]
    # The hindmost hair stays behind even there.
    chosen = chosen & (roots.own[:, 0] > -2.3 + random.normal(0, 0.2, len(side)))
    return np.where(chosen, 1.0, -1.0)


def _comb(style: HairStyle, roots: _Roots, fringe: NDArray[np.bool_], random: np.random.Generator) -> Float64:
    """(N, 3) direction in the head's frame in which a lock leaves its root along the scalp."""
    own = roots.own
    parting = random.choice([-1.0, 1.0]) * random.uniform(0.05, 0.45)
    side = np.where(own[:, 1] > parting, 1.0, -1.0)
    on_top = np.clip((own[:, 2] - 0.5) / 0.8, 0, 1)
    if style.comb == "whorl":
        away = own - np.array([-2.0, 0.25 * np.sign(parting), 1.25])
        result = away + np.stack([0 * side, 0.5 * side * on_top, -0.8 * (1 - on_top)], 1)
    elif style.comb == "back":
        result = np.stack([-np.ones(len(own)), 0.1 * side, 0.25 * (1 - on_top)], 1)
    else:
        forward = np.clip((own[:, 0] + 0.9) / 0.5, 0, 1)  # at the hairline, hair is brushed aside and not into the face
        result = np.stack([-0.35 - 0.5 * forward, side * (0.35 + 1.1 * on_top), -1.0 + 0.8 * on_top], 1)
        result[fringe] = np.stack([np.ones(len(own)), 0.25 * own[:, 1], -0.4 + 0 * side], 1)[fringe]
    return unit(result) + random.normal(0, 0.22 if style.lift > 0.5 else 0.10, own.shape)


def _march(
    style: HairStyle,
    head: Head,
    roots: _Roots,
    under: Underneath,
    length: Float64,
    layer: Float64,
    fall: Float64,
    fringe: NDArray[np.bool_],
    random: np.random.Generator,
    behind: Underneath | None,
) -> tuple[Float64, Float64]:
    """(N, style.steps + 1, 3) lines of the locks, and the directions away from what they lie on."""
    combed = _comb(style, roots, fringe, random) @ head.rotation.T
    tangent = unit(combed - roots.normals * np.einsum("nj,nj->n", combed, roots.normals)[:, None])
    direction = unit(tangent + style.lift * roots.normals)
    down = np.array([0.0, 0.0, -1.0])
    gather = _knot(head)
    wave = random.normal(0, 1, (len(layer), 3))
    step = (length / style.steps)[:, None]
    place = roots.places + roots.normals * 0.001
    line, outward = [place], [roots.normals]
    side = np.where(roots.own[:, 1] > 0, 1.0, -1.0)
    weight = np.where(fringe, max(style.weight, 0.2), style.weight)[:, None]
    for number in range(style.steps):
        pull = weight * down
        if style.tied:
            pull = 0.5 * unit(gather - place)
        elif style.weight > 0.2:
            pull = pull + _aside(head, place, side, fall, fringe)
        sway = 0.10 * wave * np.sin(number * 0.8 + 5 * wave[:, :1])
        direction = unit(_along_seat(behind, place, direction + pull + sway * min(1.0, 8 * style.weight + 0.3)))
        moved = place + direction * step
        height, normal = under.height(moved)
        level = ((moved - head.eyes) @ head.rotation)[:, 2] / head.radius_m
        # Locks rise to their layer over the first steps and stay above it, over clothes high enough for folds.
        wanted = np.maximum(layer * min(1.0, (number + 1) / 3), _OVER_CLOTHES_M * np.clip((-0.8 - level) / 0.6, 0, 1))
        missing = np.maximum(wanted - height, 0.0)[:, None]
        on_head = np.clip(1 + (level + 0.5) / 0.7, 0.08, 1)
        missing -= (style.hold * on_head * np.clip(height - wanted, 0.0, 0.01))[:, None]
        moved = _before(behind, moved + normal * missing)
        direction = unit(moved - place)
        if style.tied:
            near = np.linalg.norm(gather - place, axis=1, keepdims=True) < step * 1.2
            moved = np.where(near, place + (gather - place) * 0.3, moved)
        place = moved
        line.append(place)
        outward.append(normal)
    paths = np.stack(line, axis=1)
    for _ in range(2):
        paths[:, 1:-1] = 0.5 * paths[:, 1:-1] + 0.25 * (paths[:, :-2] + paths[:, 2:])
    return _before(behind, paths.reshape(-1, 3)).reshape(paths.shape), np.stack(outward, axis=1)


def _along_seat(behind: Underneath | None, places: Float64, direction: Float64) -> Float64:
    """Directions that near the seat no longer go into it, so that hair falls before it instead of sliding aside."""
    if behind is None:
        return direction
    height, normal = behind.height(places)
    near = np.clip(1 - height / _NEAR_SEAT_M, 0, 1) * (height > -_DEEPEST_IN_SEAT_M)
    into = np.minimum(np.einsum("nj,nj->n", direction, normal), 0.0)
    return direction - normal * (into * near)[:, None]


def _before(behind: Underneath | None, places: Float64) -> Float64:
    """Places brought out of what the head leans against."""
    if behind is None:
        return places
    height, normal = behind.height(places)
    inside = np.where(height > -_DEEPEST_IN_SEAT_M, np.maximum(_OVER_SEAT_M - height, 0.0), 0.0)
    return places + normal * inside[:, None]


def _aside(head: Head, place: Float64, side: Float64, fall: Float64, fringe: NDArray[np.bool_]) -> Float64:
    """(N, 3) pull that keeps hair out of the face, and below the chin takes it over the shoulder or behind it."""
    own = (place - head.eyes) @ head.rotation / head.radius_m
    in_face = np.clip((own[:, 0] + 0.95) / 0.5, 0, 1) * np.clip((1.3 - np.abs(own[:, 1])) / 0.5, 0, 1) * ~fringe
    pull = np.stack([-0.7 * in_face, 0.7 * in_face * side, 0 * side], 1) @ head.rotation.T
    below = np.clip((-own[:, 2] - 0.3) / 0.8, 0, 1)
    # Behind the neck it hangs.
    to_front = np.where(fall > 0, 0.14, -0.40 * np.clip(((place - head.eyes)[:, 0] / head.radius_m + 2.4) / 0.9, 0, 1))
    inward = np.where(fall > 0, -0.12, 0.0)
    forward = np.stack([to_front * below, inward * below * side, -0.25 * below], 1)
    return np.asarray(pull + forward)


def _cut_at(paths: Float64, outward: Float64, head: Head, below_eyes_m: Float64) -> tuple[Float64, Float64]:
    """Locks shortened to where they fall to a height below the eyes, and their outward directions."""
    depth = -((paths - head.eyes) @ head.rotation)[..., 2] - below_eyes_m[:, None]
    both = np.concatenate([paths, outward], axis=2)
    result = both.copy()
    last = paths.shape[1] - 1
    for number in np.flatnonzero((depth > 0).any(axis=1)):
        first = max(int(np.argmax(depth[number] > 0)), 1)
        before, after = depth[number, first - 1], depth[number, first]
        end = first - 1 + np.clip(-before / max(after - before, 1e-9), 0.05, 1.0)
        places = np.linspace(0, end, paths.shape[1])
        low = np.minimum(places.astype(np.int64), last - 1)
        share = (places - low)[:, None]
        result[number] = both[number, low] * (1 - share) + both[number, low + 1] * share
    return result[..., :3], result[..., 3:]


def _knot(head: Head) -> Float64:
    """Where hair is tied."""
    return head.eyes + head.rotation @ (np.array([-2.75, 0.0, 0.35]) * head.radius_m)


def _tail(
    head: Head, under: Underneath, share: float, front: str, random: np.random.Generator, behind: Underneath | None
) -> Surface:
    """A tail from the knot, over a shoulder where one is named."""
    count = 46
    knot = _knot(head)
    spread = random.normal(0, 0.010, (count, 3))
    side = {"left": 1.0, "right": -1.0}.get(front, 0.0)
    direction = unit(head.rotation @ np.array([-0.7, 1.2 * side, 0.1]) + spread * 25)
    step = (0.18 + 0.24 * share + 0.12 * abs(side)) / STEPS * np.exp(random.normal(0, 0.08, (count, 1)))
    place = knot + spread
    line, outward = [place], [np.broadcast_to(-head.rotation[:, 0], place.shape)]
    layer = 0.006 + 0.018 * random.random(count)
    over_shoulder = head.neck + np.array([1.1, 1.35 * side, -1.0]) * head.radius_m + spread
    for number in range(STEPS):
        # Round the neck to the front first, where it is worn so; then it hangs.
        pull = np.array([0.0, 0.0, -0.45])
        if side and number < STEPS * 0.6:
            pull = 0.8 * unit(over_shoulder - place) - np.array([0.0, 0.0, 0.12])
        direction = unit(direction + pull)
        moved = place + direction * step
        height, normal = under.height(moved)
        moved = _before(behind, moved + normal * np.maximum(layer - height, 0.0)[:, None])
        direction = unit(moved - place)
        place = moved
        line.append(place)
        outward.append(normal)
    return _ribbons(np.stack(line, axis=1), np.stack(outward, axis=1), 0.013, random)


def _ribbons(paths: Float64, outward: Float64, width_m: float, random: np.random.Generator) -> Surface:
    """Arched ribbons along lines; texture coordinates: u across in repeats of the strand texture, v along."""
    count, points, _ = paths.shape
    tangent = unit(np.gradient(paths, axis=1))
    normal = outward.copy()
    for _ in range(2):
        normal[:, 1:-1] = 0.5 * normal[:, 1:-1] + 0.25 * (normal[:, :-2] + normal[:, 2:])
    # Locks are rolled a little about their own line, each its own way.
    across = unit(np.cross(tangent, normal))
    normal = unit(np.cross(across, tangent))
    roll = random.normal(0, 0.25, (count, 1, 1))
    across, normal = across * np.cos(roll) + normal * np.sin(roll), normal * np.cos(roll) - across * np.sin(roll)
    t = np.linspace(0, 1, points)[None, :]
    width = width_m * np.exp(random.normal(0, 0.25, (count, 1)))
    half = width / 2 * (0.7 + 0.4 * np.sin(np.pi * t**0.8)) * (1 - 0.85 * t**4)
    columns = np.array([-1.0, 0.0, 1.0])
    sink = np.array([0.4, 0.0, 0.4])
    places = (
        paths[:, :, None]
        + across[:, :, None] * (half[..., None, None] * columns[:, None])
        - normal[:, :, None] * (half[..., None, None] * sink[:, None])
    )
    tilt = np.array([-0.7, 0.0, 0.7])[:, None]
    normals = unit(normal[:, :, None] + across[:, :, None] * tilt)
    start = random.random((count, 1, 1))
    u = start + (columns * 0.5) * (width[..., None] / TEXTURE_WIDTH_M) + 0 * t[..., None]
    v = np.broadcast_to(t[..., None] * 0.9 + 0.1 * random.random((count, 1, 1)), u.shape)
    return Surface(
        places.reshape(-1, 3), _ribbon_faces(count, points, len(columns)), normals.reshape(-1, 3),
        np.stack([u, v], -1).reshape(-1, 2),
    )  # fmt: skip


def _ribbon_faces(count: int, points: int, columns: int) -> Int64:
    """Triangles of `count` grids of points x columns, counterclockwise seen from where the normals point."""
    index = np.arange(count * points * columns).reshape(count, points, columns)
    a, b = index[:, :-1, :-1], index[:, 1:, :-1]
    c, d = index[:, 1:, 1:], index[:, :-1, 1:]
    return np.concatenate([np.stack([a, d, b], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])


def cap_coordinates(places: Float64, head: Head) -> Float64:
    """(N, 2) texture coordinates of the cap: strands run away from the whorl."""
    own = (places - head.eyes) @ head.rotation / head.radius_m - np.array([-1.9, 0.2, 0.0])
    around = np.arctan2(own[:, 1], own[:, 0]) / (2 * np.pi)
    # Folded in halves, so that the angle has no jump.
    return np.stack([np.abs(around) * 14.0, np.linalg.norm(own, axis=1) * 0.4], axis=1)
