"""Rows of the catalog: finding them, showing them to people, and moving aliases, inside a caller's transaction."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, joinedload, object_session

from contracts.dataset import DatasetManifest, VersionDescription
from contracts.erasure import Erasure
from contracts.errors import NotFoundError, nearest
from contracts.ids import VersionReference
from registry.tables import AliasMoveRow, AliasRow, DatasetRow, DeletionRow, ErasureRow, VersionRow

_SHOWN_NUMBERS = 12


def current_user() -> str:
    """Name of the user of this process; empty where the system knows none."""
    try:
        return getpass.getuser()[:255]
    except (OSError, KeyError):
        return ""


def moment_text(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def versions_of(name: str) -> Select[VersionRow]:
    """All versions of a dataset."""
    return (
        select(VersionRow)
        .join(VersionRow.dataset)
        .where(DatasetRow.name == name)
        .options(joinedload(VersionRow.dataset), joinedload(VersionRow.manifest))
    )


def find_version(session: Session, reference: VersionReference) -> VersionRow:
    """The row of a version.

    Raises:
        NotFoundError: There is none, or it was deleted.
    """
    row = session.scalars(versions_of(reference.name).where(VersionRow.number == reference.number)).first()
    if row is not None:
        return row
    numbers = sorted(
        session.scalars(select(VersionRow.number).join(VersionRow.dataset).where(DatasetRow.name == reference.name))
    )
    deletion = session.scalars(
        select(DeletionRow)
        .join(DatasetRow, DatasetRow.id == DeletionRow.dataset_id)
        .where(DatasetRow.name == reference.name, DeletionRow.number == reference.number)
    ).first()
    if deletion is not None:
        raise NotFoundError(
            f"version {reference} ({deletion.digest}) was deleted {moment_text(deletion.deleted_at)}"
            + (f" by {deletion.deleted_by}" if deletion.deleted_by else ""),
            code="deleted_version",
            hint=f"'{reference.name}' has versions {_listed(numbers)}" if numbers else "all its versions were deleted",
        )
    if not numbers:
        raise unknown_dataset(session, reference.name)
    raise NotFoundError(
        f"no version {reference}",
        code="unknown_version",
        hint=f"'{reference.name}' has versions {_listed(numbers)}",
    )


def find_dataset(session: Session, name: str) -> DatasetRow:
    """The row of a dataset, locked against other writers until the transaction ends.

    Raises:
        NotFoundError: There is none.
    """
    row = session.scalars(select(DatasetRow).where(DatasetRow.name == name).with_for_update()).first()
    if row is None:
        raise unknown_dataset(session, name)
    return row


def names_with_versions(session: Session) -> list[str]:
    """Names of the datasets that have a version, sorted."""
    there = exists().where(VersionRow.dataset_id == DatasetRow.id)
    return sorted(session.scalars(select(DatasetRow.name).where(there)))


def unknown_dataset(session: Session, name: str) -> NotFoundError:
    """The error for a name that no dataset has, or none with a version."""
    names = names_with_versions(session)
    if session.scalars(select(DatasetRow.id).where(DatasetRow.name == name)).first() is not None:
        return NotFoundError(
            f"every version of dataset '{name}' was deleted", code="unknown_dataset", hint="publish under it again"
        )
    return NotFoundError(
        f"no dataset '{name}'", code="unknown_dataset", hint=nearest(name, names) or "there are no datasets yet"
    )


def point_alias(
    session: Session, dataset: DatasetRow, alias: str, version: VersionRow | None, *, by: str, reason: str = ""
) -> None:
    """Let an alias stand for a version, or for none, and remember it; nothing happens where it does already."""
    row = session.get(AliasRow, (dataset.id, alias))
    if (row.version_id if row is not None else None) == (version.id if version is not None else None):
        return
    if version is None:
        session.delete(row)
    elif row is None:
        session.add(AliasRow(dataset_id=dataset.id, alias=alias, version_id=version.id))
    else:
        row.version_id = version.id
    session.add(
        AliasMoveRow(
            dataset_id=dataset.id,
            alias=alias,
            number=version.number if version is not None else None,
            moved_at=datetime.now(UTC),
            moved_by=by,
            reason=reason,
        )
    )
    session.flush()
    session.expire_all()


def description_of(row: VersionRow) -> VersionDescription:
    """A version as shown to people."""
    manifest = DatasetManifest.model_validate_json(row.manifest.document)
    return VersionDescription(
        name=row.dataset.name,
        version=row.number,
        digest=row.digest,
        created_at=moment_text(row.created_at),
        created_by=row.created_by,
        description=row.description,
        tags=tuple(sorted(item.tag for item in row.tags)),
        aliases=tuple(sorted(item.alias for item in row.aliases)),
        frame_count=manifest.frame_count,
        labels=manifest.labels,
        splits=manifest.splits,
        generator=manifest.generator,
        seed=manifest.seed,
        parents=manifest.parents,
        quality=manifest.quality,
        license=manifest.license,
        consent=manifest.consent,
        terms=manifest.terms,
        erasures=_erasures_of(row),
        operation=row.operation,
    )


def _erasures_of(row: VersionRow) -> tuple[Erasure, ...]:
    session = object_session(row)
    if session is None:
        return ()
    found = session.scalars(select(ErasureRow).where(ErasureRow.digest == row.digest).order_by(ErasureRow.id))
    return tuple(
        Erasure(
            group=item.group_name,
            frames=len(item.frames),
            erased_at=moment_text(item.erased_at),
            erased_by=item.erased_by,
            reason=item.reason,
            finished=item.finished_at is not None,
        )
        for item in found
    )


def _listed(numbers: list[int]) -> str:
    if numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    shown = ", ".join(map(str, numbers[-_SHOWN_NUMBERS:]))
    return f"…, {shown}" if len(numbers) > _SHOWN_NUMBERS else shown
