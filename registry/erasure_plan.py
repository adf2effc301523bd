"""Which frames an erasure takes, and which files stay because other frames are made of the very same bytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from contracts.erasure import KeptFile
from contracts.errors import IntegrityError, NotFoundError, nearest
from contracts.frame import FrameRecord
from contracts.ids import Digest, VersionReference
from registry.reader import Version
from registry.store import Store
from registry.streaming import read_lines

_HOLDERS_SHOWN = 3
_GROUPS_SHOWN = 20


@dataclass(frozen=True)
class Known:
    """A version whose bytes are in the store."""

    version: Version
    references: list[VersionReference]
    """Its names; none where it was deleted."""
    erased: frozenset[int]
    """Frames that were erased before."""

    @property
    def title(self) -> str:
        """What people call it."""
        return str(self.references[0]) if self.references else f"deleted version {self.version.digest}"


@dataclass(frozen=True)
class ErasurePlan:
    """What an erasure does."""

    version: Digest
    """That it was asked of."""
    known: Sequence[Known]
    erased: dict[Digest, list[FrameRecord]]
    """Frames to erase, by version."""
    removable: frozenset[Digest]
    """Files that go."""
    kept: tuple[KeptFile, ...]
    elsewhere: dict[Digest, int]
    """Further frames of the group, by version."""


@dataclass
class _Holders:
    """Frames of other groups that hold a file."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        self.count += 1
        if len(self.first) < _HOLDERS_SHOWN:
            self.first.append(text)


def plan_erasure(
    store: Store, known: Sequence[Known], digest: Digest, reference: VersionReference, group: str
) -> ErasurePlan:
    """Look through all versions for the files of a group's frames.

    Args:
        store: The store.
        known: All versions whose bytes are needed.
        digest: The version that the erasure was asked of.
        reference: Its name.
        group: The group.

    Raises:
        NotFoundError: No frame of the version has this group.
        IntegrityError: A version's documents are damaged.
    """
    (asked,) = [item for item in known if item.version.digest == digest]
    erased = {digest: _group_of(asked, reference, group)}
    while True:
        wanted = {file: record for records in erased.values() for record in records for file in record.files.values()}
        found = _look(store, known, digest, group, set(wanted))
        erased = {digest: erased[digest]} | found.erased
        more = {file for records in erased.values() for record in records for file in record.files.values()}
        if more == wanted.keys():  # a frame that is erased too may be made of further files
            break
    holders = found.holders
    return ErasurePlan(
        version=digest,
        known=known,
        erased={version: records for version, records in erased.items() if records},
        removable=frozenset(wanted.keys() - holders.keys()),
        kept=tuple(
            KeptFile(digest=file, what=_what(wanted[file], file), held_by=tuple(item.first), holders=item.count)
            for file, item in sorted(holders.items())
        ),
        elsewhere=dict(found.elsewhere),
    )


def _group_of(asked: Known, reference: VersionReference, group: str) -> list[FrameRecord]:
    """Frames of the group that are still there."""
    groups: Counter[str] = Counter()
    found = []
    for record in asked.version.iterate_all():
        if record.group is not None:
            groups[record.group] += 1
        if record.group == group and record.index not in asked.erased:
            found.append(record)
    if group not in groups:
        names = [name for name, _ in groups.most_common()]
        hint = nearest(group, names) if len(names) <= _GROUPS_SHOWN else f"it has {len(names)} groups"
        raise NotFoundError(
            f"no frame of {reference} has the group '{group}'",
            code="unknown_group",
            hint=hint or "its frames have no groups",
        )
    return found


@dataclass
class _Found:
    erased: dict[Digest, list[FrameRecord]] = field(default_factory=dict)
    holders: dict[Digest, _Holders] = field(default_factory=dict)
    elsewhere: Counter[Digest] = field(default_factory=Counter)


def _look(store: Store, known: Sequence[Known], asked: Digest, group: str, wanted: set[Digest]) -> _Found:
    """Frames beyond those asked for that hold wanted files: of the group, or of others."""
    found = _Found()
    others: list[tuple[Known, FrameRecord]] = []
    for item in known:
        holds = any(file in wanted for file in _table(store, item.version))
        for record in _records_with(store, item, group, wanted if holds else ()):
            shared = wanted.intersection(record.files.values())
            if record.group != group:
                for file in shared:
                    text = f"{item.title} frame {record.index}"
                    title = f"group '{record.group}'" if record.group is not None else "no group"
                    found.holders.setdefault(file, _Holders()).add(f"{text} ({title})")
            elif item.version.digest != asked:
                others.append((item, record))
    for item, record in others:
        if (wanted - found.holders.keys()).intersection(record.files.values()):
            found.erased.setdefault(item.version.digest, []).append(record)
        else:
            found.elsewhere[item.version.digest] += 1
    return found


def _records_with(store: Store, item: Known, group: str, wanted: Collection[Digest]) -> Iterator[FrameRecord]:
    """Frames of a version that are there and of the group, or hold a wanted file; a cheap look at each line first."""
    needle = f'"group":{json.dumps(group, ensure_ascii=False)}'.encode()
    what = f"frames.jsonl of {item.version.name}"
    for line in read_lines(store, item.version.manifest.frames.digest, what=what):
        if not wanted and needle not in line:
            continue
        try:
            record = FrameRecord.model_validate_json(line)
        except ValidationError:
            raise IntegrityError(f"{what} is damaged", hint="`beltline verify` names the file") from None
        if record.index in item.erased:
            continue
        if record.group == group or any(file in wanted for file in record.files.values()):
            yield record


def _table(store: Store, version: Version) -> Iterator[Digest]:
    """All files that a version names."""
    for line in read_lines(store, version.manifest.files.digest, what=f"file table of {version.name}"):
        yield line.partition(b" ")[0].decode("ascii", "replace")


def _what(record: FrameRecord, file: Digest) -> str:
    role = next(role for role, digest in record.files.items() if digest == file)
    return f"{role} of frame {record.index}"
