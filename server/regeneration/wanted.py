"""What a regeneration is about: datasets of the lock, of generators that the command names, with what it changes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.document import is_path
from contracts.errors import ConfigurationError, NotFoundError, nearest
from contracts.generator import Generator, load_generator
from contracts.ids import digest_of
from contracts.job import RenderBatchRequest
from contracts.lock import DatasetsLock, FieldChange, Finding, LockedDataset, TraceRequest
from server.service import Service
from server.settings import shipped_generators

FRAMES = 16
"""Frames of a new dataset for which no number is given."""


@dataclass(frozen=True)
class Wishes:
    """What the command says of the datasets it names; none is what the lock says, or what is usual."""

    frames: int | None = None
    seed: int | None = None
    size: str | None = None
    player: str | None = None
    dataset: str | None = None
    """Name of the one dataset that is made."""
    overrides: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Wanted:
    """A dataset as it should be."""

    dataset: str
    generator: str
    """As the lock writes it: a name, or a path from the lock's folder."""
    named: str
    """As the service knows it: a name, or an absolute path."""
    frames: int
    seed: int
    size: str | None
    player: str
    overrides: Mapping[str, Any]
    locked: LockedDataset | None

    def batch(self) -> RenderBatchRequest:
        """The request that renders it."""
        return RenderBatchRequest(
            generator=self.named,
            frames=self.frames,
            seed=self.seed,
            size=self.size,
            dataset=self.dataset,
            player=self.player,
            overrides=dict(self.overrides),
        )

    def trace(self, frames: Sequence[int]) -> TraceRequest:
        """The request that renders some of its frames anew."""
        return TraceRequest(
            frames=tuple(frames), seed=self.seed, size=self.size, player=self.player, overrides=dict(self.overrides)
        )

    def finding(self) -> Finding | None:
        """What was asked for beside what is locked; none where they are the same."""
        if self.locked is None:
            return Finding(kind="request", drift=True, message="the lock does not name this dataset")
        before = self.locked.request(self.dataset).model_dump(mode="json", exclude={"generator", "player"})
        now = self.batch().model_dump(mode="json", exclude={"generator", "player"})
        changes = tuple(
            FieldChange(path=key, locked=before[key], now=now[key]) for key in now if before[key] != now[key]
        )
        if not changes:
            return None
        return Finding(kind="request", drift=True, message="another batch is asked for than is locked", changes=changes)


def find_wanted(
    service: Service, lock: DatasetsLock, folder: Path, files: Sequence[str], wishes: Wishes, *, remote: bool
) -> list[Wanted]:
    """The datasets that a command means, in the lock's order and then in the command's.

    Args:
        service: Knows the generators.
        lock: As it is.
        folder: The lock's; paths in it start there.
        files: Generators that the command names, by name or path; none is every dataset of the lock.
        wishes: What the command says of them.
        remote: Whether the service has files of its own only.

    Raises:
        ConfigurationError: The lock is empty, or two files ask for one dataset.
        NotFoundError: There is no such generator.
    """
    if not files:
        if not lock.datasets:
            raise ConfigurationError(
                "the lock names no dataset", code="empty_lock", hint="name generators: beltline regenerate my.yaml"
            )
        if wishes.dataset is not None and wishes.dataset not in lock.datasets:
            raise NotFoundError(
                f"the lock has no dataset '{wishes.dataset}'", hint=nearest(wishes.dataset, lock.datasets)
            )
        chosen = [wishes.dataset] if wishes.dataset is not None else list(lock.datasets)
        return [_locked(lock.datasets[name], name, folder, wishes, service, remote) for name in chosen]
    if wishes.dataset is not None and len(files) > 1:
        raise ConfigurationError("--dataset names one dataset: give one generator with it", hint="one file at a time")
    found: list[Wanted] = []
    for text in files:
        written = _written(text, folder)
        there = [name for name, entry in lock.datasets.items() if entry.generator == written]
        if wishes.dataset is not None:
            there = [wishes.dataset] if wishes.dataset in there else []
        if there:
            found += [_locked(lock.datasets[name], name, folder, wishes, service, remote) for name in there]
        else:
            found.append(_new(lock, written, folder, wishes, service, remote))
    names = [item.dataset for item in found]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ConfigurationError(
            f"two generators ask for the dataset '{doubled[0]}'", hint="give one at a time, with --dataset NAME"
        )
    return found


def _locked(entry: LockedDataset, dataset: str, folder: Path, wishes: Wishes, service: Service, remote: bool) -> Wanted:
    size = None if entry.size is None else f"{entry.size[0]}x{entry.size[1]}"
    return Wanted(
        dataset=dataset,
        generator=entry.generator,
        named=_known_as(entry.generator, folder, service, remote),
        frames=wishes.frames or entry.frames,
        seed=entry.seed if wishes.seed is None else wishes.seed,
        size=wishes.size or size,
        player=wishes.player or entry.player,
        overrides=wishes.overrides or entry.overrides,
        locked=entry,
    )


def _new(lock: DatasetsLock, written: str, folder: Path, wishes: Wishes, service: Service, remote: bool) -> Wanted:
    named = _known_as(written, folder, service, remote)
    dataset = wishes.dataset or service.generator(named).name
    taken = lock.datasets.get(dataset)
    if taken is not None:
        raise ConfigurationError(
            f"the lock's dataset '{dataset}' is made by {taken.generator}, not by {written}",
            code="dataset_taken",
            hint="name another with --dataset",
        )
    return Wanted(
        dataset=dataset,
        generator=written,
        named=named,
        frames=wishes.frames or FRAMES,
        seed=wishes.seed or 0,
        size=wishes.size,
        player=wishes.player or "embedded",
        overrides=wishes.overrides or {},
        locked=None,
    )


def _written(text: str, folder: Path) -> str:
    """A generator as the lock writes it."""
    return Path(os.path.relpath(Path(text).resolve(), folder.resolve())).as_posix() if is_path(text) else text


def _known_as(written: str, folder: Path, service: Service, remote: bool) -> str:
    """What the service calls a generator. A running service reads no files of ours: there it goes by its name.

    Raises:
        ConfigurationError: The service's generator of that name has another text.
    """
    if not is_path(written):
        return written
    path = (folder / written).resolve()
    if not remote:
        return str(path)
    mine = load_generator(str(path), shipped_generators())
    theirs = service.generator(mine.name)
    if theirs.digest != mine.digest():
        raise ConfigurationError(
            f"the service's generator '{mine.name}' has another text than {path}",
            code="other_generator",
            hint="put the file into the service's folder of generators, or work without --url",
        )
    return mine.name


def request_digest(wanted: Wanted, generator: Generator) -> str:
    """What makes two render requests the same, whatever becomes of the generator's file meanwhile."""
    return digest_of(f"{generator.digest()}\n{wanted.batch().model_dump_json()}".encode())
