"""What people note: markers on every axis of time (a deployment, a holiday, a note), and comments on incidents."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select

from retrue.errors import ConfigError, nearest
from retrue.store import rows
from retrue.store.catalog import Catalog
from retrue.store.tables import markers as table
from retrue.workspace import clock
from retrue.workspace.acting import actor, audit

DEPLOYMENT, HOLIDAY, NOTE = "deployment", "holiday", "note"
KINDS = (DEPLOYMENT, HOLIDAY, NOTE)
"""What may be marked."""
LONGEST = 4_000
"""Characters of a note."""


def said(text: str) -> str:
    """Check a note's text.

    Raises:
        ConfigError: there is none, or too much.
    """
    if not text.strip() or len(text) > LONGEST:
        raise ConfigError(f"a note of {len(text):,} characters", expected=f"1 to {LONGEST:,}")
    return text.strip()


# --- markers ----------------------------------------------------------------------------------------------------------


def marker_of(
    kind: str, text: str, at: datetime, *, until: datetime | None = None, model: str | None = None
) -> rows.Marker:
    """A marker by whoever acts now, to be kept in a transaction.

    Raises:
        ConfigError: an unknown kind, no text, or it ends before it begins.
    """
    if kind not in KINDS:
        raise ConfigError(f"no kind {kind!r} of marker", expected=", ".join(KINDS), hint=nearest(kind, KINDS))
    if until is not None and clock.aware(until) < clock.aware(at):
        raise ConfigError("a marker that ends before it begins", expected="until after at")
    end = None if until is None else clock.micros(until)
    return rows.Marker(kind, said(text), clock.micros(at), actor.get(), clock.micros(clock.now()), end, model)


def add_marker(
    catalog: Catalog, kind: str, text: str, at: datetime, *, until: datetime | None = None, model: str | None = None
) -> rows.Marker:
    """Mark a time, of one model or of all; gives the marker with its number.

    Raises:
        ConfigError: an unknown kind, no text, or it ends before it begins.
    """
    made = marker_of(kind, text, at, until=until, model=model)
    with catalog.write() as tx:
        added = tx.add(made)
        audit(tx, "marked", model, {"kind": kind, "at": at.isoformat()})
    return added


def find_markers(
    catalog: Catalog, model: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> tuple[rows.Marker, ...]:
    """Give markers in order of time.

    Args:
        catalog: where they are.
        model: its own and those of all models; None: every one.
        since: those that aren't over before then.
        until: those that begin before then.
    """
    first, last = (None if one is None else clock.micros(one) for one in (since, until))
    with catalog.read() as tx:
        return tuple(between(tx.connection, model, first, last))


def between(
    connection: Connection, model: str | None = None, since: int | None = None, until: int | None = None
) -> list[rows.Marker]:
    """The same within a transaction; `since` and `until` are in microseconds since 1970."""
    c = table.c
    where = [] if model is None else [or_(c.model == model, c.model.is_(None))]
    where += [] if since is None else [func.coalesce(c.until, c.at) >= since]
    where += [] if until is None else [c.at < until]
    found = connection.execute(select(table).where(*where).order_by(c.at, c.number)).mappings()
    return [rows.Marker(**row) for row in found]


def markers(catalog: Catalog, model: str | None = None) -> list[dict[str, Any]]:
    """The same as plain values."""
    return [marker_dict(one) for one in find_markers(catalog, model)]


def marker_dict(row: rows.Marker) -> dict[str, Any]:
    """A marker as plain values."""
    return {
        "number": row.number, "kind": row.kind, "text": row.text, "at": iso(row.at),
        "until": None if row.until is None else iso(row.until), "model": row.model, "actor": row.actor,
        "created": iso(row.created),
    }  # fmt: skip


def remove_marker(catalog: Catalog, number: int) -> bool:
    """Take a marker away; False where there is none."""
    with catalog.write() as tx:
        found = tx.get(rows.Marker, number=number)
        if found is None:
            return False
        tx.remove(rows.Marker, number=number)
        audit(tx, "unmarked", found.model, {"number": number})
    return True


# --- comments ---------------------------------------------------------------------------------------------------------


def comment(catalog: Catalog, model: str, incident: str, text: str) -> rows.Comment:
    """Say something of an incident.

    Raises:
        ConfigError: there is no text, or too much.
    """
    made = rows.Comment(model, incident, actor.get(), said(text), clock.micros(clock.now()))
    with catalog.write() as tx:
        added = tx.add(made)
        audit(tx, "commented", model, {"incident": incident})
    return added


def find_comments(catalog: Catalog, model: str, incident: str) -> tuple[rows.Comment, ...]:
    """Give what was said of an incident, oldest first."""
    with catalog.read() as tx:
        return tx.find(rows.Comment, model=model, incident=incident)


def comments(catalog: Catalog, model: str, incident: str) -> list[dict[str, Any]]:
    """The same as plain values."""
    return [comment_dict(one) for one in find_comments(catalog, model, incident)]


def comment_dict(row: rows.Comment) -> dict[str, Any]:
    """A comment as plain values."""
    return {"number": row.number, "actor": row.actor, "text": row.text, "at": iso(row.created)}


def iso(micros: int) -> str:
    """A time of the catalog as text."""
    return clock.moment(micros).isoformat()
