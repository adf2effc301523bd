"""What an occupant wears beside clothes: glasses, a cap, a scarf."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unity_bridge.scenes.mesh import Part, Surface, merge, smooth_normals
from unity_bridge.scenes.occupant import regions
from unity_bridge.scenes.occupant.body import Bodies
from unity_bridge.scenes.occupant.garments import Collar, sheet, tube
from unity_bridge.scenes.occupant.hair import Head, Underneath

Float64 = NDArray[np.float64]

_LENS_POINTS = 28


def glasses(bodies: Bodies, head: Head, posed: Float64, seed: int, dark: bool) -> list[Part]:
    """A frame with two rims, bridge and temples, and its lenses.

    Args:
        bodies: The body model.
        head: Where the head is.
        posed: (V, 3) the posed body.
        seed: Of the frame's form.
        dark: Whether the lenses are those of sunglasses, which are larger.
    """
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 10])))
    unit_m = head.radius_m / 0.075
    own = (posed - head.eyes) @ head.rotation
    eye = own[np.unique(regions.topology_of(bodies).eye_faces)]
    apart = float(np.abs(eye[:, 1]).mean())
    front = float(eye[:, 0].max()) + 0.011 * unit_m
    wide = (0.0225 + 0.004 * random.random() + 0.003 * dark) * unit_m
    tall = wide * random.uniform(0.66, 1.0)
    squareness = random.uniform(2.0, 3.6)
    wire_m = (0.0011 if random.random() < 0.35 else 0.0017) * unit_m
    turns = np.arange(_LENS_POINTS) / _LENS_POINTS * 2 * np.pi
    outline = np.stack(
        [
            np.sign(np.cos(turns)) * np.abs(np.cos(turns)) ** (2 / squareness) * wide,
            np.sign(np.sin(turns)) * np.abs(np.sin(turns)) ** (2 / squareness) * tall - 0.2 * tall,
        ],
        axis=1,
    )
    frames, lenses = [], []
    for side in (1.0, -1.0):
        y = side * (apart + 0.002 * unit_m) + outline[:, 0]
        # The front is curved as the face is.
        rim = np.stack([front - 3.0 * y**2 / unit_m, y, outline[:, 1]], axis=1)
        frames.append(tube(np.concatenate([rim, rim[:2]]), wire_m))
        middle = rim.mean(axis=0) + np.array([0.001, 0.0, 0.0])
        order = np.arange(_LENS_POINTS)
        fan = np.stack([np.full_like(order, _LENS_POINTS), order, (order + 1) % _LENS_POINTS], axis=1)
        points = np.concatenate([rim, middle[None]])
        lenses.append(Surface(points, fan, smooth_normals(points, fan)))
        hinge = rim[np.abs(rim[:, 1]).argmax()] + np.array([0.0, 0.0, 0.35 * tall])
        ears = np.abs(own[:, 1]) > 0.9 * head.radius_m
        ear = own[ears & (np.abs(own[:, 2]) < 0.02 * unit_m)]
        behind = float(np.median(ear[:, 0])) - 0.01 * unit_m if len(ear) else front - 0.10 * unit_m
        aside = head.radius_m * 0.94
        temple = np.array(
            [hinge, [hinge[0] - 0.012, side * 0.5 * (abs(hinge[1]) + aside), hinge[2]],
             [0.5 * (hinge[0] + behind), side * aside, hinge[2]], [behind, side * aside, hinge[2]],
             [behind - 0.025, side * aside, hinge[2] - 0.03]]
        )  # fmt: skip
        frames.append(tube(_finer(temple), wire_m))
    bridge_half = max(apart - wide, 0.004)
    turn = np.linspace(-1, 1, 9)
    bridge = np.stack([np.full(9, front), turn * bridge_half * 1.15, 0.30 * tall - 0.004 * turn**2], axis=1)
    frames.append(tube(bridge, wire_m))
    to_world = np.eye(4)
    to_world[:3, :3], to_world[:3, 3] = head.rotation, head.eyes
    name = "sunglass_lenses" if dark else "glass_lenses"
    return [
        merge(frames).transformed(to_world).named("glasses"),
        merge(lenses).transformed(to_world).named(name),
    ]


def _finer(line: Float64) -> Float64:
    share = np.linspace(0, len(line) - 1, 4 * len(line))
    return np.stack([np.interp(share, np.arange(len(line)), line[:, axis]) for axis in range(3)], axis=1)


def cap(bodies: Bodies, head: Head, posed: Float64, seed: int) -> Part:
    """A cap of six panels with a peak, over head and hair."""
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 11])))
    on_head = bodies.weight_of("head") > 0.8
    own = (posed[on_head] - head.eyes) @ head.rotation
    radius = head.radius_m
    low = 0.50 * radius
    skull = own[(own[:, 2] > low) & (own[:, 0] < 0.25 * radius)]
    middle = np.array([(skull[:, 0].max() + skull[:, 0].min()) / 2, 0.0, low])
    half = np.array([np.ptp(skull[:, 0]) / 2, np.abs(skull[:, 1]).max(), skull[:, 2].max() - low]) + 0.014
    turns = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    rows = []
    for height in np.linspace(0.0, 1.0, 12)[:-1]:
        around = (1 - height**2.6) ** 0.5
        seam = 1 - 0.012 * np.abs(np.cos(3 * turns)) ** 24
        tilt = -0.13 * half[0] * np.cos(turns) * (1 - height) * -1.0
        rows.append(
            middle
            + np.stack(
                [
                    half[0] * around * np.cos(turns) * seam,
                    half[1] * around * np.sin(turns) * seam,
                    half[2] * height + tilt,
                ],
                axis=1,
            )
        )
    rows.append(np.tile(middle + np.array([0.0, 0.0, half[2]]), (len(turns), 1)))
    crown = sheet(np.stack(rows), closed=True)
    # The peak grows from the front of the band and bends down at its sides.
    spread = np.linspace(-1.05, 1.05, 21)
    length = (0.062 + 0.012 * random.random()) * radius / 0.075
    edge = middle + np.stack(
        [half[0] * np.cos(spread), half[1] * np.sin(spread), 0.13 * half[0] * np.cos(spread)], axis=1
    )
    peak_rows = []
    for out in np.linspace(0, 1, 6):
        reach = length * out * np.sqrt(np.clip(1 - (spread / 1.06) ** 4, 0, 1))
        drop = (0.20 * out + 0.9 * out * (spread / 1.05) ** 2 * 0.5) * length
        peak_rows.append(edge + np.stack([reach, 0.15 * reach * spread, -drop], axis=1))
    upper = sheet(np.stack(peak_rows)[::-1], closed=False)
    under_rows = np.stack(peak_rows) - np.array([0.0, 0.0, 0.0025])
    lower = sheet(under_rows, closed=False)
    to_world = np.eye(4)
    to_world[:3, :3], to_world[:3, 3] = head.rotation, head.eyes
    return merge([crown, upper, lower]).transformed(to_world).named("cap")


def scarf(collar: Collar, under: Underneath, seed: int) -> Part:
    """A scarf once around the neck, with one or two ends that hang over the chest.

    Args:
        collar: What it goes around.
        under: What the ends lie on.
        seed: Of how it is wound, and of its length.
    """
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 12])))
    axis, angles, out = collar.axis, collar.angles, collar.outward
    offset = collar.ring - collar.centre
    base = collar.centre + (np.median(offset @ axis) + 0.002) * axis
    radius = np.linalg.norm(offset - (offset @ axis)[:, None] * axis, axis=1)
    thick = (0.020 + 0.008 * random.random()) * (
        1 + 0.16 * np.sin(3 * angles + random.uniform(0, 6)) + 0.10 * np.sin(5 * angles + random.uniform(0, 6))
    )
    slant = 0.012 * np.cos(angles)
    middle = base + out * (radius + 0.7 * thick)[:, None] + axis * (0.016 - slant)[:, None]
    rows = []
    for turn in np.linspace(0, 2 * np.pi, 19):
        pleat = 1 + 0.12 * np.sin(5 * turn + 2 * np.sin(2 * angles))
        rows.append(
            middle
            + out * (thick * pleat * np.cos(turn))[:, None]
            - axis * (1.5 * thick * pleat * np.sin(turn))[:, None]
        )
    surfaces = [sheet(np.stack(rows)[::-1], closed=True)]
    for side in (1.0, -1.0) if random.random() < 0.5 else (float(random.choice([1.0, -1.0])),):
        surfaces.append(_scarf_end(middle, angles, under, side, random))
    return merge(surfaces).named("scarf")


def _scarf_end(
    middle: Float64, angles: Float64, under: Underneath, side: float, random: np.random.Generator
) -> Surface:
    """An end that hangs from beside the throat and lies on the chest."""
    start = middle[int(np.abs(np.where(angles > np.pi, angles - 2 * np.pi, angles) - side * 0.35).argmin())]
    half = random.uniform(0.040, 0.06)
    columns = np.linspace(-1, 1, 9)
    steps = 22
    length = random.uniform(0.22, 0.40)
    sideways = np.array([0.0, 1.0, 0.0])
    place = start + sideways * (columns * half * 0.5)[:, None]
    rows = [place]
    for number in range(steps):
        open_share = min(1.0, number / 5)
        wanted = place.mean(axis=0) + sideways * (columns * half * (0.5 + 0.5 * open_share))[:, None]
        place = 0.6 * place + 0.4 * wanted + np.array([0.05 * (number < 3), 0.06 * side, -1.0]) * (length / steps)
        pleats = 0.010 + 0.004 * (1 + np.sin(columns * 5.5 + side))
        height, normal = under.height(place)
        lift = np.where(number < 3, np.maximum(pleats - height, 0), pleats - height)
        place = place + normal * np.clip(lift, -0.02, 0.05)[:, None]
        rows.append(place)
    face = sheet(np.stack(rows), closed=False)
    facing = face.normals.mean(axis=0)[0] > 0
    return face if facing else Surface(face.vertices, face.faces[:, ::-1], -face.normals)
