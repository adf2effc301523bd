"""Tables of the job database. `migrations/` brings a database to this shape; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

jobs = Table(
    "jobs",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("run", String(64), unique=True),
    Column("request", JSON, nullable=False),
    Column("plan", JSON, nullable=False),
    Column("progress_done", Integer, nullable=False),
    Column("progress_total", Integer, nullable=False),
    Column("progress_message", Text, nullable=False),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("deaths", Integer, nullable=False, server_default=text("0")),
    Column("created_at", String(40), nullable=False),
    Column("started_at", String(40)),
    Column("finished_at", String(40)),
    Column("error", JSON(none_as_null=True)),
    Column("result", JSON(none_as_null=True)),
    Column("cancel_requested", Boolean, nullable=False, server_default=false()),
    Column("not_before_s", Float, nullable=False, server_default=text("0")),
    Column("revision", Integer, nullable=False, server_default=text("0")),
    Column("lease_owner", String(255)),
    Column("lease_expires_s", Float, nullable=False, server_default=text("0")),
    Index("ix_jobs_kind", "kind", "sequence"),
    sqlite_autoincrement=True,
)
"""`deaths`: attempts since the last explicit retry whose process died. `revision` grows with every change, and guards
every write. `not_before_s` and `lease_expires_s` are seconds since 1970."""

attempts = Table(
    "attempts",
    metadata,
    Column("job", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("started_at", String(40), nullable=False),
    Column("ended_at", String(40)),
    Column("error", JSON(none_as_null=True)),
)

answers = Table(
    "answers",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("request_digest", String(80), nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    Column("created_s", Float, nullable=False, index=True),
)
"""First answers by idempotency key."""

measurements = Table(
    "measurements",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("generator", String(64), nullable=False, index=True),
    Column("scenario", String(32), nullable=False),
    Column("player", String(64), nullable=False),
    Column("pixels", Integer, nullable=False),
    Column("samples_per_pixel", Integer, nullable=False),
    Column("workers", Integer, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("first_frame_s", Float, nullable=False),
)
"""How long undisturbed render batches took; what estimates are made of."""
