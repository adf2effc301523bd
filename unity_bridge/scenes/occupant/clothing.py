"""Clothes and hair as shells around the posed body, cut along smooth borders, with hems, wrinkles and seams of depth.

A shell starts as the body's surface moved outward, is relaxed until it bridges folds as cloth does, and is held a least
distance outside the body everywhere, so that skin never shows through. Under clothes there is no skin at all but for a
margin inside each hem.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.cutting import Patch, split
from unity_bridge.scenes.mesh import Model, Part, Surface, merge, smooth_normals
from unity_bridge.scenes.occupant import accessories, regions
from unity_bridge.scenes.occupant.body import Bodies, RestBody
from unity_bridge.scenes.occupant.hair import HAIR_LOCKS, Underneath, cap_coordinates, head_of, locks
from unity_bridge.scenes.occupant.outfit import Outfit
from unity_bridge.scenes.occupant.shells import Shell, add_folds, body_subdivision, hemmed, relax_shell, wrinkles
from unity_bridge.scenes.occupant.upper import LEAST_OFFSET_M, collar_of, upper_garment

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

SKIN_UNDER_HEM_M = 0.02
TRUNK_LIMB_SHARE = 0.45
"""Share of a limb's bones up to which a vertex counts as trunk."""
ARM_LIMB_SHARE = 0.4
"""Share of an arm's bones from which a vertex counts as arm: trunk and arms overlap a little."""
_CAP_UNDER_LOCKS_M = 0.006
_LAYER_UNDER_CAP_M = (0.002, 0.006)


def outfit_of(clothing: Mapping[str, Any]) -> Outfit:
    """The outfit that values of a `Clothing` randomizer name; what they leave out is as by default."""
    return Outfit(
        **{field.name: type(field.default)(clothing[field.name]) for field in fields(Outfit) if field.name in clothing}
    )


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


def dress(
    bodies: Bodies,
    rest: RestBody,
    posed: NDArray[np.float32],
    outfit: Outfit,
    eyes_closed: bool = False,
    behind: Underneath | None = None,
) -> DressedBody:
    """A posed body with clothes and hair.

    Args:
        bodies: The body model.
        rest: The body in its rest pose, where borders are defined.
        posed: (V, 3) its vertices in the pose.
        outfit: What it wears.
        eyes_closed: Whether the lids are closed.
        behind: The seat, which hair stays before.

    Returns:
        A model named `occupant` with the parts skin, lips, brows, eyes and irises (or lids and lashes), shirt, pants,
        shoes and, unless bald, hair, and those of its garment (`upper`); and the surface that a belt lies on.
    """
    points = posed.astype(np.float64)
    normals = smooth_normals(points, bodies.faces)
    scale = rest.stature_m / 1.7
    rest_points = rest.vertices.astype(np.float64)
    topology = regions.topology_of(bodies)

    upper = upper_garment(bodies, rest, points, normals, outfit)
    pants_region = regions.trouser_region(bodies, rest, outfit.trouser_length, 0.075 * scale)
    shoe_region = regions.shoe_region(bodies, rest)

    garment = body_subdivision(bodies, "garment_faces", 1)
    rest_fine = garment.matrix @ rest_points
    folds = wrinkles(rest_fine, outfit.detail_seed, 2)
    shell = relax_shell(garment, points, normals, 0.006, 10, LEAST_OFFSET_M)
    pants_shell = add_folds(shell, np.maximum(folds, -0.4) * outfit.wrinkle_m * 0.8)
    pants = pants_shell.cut(pants_region)

    foot = body_subdivision(bodies, "foot_faces", 0)
    shoes = relax_shell(foot, points, normals, 0.010, 20, 0.006).cut(shoe_region)

    covered = np.maximum(np.maximum(upper.region, pants_region), shoe_region)
    parts = _skin_parts(bodies, rest, points, normals, topology, covered, eyes_closed)
    parts += [*upper.parts, hemmed(pants).named("pants"), hemmed(shoes).named("shoes")]
    worn = np.flatnonzero(covered < 0)
    cloth = [(patch, np.unique(patch.faces)) for patch in upper.outside]
    beneath = Underneath(
        np.concatenate([points[worn], *(patch.positions[used] for patch, used in cloth)]),
        np.concatenate([normals[worn], *(patch.normals[used] for patch, used in cloth)]),
    )
    if outfit.glasses != "none" or outfit.headwear != "none":
        head = head_of(bodies, rest, points)
        if outfit.glasses != "none":
            parts += accessories.glasses(bodies, head, points, outfit.detail_seed, outfit.glasses == "sunglasses")
        if outfit.headwear == "cap":
            parts.append(accessories.cap(bodies, head, points, outfit.detail_seed))
    if outfit.scarf != "none":
        collar = collar_of(bodies, rest, points, upper.shirt)
        worn_scarf = accessories.scarf(collar, beneath, outfit.detail_seed)
        parts.append(worn_scarf)
        beneath = beneath.with_more(worn_scarf.vertices, worn_scarf.normals)
    if outfit.hair != "bald":
        parts.append(_hair(bodies, rest, points, normals, outfit, beneath, behind))
    over_belt = [*upper.over_belt]
    over_belt += [
        name for name, lies in (("hair", outfit.hair in HAIR_LOCKS), ("scarf", outfit.scarf != "none")) if lies
    ]
    off_trunk = TRUNK_LIMB_SHARE - np.maximum(topology.arm, bodies.weight_of("head", "neck03", "foot"))
    on_arm = topology.arm - ARM_LIMB_SHARE

    def resting_place(layers: tuple[tuple[Shell, Float64], ...], region: Float64) -> Surface:
        """Clothes, and skin where there are none, where a function over the body's vertices is positive."""
        bare = split(Patch(np.hstack([points, normals]), topology.skin_faces), np.minimum(0.005 - covered, region))[0]
        clothes = [*layers, (pants_shell, pants_region)]
        cut = [*(shell.cut(np.minimum(own, region)) for shell, own in clothes), bare]
        return merge([_used(Surface(p.positions, p.faces, p.normals)) for p in cut if not p.empty])

    return DressedBody(
        Model("occupant", tuple(parts)),
        resting_place(upper.layers, off_trunk),
        (
            resting_place(upper.arm_layers, np.minimum(on_arm, rest_points[:, 1])),
            resting_place(upper.arm_layers, np.minimum(on_arm, -rest_points[:, 1])),
        ),
        over_belt=tuple(over_belt),
    )


def _used(surface: Surface) -> Surface:
    """The surface without the vertices that no face uses."""
    used, inverse = np.unique(surface.faces, return_inverse=True)
    return Surface(surface.vertices[used], inverse.reshape(-1, 3), surface.normals[used])


def _skin_parts(
    bodies: Bodies,
    rest: RestBody,
    points: Float64,
    normals: Float64,
    topology: regions.Topology,
    covered: Float64,
    eyes_closed: bool,
) -> list[Part]:
    on_eye = regions.lash_region if eyes_closed else regions.iris_region
    columns = [points, normals, (SKIN_UNDER_HEM_M - covered)[:, None]]
    columns += [f(bodies, rest)[:, None] for f in (regions.brow_region, regions.lip_region, on_eye)]
    attributes = np.hstack(columns)
    skin, _ = split(Patch(attributes, topology.skin_faces), attributes[:, 6])
    brows, skin = split(skin, skin.attributes[:, 7])
    lips, skin = split(skin, skin.attributes[:, 8])
    inner, outer = split(Patch(attributes, topology.eye_faces), attributes[:, 9])
    # A closed lid lies on the eyeball and is as round as that.
    eyes = {"lids": outer, "lashes": inner} if eyes_closed else {"eyes": outer, "irises": inner}
    named = {"skin": skin, "brows": brows, "lips": lips, **eyes}
    return [Surface(p.positions, p.faces, p.normals).named(name) for name, p in named.items() if not p.empty]


def _hair(
    bodies: Bodies,
    rest: RestBody,
    points: Float64,
    normals: Float64,
    outfit: Outfit,
    beneath: Underneath,
    behind: Underneath | None,
) -> Part:
    style = HAIR_LOCKS.get(outfit.hair)
    scalp = body_subdivision(bodies, "scalp_faces", 1)
    region = regions.hair_region(bodies, rest, outfit.hair if style is None else style.region)
    inside = scalp.matrix @ region
    rest_fine = scalp.matrix @ rest.vertices.astype(np.float64)
    head = rest.joints[bodies.bone("head")]
    rounded = np.sqrt(np.clip(inside / 0.035, 0.0, 1.0))  # hair starts thin and swells
    thickness = outfit.hair_volume_m if style is None else _CAP_UNDER_LOCKS_M
    if outfit.headwear == "cap":
        thickness = min(thickness, _CAP_UNDER_LOCKS_M)
        style = None if style is None else replace(style, lift=0.05, hold=0.8, layer_m=_LAYER_UNDER_CAP_M)
    volume = 0.004 + (thickness - 0.004) * rounded
    shell = relax_shell(scalp, points, normals, volume, 22, 0.003)
    # Strands run from the crown outward: fine ridges over the angle about a line through the head.
    around = np.arctan2(rest_fine[:, 1], rest_fine[:, 0] - head[0] + 0.02)
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([outfit.detail_seed, 3])))
    strands = sum(np.sin(around * k + rng.uniform(0, 6.28) + 25 * rest_fine[:, 2]) for k in (9, 17, 26, 38)) / 4
    strands = strands + wrinkles(rest_fine, outfit.detail_seed, 4) * 0.6
    if style is None:
        return hemmed(add_folds(shell, strands * 0.0022 * rounded).cut(region)).named("hair")
    cap = hemmed(add_folds(shell, strands * 0.001 * rounded).cut(region))
    where = head_of(bodies, rest, points)
    cap = replace(cap, uvs=cap_coordinates(cap.vertices.astype(np.float64), where))
    grows = np.flatnonzero(inside > 0.001)
    grown = locks(
        style, where, (shell.points[grows], shell.normals[grows]), beneath, outfit.detail_seed,
        outfit.hair_length_share, outfit.hair_front, behind,
    )  # fmt: skip
    return merge([cap, grown]).named("hair")
