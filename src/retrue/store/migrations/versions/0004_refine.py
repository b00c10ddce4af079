"""What the flywheel keeps: signals, collected rows, label tasks and their annotations, trials, decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from retrue.store.migrations.types import TEXT

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "signals", _model(key=True), _key("name"), _text("sql", null=True), _time("created"), _time("updated"), _body(),
    )  # fmt: skip
    op.create_table(
        "collected", _number(), _model(), _text("collection"), _time("rows"),
        sa.Column("data", sa.LargeBinary(), nullable=False), _time("created"), _body(),
    )  # fmt: skip
    op.create_table(
        "tasks", _key("id"), _model(), _text("status"), _time("created"), _time("updated"), _body(),
    )  # fmt: skip
    op.create_table(
        "annotations",
        sa.Column("task", TEXT, sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True, nullable=False),
        _key("annotator"), _text("label"), _time("created"), _body(),
    )  # fmt: skip
    op.create_table(
        "trials", _key("id"), _model(), _text("status"), _time("created"), _time("updated"), _body(),
    )  # fmt: skip
    op.create_table(
        "decisions", _number(), _model(), _text("answer"), _text("run", null=True), _time("created"), _body(),
    )  # fmt: skip
    op.create_index("collected_of_model", "collected", ["model", "collection"])
    op.create_index("tasks_of_model", "tasks", ["model", "status", "created"])
    op.create_index("decisions_of_model", "decisions", ["model", "created"])


def downgrade() -> None:
    """Drop the tables."""
    for name in ("decisions", "trials", "annotations", "tasks", "collected", "signals"):
        op.drop_table(name)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, TEXT, primary_key=True, nullable=False)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null)


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _body() -> sa.Column[object]:
    return sa.Column("body", sa.JSON(), nullable=False)


def _number() -> sa.Column[int]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("number", number, primary_key=True, autoincrement=True)


def _model(*, key: bool = False) -> sa.Column[str]:
    owner = sa.ForeignKey("models.name", ondelete="CASCADE")
    return sa.Column("model", TEXT, owner, primary_key=key, nullable=False)
