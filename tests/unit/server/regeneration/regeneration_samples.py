"""Datasets that are made for a lock, and locks that say otherwise than what is rendered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contracts.lock import LockedDataset
from server.regeneration.lock_file import UnfinishedJobs, read_lock, update_lock
from server.regeneration.making import Made, make
from server.regeneration.wanted import Wanted, Wishes, find_wanted
from server.service import Service
from server.settings import JobSettings

FRAMES = 13
PATIENT = JobSettings(poll_s=0.02)
"""A busy machine is no fault of the process that is watched."""
ZERO = "sha256:" + "0" * 64


def wanted_of(service: Service, lock: Path, *files: str, **wishes: Any) -> Wanted:
    (wanted,) = find_wanted(service, read_lock(lock), lock.parent, files, Wishes(**wishes), remote=False)
    return wanted


def made(service: Service, lock: Path, *files: str, **wishes: Any) -> Made:
    found = make(
        service, wanted_of(service, lock, *files, **wishes), UnfinishedJobs(lock), lambda job: service.wait(job.id)
    )
    if found.changed:
        update_lock(lock, found.dataset, found.entry)
    return found


def as_wanted(entry: LockedDataset) -> Wanted:
    return Wanted(
        dataset="boxes",
        generator="boxes",
        named="boxes",
        frames=entry.frames,
        seed=entry.seed,
        size=None,
        player="embedded",
        overrides={},
        locked=entry,
    )


def of_each_frame(entry: LockedDataset, **changes: Any) -> LockedDataset:
    """The entry as if it had been locked with other values."""
    witnesses = tuple(frame.model_copy(update=changes) for frame in entry.witnesses)
    return entry.model_copy(update={"witnesses": witnesses})


def on_another_platform(entry: LockedDataset) -> LockedDataset:
    platform = entry.platform.model_copy(update={"processor": "another one"})
    return entry.model_copy(update={"platform": platform})
