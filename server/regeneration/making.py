"""Making what a lock names: render what is missing or changed, and write down by what it is known again."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.camera import size_of
from contracts.errors import BeltlineError, NotFoundError, RenderError
from contracts.frame import FrameRecord
from contracts.generator import Generator
from contracts.ids import Digest, VersionReference, digest_of
from contracts.job import TERMINAL_STATES, Job, JobState
from contracts.lock import Finding, FrameTrace, LockedDataset, LockedFrame, Trace
from server.regeneration.drift import compare_frames, fingerprints, generator_finding
from server.regeneration.lock_file import UnfinishedJobs
from server.regeneration.wanted import Wanted, request_digest
from server.resources import PAGE_SIZE_MAX
from server.service import Service

WITNESSES = 16
"""Frames of a dataset that the lock can explain: as many as the noise test looks at."""
SLICE = 16
"""Frames that are traced in one request."""

Follow = Callable[[Job], Job]
"""Blocks until a job has succeeded; raises what it failed with."""


@dataclass(frozen=True)
class Made:
    """A dataset as it is now."""

    dataset: str
    version: VersionReference
    entry: LockedDataset
    rendered: bool
    """Whether it was rendered, else it was there."""
    changed: bool
    """Whether the lock must say something else."""
    findings: tuple[Finding, ...] = ()
    """Why its digest is another than the locked one."""


def make(service: Service, wanted: Wanted, unfinished: UnfinishedJobs, follow: Follow) -> Made:
    """Render a dataset unless it is there as locked.

    Args:
        service: Renders.
        wanted: What should be there.
        unfinished: Jobs that an interrupted run left.
        follow: Waits for a job.

    Raises:
        NotFoundError: Unknown generator.
        ConfigurationError: Unknown player, override path or size.
        RenderError: It can't be rendered, or not twice alike.
    """
    generator = service.trace(wanted.named, wanted.trace(())).generator
    locked = wanted.locked
    as_locked = locked is not None and wanted.finding() is None and locked.generator_digest == generator.digest()
    if locked is not None and as_locked:
        there = _version_of(service, wanted.dataset, locked.version_digest)
        if there is not None:
            return Made(wanted.dataset, there, locked, rendered=False, changed=False)
    version, digest = _render(service, wanted, generator, unfinished, follow)
    if locked is not None and as_locked and digest == locked.version_digest:
        return Made(wanted.dataset, version, locked, rendered=True, changed=False)
    entry, traces = _locked(service, wanted, version, digest)
    findings: tuple[Finding, ...] = ()
    if locked is not None:
        asked = [wanted.finding(), generator_finding(locked, generator)]
        findings = tuple(finding for finding in asked if finding is not None)
        findings = findings or tuple(compare_frames(locked, traces, entry.platform))
    return Made(wanted.dataset, version, entry, rendered=True, changed=True, findings=findings)


def traced(service: Service, wanted: Wanted, indices: Sequence[int]) -> Iterator[Trace]:
    """Frames rendered anew, some at a time: an answer of a service must not take for ever."""
    for start in range(0, len(indices), SLICE):
        yield service.trace(wanted.named, wanted.trace(indices[start : start + SLICE]))


def choose(count: int, among: Sequence[int], seed: int) -> list[int]:
    """Some of a list at random, in their order; with one seed, every larger choice contains each smaller one."""
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
    return [among[place] for place in sorted(random.permutation(len(among))[:count].tolist())]


def _version_of(service: Service, dataset: str, digest: Digest) -> VersionReference | None:
    try:
        versions = service.dataset(dataset).versions
    except NotFoundError:
        return None
    numbers = [item.version for item in versions if item.digest == digest]
    return VersionReference(dataset, numbers[-1]) if numbers else None


def _render(
    service: Service, wanted: Wanted, generator: Generator, unfinished: UnfinishedJobs, follow: Follow
) -> tuple[VersionReference, Digest]:
    what = request_digest(wanted, generator)
    job = _left_over(service, unfinished.get(what))
    if job is None:
        job = service.render(wanted.batch()).job
        unfinished.put(what, job.id)
    job = follow(job)
    result = job.result or {}
    version = VersionReference.parse(str(result.get("dataset")))
    described = service.version(version)
    unfinished.remove(what)
    if described.generator is None or described.generator.digest != generator.digest():
        raise RenderError(
            f"the generator of {wanted.dataset} changed while it was rendered", hint="run the command again"
        )
    return version, described.digest


def _left_over(service: Service, job_id: str | None) -> Job | None:
    """A job that an interrupted run began and that can still be finished."""
    if job_id is None:
        return None
    try:
        job = service.job(job_id)
        if job.state is JobState.SUCCEEDED:
            return None
        return service.retry(job_id) if job.state in TERMINAL_STATES else job
    except BeltlineError:
        return None  # forgotten, or of another home


def _locked(
    service: Service, wanted: Wanted, version: VersionReference, digest: Digest
) -> tuple[LockedDataset, list[FrameTrace]]:
    """The lock's entry of a version. Its witnesses are rendered a second time: what can't be repeated is not locked."""
    indices = choose(WITNESSES, range(wanted.frames), wanted.seed)
    answers = list(traced(service, wanted, indices))
    traces = [frame for answer in answers for frame in answer.frames]
    records: list[bytes] = []
    labels: list[bytes] = []
    for record in _records(service, version):
        one, other = fingerprints(record)
        records.append(one)
        labels.append(other)
    unlike = [trace.record.index for trace in traces if fingerprints(trace.record)[0] != records[trace.record.index]]
    if unlike:
        raise RenderError(
            f"{version}: frame {unlike[0]} came out otherwise when it was rendered a second time",
            code="not_repeatable",
            hint="service and workers must be on machines of one kind; `beltline doctor` looks at this one",
            context={"frames": unlike},
        )
    player = traces[0].record.player
    if player is None:
        raise RenderError(f"{version}: the player does not say what it is", hint="use a player that does")
    answer = answers[0]
    entry = LockedDataset(
        generator=wanted.generator,
        overrides=dict(wanted.overrides),
        size=size_of(wanted.batch().size),
        seed=wanted.seed,
        frames=wanted.frames,
        player=wanted.player,
        document=answer.generator,
        generator_digest=answer.generator_digest,
        version_digest=digest,
        rendered_by=player,
        platform=answer.platform,
        assets_digest=digest_of("".join(f"{trace.assets_digest}\n" for trace in traces).encode()),
        witnesses=tuple(_witness(trace) for trace in traces),
        records=base64.b64encode(b"".join(records)).decode(),
        labels=base64.b64encode(b"".join(labels)).decode(),
    )
    return entry, traces


def _witness(trace: FrameTrace) -> LockedFrame:
    record = trace.record
    return LockedFrame(
        index=record.index,
        attempt=record.attempt,
        parameters=record.parameters,
        spec_digest=record.spec_digest or "",
        assets_digest=trace.assets_digest,
        pixels=trace.pixels,
        blocks=trace.blocks,
    )


def _records(service: Service, version: VersionReference) -> Iterator[FrameRecord]:
    cursor: str | None = None
    while True:
        page = service.frames(version, cursor=cursor, limit=PAGE_SIZE_MAX)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def lock_folder(lock: Path) -> Path:
    """Folder of a lock, from which its paths start."""
    return lock.resolve().parent
