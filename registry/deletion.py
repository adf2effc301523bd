"""Deleting versions: explicit, refused where something needs them, and never forgotten."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contracts.dataset import LATEST, DatasetManifest, Deletion
from contracts.errors import ConflictError
from contracts.ids import Digest, VersionReference
from registry.catalog import Catalog, lock_collection
from registry.mixes import mixes_that_name
from registry.rows import current_user, find_dataset, find_version, moment_text, point_alias
from registry.tables import DatasetRow, DeletionRow, ManifestRow, VersionRow

NeededBy = Callable[[VersionReference, Digest], Collection[str]]
"""What else needs a version, in words: such as `training run run-5c2a90f3e1b8`."""


def delete_version(
    catalog: Catalog, reference: VersionReference, *, needed_by: NeededBy | None = None, by: str = "", reason: str = ""
) -> Deletion:
    """Take a version out of the catalog, in one step. Its number is never given again.

    Its blobs stay until `registry.collection.collect_garbage` frees those that nothing else names.

    Args:
        catalog: The catalog.
        reference: The version.
        needed_by: Says what beyond the catalog needs it; asked while nothing can be added.
        by: Who deletes it; the process's user when empty.
        reason: Why.

    Raises:
        NotFoundError: There is no such version.
        ConflictError: An alias stands for it, another version was made of it, a mix or something else needs it;
            `context["needed_by"]` names all of them.
    """
    with catalog.changing(f"delete {reference}") as session:
        lock_collection(session)
        dataset = find_dataset(session, reference.name)
        row = find_version(session, reference)
        needs = [f"alias {reference.name}@{item.alias}" for item in row.aliases if item.alias != LATEST] + _children(
            session, row
        )
        needs += mixes_that_name(session, reference, row.digest)
        if needed_by is not None:
            needs += needed_by(reference, row.digest)
        if needs:
            raise ConflictError(
                f"{reference} is needed by {', '.join(needs)}",
                code="version_needed",
                hint="remove aliases and mixes and delete what was made of it first; what a run learned from stays",
                context={"needed_by": needs},
            )
        now = datetime.now(UTC)
        deleted_by = by or current_user()
        digest = row.digest
        before = select(VersionRow).where(VersionRow.dataset_id == dataset.id, VersionRow.id != row.id)
        if any(item.alias == LATEST for item in row.aliases):
            newest = session.scalars(before.order_by(VersionRow.number.desc()).limit(1)).first()
            point_alias(session, dataset, LATEST, newest, by=deleted_by, reason=f"{reference} was deleted")
        session.add(
            DeletionRow(
                dataset_id=dataset.id,
                number=reference.number,
                digest=digest,
                deleted_at=now,
                deleted_by=deleted_by,
                reason=reason,
            )
        )
        session.delete(row)
        session.flush()
        if not session.scalar(select(func.count()).where(VersionRow.digest == digest)):
            session.delete(session.get_one(ManifestRow, digest))
    return Deletion(
        name=reference.name,
        version=reference.number,
        digest=digest,
        deleted_at=moment_text(now),
        deleted_by=deleted_by,
        reason=reason,
    )


def list_deletions(catalog: Catalog, name: str) -> list[Deletion]:
    """Versions of a dataset that were deleted, by number; none for a name that never was."""
    statement = select(DeletionRow).join(DatasetRow, DatasetRow.id == DeletionRow.dataset_id)
    with catalog.reading() as session:
        rows = session.scalars(statement.where(DatasetRow.name == name).order_by(DeletionRow.number))
        return [
            Deletion(
                name=name,
                version=row.number,
                digest=row.digest,
                deleted_at=moment_text(row.deleted_at),
                deleted_by=row.deleted_by,
                reason=row.reason,
            )
            for row in rows
        ]


def made_of(
    catalog: Catalog, digests: Collection[Digest], references: Collection[tuple[VersionReference, Digest]] = ()
) -> list[str]:
    """Versions that were made of some versions, and mixes that name them, in words.

    Args:
        catalog: The catalog.
        digests: The versions.
        references: Their names, where they have any.
    """
    with catalog.reading() as session:
        found = {name for digest in digests for name in _children_of(session, digest)}
        found |= {name for reference, digest in references for name in mixes_that_name(session, reference, digest)}
    return sorted(found)


def _children(session: Session, row: VersionRow) -> list[str]:
    """Versions that were made of this one; none where its content stays under another name or number."""
    if session.scalar(select(func.count()).where(VersionRow.digest == row.digest, VersionRow.id != row.id)):
        return []
    return _children_of(session, row.digest)


def _children_of(session: Session, digest: Digest) -> list[str]:
    naming = select(ManifestRow).where(ManifestRow.document.contains(digest, autoescape=True))
    children = [
        manifest.digest
        for manifest in session.scalars(naming)
        if digest in DatasetManifest.model_validate_json(manifest.document).parents
    ]
    found = session.execute(
        select(DatasetRow.name, VersionRow.number).join(VersionRow.dataset).where(VersionRow.digest.in_(children))
    )
    return sorted(f"version {name}@{number}" for name, number in found)
