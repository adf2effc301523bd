"""The catalog: names and numbers of dataset versions, and what is recorded outside their digests.

SQLite first (`sqlite:////home/catalog.db`), portable to PostgreSQL. A version is visible when its row is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine, Select, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError as UniqueViolation
from sqlalchemy.orm import Session, joinedload

from contracts.dataset import DatasetManifest, VersionDescription
from contracts.errors import NotFoundError, StorageError, nearest
from contracts.ids import Digest, VersionReference, canonical_json, check_name, digest_of
from registry.database import open_database, translated_errors, writing
from registry.tables import Base, DatasetRow, ManifestRow, VersionRow

_ATTEMPTS_MAX = 20

Operation = Mapping[str, int | float | str]
"""How the making of a version went; never part of its digest."""


class Catalog:
    """The versions that are visible.

    Args:
        url: A SQLAlchemy URL. The database is created, or brought to the newest revision, on opening.

    Raises:
        ConfigurationError, ConflictError, StorageError: As `open_database`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine: Engine = open_database(url)
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
        with self._reading() as session:
            return self._row(session, reference).digest

    def describe(self, reference: VersionReference | str) -> VersionDescription:
        """A version as shown to people.

        Raises:
            NotFoundError, ConfigurationError: As `resolve`.
        """
        reference = _parse(reference)
        with self._reading() as session:
            return _description(self._row(session, reference))

    def manifest(self, reference: VersionReference | str) -> DatasetManifest:
        """A version's manifest, from the catalog's own copy.

        Raises:
            NotFoundError, ConfigurationError: As `resolve`.
        """
        reference = _parse(reference)
        with self._reading() as session:
            return DatasetManifest.model_validate_json(self._row(session, reference).manifest.document)

    def names(self) -> list[str]:
        """Names of all datasets, sorted."""
        with self._reading() as session:
            return sorted(session.scalars(select(DatasetRow.name)))

    def versions(self, name: str) -> list[VersionDescription]:
        """All versions of a dataset, oldest first.

        Raises:
            NotFoundError: No such dataset.
        """
        with self._reading() as session:
            rows = list(session.scalars(_versions_of(name).order_by(VersionRow.number)))
            if not rows:
                raise self._unknown_dataset(session, name)
            return [_description(row) for row in rows]

    def latest(self, name: str) -> VersionDescription:
        """The newest version of a dataset.

        Raises:
            NotFoundError: No such dataset.
        """
        with self._reading() as session:
            row = session.scalars(_versions_of(name).order_by(VersionRow.number.desc()).limit(1)).first()
            if row is None:
                raise self._unknown_dataset(session, name)
            return _description(row)

    def all_versions(self) -> list[tuple[VersionReference, Digest]]:
        """Every version with its digest, by name and number."""
        statement = select(DatasetRow.name, VersionRow.number, VersionRow.digest).join(VersionRow.dataset)
        with self._reading() as session:
            rows = session.execute(statement).all()
        return sorted((VersionReference(name, number), digest) for name, number, digest in rows)

    def add(
        self, name: str, manifest: DatasetManifest, *, description: str = "", operation: Operation | None = None
    ) -> VersionDescription:
        """Make a version visible under the next number, in one transaction.

        Content that is there under this name already gives the version that is there. Of two publishers at once, each
        gets a number of its own.

        Args:
            name: The dataset.
            manifest: The content; its bytes and all it refers to must be durable in the store.
            description: For people.
            operation: How the making went.

        Raises:
            ConfigurationError: The name is not safe.
            StorageError: The database refuses.
        """
        check_name(name, "dataset name")
        document = canonical_json(manifest)
        digest = digest_of(document)
        for _ in range(_ATTEMPTS_MAX):
            try:
                with translated_errors(f"record a version of '{name}'"), Session(self._writing) as session:
                    row = self._add_row(session, name, digest, document.decode(), description, dict(operation or {}))
                    result = _description(row)
                    session.commit()
                    return result
            except StorageError as error:
                if not isinstance(error.__cause__, UniqueViolation):
                    raise
        raise StorageError(f"can't record a version of '{name}': too many publishers at once", hint="repeat")

    def _add_row(
        self, session: Session, name: str, digest: Digest, document: str, description: str, operation: dict[str, object]
    ) -> VersionRow:
        now = datetime.now(UTC)
        self._insert_if_missing(session, DatasetRow, {"name": name, "created_at": now})
        # Publishers of one name queue up here (on SQLite they do already, for the write lock).
        dataset = session.scalars(select(DatasetRow).where(DatasetRow.name == name).with_for_update()).one()
        present = session.scalars(_versions_of(name).where(VersionRow.digest == digest)).first()
        if present is not None:
            return present
        self._insert_if_missing(session, ManifestRow, {"digest": digest, "document": document})
        last = session.scalar(select(func.max(VersionRow.number)).where(VersionRow.dataset_id == dataset.id)) or 0
        row = VersionRow(
            dataset=dataset,
            number=last + 1,
            digest=digest,
            created_at=now,
            description=description,
            operation=operation,
        )
        session.add(row)
        session.flush()
        return row

    def _insert_if_missing(self, session: Session, table: type[Base], values: dict[str, object]) -> None:
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        session.execute(insert(table).values(values).on_conflict_do_nothing())

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with translated_errors("read the catalog"), Session(self._engine) as session:
            yield session

    def _row(self, session: Session, reference: VersionReference) -> VersionRow:
        row = session.scalars(_versions_of(reference.name).where(VersionRow.number == reference.number)).first()
        if row is not None:
            return row
        last = session.scalar(
            select(func.max(VersionRow.number)).join(VersionRow.dataset).where(DatasetRow.name == reference.name)
        )
        if last is None:
            raise self._unknown_dataset(session, reference.name)
        raise NotFoundError(
            f"no version {reference}", code="unknown_version", hint=f"'{reference.name}' has versions 1 to {last}"
        )

    def _unknown_dataset(self, session: Session, name: str) -> NotFoundError:
        names = session.scalars(select(DatasetRow.name))
        return NotFoundError(
            f"no dataset '{name}'", code="unknown_dataset", hint=nearest(name, names) or "there are no datasets yet"
        )


def _versions_of(name: str) -> Select[VersionRow]:
    return (
        select(VersionRow)
        .join(VersionRow.dataset)
        .where(DatasetRow.name == name)
        .options(joinedload(VersionRow.dataset), joinedload(VersionRow.manifest))
    )


def _parse(reference: VersionReference | str) -> VersionReference:
    return VersionReference.parse(reference) if isinstance(reference, str) else reference


def _description(row: VersionRow) -> VersionDescription:
    manifest = DatasetManifest.model_validate_json(row.manifest.document)
    return VersionDescription(
        name=row.dataset.name,
        version=row.number,
        digest=row.digest,
        created_at=row.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        description=row.description,
        frame_count=manifest.frame_count,
        labels=manifest.labels,
        splits=manifest.splits,
        generator=manifest.generator,
        seed=manifest.seed,
        parents=manifest.parents,
        quality=manifest.quality,
        operation=row.operation,
    )
