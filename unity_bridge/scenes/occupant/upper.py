"""The upper garment of an outfit: its shell with folds, what is sewn on, and what is worn over it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.cutting import Patch, split
from unity_bridge.scenes.mesh import Part, Surface, merge, smooth_normals, unit
from unity_bridge.scenes.occupant import garments, regions
from unity_bridge.scenes.occupant.body import Bodies, RestBody
from unity_bridge.scenes.occupant.fabric import BACK, FRONT, SLEEVE, ClothFrame, cloth_coordinates
from unity_bridge.scenes.occupant.hair import Underneath
from unity_bridge.scenes.occupant.outfit import Outfit
from unity_bridge.scenes.occupant.shells import (
    Shell,
    add_folds,
    body_subdivision,
    hemmed,
    hemmed_with_sources,
    relax_shell,
    wrinkles,
)

Float64 = NDArray[np.float64]

LEAST_OFFSET_M = 0.0035
JACKET_OVER_SHIRT_M = 0.006
_OVER_GARMENT_M = 0.003
_DEEPEST_LIFT_M = 0.04
_SLEEVE_SHARE = 0.5
_FOLD_FACTOR = 1.8
"""Of folds where a garment is bent, to the height of wrinkles everywhere."""
_COLLAR_OF = {"shirt": "crew", "hoodie": "crew"}


@dataclass(frozen=True, eq=False)
class UpperGarment:
    """What the upper body wears.

    region: (V,) positive on the body where it covers. shirt: cut, with the collar. outside: what hair and scarf lie on.
    parts: what is drawn. over_belt: parts that lie over a belt. layers: (shell, region) that a belt lies on;
    arm_layers: the same of the arms.
    """

    region: Float64
    shirt: Patch
    outside: tuple[Patch, ...]
    parts: tuple[Part, ...]
    over_belt: tuple[str, ...]
    layers: tuple[tuple[Shell, Float64], ...]
    arm_layers: tuple[tuple[Shell, Float64], ...]


def upper_garment(bodies: Bodies, rest: RestBody, points: Float64, normals: Float64, outfit: Outfit) -> UpperGarment:
    """The upper garment on a posed body.

    Args:
        bodies: The body model.
        rest: The body in its rest pose.
        points, normals: (V, 3) of the posed body.
        outfit: What is worn.
    """
    scale = rest.stature_m / 1.7
    sleeve_end = outfit.sleeve_length
    if outfit.garment == "t_shirt":
        sleeve_end = 0.4 + 0.25 * sleeve_end
    elif outfit.garment in ("hoodie", "jacket"):
        sleeve_end = 0.5 if outfit.garment == "jacket" else max(sleeve_end, 1.5)
    region = np.minimum(
        regions.sleeve_region(bodies, rest, sleeve_end),
        regions.collar_region(bodies, rest, _COLLAR_OF.get(outfit.garment, outfit.collar)),
    )
    region = np.minimum(region, regions.hem_region(bodies, rest, 0.025 * scale))

    garment = body_subdivision(bodies, "garment_faces", 1)
    rest_fine = garment.matrix @ rest.vertices.astype(np.float64)
    inside = garment.matrix @ region
    # Cloth lies close at its borders and stands off inside; folds die away towards the borders.
    ease = np.clip(inside / 0.05, 0.0, 1.0)
    offset = 0.006 + (outfit.looseness_m - 0.004) * (0.35 + 0.65 * ease)
    shell = relax_shell(garment, points, normals, offset, 14, LEAST_OFFSET_M + 0.004)
    if outfit.garment == "pullover":
        folds = wrinkles(rest_fine, outfit.detail_seed, 1)
        shell = add_folds(shell, folds * outfit.wrinkle_m * (0.25 + 0.75 * ease))
    if not outfit.textured:
        patch = shell.cut(region)
        layer = ((shell, region),)
        return UpperGarment(region, patch, (patch,), (hemmed(patch).named("shirt"),), (), layer, layer)

    arm = garment.matrix @ regions.topology_of(bodies).arm
    way = garment.matrix @ regions.limb_coordinate(bodies, rest, "arm")
    folds = garments.garment_folds(bodies, rest, rest_fine, arm, way, outfit.detail_seed)
    if outfit.garment != "pullover":
        shell = add_folds(shell, folds * _FOLD_FACTOR * outfit.wrinkle_m * (0.2 + 0.8 * ease))
    to_border = inside
    if outfit.garment == "hoodie":  # its hood is the trim of its collar
        cuffs = np.minimum(
            regions.sleeve_region(bodies, rest, sleeve_end), regions.hem_region(bodies, rest, 0.025 * scale)
        )
        to_border = garment.matrix @ cuffs
    shell = replace(shell, extra=np.hstack([rest_fine, arm[:, None], to_border[:, None]]))
    patch = shell.cut(region)
    parts = list(_cloth(patch, ClothFrame.of(bodies, rest), garments.TRIM_WIDTH_M.get(outfit.garment)))
    over_belt: list[str] = []
    layers = arm_layers = ((shell, region),)
    outside: tuple[Patch, ...] = (patch,)
    if outfit.garment in ("shirt", "hoodie"):
        sewn = _sewn_on(bodies, rest, points, patch, outfit)
        parts += sewn
        over_belt += [part.name for part in sewn]
    if outfit.garment == "jacket":
        jacket_region = _jacket_region(bodies, rest, outfit)
        outer = relax_shell(garment, points, normals, offset + JACKET_OVER_SHIRT_M, 16, LEAST_OFFSET_M + 0.010)
        # Never nearer to the skin than the shirt with its folds and a gap.
        height = np.einsum("ij,ij->i", outer.points - shell.points, outer.normals)
        outer = add_folds(outer, np.maximum(JACKET_OVER_SHIRT_M - height, 0.0))
        other = garments.garment_folds(bodies, rest, rest_fine, arm, way, outfit.detail_seed + 1)
        outer = add_folds(outer, np.maximum(other, -0.3) * _FOLD_FACTOR * outfit.wrinkle_m)
        cut = outer.cut(jacket_region)
        parts.append(hemmed(cut).named("jacket"))
        if outfit.scarf == "none":
            collar = garments.shirt_collar(collar_of(bodies, rest, points, cut), 32.0)
            parts.append(_resting_on(collar, cut).named("jacket_collar"))
            over_belt.append("jacket_collar")
        bare = np.minimum(region, 0.03 - jacket_region)
        arm_layers = ((outer, jacket_region), (shell, bare))
        if outfit.jacket_lies == "over_belt":
            over_belt.append("jacket")
        else:
            layers = arm_layers
        outside = (cut, shell.cut(bare))
        region = np.maximum(region, jacket_region)
    return UpperGarment(region, patch, outside, tuple(parts), tuple(over_belt), layers, arm_layers)


def _cloth(patch: Patch, frame: ClothFrame, trim_width_m: float | None) -> tuple[Part, ...]:
    """The garment with texture coordinates, and its trim: ribs or bands along every border."""
    if trim_width_m is None:
        return (_textured(patch, frame).named("shirt"),)
    inner, trim = split(patch, patch.attributes[:, 13] - trim_width_m)
    return (_textured(inner, frame).named("shirt"), hemmed(trim).named("shirt_trim"))


def _textured(patch: Patch, frame: ClothFrame) -> Surface:
    sleeve, trunk = split(patch, patch.attributes[:, 12] - _SLEEVE_SHARE)
    front, back = split(trunk, trunk.attributes[:, 9] - frame.middle_x_m)
    # Each cut keeps the vertices that were there and adds its own, so that the last numbering holds for all pieces.
    both = Patch(front.attributes, np.concatenate([front.faces, back.faces, sleeve.faces]))
    surface, sources = hemmed_with_sources(both)
    columns = front.attributes[sources]
    panels = np.full(len(surface.faces), BACK)
    panels[: len(front.faces)] = FRONT
    panels[len(front.faces) + len(back.faces) : len(both.faces)] = SLEEVE
    rim = np.arange(len(surface.faces)) >= len(both.faces)
    at = columns[surface.faces[rim, 0]]
    panels[rim] = np.where(at[:, 12] > _SLEEVE_SHARE, SLEEVE, np.where(at[:, 9] > frame.middle_x_m, FRONT, BACK))
    return cloth_coordinates(surface, columns[:, 9:12], panels, frame)


def _neck(bodies: Bodies, rest: RestBody, points: Float64) -> tuple[Float64, Float64, Float64]:
    """Root of the posed neck, its axis, and forward: from the skin that follows its bones."""

    def middle(weight: Float64) -> Float64:
        return np.asarray(weight @ points / weight.sum())

    centre = middle(bodies.weight_of("neck01"))
    axis = unit((middle(bodies.weight_of("neck02", "neck03")) - centre)[None])[0]
    chest = bodies.weight_of("spine01", "spine02")
    depth = rest.vertices[:, 0] - float(chest @ rest.vertices[:, 0] / chest.sum())
    forward = middle(chest * np.maximum(depth, 0)) - middle(chest * np.maximum(-depth, 0))
    return centre, axis, unit((forward - axis * (forward @ axis))[None])[0]


def collar_of(bodies: Bodies, rest: RestBody, points: Float64, patch: Patch) -> garments.Collar:
    """The collar of a garment on a posed body."""
    centre, axis, forward = _neck(bodies, rest, points)
    return garments.neck_ring(patch, centre, axis, forward)


def _sewn_on(bodies: Bodies, rest: RestBody, points: Float64, patch: Patch, outfit: Outfit) -> list[Part]:
    collar = collar_of(bodies, rest, points, patch)
    if outfit.garment == "shirt":
        open_deg = 6.0 + 10.0 * ((outfit.detail_seed % 7) / 6)
        return [_resting_on(garments.shirt_collar(collar, open_deg), patch).named("collar")]
    cords = garments.hanging_cords(patch, collar, 0.10 + 0.10 * ((outfit.detail_seed % 5) / 4))
    return [
        garments.hood(collar, outfit.detail_seed).named("hood"),
        merge(cords).named("cords"),
    ]


def _resting_on(sewn: Surface, patch: Patch) -> Surface:
    """What is sewn on, lifted where it would be inside the garment."""
    used = np.unique(patch.faces)
    height, normal = Underneath(patch.positions[used], patch.normals[used]).height(sewn.vertices)
    lift = np.where(height > -_DEEPEST_LIFT_M, np.maximum(_OVER_GARMENT_M - height, 0.0), 0.0)
    vertices = sewn.vertices + normal * lift[:, None]
    return Surface(vertices, sewn.faces, smooth_normals(vertices, sewn.faces))


def _jacket_region(bodies: Bodies, rest: RestBody, outfit: Outfit) -> Float64:
    scale = rest.stature_m / 1.7
    region = np.minimum(regions.sleeve_region(bodies, rest, 1.9), regions.collar_region(bodies, rest, "crew"))
    region = np.minimum(region, regions.hem_region(bodies, rest, 0.055 * scale))
    gap_m = (0.022 + 0.03 * ((outfit.detail_seed % 11) / 10)) * scale
    return np.minimum(region, garments.front_opening(rest, bodies, gap_m))
