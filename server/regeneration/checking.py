"""Proving that what a lock names would come out the same today: frames are rendered anew and compared."""

from __future__ import annotations

import base64

from contracts.lock import FINGERPRINT_BYTES, DatasetCheck, Finding, FrameTrace, LockedDataset, Platform
from server.regeneration.drift import SHOWN_MAX, compare_frames, fingerprints, generator_finding
from server.regeneration.making import choose, traced
from server.regeneration.pixel_noise import FRAMES_MIN
from server.regeneration.wanted import Wanted
from server.service import Service

SAMPLE = 4
"""Frames of a dataset that a check renders unless it is told otherwise."""


def check(service: Service, wanted: Wanted, *, sample: int | None, sample_seed: int) -> DatasetCheck:
    """Compare a dataset with its lock. Nothing is published.

    Args:
        service: Renders.
        wanted: The dataset, and what was asked of it.
        sample: Frames to render, at least 1; none is all.
        sample_seed: Of the choice among those that the lock can explain.

    Raises:
        NotFoundError: Unknown generator.
        ConfigurationError: Unknown player or size.
        RenderError: A frame can't be rendered.
    """
    asked = wanted.finding()
    locked = wanted.locked
    if locked is None or asked is not None:
        return _result(wanted, 0, [asked] if asked is not None else [])
    now = service.trace(wanted.named, wanted.trace(())).generator
    written = generator_finding(locked, now)
    if written is not None:
        return _result(wanted, 0, [written])
    witnesses = [frame.index for frame in locked.witnesses]
    indices = witnesses if sample is None else choose(min(sample, len(witnesses)), witnesses, sample_seed)
    traces, platform = _render(service, wanted, indices)
    findings = compare_frames(locked, traces, platform)
    if _needs_more(findings) and len(indices) < min(FRAMES_MIN, len(witnesses)):
        more, _ = _render(service, wanted, [index for index in witnesses if index not in indices])
        traces = sorted([*traces, *more], key=lambda trace: trace.record.index)
        findings = compare_frames(locked, traces, platform)
    if sample is None:
        others = [index for index in range(locked.frames) if index not in set(witnesses)]
        elsewhere = any(finding.kind == "platform" for finding in findings)
        rendered, unlike = _others(service, wanted, locked, others, labels_only=elsewhere)
        return _result(wanted, len(traces) + rendered, [*findings, *unlike])
    return _result(wanted, len(traces), findings)


def _render(service: Service, wanted: Wanted, indices: list[int]) -> tuple[list[FrameTrace], Platform]:
    answers = list(traced(service, wanted, indices))
    return [frame for answer in answers for frame in answer.frames], answers[0].platform


def _needs_more(findings: list[Finding]) -> bool:
    """Whether images differ on another platform: telling noise from a difference takes more frames."""
    kinds = {finding.kind for finding in findings}
    return {"pixels", "platform"} <= kinds


def _others(
    service: Service, wanted: Wanted, locked: LockedDataset, indices: list[int], *, labels_only: bool
) -> tuple[int, list[Finding]]:
    """The frames of which the lock knows fingerprints only."""
    known = base64.b64decode(locked.labels if labels_only else locked.records)
    unlike = []
    for answer in traced(service, wanted, indices):
        for frame in answer.frames:
            start = frame.record.index * FINGERPRINT_BYTES
            found = fingerprints(frame.record)[1 if labels_only else 0]
            if found != known[start : start + FINGERPRINT_BYTES]:
                unlike.append(frame.record.index)
    if not unlike:
        return len(indices), []
    what = "labels or parameters" if labels_only else "parameters, labels or images"
    shown = ", ".join(map(str, unlike[:SHOWN_MAX])) + (", …" if len(unlike) > SHOWN_MAX else "")
    message = f"{what} differ in {len(unlike)} of the {len(indices)} frames known by fingerprint: {shown}"
    kind = "labels" if labels_only else "pixels"
    return len(indices), [Finding(kind=kind, drift=True, message=message, frames=tuple(unlike[:SHOWN_MAX]))]


def _result(wanted: Wanted, rendered: int, findings: list[Finding]) -> DatasetCheck:
    return DatasetCheck(
        dataset=wanted.dataset,
        same=not any(finding.drift for finding in findings),
        frames_rendered=rendered,
        findings=tuple(findings),
    )
