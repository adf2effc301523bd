"""Belts over random occupants: how deep they sink in, where they hang free, how long they are, whether they are seen.

Run alone: `python -m tests.benchmarks.bench_belt --occupants 500`. Occupants, seats and anchorages come from `belt-g4`
unless `--generator` names another, such as `belt-g6` with its garments and poses; each occupant wears one state, all
states in turn (`--every-state`: each of them). Refused draws are listed with their seed and index; a worker would count
them as `composition` and draw the frame anew.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.spatial import cKDTree

import generator_configs
from contracts.errors import RenderError
from contracts.generator import load_generator
from contracts.ids import canonical_json, digest_of
from contracts.randomizers.cabin import BELT_STATES, Belt, Clothing, Interior, Occupant
from tests.player_rendering import renderer
from unity_bridge.assets import write_assets
from unity_bridge.sampling import FrameParameters, sample_frame
from unity_bridge.scenes.belt.drape import WEBBING_THICKNESS_M, Strip
from unity_bridge.scenes.belt.routing import Anchorage
from unity_bridge.scenes.belt.surface import DrapeSurface
from unity_bridge.scenes.cabin.compose import compose
from unity_bridge.scenes.cabin.parameters import values_of
from unity_bridge.scenes.cabin.seat import SeatShape
from unity_bridge.scenes.cabin.seating import route_belt, seat_occupant

SEED = 5
GENERATOR = "belt-g4"
WORN = tuple(state for state in BELT_STATES if state != "unbelted")
PLAUSIBLE_M = {"shoulder": (0.70, 1.60), "lap": (0.50, 1.30)}
VISIBLE_SIZE = (212, 120)
_EDGE_STEP_M = 0.002
_NEAR_M = 0.04


@dataclass(frozen=True)
class Case:
    """Figures of one belt. Depths in millimetres, 0 where nothing sinks in; refused: why there is no belt."""

    index: int
    state: str
    refused: str = ""
    unhandled: bool = False
    into_trunk_mm: float = 0.0
    into_arms_mm: float = 0.0
    through_belt_mm: float = 0.0
    chest_gap_mm: float = 0.0
    shoulder_m: float = 0.0
    lap_m: float = 0.0
    seconds: float = 0.0

    @property
    def deepest_mm(self) -> float:
        """Of all three."""
        return max(self.into_trunk_mm, self.into_arms_mm, self.through_belt_mm)


def drawn(index: int, state: str, seed: int = SEED, name: str = GENERATOR) -> FrameParameters:
    """A frame of a generator whose occupant wears the belt in this state."""
    generator = load_generator(name, Path(generator_configs.__file__).parent)
    parameters = sample_frame(generator, seed, index)
    values = {name: dict(fields) for name, fields in parameters.values.items()}
    values["belt"]["state"] = state
    values["occupancy"]["of"] = "belted"
    return replace(parameters, values=values)


def _dense(strip: Strip) -> np.ndarray:
    """(N, 3) places on both sides of webbing, its edges and vertices among them, about 2 mm apart."""
    sides = strip.both_sides(25)
    thirds = [sides[:, :-1] + share * (sides[:, 1:] - sides[:, :-1]) for share in (0.0, 1 / 3, 2 / 3)]
    return np.concatenate([part.reshape(-1, 3) for part in [*thirds, sides[:, -1:]]])


def _body_through(strip: Strip, surface: DrapeSurface) -> float:
    """How far vertices and edges of a surface stick through webbing, metres."""
    tree = cKDTree(strip.centres)
    edges = np.concatenate([surface.faces[:, [0, 1]], surface.faces[:, [1, 2]], surface.faces[:, [2, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    middle = surface.points[edges].mean(axis=1)
    edges = edges[tree.query(middle)[0] < _NEAR_M]
    if len(edges) == 0:
        return 0.0
    a, b = surface.points[edges[:, 0]], surface.points[edges[:, 1]]
    places = a[:, None] + np.linspace(0, 1, 9)[None, :, None] * (b - a)[:, None]
    section = tree.query(places)[1]
    offset = places - strip.centres[section]
    along = np.cross(strip.across[section], strip.outward[section])
    half = np.broadcast_to(strip.width_m, len(strip.centres))[section] / 2
    aside = half - np.abs(np.einsum("enj,enj->en", offset, strip.across[section]))
    height = np.einsum("enj,enj->en", offset, strip.outward[section]) - WEBBING_THICKNESS_M / 2
    over = (aside > 0) & (np.abs(np.einsum("enj,enj->en", offset, along)) < 0.004)
    # An edge that is on both sides of the webbing sticks out by its shorter part, or past the webbing's nearer edge.
    above = np.where(over, np.minimum(height, aside), 0.0).max(axis=1)
    below = np.where(over, np.minimum(-height, aside), 0.0).max(axis=1)
    return float(np.minimum(above, below).max())


def case(task: tuple[int, str, int, str]) -> Case:
    """Figures of one occupant and state."""
    index, state, seed, name = task
    parameters = drawn(index, state, seed, name)
    interior, belt = values_of(parameters, Interior), values_of(parameters, Belt)
    seat = SeatShape(recline_deg=float(interior["recline_deg"]), bolster_m=float(interior["bolster_m"]))
    anchorage = Anchorage(d_ring=(-float(belt["d_ring_behind_m"]), -0.362, float(belt["d_ring_height_m"])))
    occupant = seat_occupant(values_of(parameters, Occupant), values_of(parameters, Clothing), seat)
    start = time.process_time()
    try:
        route = route_belt(occupant, anchorage, belt, seat)
    except RenderError as error:
        return Case(index, state, refused=error.message)
    except Exception as error:
        return Case(index, state, refused=f"{type(error).__name__}: {error}", unhandled=True)
    seconds = time.process_time() - start
    trunk = DrapeSurface(occupant.dressed.trunk)
    arms = [DrapeSurface(arm, thick=False) for arm in occupant.dressed.arms]
    into_trunk = into_arms = through = 0.0
    for strip in route.strips:
        places = _dense(strip)
        into_trunk = max(into_trunk, -float(trunk.signed_distance(places)[0].min()))
        into_arms = max(into_arms, *(-float(arm.signed_distance(places)[0].min()) for arm in arms))
        # Arms lie over the webbing, so that only what it lies on can come through.
        through = max(through, _body_through(strip, trunk))
    shoulder, lap = route.strips
    height, _ = trunk.signed_distance(shoulder.centres)
    share = np.linspace(0, 1, len(height))
    chest = (share > 0.5) & (share < 0.85)
    return Case(
        index,
        state,
        into_trunk_mm=1000 * max(into_trunk, 0.0),
        into_arms_mm=1000 * max(into_arms, 0.0),
        through_belt_mm=1000 * through,
        chest_gap_mm=1000 * float(height[chest].max()),
        shoulder_m=shoulder.length_m,
        lap_m=lap.length_m,
        seconds=seconds,
    )


def visible_px(index: int, state: str, seed: int = SEED, name: str = GENERATOR) -> int:
    """Pixels of label `seat_belt` in a mask of 212 x 120 pixels; -1 where the state is refused."""
    parameters = drawn(index, state, seed, name)
    effort = parameters.generator.render.model_copy(update={"samples_per_pixel": 1, "denoise": False})
    parameters = replace(parameters, generator=parameters.generator.model_copy(update={"render": effort}))
    try:
        frame = compose(parameters, VISIBLE_SIZE)
    except RenderError:
        return -1
    label = next(item.id for item in frame.spec.labels if item.name == "seat_belt")
    with tempfile.TemporaryDirectory() as folder:
        assets, out = Path(folder) / "assets", Path(folder) / "out"
        assets.mkdir()
        out.mkdir()
        write_assets(assets, frame)
        text = canonical_json(frame.spec)
        renderer().render(frame.spec, digest_of(text), assets, out)
        return int((np.asarray(Image.open(out / "mask.png")) == label).sum())


def figures(
    occupants: int, every_state: bool = False, workers: int = 1, seed: int = SEED, name: str = GENERATOR
) -> Iterable[Case]:
    """Cases of the first occupants, in order."""
    tasks = [
        (index, state, seed, name)
        for index in range(occupants)
        for state in (WORN if every_state else (WORN[index % len(WORN)],))
    ]
    if workers == 1:
        yield from map(case, tasks)
        return
    with get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(case, tasks)


def table(cases: list[Case], visible: dict[str, list[int]]) -> str:
    """The figures by state."""
    head = "state          n   refused  <2 mm   deepest mm (trunk arms through)"
    lines = [head + "  gap mm (median p99)  shoulder m   lap m        seen"]
    for state in (*WORN, "all"):
        chosen = [item for item in cases if state in (item.state, "all")]
        good = [item for item in chosen if not item.refused]
        if not good:
            lines.append(f"{state:13s} {len(chosen):4d} {len(chosen):5d}")
            continue
        under = sum(item.deepest_mm < 2 for item in good) / len(good)
        gaps = [item.chest_gap_mm for item in good]
        seen = [px for name, found in visible.items() if state in (name, "all") for px in found if px >= 0]
        lines.append(
            f"{state:13s} {len(chosen):4d} {len(chosen) - len(good):5d}   {100 * under:5.1f} %"
            f"   {max(item.deepest_mm for item in good):5.1f}"
            f"     ({max(item.into_trunk_mm for item in good):4.1f} {max(item.into_arms_mm for item in good):4.1f}"
            f" {max(item.through_belt_mm for item in good):4.1f})"
            f"           {statistics.median(gaps):5.0f} {np.quantile(gaps, 0.99):5.0f}"
            f"         {min(item.shoulder_m for item in good):.2f}-{max(item.shoulder_m for item in good):.2f}"
            f"    {min(item.lap_m for item in good):.2f}-{max(item.lap_m for item in good):.2f}"
            + (f"    {sum(px >= 8 for px in seen)}/{len(seen)}" if seen else "")
        )
    good = [item for item in cases if not item.refused]
    outside = [
        item for item in good
        if not PLAUSIBLE_M["shoulder"][0] <= item.shoulder_m <= PLAUSIBLE_M["shoulder"][1]
        or not PLAUSIBLE_M["lap"][0] <= item.lap_m <= PLAUSIBLE_M["lap"][1]
    ]  # fmt: skip
    lines.append(f"length outside {PLAUSIBLE_M}: {len(outside)} of {len(good)}")
    lines.append(f"unhandled failures: {sum(item.unhandled for item in cases)}")
    lines.append(f"seconds of processor time a belt: median {statistics.median(item.seconds for item in good):.2f}")
    return "\n".join(lines)


def measure() -> list[dict[str, Any]]:
    """Figures over 35 occupants, five of each state."""
    cases = list(figures(35))
    good = [item for item in cases if not item.refused]
    under = sum(item.deepest_mm < 2 for item in good) / max(len(good), 1)
    rows: list[tuple[str, float, str, str]] = [
        ("belt: solved a belt", statistics.median(item.seconds for item in good), "s", "lower"),
        ("belt: sinks in less than 2 mm", 100 * under, "%", "higher"),
        ("belt: deepest penetration", max(item.deepest_mm for item in good), "mm", "lower"),
        ("belt: refused draws", 100 * (len(cases) - len(good)) / len(cases), "%", "lower"),
    ]
    return [{"name": name, "value": value, "unit": unit, "better": better} for name, value, unit, better in rows]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--occupants", type=int, default=500)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--generator", default=GENERATOR)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--every-state", action="store_true", help="every state on each occupant, not one in turn")
    parser.add_argument("--visible", type=int, default=0, help="frames rendered to see whether the belt is visible")
    arguments = parser.parse_args()
    cases = []
    for item in figures(
        arguments.occupants, arguments.every_state, arguments.workers, arguments.seed, arguments.generator
    ):
        cases.append(item)
        if item.refused:
            print(f"seed {arguments.seed} index {item.index} {item.state}: {item.refused}", flush=True)
        elif item.deepest_mm >= 2:
            print(f"seed {arguments.seed} index {item.index} {item.state}: {item.deepest_mm:.1f} mm deep", flush=True)
    visible: dict[str, list[int]] = {state: [] for state in WORN}
    for index in range(arguments.visible):
        state = WORN[index % len(WORN)]
        visible[state].append(visible_px(index, state, arguments.seed, arguments.generator))
    print(table(cases, visible))


if __name__ == "__main__":
    main()
