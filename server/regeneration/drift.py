"""What has moved since a lock was written: frames rendered anew against what the lock remembers, causes first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contracts.frame import FrameRecord, PlayerIdentity
from contracts.generator import Generator
from contracts.ids import canonical_json
from contracts.lock import (
    FINGERPRINT_BYTES,
    FieldChange,
    Finding,
    FindingKind,
    FrameTrace,
    LockedDataset,
    LockedFrame,
    Platform,
)
from server.regeneration.pixel_noise import FALSE_ALARM_LEVEL, FRAMES_MIN, SHIFT_MIN, compare_blocks

SHOWN_MAX = 20
"""Frames and values that a finding lists."""
_VARIANTS = ("cuda", "llvm", "scalar")
_Pair = tuple[LockedFrame, FrameTrace]


def generator_changes(locked: Generator, now: Generator) -> list[FieldChange]:
    """Every field in which two resolved generators differ."""
    return list(_changes(locked.model_dump(mode="json"), now.model_dump(mode="json"), ()))


def generator_finding(locked: LockedDataset, now: Generator) -> Finding | None:
    """The generator's text, field by field; none where it is the same."""
    changes = generator_changes(locked.document, now)
    if locked.generator_digest == now.digest():
        return None
    if not changes:
        message = (
            "the generator reads the same, and its digest is another: this Beltline writes more fields than it had"
        )
    else:
        message = f"the generator's text differs in {_count(len(changes), 'field')}"
    return Finding(kind="generator", drift=True, message=message, changes=tuple(changes[:SHOWN_MAX]))


def compare_frames(locked: LockedDataset, traces: Sequence[FrameTrace], platform: Platform) -> list[Finding]:
    """How frames differ from what the lock remembers of them, the generator being the same.

    Args:
        locked: What the lock says.
        traces: Some of the lock's witnesses, rendered anew.
        platform: What they were rendered on.
    """
    witnesses = {frame.index: frame for frame in locked.witnesses}
    pairs = [(witnesses[trace.record.index], trace) for trace in traces if trace.record.index in witnesses]
    found = list(_drawn(pairs))
    # A frame that is drawn anew another number of times is another frame: the rest of it says nothing more.
    pairs = [(witness, trace) for witness, trace in pairs if witness.attempt == trace.record.attempt]
    found += _composed(pairs)
    players = {trace.record.player for trace in traces if trace.record.player is not None}
    other_place = _places(locked, players, platform)
    found += [_player_finding(locked.rendered_by, player) for player in players if not _same_make(locked, player)]
    if other_place is not None:
        found.append(other_place)
    found += _exactly(pairs, other_place is not None)
    found += _pixels(pairs, other_place is not None)
    return found


def fingerprints(record: FrameRecord) -> tuple[bytes, bytes]:
    """Of a record without index and player, and of what is labels of it; as `LockedDataset.records` and `.labels`."""
    value = record.model_dump(mode="json", exclude={"index", "player"})
    whole = canonical_json(value)
    files = {role: digest for role, digest in value["files"].items() if role not in ("image", "depth")}
    labels = canonical_json({**value, "files": files})
    return _short(whole), _short(labels)


def _short(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:FINGERPRINT_BYTES]


def _drawn(pairs: Sequence[_Pair]) -> Iterator[Finding]:
    redrawn = [pair for pair in pairs if pair[0].attempt != pair[1].record.attempt]
    if redrawn:
        yield _finding("gate", redrawn, "the gate draws {frames} anew another number of times")
    moved = [
        (locked, trace)
        for locked, trace in pairs
        if locked.attempt == trace.record.attempt and locked.parameters != trace.record.parameters
    ]
    if moved:
        locked, trace = moved[0]
        changes = list(_changes(locked.parameters, trace.record.parameters, ()))
        said = f"sampling draws other values for {{frames}}; frame {locked.index} shows which"
        yield _finding("sampling", moved, said, changes)


def _composed(pairs: Sequence[_Pair]) -> Iterator[Finding]:
    alike = [pair for pair in pairs if pair[0].parameters == pair[1].record.parameters]
    assets = [pair for pair in alike if pair[0].assets_digest != pair[1].assets_digest]
    if assets:
        yield _finding(
            "assets", assets, "from the same values come other scene assets (geometry, textures) in {frames}"
        )
    placed = [
        (locked, trace)
        for locked, trace in alike
        if locked.assets_digest == trace.assets_digest and locked.spec_digest != trace.record.spec_digest
    ]
    if placed:
        yield _finding("composition", placed, "from the same values and assets comes another scene in {frames}")


def _exactly(pairs: Sequence[_Pair], elsewhere: bool) -> Iterator[Finding]:
    labels = [pair for pair in pairs if _differs(pair, "mask") or _differs(pair, "instances")]
    if labels:
        yield _finding("labels", labels, "masks or instance masks differ in {frames}")
    depth = [pair for pair in pairs if _differs(pair, "depth")]
    if depth:
        said = "depth differs in {frames}" + (", on another platform" if elsewhere else "")
        yield _finding("depth", depth, said, drift=not elsewhere)


def _pixels(pairs: Sequence[_Pair], elsewhere: bool) -> Iterator[Finding]:
    other = [pair for pair in pairs if _differs(pair, "image")]
    if not other:
        return
    test = compare_blocks([locked.blocks for locked, _ in pairs], [trace.blocks for _, trace in pairs])
    if not test.decided:
        said = f"{test.frames} are too few to tell noise from a difference (from {FRAMES_MIN} on)"
    else:
        said = (
            f"{'more' if test.differs else 'no more'} than noise would (p = {test.p_value:.2g}, largest shift of a "
            f"block {test.shift:.2f} of 255; a false alarm has a chance of at most {FALSE_ALARM_LEVEL:g}, and shifts "
            f"up to {SHIFT_MIN:g} never count)"
        )
    drift = not elsewhere or not test.decided or test.differs
    yield _finding("pixels", other, f"images differ in {{frames}}: {said}", drift=drift)


def _differs(pair: _Pair, role: Any) -> bool:
    return pair[0].pixels.get(role) != pair[1].pixels.get(role)


def _places(locked: LockedDataset, players: set[PlayerIdentity], platform: Platform) -> Finding | None:
    before = {**locked.platform.model_dump(), "variant": variant_of(locked.rendered_by)}
    changes = []
    for player in sorted(players, key=str):
        changes = list(_changes(before, {**platform.model_dump(), "variant": variant_of(player)}, ()))
    if not changes:
        return None
    return Finding(
        kind="platform",
        drift=False,
        message="the platform is another one: images are compared statistically, labels exactly",
        changes=tuple(changes),
    )


def variant_of(player: PlayerIdentity) -> str:
    """Renderer variant that a player names last in its version; empty where it names none."""
    last = player.version.rsplit(".", 1)[-1]
    return last if last in _VARIANTS else ""


def _same_make(locked: LockedDataset, player: PlayerIdentity) -> bool:
    return _make(locked.rendered_by) == _make(player)


def _make(player: PlayerIdentity) -> tuple[str, str]:
    variant = variant_of(player)
    return player.name, player.version.removesuffix(f".{variant}") if variant else player.version


def _player_finding(locked: PlayerIdentity, now: PlayerIdentity) -> Finding:
    changes = tuple(_changes(locked.model_dump(), now.model_dump(), ()))
    said = f"the player is {now.name} {now.version}; locked is {locked.name} {locked.version}"
    return Finding(kind="player", drift=True, message=said, changes=changes)


def _finding(
    kind: FindingKind, pairs: Sequence[_Pair], message: str, changes: Sequence[FieldChange] = (), *, drift: bool = True
) -> Finding:
    indices = [locked.index for locked, _ in pairs]
    shown = ", ".join(map(str, indices[:SHOWN_MAX])) + (", …" if len(indices) > SHOWN_MAX else "")
    return Finding(
        kind=kind,
        drift=drift,
        message=message.format(frames=f"frame{'s' if len(indices) > 1 else ''} {shown}"),
        frames=tuple(indices[:SHOWN_MAX]),
        changes=tuple(changes[:SHOWN_MAX]),
    )


def _changes(locked: Any, now: Any, path: tuple[str, ...]) -> Iterator[FieldChange]:
    if isinstance(locked, Mapping) and isinstance(now, Mapping):
        for key in sorted({*locked, *now}, key=str):
            yield from _changes(locked.get(key), now.get(key), (*path, str(key)))
    elif locked != now:
        yield FieldChange(path=".".join(path), locked=locked, now=now)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
