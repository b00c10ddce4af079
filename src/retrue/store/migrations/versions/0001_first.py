"""The first shape of the catalog."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from retrue.store.migrations.types import TEXT as WORDS

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY, TEXT, COUNT, FLOAT, JSON, DATA = "key", "text", "count", "float", "json", "data"
START, NUMBER, MODEL, MODEL_KEY = "start", "number", "model", "model key"
OPTIONAL_TEXT, OPTIONAL_COUNT = "text?", "count?"

TABLES: dict[str, dict[str, str]] = {
    "meta": {"name": KEY, "value": TEXT},
    "models": {
        "name": KEY, "layout": JSON, "schema": TEXT, "settings": JSON, "digest": OPTIONAL_TEXT, "applied": COUNT,
        "created": COUNT,
    },
    "versions": {"model": MODEL_KEY, "version": KEY, "stage": TEXT, "created": COUNT, "body": JSON},
    "grids": {"model": MODEL_KEY, "digest": KEY, "data": DATA, "created": COUNT},
    "reference_profiles": {
        "model": MODEL_KEY, "version": KEY, "digest": KEY, "rows": COUNT, "labelled": COUNT, "data": DATA,
        "created": COUNT, "body": JSON,
    },
    "slices": {"model": MODEL_KEY, "name": KEY, "sql": TEXT, "created": COUNT, "body": JSON},
    "profiles": {
        "model": MODEL_KEY, "version": KEY, "digest": KEY, "start": START, "slice": KEY, "part": KEY, "rows": COUNT,
        "applied": COUNT, "data": DATA,
    },
    "windows": {
        "model": MODEL_KEY, "version": KEY, "start": START, "events": COUNT, "labelled": COUNT, "applied": COUNT,
        "bent": COUNT,
    },
    "counters": {"model": MODEL_KEY, "name": KEY, "value": COUNT},
    "points": {
        "model": MODEL_KEY, "version": KEY, "start": START, "slice": KEY, "metric": KEY, "column": KEY,
        "value": FLOAT, "reference": FLOAT, "low": FLOAT, "high": FLOAT, "error": FLOAT, "rows": COUNT,
        "applied": COUNT, "note": OPTIONAL_TEXT,
    },
    "verdicts": {
        "number": NUMBER, "model": MODEL, "version": TEXT, "start": COUNT, "kind": TEXT, "applied": COUNT,
        "created": COUNT, "body": JSON,
    },
    "incidents": {
        "id": KEY, "model": MODEL, "status": TEXT, "opened": COUNT, "updated": COUNT, "closed": OPTIONAL_COUNT,
        "body": JSON,
    },
    "runs": {"id": KEY, "model": MODEL, "status": TEXT, "created": COUNT, "updated": COUNT, "body": JSON},
    "manifests": {
        "id": KEY, "model": MODEL, "kind": TEXT, "seq": COUNT, "digest": TEXT, "created": COUNT, "body": JSON,
    },
    "collections": {
        "model": MODEL_KEY, "name": KEY, "sql": OPTIONAL_TEXT, "rows": COUNT, "data": DATA, "created": COUNT,
        "body": JSON,
    },
    "jobs": {"id": KEY, "kind": TEXT, "status": TEXT, "due": COUNT, "updated": COUNT, "body": JSON},
    "audit": {
        "number": NUMBER, "at": COUNT, "model": OPTIONAL_TEXT, "actor": TEXT, "action": TEXT, "body": JSON,
    },
}  # fmt: skip


def upgrade() -> None:
    """Make every table."""
    for name, columns in TABLES.items():
        op.create_table(name, *(_column(column, kind) for column, kind in columns.items()))


def downgrade() -> None:
    """Drop every table."""
    for name in reversed(TABLES):
        op.drop_table(name)


def _column(name: str, kind: str) -> sa.Column[Any]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    owner = [sa.ForeignKey("models.name", ondelete="CASCADE")] if kind in {MODEL, MODEL_KEY} else []
    types: dict[str, Any] = {
        COUNT: sa.BigInteger(), OPTIONAL_COUNT: sa.BigInteger(), START: sa.BigInteger(), NUMBER: number,
        FLOAT: sa.Float(), JSON: sa.JSON(), DATA: sa.LargeBinary(),
    }  # fmt: skip
    key = kind in {KEY, MODEL_KEY, START, NUMBER}
    null = kind in {OPTIONAL_TEXT, OPTIONAL_COUNT, FLOAT}
    auto = kind == NUMBER
    return sa.Column(name, types.get(kind, WORDS), *owner, primary_key=key, nullable=null, autoincrement=auto)
