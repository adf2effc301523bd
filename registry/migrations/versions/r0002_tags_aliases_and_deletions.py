"""Tags, aliases with their history, who published, deletions, and the row that garbage collection agrees by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("versions", sa.Column("created_by", sa.String(255), nullable=False, server_default=""))
    op.create_table(
        "tags",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(160), nullable=False),
        sa.PrimaryKeyConstraint("version_id", "tag", name="pk_tags"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_tags_version_id"),
    )
    op.create_index("ix_tags_tag", "tags", ["tag"])
    op.create_table(
        "aliases",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("alias", sa.String(64), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", "alias", name="pk_aliases"),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_aliases_dataset_id"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_aliases_version_id"),
    )
    op.create_index("ix_aliases_version_id", "aliases", ["version_id"])
    op.create_table(
        "alias_moves",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("alias", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_by", sa.String(255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alias_moves"),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_alias_moves_dataset_id"),
    )
    op.create_index("ix_alias_moves_dataset_id", "alias_moves", ["dataset_id"])
    op.create_table(
        "deletions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_by", sa.String(255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deletions"),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_deletions_dataset_id"),
        sa.UniqueConstraint("dataset_id", "number", name="uq_deletions_dataset_id_number"),
    )
    op.create_table(
        "collection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("intent", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_collection"),
    )
    op.execute("INSERT INTO collection (id, epoch, intent) VALUES (1, 0, NULL)")
    # Every version was the latest once.
    op.execute(
        "INSERT INTO alias_moves (dataset_id, alias, number, moved_at, moved_by, reason) "
        "SELECT dataset_id, 'latest', number, created_at, '', '' FROM versions ORDER BY dataset_id, number"
    )
    op.execute(
        "INSERT INTO aliases (dataset_id, alias, version_id) "
        "SELECT dataset_id, 'latest', id FROM versions AS v "
        "WHERE number = (SELECT MAX(number) FROM versions AS w WHERE w.dataset_id = v.dataset_id)"
    )


def downgrade() -> None:
    for table in ("collection", "deletions", "alias_moves", "aliases", "tags"):
        op.drop_table(table)
    op.drop_column("versions", "created_by")
