"""The catalog's tables, portable between SQLite and PostgreSQL. Changing one needs a revision in `migrations/`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, MetaData, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, also where the database knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Root of the tables; constraints have names, so that later revisions can change them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime()}


class ManifestRow(Base):
    """A manifest that some version has; the store holds the same bytes."""

    __tablename__ = "manifests"

    digest: Mapped[str] = mapped_column(String(80), primary_key=True)
    document: Mapped[str] = mapped_column(Text)
    """Canonical JSON: what the digest is taken over."""


class DatasetRow(Base):
    """A dataset's name."""

    __tablename__ = "datasets"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]


class VersionRow(Base):
    """A version: a number under a name, and what is recorded outside the digest."""

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("dataset_id", "number"), UniqueConstraint("dataset_id", "digest"))

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    number: Mapped[int]
    digest: Mapped[str] = mapped_column(ForeignKey("manifests.digest"), index=True)
    created_at: Mapped[datetime]
    description: Mapped[str] = mapped_column(Text)
    operation: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_by: Mapped[str] = mapped_column(String(255), server_default="")
    dataset: Mapped[DatasetRow] = relationship()
    manifest: Mapped[ManifestRow] = relationship()
    tags: Mapped[list[TagRow]] = relationship(lazy="selectin", cascade="all, delete-orphan", order_by="TagRow.tag")
    aliases: Mapped[list[AliasRow]] = relationship(
        lazy="selectin", back_populates="version", order_by="AliasRow.alias", passive_deletes="all"
    )


class TagRow(Base):
    """A tag of a version."""

    __tablename__ = "tags"

    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(160), primary_key=True, index=True)


class AliasRow(Base):
    """What an alias stands for now."""

    __tablename__ = "aliases"

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    alias: Mapped[str] = mapped_column(String(64), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"), index=True)
    version: Mapped[VersionRow] = relationship(back_populates="aliases")


class AliasMoveRow(Base):
    """A move of an alias; rows are only ever added."""

    __tablename__ = "alias_moves"

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"), index=True)
    alias: Mapped[str] = mapped_column(String(64))
    number: Mapped[int | None]
    """The version's; none when the alias was removed."""
    moved_at: Mapped[datetime]
    moved_by: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(Text)


class DeletionRow(Base):
    """A version that was deleted: its number is never given again, and its digest stays known."""

    __tablename__ = "deletions"
    __table_args__ = (UniqueConstraint("dataset_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    number: Mapped[int]
    digest: Mapped[str] = mapped_column(String(80))
    deleted_at: Mapped[datetime]
    deleted_by: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(Text)


class ErasureRow(Base):
    """Frames of a version that were erased, whatever the version is called; rows are only ever added and finished."""

    __tablename__ = "erasures"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(80), index=True)
    """Of the manifest, which may be deleted by now."""
    group_name: Mapped[str] = mapped_column(Text)
    frames: Mapped[list[int]] = mapped_column(JSON)
    """Their indices, sorted."""
    erased_at: Mapped[datetime]
    erased_by: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(Text)
    finished_at: Mapped[datetime | None]
    """When the last byte was gone; none while it is under way or was interrupted."""


class MixRow(Base):
    """A mix: a document under a name; rows never change."""

    __tablename__ = "mixes"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[str] = mapped_column(String(80), index=True)
    document: Mapped[str] = mapped_column(Text)
    """Canonical JSON: what the digest is taken over."""
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(255))


class CollectionRow(Base):
    """The one row that publishers and garbage collection agree by; see `registry.collection`."""

    __tablename__ = "collection"

    id: Mapped[int] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    """Grows before blobs are removed."""
    intent: Mapped[str | None] = mapped_column(String(64))
    """Of a collector that is about to remove blobs."""
