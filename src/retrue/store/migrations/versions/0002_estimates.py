"""Estimates of performance, kept until their labels come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from retrue.store.migrations.types import TEXT

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    owner = sa.ForeignKey("models.name", ondelete="CASCADE")
    op.create_table(
        "estimates",
        sa.Column("model", TEXT, owner, primary_key=True, nullable=False),
        sa.Column("version", TEXT, primary_key=True, nullable=False),
        sa.Column("start", sa.BigInteger(), primary_key=True, nullable=False, autoincrement=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("estimates")
