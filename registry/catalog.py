"""The catalog: names and numbers of dataset versions, and what is recorded outside their digests.

On SQLite (`sqlite:////home/catalog.db`) or PostgreSQL. A version is visible when its row is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError as UniqueViolation
from sqlalchemy.orm import Session

from contracts.dataset import LATEST, DatasetManifest, VersionDescription
from contracts.errors import ConflictError, StorageError
from contracts.ids import Digest, VersionReference, canonical_json, check_name, digest_of
from registry.database import open_database, reading, translated_errors, writing
from registry.rows import (
    current_user,
    description_of,
    find_version,
    moment_text,
    names_with_versions,
    point_alias,
    unknown_dataset,
    versions_of,
)
from registry.tables import Base, CollectionRow, DatasetRow, DeletionRow, ErasureRow, ManifestRow, VersionRow

_ATTEMPTS_MAX = 20

Operation = Mapping[str, int | float | str]
"""How the making of a version went; never part of its digest."""


class SweptError(ConflictError):
    """Garbage was collected while a version was being written, and blobs that it names may be gone."""

    default_code = "swept"
    default_retryable = True


class Catalog:
    """The versions that are visible.

    Args:
        url: A SQLAlchemy URL. The database is created, or brought to the newest revision, on opening.

    Raises:
        ConfigurationError, CapabilityMissingError, ConflictError, StorageError: As `open_database`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine: Engine = open_database(url)
        self._reading = reading(self._engine)
        self._writing = writing(self._engine)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def resolve(self, reference: VersionReference | str) -> Digest:
        """The digest of a version.

        Raises:
            NotFoundError: No such dataset or version; the hint names what is there.
            ConfigurationError: A text that is not a version reference.
        """
        reference = _parse(reference)
        with self.reading() as session:
            return find_version(session, reference).digest

    def describe(self, reference: VersionReference | str) -> VersionDescription:
        """A version as shown to people.

        Raises:
            NotFoundError, ConfigurationError: As `resolve`.
        """
        reference = _parse(reference)
        with self.reading() as session:
            return description_of(find_version(session, reference))

    def manifest(self, reference: VersionReference | str) -> DatasetManifest:
        """A version's manifest, from the catalog's own copy.

        Raises:
            NotFoundError, ConfigurationError: As `resolve`.
        """
        reference = _parse(reference)
        with self.reading() as session:
            return DatasetManifest.model_validate_json(find_version(session, reference).manifest.document)

    def names(self) -> list[str]:
        """Names of the datasets that have a version, sorted."""
        with self.reading() as session:
            return names_with_versions(session)

    def versions(self, name: str) -> list[VersionDescription]:
        """All versions of a dataset, oldest first.

        Raises:
            NotFoundError: No such dataset.
        """
        with self.reading() as session:
            rows = list(session.scalars(versions_of(name).order_by(VersionRow.number)))
            if not rows:
                raise unknown_dataset(session, name)
            return [description_of(row) for row in rows]

    def latest(self, name: str) -> VersionDescription:
        """The newest version of a dataset.

        Raises:
            NotFoundError: No such dataset.
        """
        with self.reading() as session:
            row = session.scalars(versions_of(name).order_by(VersionRow.number.desc()).limit(1)).first()
            if row is None:
                raise unknown_dataset(session, name)
            return description_of(row)

    def all_versions(self) -> list[tuple[VersionReference, Digest]]:
        """Every version with its digest, by name and number."""
        statement = select(DatasetRow.name, VersionRow.number, VersionRow.digest).join(VersionRow.dataset)
        with self.reading() as session:
            rows = session.execute(statement).all()
        return sorted((VersionReference(name, number), digest) for name, number, digest in rows)

    def add(
        self,
        name: str,
        manifest: DatasetManifest,
        *,
        description: str = "",
        operation: Operation | None = None,
        epoch: int | None = None,
    ) -> VersionDescription:
        """Make a version visible under the next number, in one transaction.

        Content that is there under this name already gives the version that is there. Of two publishers at once, each
        gets a number of its own.

        Args:
            name: The dataset.
            manifest: The content; its bytes and all it refers to must be durable in the store.
            description: For people.
            operation: How the making went.
            epoch: From `begin_publication`, taken before the store was first looked at; none only where nothing
                collects garbage. `registry.publication.publish_version` does all this.

        Raises:
            ConfigurationError: The name is not safe.
            ConflictError: It was made of a version that was deleted, or frames were erased from this content.
            SweptError: Garbage was collected meanwhile: blobs may be gone.
            StorageError: The database refuses.
        """
        check_name(name, "dataset name")
        document = canonical_json(manifest)
        digest = digest_of(document)
        for _ in range(_ATTEMPTS_MAX):
            try:
                with self.changing(f"record a version of '{name}'") as session:
                    collection = lock_collection(session)
                    swept = epoch is not None and (collection.intent is not None or collection.epoch != epoch)
                    check_not_erased(session, digest)
                    row = self._present(session, name, digest)
                    if row is None:
                        if swept:
                            raise SweptError("garbage was collected during publishing", hint="publish again")
                        _check_parents(session, manifest)
                        row = self._add_row(
                            session, name, digest, document.decode(), description, dict(operation or {})
                        )
                    return description_of(row)
            except StorageError as error:
                if not isinstance(error.__cause__, UniqueViolation):
                    raise
        raise StorageError(f"can't record a version of '{name}': too many publishers at once", hint="repeat")

    def erased_frames(self, digest: Digest) -> frozenset[int]:
        """Indices of the frames that were erased from a version, by its digest."""
        with self.reading() as session:
            rows = session.scalars(select(ErasureRow.frames).where(ErasureRow.digest == digest))
            return frozenset(index for frames in rows for index in frames)

    def begin_publication(self) -> int:
        """The epoch that holds now; what a collector that died had begun is over."""
        with self.changing("begin to publish") as session:
            row = lock_collection(session)
            if row.intent is not None:
                row.epoch += 1
                row.intent = None
            return row.epoch

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Nothing is published, deleted or freed while the block runs; it may read."""
        with self.changing("hold the catalog") as session:
            lock_collection(session)
            yield

    @staticmethod
    def _present(session: Session, name: str, digest: Digest) -> VersionRow | None:
        return session.scalars(versions_of(name).where(VersionRow.digest == digest)).first()

    def _add_row(
        self, session: Session, name: str, digest: Digest, document: str, description: str, operation: dict[str, object]
    ) -> VersionRow:
        now = datetime.now(UTC)
        self._insert_if_missing(session, DatasetRow, {"name": name, "created_at": now})
        # Publishers of one name queue up here (on SQLite they do already, for the write lock).
        dataset = session.scalars(select(DatasetRow).where(DatasetRow.name == name).with_for_update()).one()
        self._insert_if_missing(session, ManifestRow, {"digest": digest, "document": document})
        row = VersionRow(
            dataset=dataset,
            number=_last_number(session, dataset.id) + 1,
            digest=digest,
            created_at=now,
            description=description,
            operation=operation,
            created_by=current_user(),
        )
        session.add(row)
        session.flush()
        point_alias(session, dataset, LATEST, row, by=row.created_by)
        return row

    def _insert_if_missing(self, session: Session, table: type[Base], values: dict[str, object]) -> None:
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        session.execute(insert(table).values(values).on_conflict_do_nothing())

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads, and sees all as of one moment."""
        with translated_errors("read the catalog"), Session(self._reading) as session:
            yield session

    @contextmanager
    def changing(self, action: str) -> Iterator[Session]:
        """A transaction that writes, committed when the block ends well.

        Args:
            action: What is tried, for the error.

        Raises:
            StorageError: The database refuses; nothing changed.
        """
        with translated_errors(action), Session(self._writing) as session:
            yield session
            session.commit()


def lock_collection(session: Session) -> CollectionRow:
    """The row that whoever adds, deletes or frees holds until the end of its transaction."""
    return session.scalars(select(CollectionRow).with_for_update()).one()


def check_not_erased(session: Session, digest: Digest) -> None:
    """Refuse content of which a group was erased: publishing it again would bring the bytes back.

    Raises:
        ConflictError: It was.
    """
    row = session.scalars(select(ErasureRow).where(ErasureRow.digest == digest).limit(1)).first()
    if row is not None:
        raise ConflictError(
            f"this is version {digest}, from which the frames of group '{row.group_name}' were erased "
            f"{moment_text(row.erased_at)}",
            code="erased_content",
            hint="leave this group's frames out and publish the rest; `beltline gc` frees what was stored again",
        )


def _check_parents(session: Session, manifest: DatasetManifest) -> None:
    there = set(session.scalars(select(VersionRow.digest).where(VersionRow.digest.in_(manifest.parents))))
    for parent in manifest.parents:
        if parent not in there:
            raise ConflictError(
                f"it was made of version {parent}, which is not there or was deleted",
                code="parent_deleted",
                hint="publish the version that it was made of first",
            )


def _parse(reference: VersionReference | str) -> VersionReference:
    return VersionReference.parse(reference) if isinstance(reference, str) else reference


def _last_number(session: Session, dataset_id: int) -> int:
    """The highest number that was ever given; that of a deleted version is never given again."""
    there = session.scalar(select(func.max(VersionRow.number)).where(VersionRow.dataset_id == dataset_id))
    deleted = session.scalar(select(func.max(DeletionRow.number)).where(DeletionRow.dataset_id == dataset_id))
    return max(there or 0, deleted or 0)
