"""A dataset that was made once, its lock and its frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from regeneration_samples import FRAMES, PATIENT, made

from contracts.lock import LockedDataset, Trace, TraceRequest
from server.application import Application
from server.regeneration.lock_file import update_lock
from server.regeneration.making import Made
from tests.service.homes import application


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    with application(tmp_path_factory.mktemp("regeneration") / "home", jobs=PATIENT) as opened:
        yield opened


@pytest.fixture(scope="package")
def first(service: Application, tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Path]:
    """A dataset that was made, and the lock that it was written to."""
    lock = tmp_path_factory.mktemp("lock") / "datasets.lock"
    return made(service, lock, "boxes", frames=FRAMES, seed=3), lock


@pytest.fixture(scope="package")
def entry(first: tuple[Made, Path]) -> LockedDataset:
    return first[0].entry


@pytest.fixture(scope="package")
def trace(service: Application, entry: LockedDataset) -> Trace:
    """Its frames, rendered anew."""
    return service.trace("boxes", TraceRequest(frames=tuple(range(FRAMES)), seed=3))


@pytest.fixture
def lock(entry: LockedDataset, tmp_path: Path) -> Path:
    """A lock of its own for a test."""
    path = tmp_path / "datasets.lock"
    update_lock(path, "boxes", entry)
    return path
