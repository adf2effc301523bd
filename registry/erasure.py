"""Erasing a group's frames for good, although versions never change.

A version keeps its digest, its documents and the records of its frames; the bytes of the erased frames go. The order
makes it safe to stop anywhere: first rows in the catalog say which frames are erased (one transaction, while nothing
can be published), then notes in the store say so to readers without a catalog, then what was derived goes, then the
blobs, and last the rows are finished. What is erased is garbage from the first step on (`registry.collection`), so
repeating the erasure, or collecting garbage, completes one that was interrupted.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import select

from contracts.erasure import AffectedVersion, ErasureMark, ErasureReport
from contracts.errors import StorageError
from contracts.frame import FrameRecord
from contracts.ids import Digest, VersionReference, canonical_json
from registry.catalog import Catalog, lock_collection
from registry.collection import STEP, Live, Roots, remove_garbage
from registry.deletion import made_of
from registry.erasure_plan import ErasurePlan, Known, plan_erasure
from registry.incoming import clear_dead
from registry.reader import ERASED_NOTE, Version, open_version
from registry.rows import current_user, moment_text
from registry.store import Store
from registry.tables import ErasureRow

NeededBy = Callable[[Collection[Digest]], Collection[str]]
"""What else was made of versions, in words: such as `training run run-5c2a90f3e1b8`."""


@dataclass(frozen=True)
class ErasedFrames:
    """Frames of one version whose bytes go."""

    digest: Digest
    """The version's."""
    records: tuple[FrameRecord, ...]


Forget = Callable[[Sequence[ErasedFrames]], Collection[str]]
"""Removes what was derived from frames, such as cached pictures, and says what of it somebody may miss."""


def erase_group(
    store: Store,
    catalog: Catalog,
    reference: VersionReference,
    group: str,
    *,
    roots: Roots | None = None,
    needed_by: NeededBy | None = None,
    forget: Forget | None = None,
    by: str = "",
    reason: str = "",
    dry_run: bool = False,
) -> ErasureReport:
    """Remove the bytes of a group's frames for good; the version stays, listed as erased in part.

    Frames of the same group in other versions that hold some of the same files are erased with them. A file that a
    frame of another group is made of stays, and is named. Repeating it is harmless, and completes what was interrupted.

    Args:
        store: The store.
        catalog: Its catalog.
        reference: The version.
        group: As the frames' records name it.
        roots: Digests of versions that have no name any more and that something needs, such as a run's.
        needed_by: Says what beyond the catalog was made of some versions.
        forget: Removes what was derived from the frames.
        by: Who erases; the process's user when empty.
        reason: Why.
        dry_run: Whether to look only.

    Raises:
        NotFoundError: No such version, or no frame of it has this group.
        IntegrityError: It can't be told which frames hold the bytes, because a version's documents are damaged.
        StorageError: Store or catalog refuse; repeat it then.
    """
    roots = roots or (lambda: ())
    if dry_run:
        plan = plan_erasure(store, _known(store, catalog, roots), catalog.resolve(reference), reference, group)
        sizes = [size for digest in plan.removable if (size := store.size_or_none(digest)) is not None]
        derived: Collection[str] = ()
    else:
        with catalog.changing(f"erase group '{group}' of {reference}") as session:
            lock_collection(session)  # nothing is published, deleted or freed until the rows are there
            plan = plan_erasure(store, _known(store, catalog, roots), catalog.resolve(reference), reference, group)
            now = datetime.now(UTC)
            for digest, records in plan.erased.items():
                session.add(
                    ErasureRow(
                        digest=digest,
                        group_name=group,
                        frames=[record.index for record in records],
                        erased_at=now,
                        erased_by=by or current_user(),
                        reason=reason,
                    )
                )
        sizes, derived = finish_erasures(store, catalog, roots=roots, forget=forget)
    affected = [plan.version, *(digest for digest in plan.erased if digest != plan.version)]
    named = [
        (name, known.version.digest)
        for known in plan.known
        if known.version.digest in affected
        for name in known.references
    ]
    return ErasureReport(
        dry_run=dry_run,
        name=reference.name,
        version=reference.number,
        digest=plan.version,
        group=group,
        erased=_affected(plan, {digest: len(records) for digest, records in plan.erased.items()}),
        files=len(sizes),
        freed_bytes=sum(sizes),
        kept=plan.kept,
        elsewhere=_affected(plan, plan.elsewhere),
        dependents=(
            *made_of(catalog, affected, named),
            *(sorted(needed_by(affected)) if needed_by is not None else ()),
        ),
        derived=tuple(derived),
    )


def finish_erasures(
    store: Store, catalog: Catalog, *, roots: Roots | None = None, forget: Forget | None = None
) -> tuple[list[int], list[str]]:
    """Complete erasures that were begun, and write every note that the store has lost.

    Returns:
        Sizes of the blobs removed, in bytes, and what of the derived somebody may miss.

    Raises:
        IntegrityError, StorageError: As `erase_group`.
    """
    with catalog.reading() as session:
        rows = list(session.scalars(select(ErasureRow).order_by(ErasureRow.id)))
        session.expunge_all()
    for row in rows:
        _write_note(store, row)
    waiting = [row for row in rows if row.finished_at is None]
    if not waiting:
        return [], []
    frames = [_frames_of(store, row) for row in waiting]
    derived = sorted(forget(frames)) if forget is not None else []
    digests = {digest for part in frames for record in part.records for digest in record.files.values()}
    live = Live(store, catalog, roots or (lambda: ()))
    live.refresh()
    if store.is_local:
        clear_dead(Path(store.root, "incoming"))
    sizes: list[int] = []
    token = secrets.token_hex(16)
    garbage = iter(sorted(digest for digest in digests if digest not in live))
    while step := list(islice(garbage, STEP)):
        sizes += remove_garbage(store, catalog, live, step, token)
        for digest in step:
            if digest not in live:
                store.remove_history(digest)
                if store.exists(digest):
                    raise StorageError(f"{store.path_of(digest)} is still there after it was removed", hint="repeat")
    with catalog.changing("finish an erasure") as session:
        for row in waiting:
            session.get_one(ErasureRow, row.id).finished_at = datetime.now(UTC)
    return sizes, derived


def unfinished_erasures(catalog: Catalog) -> list[str]:
    """Erasures that were begun and not completed, in words: they were interrupted, or go on elsewhere."""
    with catalog.reading() as session:
        rows = session.scalars(select(ErasureRow).where(ErasureRow.finished_at.is_(None)).order_by(ErasureRow.id))
        return [f"group '{row.group_name}' of version {row.digest}" for row in rows]


def _frames_of(store: Store, row: ErasureRow) -> ErasedFrames:
    erased = set(row.frames)
    version = open_version(store, row.digest)
    return ErasedFrames(row.digest, tuple(record for record in version.iterate_all() if record.index in erased))


def _write_note(store: Store, row: ErasureRow) -> None:
    mark = ErasureMark(
        version=row.digest, group=row.group_name, frames=tuple(row.frames), erased_at=moment_text(row.erased_at)
    )
    name, data = f"{row.id}.json", canonical_json(mark)
    if store.notes(ERASED_NOTE, row.digest).get(name) != data:
        store.put_note(ERASED_NOTE, row.digest, name, data)


def _known(store: Store, catalog: Catalog, roots: Roots) -> list[Known]:
    """Every version once: those with a name, and those that something needs without."""
    found: dict[Digest, Known] = {}
    for reference, digest in catalog.all_versions():
        if digest in found:
            found[digest].references.append(reference)
        else:
            version = Version(store, digest, catalog.manifest(reference), str(reference))
            found[digest] = Known(version, [reference], catalog.erased_frames(digest))
    for digest in roots():
        if digest not in found and store.exists(digest):
            found[digest] = Known(open_version(store, digest), [], catalog.erased_frames(digest))
    return list(found.values())


def _affected(plan: ErasurePlan, counts: dict[Digest, int]) -> tuple[AffectedVersion, ...]:
    found = []
    for known in plan.known:
        digest = known.version.digest
        if digest in counts:
            found += [
                AffectedVersion(name=reference.name, version=reference.number, digest=digest, frames=counts[digest])
                for reference in known.references
            ] or [AffectedVersion(digest=digest, frames=counts[digest])]
    return tuple(found)
