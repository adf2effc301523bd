"""Alembic's entry: runs the revisions on the connection that `registry.database` hands over."""

from __future__ import annotations

from alembic import context

from registry.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
