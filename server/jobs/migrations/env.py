"""Alembic's entry: runs the revisions on the connection that `registry.database` hands over."""

from __future__ import annotations

from alembic import context

from server.jobs.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
