"""Webbing drawn tight over a clothed body.

The centre line is an elastic band: it shortens itself (each point moves towards its neighbours' middle) and is pushed
out of the body, from coarse to fine, until it is the locally shortest line outside. Friction holds it where it crosses
the shoulder. The band is then widened to a ruled strip: webbing is stiff across, so each cross section is a straight
line, tilted to lie flat and lifted until no part of it is inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.errors import RenderError
from unity_bridge.scenes.belt.surface import Obstacle
from unity_bridge.scenes.mesh import Surface, crease_normals

Float64 = NDArray[np.float64]

WEBBING_WIDTH_M = 0.047
WEBBING_THICKNESS_M = 0.0012
CLEARANCE_M = 0.0008
"""Gap between the clothes and the webbing's lower side."""
SECTION_SPACING_M = 0.006
SECTION_POINTS = 9
_SOLVING_POINTS = 5
_CONTACT_M = 0.015
_LONGEST_STEP_M = 0.012
_SPREAD_SECTIONS = 5
_SHARPEST_TURN_DEG = 16.0  # between sections
_LONGEST_SHARE = 1.2
_MARGINS_M = (0.003, 0.010, 0.018, 0.028, 0.04)
_CHORD_REACH_M = 0.04  # nearer to the chord, the direction away from it says little


@dataclass(frozen=True, eq=False)
class Strip:
    """A ruled strip. centres: (N, 3); across, outward: (N, 3) unit; across: right of the way from outside. width_m: of
    all sections, or (N,) of each."""

    centres: Float64
    across: Float64
    outward: Float64
    width_m: float | Float64 = WEBBING_WIDTH_M

    def grid(self, points: int = SECTION_POINTS) -> Float64:
        """(N, points, 3) places on the lower side."""
        widths = np.broadcast_to(self.width_m, len(self.centres))
        offsets = np.linspace(-0.5, 0.5, points)[None, :, None] * widths[:, None, None]
        return self.centres[:, None] + self.across[:, None] * offsets

    def both_sides(self, points: int = SECTION_POINTS) -> Float64:
        """(2, N, points, 3) places on the lower and on the upper side."""
        lower = self.grid(points)
        return np.stack([lower, lower + self.outward[:, None] * WEBBING_THICKNESS_M])

    @property
    def length_m(self) -> float:
        return float(np.linalg.norm(np.diff(self.centres, axis=0), axis=1).sum())


def _unit(vectors: Float64) -> Float64:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def resample(line: Float64, count: int) -> Float64:
    """(count, 3) points spread evenly along a polyline."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    places = np.linspace(0, way[-1], count)
    return np.stack([np.interp(places, way, line[:, axis]) for axis in range(3)], axis=1)


def elastic_band(
    surface: Obstacle, start: Sequence[Float64], margin_m: float, rounds: int = 90, over: Obstacle | None = None
) -> Float64:
    """The shortest line near a first guess that stays `margin_m` outside the body.

    Args:
        surface: The obstacle.
        start: Points of the first guess, outside the body; the first and the last stay where they are.
        margin_m: Distance kept.
        rounds: Steps on each of the three levels of refinement.
        over: What lies over the band, such as an arm: it presses the band towards the body.

    Returns:
        (N, 3) points about `SECTION_SPACING_M` apart.
    """
    line = np.asarray(start, dtype=np.float64)
    for count in (24, 48, 96):
        line = resample(line, count)
        for step in range(rounds):
            step_m = 0.9 * ((line[:-2] + line[2:]) / 2 - line[1:-1])
            length = np.linalg.norm(step_m, axis=1, keepdims=True)
            # Shorter than the depth at which a point would come out on the other side.
            line[1:-1] += step_m * np.minimum(1.0, _LONGEST_STEP_M / np.maximum(length, 1e-9))
            height, normal = surface.clearance(line[1:-1])
            if over is not None:
                under, _ = over.clearance(line[1:-1])
                pressed = np.clip(margin_m + WEBBING_THICKNESS_M - under, 0.0, _LONGEST_STEP_M)
                line[1:-1] -= normal * np.minimum(pressed, np.maximum(height - margin_m, 0.0))[:, None]
            line[1:-1] += normal * np.maximum(margin_m - height, 0.0)[:, None]
            if step % 15 == 14:
                line = resample(line, count)
    length = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
    return resample(line, max(16, int(np.ceil(length / SECTION_SPACING_M)) + 1))


def _smoothed(values: Float64, rounds: int) -> Float64:
    """Averaged along the strip; the ends stay."""
    values = values.copy()
    for _ in range(rounds):
        values[1:-1] = 0.25 * values[:-2] + 0.5 * values[1:-1] + 0.25 * values[2:]
    return values


def _across_lines(centres: Float64, outward: Float64) -> tuple[Float64, Float64]:
    """Cross directions square to the way, and the outward directions square to both."""
    along = _unit(np.gradient(centres, axis=0))
    across = _unit(np.cross(along, outward))
    return across, _unit(np.cross(across, along))


def widen(
    surface: Obstacle,
    line: Float64,
    end_outward: tuple[Float64, Float64],
    rounds: int = 36,
    width_m: float = WEBBING_WIDTH_M,
    over: Obstacle | None = None,
    held: tuple[tuple[int, Float64], ...] = (),
) -> Strip:
    """A strip along a tight line that lies flat on the body.

    Args:
        surface: The obstacle.
        line: (N, 3) centre line from `elastic_band`.
        end_outward: Direction that the strip's outer side faces at its start and at its end.
        rounds: Steps.
        width_m: Of the strip.
        over: What lies over the strip, such as an arm; the strip stays under it where there is room.
        held: Indices of points of the line, rising, and the directions that the outer side faces there; up to the last
            of them the body has no say in it.

    Returns:
        A strip whose lower side is at least `CLEARANCE_M` from the body, by the exact distance.
    """
    centres = line.copy()
    height, normal = surface.clearance(centres)
    normal = _away_from_chord(centres, normal)
    # In the air the strip turns evenly between where it touches and its ends.
    touching = np.exp(-np.maximum(height, 0.0) / _CONTACT_M)
    touching[[0, -1]] = 0.0
    free = np.arange(len(centres)) > (held[-1][0] if held else 0)
    known = np.flatnonzero((touching > 0.3) & free)
    places = np.concatenate([[0], np.array([index for index, _ in held], dtype=int), known, [len(centres) - 1]])
    given = np.array([direction for _, direction in held]).reshape(-1, 3)
    directions = np.concatenate([end_outward[0][None], given, normal[known], end_outward[1][None]])
    outward = np.stack([np.interp(np.arange(len(centres)), places, directions[:, axis]) for axis in range(3)], axis=1)
    outward = _unit(_smoothed(_unit(outward), 160))
    across, outward = _across_lines(centres, outward)
    settled = outward
    offsets = np.linspace(-0.5, 0.5, _SOLVING_POINTS) * width_m
    for _ in range(rounds):
        centres[1:-1] += 0.5 * ((centres[:-2] + centres[2:]) / 2 - centres[1:-1])
        across, outward = _across_lines(centres, outward)
        height, _ = surface.clearance((centres[:, None] + across[:, None] * offsets[:, None]).reshape(-1, 3))
        height = np.clip(height.reshape(len(centres), _SOLVING_POINTS), -_CONTACT_M, _CONTACT_M)
        near = np.exp(-np.maximum(height.min(axis=1) - CLEARANCE_M, 0.0) / _CONTACT_M)
        near[[0, -1]] = 0.0
        near *= free
        # Tilt each section so that both of its edges are equally high above the body; in a fold, where the body's
        # normals disagree, the direction of the neighbourhood holds.
        slope = (height @ offsets) / (offsets @ offsets)
        outward = _unit(outward + across * np.clip(slope, -0.3, 0.3)[:, None] * (0.35 * near)[:, None])
        outward = _unit(_smoothed(outward, 6) + 0.06 * settled)
        across, outward = _across_lines(centres, outward)
        height, _ = surface.clearance((centres[:, None] + across[:, None] * offsets[:, None]).reshape(-1, 3))
        if over is not None:
            centres -= outward * _spread(_missing_below(over, Strip(centres, across, outward, width_m)), 3)[:, None]
        centres += outward * _spread(CLEARANCE_M - height.reshape(len(centres), -1).min(axis=1), 3)[:, None]
    return lifted_exactly(surface, Strip(centres, across, outward, width_m), over)


def _missing_below(over: Obstacle, strip: Strip, exact: bool = False) -> Float64:
    """(N,) how far each section's upper side is from being `CLEARANCE_M` below what lies over it."""
    points = SECTION_POINTS if exact else _SOLVING_POINTS
    upper = (strip.grid(points) + strip.outward[:, None] * WEBBING_THICKNESS_M).reshape(-1, 3)
    height, _ = over.signed_distance(upper) if exact else over.clearance(upper)
    return CLEARANCE_M - height.reshape(len(strip.centres), -1).min(axis=1)


def tight_strip(
    surface: Obstacle,
    start: Sequence[Float64],
    end_outward: tuple[Float64, Float64],
    over: Obstacle | None = None,
) -> Strip:
    """Webbing over the body along the shortest line near a first guess (`elastic_band`, then `widen`).

    In a deep fold, between belly and thigh, there is no place for a flat strip: the line is then drawn at a growing
    distance, so that it spans the fold.

    Raises:
        RenderError: No distance gives a strip that is outside the body and without kinks.
    """
    for margin_m in _MARGINS_M:
        line = elastic_band(surface, start, margin_m, over=over)
        strip = widen(surface, line, end_outward, over=over)
        if _is_sound(surface, strip, line):
            return strip
    raise RenderError(
        "the belt finds no way around the occupant",
        code="belt_not_drapable",
        hint="hold weight, height and pose of the occupant nearer to their middles",
    )


def _is_sound(surface: Obstacle, strip: Strip, line: Float64) -> bool:
    """Whether a strip is outside the body, has no kinks, and is hardly longer than the line that it was made from."""
    steps = _unit(np.diff(strip.centres, axis=0))
    bends = np.einsum("ij,ij->i", steps[1:], steps[:-1])
    turns = np.einsum("ij,ij->i", strip.across[1:], strip.across[:-1])
    tight_m = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
    height, _ = surface.signed_distance(strip.grid().reshape(-1, 3))
    least = np.cos(np.deg2rad(_SHARPEST_TURN_DEG))
    return bool(
        min(bends.min(), turns.min()) > least and strip.length_m < _LONGEST_SHARE * tight_m and height.min() > 0.0
    )


def _away_from_chord(centres: Float64, normal: Float64) -> Float64:
    """Normals, but where they do not point away from the line between the strip's ends, that direction instead.

    A tight band bulges away from its chord around what it is drawn over; in a fold, between belly and thigh, the body's
    own normals point every way.
    """
    chord = _unit(centres[-1] - centres[0])
    offset = centres - centres[0]
    away = offset - (offset @ chord)[:, None] * chord
    distance = np.linalg.norm(away, axis=1)
    agreement = np.einsum("ij,ij->i", normal, _unit(away))
    trust = np.clip((agreement - 0.3) / 0.4, 0.0, 1.0)
    trust = np.where(distance < _CHORD_REACH_M, 1.0, trust)
    return _unit(trust[:, None] * normal + (1 - trust)[:, None] * _unit(away))


def _spread(missing: Float64, sections: int) -> Float64:
    """Lifts that are at least what is missing (N,), without steps from section to section; nothing at the ends."""
    lift = np.clip(missing, 0.0, _LONGEST_STEP_M)
    widest = lift.copy()
    for distance in range(1, sections + 1):
        widest[distance:] = np.maximum(widest[distance:], lift[:-distance])
        widest[:-distance] = np.maximum(widest[:-distance], lift[distance:])
    kernel = np.hanning(2 * sections + 3)[1:-1]
    # The widened maximum, averaged over a window no wider, is nowhere below the original.
    padded = np.pad(widest, sections, mode="edge")
    smooth = np.convolve(padded, kernel / kernel.sum(), mode="valid")
    smooth[[0, -1]] = 0.0
    return smooth


def lifted_exactly(
    surface: Obstacle, strip: Strip, over: Obstacle | None = None, direction: Float64 | None = None
) -> Strip:
    """Lifts sections until the exact distance of each of their points is kept; the body counts before what is over.

    Args:
        surface: The body.
        strip: Webbing near it.
        over: What lies over it; sections are pressed under it first.
        direction: (N, 3) unit, away from the body; the sections' own outward direction where not given. Given, both
            sides of the webbing are held clear.
    """
    centres = strip.centres.copy()
    lift = strip.outward if direction is None else direction
    for _ in range(12):
        here = Strip(centres, strip.across, strip.outward, strip.width_m)
        pressed = 0.0
        if over is not None:
            above = _missing_below(over, here, exact=True)
            pressed = float(above[1:-1].max())
            centres -= lift * _spread(above, _SPREAD_SECTIONS)[:, None]
            here = Strip(centres, strip.across, strip.outward, strip.width_m)
        grid = here.grid(2 * SECTION_POINTS - 1)
        if direction is not None:
            grid = np.concatenate([grid, grid + strip.outward[:, None] * WEBBING_THICKNESS_M], axis=1)
        grid = np.concatenate([grid, (np.roll(grid, -1, axis=0) + grid) / 2])  # between sections too
        grid[-1] = grid[len(centres) - 1]
        height, _ = surface.signed_distance(grid.reshape(-1, 3))
        low = height.reshape(2, len(centres), -1).min(axis=2)
        missing = CLEARANCE_M - np.minimum(low[0], np.minimum(low[1], np.roll(low[1], 1)))
        if max(missing[1:-1].max(), pressed) < 1e-4:
            break
        centres += lift * _spread(missing, _SPREAD_SECTIONS)[:, None] * 1.02
    return Strip(centres, strip.across, strip.outward, strip.width_m)


def thicken(strip: Strip, points: int = SECTION_POINTS, thickness_m: float = WEBBING_THICKNESS_M) -> Surface:
    """The strip as a closed solid with square edges. Texture: u across in widths, v along in metres."""
    lower = strip.grid(points)
    upper = lower + strip.outward[:, None] * thickness_m
    rows = len(lower)
    vertices = np.concatenate([lower.reshape(-1, 3), upper.reshape(-1, 3)])
    index = np.arange(rows * points).reshape(rows, points)
    top = index + rows * points

    def quads(a: NDArray, b: NDArray, c: NDArray, d: NDArray) -> NDArray:
        return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])

    faces = np.concatenate(
        [
            quads(top[:-1, :-1], top[:-1, 1:], top[1:, 1:], top[1:, :-1])[:, ::-1],
            quads(index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]),
            quads(index[:-1, 0], index[1:, 0], top[1:, 0], top[:-1, 0]),
            quads(index[:-1, -1], index[1:, -1], top[1:, -1], top[:-1, -1])[:, ::-1],
            quads(index[0, :-1], top[0, :-1], top[0, 1:], index[0, 1:]),
            quads(index[-1, :-1], top[-1, :-1], top[-1, 1:], index[-1, 1:])[:, ::-1],
        ]
    )
    return crease_normals(vertices, faces[:, ::-1], 50.0)
