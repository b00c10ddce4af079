"""What the service keeps: leases, logs, deliveries, markers, comments, tokens, sessions, preferences."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from retrue.store.migrations.types import TEXT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and the columns that older ones lack."""
    op.add_column("audit", _text("digest", null=True))
    op.drop_table("jobs")  # nothing ever wrote to it
    op.create_table(
        "jobs", _key("id"), _text("kind"), _text("status"), _time("due"), _time("updated"), _body(), _owner(null=True),
    )  # fmt: skip
    op.create_table("leases", _key("name"), _text("holder"), _time("until"), _body())
    op.create_table(
        "logs", _number(), _time("at"), _text("level"), _text("text"), _text("job", null=True),
        _text("model", null=True), _text("version", null=True), _text("run", null=True), _body(),
    )  # fmt: skip
    op.create_table(
        "deliveries", _number(), _text("incident"), _text("model"), _text("channel"), _text("event"),
        _text("status"), _time("due"), _time("updated"), _time("tries"), _body(),
    )  # fmt: skip
    op.create_table(
        "markers", _number(), _owner(null=True), _text("kind"), _text("text"), _time("at"), _time("until", null=True),
        _text("actor"), _time("created"),
    )  # fmt: skip
    op.create_table(
        "comments", _number(), _owner(null=False), _text("incident"), _text("actor"), _text("text"), _time("created"),
    )  # fmt: skip
    op.create_table(
        "tokens", _key("id"), _text("name"), _text("digest"), _text("role"), _time("created"),
        _time("expires", null=True), _time("used", null=True), _time("revoked", null=True), _body(),
    )  # fmt: skip
    op.create_table(
        "sessions", _key("id"), _text("actor"), _text("role"), _time("created"), _time("expires"),
        _body(),
    )  # fmt: skip
    op.create_table("preferences", _key("name"), _body(), _time("updated"))
    partial: dict[str, Any] = dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text("\"column\" = ''"))
    op.create_index("points_of_performance", "points", ["model", "metric", "start"], **partial)
    op.create_index("verdicts_by_window", "verdicts", ["model", "version", "start", "applied", "created"])
    op.create_index("audit_by_time", "audit", ["at"])
    op.create_index("logs_by_time", "logs", ["at"])
    op.create_index("jobs_by_due", "jobs", ["status", "due"])
    op.create_index("deliveries_by_due", "deliveries", ["status", "due"])
    refuse_changes_of_audit()


GROWS = "the audit log only grows"
SQLITE = (
    "create trigger if not exists audit_refuses_{change} before {change} on audit "
    "begin select raise(abort, '{said}'); end"
)
FUNCTION = (
    "create function audit_refuses() returns trigger language plpgsql as $$ begin raise exception '{said}'; end $$"
)
POSTGRES = (
    "create trigger audit_refuses_{change} before {change} on audit for each row execute function audit_refuses()"
)


def refuse_changes_of_audit() -> None:
    """Let the audit log refuse every change but a new entry."""
    postgres = op.get_bind().dialect.name == "postgresql"
    if postgres:
        op.execute(FUNCTION.format(said=GROWS))
    for change in ("update", "delete"):
        op.execute((POSTGRES if postgres else SQLITE).format(change=change, said=GROWS))


def downgrade() -> None:
    """Drop the tables, and the columns that older ones lack."""
    postgres = op.get_bind().dialect.name == "postgresql"
    for change in ("update", "delete"):
        op.execute(f"drop trigger audit_refuses_{change}{' on audit' if postgres else ''}")
    if postgres:
        op.execute("drop function audit_refuses()")
    op.drop_index("audit_by_time", "audit")
    op.drop_index("verdicts_by_window", "verdicts")
    op.drop_index("points_of_performance", "points")
    for name in ("preferences", "sessions", "tokens", "comments", "markers", "deliveries", "logs", "leases", "jobs"):
        op.drop_table(name)
    op.create_table("jobs", _key("id"), _text("kind"), _text("status"), _time("due"), _time("updated"), _body())
    op.drop_column("audit", "digest")


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, TEXT, primary_key=True, nullable=False)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null)


def _time(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _body(name: str = "body") -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=False)


def _number() -> sa.Column[int]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("number", number, primary_key=True, autoincrement=True)


def _owner(*, null: bool) -> sa.Column[str]:
    return sa.Column("model", TEXT, sa.ForeignKey("models.name", ondelete="CASCADE"), nullable=null)
