"""Clothes and hair as shells around the posed body, cut along smooth borders, with hems, wrinkles and seams of depth.

A shell starts as the body's surface moved outward, is relaxed until it bridges folds as cloth does, and is held a least
distance outside the body everywhere, so that skin never shows through. Under clothes there is no skin at all but for a
margin inside each hem.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from contracts.errors import ConfigurationError
from unity_bridge.scenes.cutting import Patch, split
from unity_bridge.scenes.mesh import Model, Part, Surface, merge, smooth_normals
from unity_bridge.scenes.occupant import regions
from unity_bridge.scenes.occupant.body import Bodies, RestBody
from unity_bridge.scenes.occupant.hair import HAIR_LOCKS, Underneath, cap_coordinates, head_of, locks

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

SKIN_UNDER_HEM_M = 0.02
LEAST_OFFSET_M = 0.0035
TRUNK_LIMB_SHARE = 0.45
"""Share of a limb's bones up to which a vertex counts as trunk."""
ARM_LIMB_SHARE = 0.4
"""Share of an arm's bones from which a vertex counts as arm: trunk and arms overlap a little."""
COLLARS = ("crew", "wide", "v_neck", "turtleneck")
CAPS = ("short", "medium", "receding")
"""Hair styles that are a smooth cap."""
HAIR_STYLES = (*CAPS, "bald", *HAIR_LOCKS)
HAIR_FRONTS = ("behind", "left", "right", "both")
_CAP_UNDER_LOCKS_M = 0.006


@dataclass(frozen=True)
class Outfit:
    """What is worn.

    sleeve_length: 0 at the shoulder, 1 elbow, 2 wrist. trouser_length: 0 hip, 1 knee, 2 ankle. collar: of `COLLARS`.
    looseness_m: how far the shirt stands off the body. wrinkle_m: height of wrinkles. hair: of `HAIR_STYLES`.
    hair_volume_m: thickness of the hair, where it is a cap. hair_length_share: 0 the style's shortest, 1 its longest.
    hair_front: of `HAIR_FRONTS`, where long hair falls over the shoulder to the front. detail_seed: of wrinkles and
    strands.
    """

    sleeve_length: float = 1.9
    trouser_length: float = 1.93
    collar: str = "crew"
    looseness_m: float = 0.011
    wrinkle_m: float = 0.0035
    hair: str = "short"
    hair_volume_m: float = 0.014
    hair_length_share: float = 0.5
    hair_front: str = "behind"
    detail_seed: int = 0

    def __post_init__(self) -> None:
        for name, valid in (("collar", COLLARS), ("hair", HAIR_STYLES), ("hair_front", HAIR_FRONTS)):
            if getattr(self, name) not in valid:
                raise ConfigurationError(f"outfit {name} is '{getattr(self, name)}'", hint=f"valid: {', '.join(valid)}")
        for name, low, high in (
            ("sleeve_length", 0.3, 1.95), ("trouser_length", 0.7, 1.97), ("looseness_m", 0.004, 0.03),
            ("wrinkle_m", 0.0, 0.01), ("hair_volume_m", 0.006, 0.03), ("hair_length_share", 0.0, 1.0),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ConfigurationError(
                    f"outfit {name} is {getattr(self, name)}", hint=f"give a number from {low} to {high}"
                )


def outfit_of(clothing: Mapping[str, Any]) -> Outfit:
    """The outfit that values of a `Clothing` randomizer name; what they leave out is as by default."""
    return Outfit(
        **{field.name: type(field.default)(clothing[field.name]) for field in fields(Outfit) if field.name in clothing}
    )


@dataclass(frozen=True, eq=False)
class Subdivision:
    """Edge midpoints of a face set. matrix: (n, V) sparse, from body vertices to all points; faces: (4F, 3);
    neighbours: (n, n) sparse, rows average the neighbouring points."""

    matrix: sparse.csr_array
    faces: Int64
    neighbours: sparse.csr_array


def _averaging(faces: Int64, count: int) -> sparse.csr_array:
    """(n, n) rows that average the vertices joined to each by an edge; border vertices average along the border."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    border = regions.boundary_edges(faces)
    on_border = np.zeros(count, dtype=bool)
    on_border[border] = True
    inner = edges[~on_border[edges[:, 0]]]
    inner_back = edges[~on_border[edges[:, 1]]][:, ::-1]
    pairs = np.concatenate([inner, inner_back, border, border[:, ::-1]])
    matrix = sparse.csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    matrix.data[:] = 1.0
    degree = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1.0)
    return sparse.csr_array(sparse.diags_array(1.0 / degree) @ matrix)


def subdivide(faces: Int64, vertex_count: int, levels: int) -> Subdivision:
    """Splits each face into four, `levels` times, and forgets the vertices that the faces do not use."""
    used, inverse = np.unique(faces, return_inverse=True)
    faces = inverse.reshape(-1, 3)
    matrix = sparse.csr_array((np.ones(len(used)), (np.arange(len(used)), used)), shape=(len(used), vertex_count))
    for _ in range(levels):
        count = matrix.shape[0]
        edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
        unique, edge = np.unique(edges, axis=0, return_inverse=True)
        ab, bc, ca = (edge.ravel() + count).reshape(3, -1)
        rows = np.repeat(np.arange(len(unique)), 2)
        halves = sparse.csr_array((np.full(len(rows), 0.5), (rows, unique.ravel())), shape=(len(unique), count))
        matrix = sparse.csr_array(sparse.vstack([matrix, halves @ matrix]))
        a, b, c = faces.T
        faces = np.concatenate([np.stack(f, -1) for f in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    return Subdivision(matrix, faces, _averaging(faces, matrix.shape[0]))


@lru_cache(maxsize=8)
def _subdivision(bodies: Bodies, what: str, levels: int) -> Subdivision:
    faces: Int64 = getattr(regions.topology_of(bodies), what)
    return subdivide(faces, len(bodies.mean), levels)


@dataclass(frozen=True, eq=False)
class Shell:
    """A relaxed surface around the body before it is cut. points, inner, normals: (n, 3); faces: (F, 3)."""

    points: Float64
    inner: Float64
    normals: Float64
    faces: Int64
    subdivision: Subdivision

    def cut(self, region: Float64) -> Patch:
        """The part where a function over the body's vertices is positive, with its inner side in columns 6 to 8."""
        patch = Patch(np.hstack([self.points, self.normals, self.inner]), self.faces)
        return split(patch, self.subdivision.matrix @ region)[0]


def relax_shell(
    subdivision: Subdivision, posed: Float64, normals: Float64, offset_m: Float64 | float, rounds: int, least_m: float
) -> Shell:
    """Moves the surface outward by `offset_m` and smooths it, but keeps it `least_m` off the body along its normals."""
    inner = subdivision.matrix @ posed
    outward = subdivision.matrix @ normals
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    points = inner + outward * (np.zeros(len(inner)) + offset_m)[:, None]
    for _ in range(rounds):
        points = 0.5 * points + 0.5 * (subdivision.neighbours @ points)
        missing = least_m - np.einsum("ij,ij->i", points - inner, outward)
        points += outward * np.maximum(missing, 0.0)[:, None]
    return Shell(
        points, inner + outward * 0.0004, smooth_normals(points, subdivision.faces), subdivision.faces, subdivision
    )


def wrinkles(points: Float64, detail_seed: int, stream: int) -> Float64:
    """(n,) heights in -1..1 of folds over rest positions: few waves, bent by slower ones, sharper at their crests."""
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([detail_seed, stream])))
    bend = sum(
        np.sin(points @ rng.normal(0, 7, 3) + rng.uniform(0, 2 * np.pi))[:, None] * rng.normal(0, 0.035, 3)
        for _ in range(4)
    )
    total = np.zeros(len(points))
    for _ in range(7):
        direction = rng.normal(0, 1, 3) * [1.0, 0.7, 1.3]
        direction *= rng.uniform(45, 120) / np.linalg.norm(direction)
        total += (1 - 2 * np.abs(np.sin((points + bend) @ direction / 2 + rng.uniform(0, np.pi)))) * rng.uniform(0.3, 1)
    return np.clip(total / 2.6, -1, 1)


def _hemmed(patch: Patch) -> Surface:
    """The outer side and a strip from its border inward to the body, so that cloth shows its thickness."""
    outer = Surface(patch.positions, patch.faces, patch.normals)
    border = regions.boundary_edges(patch.faces)
    if len(border) == 0:
        return outer
    used, index = np.unique(border, return_inverse=True)
    index = index.reshape(-1, 2)
    out, inn = patch.positions[used], patch.attributes[used, 6:9]
    rim = np.concatenate([out, inn])
    a, b = index[:, 0], index[:, 1]
    count = len(used)
    faces = np.concatenate([np.stack([b, a, a + count], -1), np.stack([b, a + count, b + count], -1)])
    return merge([outer, Surface(rim, faces, smooth_normals(rim, faces))])


@dataclass(frozen=True, eq=False)
class DressedBody:
    """A body with clothes.

    model: its parts. trunk: what a belt lies on, clothes and skin of all but arms and head. arms: the same of the left
    and of the right arm, each from the shoulder to the fingertips and overlapping the trunk there. over_belt: parts
    that lie over a belt where they meet one.
    """

    model: Model
    trunk: Surface
    arms: tuple[Surface, Surface]
    over_belt: tuple[str, ...] = ()


def dress(bodies: Bodies, rest: RestBody, posed: NDArray[np.float32], outfit: Outfit) -> DressedBody:
    """A posed body with clothes and hair.

    Args:
        bodies: The body model.
        rest: The body in its rest pose, where borders are defined.
        posed: (V, 3) its vertices in the pose.
        outfit: What it wears.

    Returns:
        A model named `occupant` with the parts skin, lips, brows, eyes, irises, shirt, pants, shoes and, unless bald,
        hair; and the surface that a belt lies on.
    """
    points = posed.astype(np.float64)
    normals = smooth_normals(points, bodies.faces)
    scale = rest.stature_m / 1.7
    rest_points = rest.vertices.astype(np.float64)
    topology = regions.topology_of(bodies)

    sleeve = regions.sleeve_region(bodies, rest, outfit.sleeve_length)
    shirt_region = np.minimum(sleeve, regions.collar_region(bodies, rest, outfit.collar))
    shirt_region = np.minimum(shirt_region, regions.hem_region(bodies, rest, 0.025 * scale))
    pants_region = regions.trouser_region(bodies, rest, outfit.trouser_length, 0.075 * scale)
    shoe_region = regions.shoe_region(bodies, rest)

    garment = _subdivision(bodies, "garment_faces", 1)
    rest_fine = garment.matrix @ rest_points
    folds = wrinkles(rest_fine, outfit.detail_seed, 1)
    inside = garment.matrix @ shirt_region
    # Cloth lies close at its borders and stands off inside; folds die away towards the borders.
    ease = np.clip(inside / 0.05, 0.0, 1.0)
    offset = 0.006 + (outfit.looseness_m - 0.004) * (0.35 + 0.65 * ease)
    shell = relax_shell(garment, points, normals, offset, 14, LEAST_OFFSET_M + 0.004)
    shirt_shell = _add_folds(shell, folds * outfit.wrinkle_m * (0.25 + 0.75 * ease))
    shirt = shirt_shell.cut(shirt_region)
    folds = wrinkles(rest_fine, outfit.detail_seed, 2)
    shell = relax_shell(garment, points, normals, 0.006, 10, LEAST_OFFSET_M)
    pants_shell = _add_folds(shell, np.maximum(folds, -0.4) * outfit.wrinkle_m * 0.8)
    pants = pants_shell.cut(pants_region)

    foot = _subdivision(bodies, "foot_faces", 0)
    shoes = relax_shell(foot, points, normals, 0.010, 20, 0.006).cut(shoe_region)

    covered = np.maximum(np.maximum(shirt_region, pants_region), shoe_region)
    parts = _skin_parts(bodies, rest, points, normals, topology, covered)
    parts += [_hemmed(shirt).named("shirt"), _hemmed(pants).named("pants"), _hemmed(shoes).named("shoes")]
    if outfit.hair != "bald":
        worn = np.flatnonzero(covered < 0)
        beneath = Underneath(
            np.concatenate([points[worn], shirt.positions]), np.concatenate([normals[worn], shirt.normals])
        )
        parts.append(_hair(bodies, rest, points, normals, outfit, beneath))
    off_trunk = TRUNK_LIMB_SHARE - np.maximum(topology.arm, bodies.weight_of("head", "neck03", "foot"))
    on_arm = topology.arm - ARM_LIMB_SHARE

    def resting_place(region: Float64) -> Surface:
        """Clothes, and skin where there are none, where a function over the body's vertices is positive."""
        bare = split(Patch(np.hstack([points, normals]), topology.skin_faces), np.minimum(0.005 - covered, region))[0]
        cut = (
            shirt_shell.cut(np.minimum(shirt_region, region)), pants_shell.cut(np.minimum(pants_region, region)), bare
        )  # fmt: skip
        return merge([_used(Surface(p.positions, p.faces, p.normals)) for p in cut if not p.empty])

    return DressedBody(
        Model("occupant", tuple(parts)),
        resting_place(off_trunk),
        (
            resting_place(np.minimum(on_arm, rest_points[:, 1])),
            resting_place(np.minimum(on_arm, -rest_points[:, 1])),
        ),
        over_belt=("hair",) if outfit.hair in HAIR_LOCKS else (),
    )


def _used(surface: Surface) -> Surface:
    """The surface without the vertices that no face uses."""
    used, inverse = np.unique(surface.faces, return_inverse=True)
    return Surface(surface.vertices[used], inverse.reshape(-1, 3), surface.normals[used])


def _add_folds(shell: Shell, height_m: Float64) -> Shell:
    points = shell.points + shell.normals * height_m[:, None]
    return Shell(points, shell.inner, smooth_normals(points, shell.faces), shell.faces, shell.subdivision)


def _skin_parts(
    bodies: Bodies, rest: RestBody, points: Float64, normals: Float64, topology: regions.Topology, covered: Float64
) -> list[Part]:
    columns = [points, normals, (SKIN_UNDER_HEM_M - covered)[:, None]]
    columns += [f(bodies, rest)[:, None] for f in (regions.brow_region, regions.lip_region, regions.iris_region)]
    attributes = np.hstack(columns)
    skin, _ = split(Patch(attributes, topology.skin_faces), attributes[:, 6])
    brows, skin = split(skin, skin.attributes[:, 7])
    lips, skin = split(skin, skin.attributes[:, 8])
    irises, whites = split(Patch(attributes, topology.eye_faces), attributes[:, 9])
    named = {"skin": skin, "brows": brows, "lips": lips, "eyes": whites, "irises": irises}
    return [Surface(p.positions, p.faces, p.normals).named(name) for name, p in named.items() if not p.empty]


def _hair(
    bodies: Bodies, rest: RestBody, points: Float64, normals: Float64, outfit: Outfit, beneath: Underneath
) -> Part:
    style = HAIR_LOCKS.get(outfit.hair)
    scalp = _subdivision(bodies, "scalp_faces", 1)
    region = regions.hair_region(bodies, rest, outfit.hair if style is None else style.region)
    inside = scalp.matrix @ region
    rest_fine = scalp.matrix @ rest.vertices.astype(np.float64)
    head = rest.joints[bodies.bone("head")]
    rounded = np.sqrt(np.clip(inside / 0.035, 0.0, 1.0))  # hair starts thin and swells
    thickness = outfit.hair_volume_m if style is None else _CAP_UNDER_LOCKS_M
    volume = 0.004 + (thickness - 0.004) * rounded
    shell = relax_shell(scalp, points, normals, volume, 22, 0.003)
    # Strands run from the crown outward: fine ridges over the angle about a line through the head.
    around = np.arctan2(rest_fine[:, 1], rest_fine[:, 0] - head[0] + 0.02)
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([outfit.detail_seed, 3])))
    strands = sum(np.sin(around * k + rng.uniform(0, 6.28) + 25 * rest_fine[:, 2]) for k in (9, 17, 26, 38)) / 4
    strands = strands + wrinkles(rest_fine, outfit.detail_seed, 4) * 0.6
    if style is None:
        return _hemmed(_add_folds(shell, strands * 0.0022 * rounded).cut(region)).named("hair")
    cap = _hemmed(_add_folds(shell, strands * 0.001 * rounded).cut(region))
    where = head_of(bodies, rest, points)
    cap = replace(cap, uvs=cap_coordinates(cap.vertices.astype(np.float64), where))
    grows = np.flatnonzero(inside > 0.001)
    grown = locks(
        style, where, (shell.points[grows], shell.normals[grows]), beneath, outfit.detail_seed,
        outfit.hair_length_share, outfit.hair_front,
    )  # fmt: skip
    return merge([cap, grown]).named("hair")
