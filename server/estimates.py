"""How long a render batch will take: from earlier batches on this machine, or a rule of thumb before the first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median

from sqlalchemy import insert, select

from contracts.generator import Generator
from server.jobs import schema
from server.jobs.database import Database

_REMEMBERED = 200
_DEFAULT_START_S = 8.0
_DEFAULT_FRAME_S = 0.15
_DEFAULT_SAMPLE_S = 0.45e-6
"""Seconds a sample of a pixel takes on one core of a present machine; about right for both scene families."""


@dataclass(frozen=True)
class Measurement:
    """How long a render batch took."""

    generator: str
    scenario: str
    player: str
    pixels: int
    samples_per_pixel: int
    workers: int
    frames: int
    seconds: float
    """From the first process's start to the last one's end."""
    first_frame_s: float
    """From a worker's start to its first frame."""

    def frame_s(self) -> float:
        """Seconds one worker took for one frame, starting up left out."""
        per_worker = self.frames / self.workers
        if per_worker <= 1:
            return self.first_frame_s
        return max(0.001, self.seconds - self.first_frame_s) / (per_worker - 1)


class Estimates:
    """What earlier batches tell about the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, measurement: Measurement) -> None:
        """Keep how long a batch took."""
        with self._database.writing() as connection:
            connection.execute(insert(schema.measurements).values(**asdict(measurement)))

    def seconds(self, generator: Generator, player: str, frames: int, workers: int) -> float:
        """Expected seconds of a batch.

        Args:
            generator: Resolved.
            player: Name of the player.
            frames: Number of frames.
            workers: Workers side by side.
        """
        query = (
            select(schema.measurements)
            .where(schema.measurements.c.player == player)
            .order_by(schema.measurements.c.sequence.desc())
            .limit(_REMEMBERED)
        )
        with self._database.reading() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        known = [Measurement(**{key: value for key, value in row.items() if key != "sequence"}) for row in rows]
        return estimate(known, generator, frames, workers)


def estimate(known: Iterable[Measurement], generator: Generator, frames: int, workers: int) -> float:
    """Expected seconds, from measurements of the same player, newest first.

    Those of the same generator count alone where there are any, else those of its scene family; each is scaled by the
    samples a frame takes.
    """
    width, height = generator.camera.size
    work = _work(width * height, generator.render.samples_per_pixel)
    measured = list(known)
    like = [item for item in measured if item.generator == generator.name] or [
        item for item in measured if item.scenario == generator.scenario
    ]
    scaled = [item.frame_s() * work / _work(item.pixels, item.samples_per_pixel) for item in like[:20]]
    frame_s = median(scaled) if scaled else work
    starts = [item.first_frame_s for item in like[:20] if item.first_frame_s > 0]
    start_s = median(starts) if starts else _DEFAULT_START_S + frame_s
    per_worker = -(-frames // workers)
    return round(start_s + frame_s * (per_worker - 1), 1)


def _work(pixels: int, samples_per_pixel: int) -> float:
    """Relative cost of a frame: a part that is the same for all, and a part by samples."""
    return _DEFAULT_FRAME_S + _DEFAULT_SAMPLE_S * pixels * samples_per_pixel
