"""Homes, generators and applications for tests of the service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contracts.job import RenderBatchRequest
from server.application import Application
from server.jobs.work import Modules
from server.settings import JobSettings, PlayerSettings, Settings

GENERATOR = """
schema_version: 1
name: boxes
scenario: exterior
description: For tests of the service.
camera: {size: [32, 24], horizontal_fov_deg: 60}
render: {samples_per_pixel: 1}
randomizers:
  sun: {kind: SunDirection, elevation_deg: {uniform: [5, 70]}, azimuth_deg: {uniform: [0, 360]}}
labels:
  lid: {}
  wall: {}
"""
MODULES = Modules(render="tests.service.stand_in_worker")
QUICK = JobSettings(attempts_max=3, heartbeat_timeout_s=20.0, lease_s=5.0, poll_s=0.02, stop_grace_s=1.0)


def settings(home: Path, *, players: dict[str, tuple[str, ...]] | None = None, **changes: Any) -> Settings:
    """A home with one generator, `boxes`, and stand-in players by their arguments."""
    generators = home.parent / "generators"
    generators.mkdir(parents=True, exist_ok=True)
    (generators / "boxes.yaml").write_text(GENERATOR)
    values: dict[str, Any] = {
        "home": home,
        "generators": generators,
        "players": {
            name: PlayerSettings(path="/bin/true", arguments=arguments) for name, arguments in (players or {}).items()
        },
        "workers": 2,
        "free_bytes_min": 0,
        "jobs": QUICK,
    }
    return Settings(**(values | changes))


def application(home: Path, **changes: Any) -> Application:
    """An application whose render worker is the stand-in."""
    return Application(settings(home, **changes), modules=MODULES)


def request(frames: int = 4, *, seed: int = 1, player: str = "embedded", **changes: Any) -> RenderBatchRequest:
    """A small batch."""
    return RenderBatchRequest(generator="boxes", frames=frames, seed=seed, player=player, **changes)
