"""What people note: markers on every time axis (a deployment, a holiday, a note), and comments on incidents."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, or_, select

from retrue.errors import ConfigError, StoreError, nearest
from retrue.store import rows
from retrue.store.catalog import Catalog, Transaction
from retrue.store.tables import markers as table
from retrue.workspace import clock
from retrue.workspace.acting import actor, audit

DEPLOYMENT, HOLIDAY, NOTE = "deployment", "holiday", "note"
KINDS = (DEPLOYMENT, HOLIDAY, NOTE)
"""What may be marked."""
LONGEST = 2_000
"""The most letters of a text."""


def marker_of(
    text: str,
    *,
    kind: str = NOTE,
    at: datetime | None = None,
    until: datetime | None = None,
    model: str | None = None,
) -> rows.Marker:
    """A marker by whoever acts now.

    Args:
        text: what there is to remember.
        kind: deployment, holiday or note.
        at: when, or from when; now unless given.
        until: until when, where it lasts.
        model: of which model; None: of all.

    Raises:
        ConfigError: an unknown kind, no text or too much of it, or an end that isn't after the beginning.
    """
    if kind not in KINDS:
        raise ConfigError(f"no kind {kind!r} of marker", expected=", ".join(KINDS), hint=nearest(kind, KINDS))
    now = clock.micros(clock.now())
    begins, ends = now if at is None else clock.micros(at), None if until is None else clock.micros(until)
    if ends is not None and ends <= begins:
        raise ConfigError("a marker that ends before it begins", where="until", expected="a time after `at`")
    return rows.Marker(kind, checked(text), begins, actor.get(), now, ends, model)


def checked(text: str) -> str:
    """A text that somebody wrote, without spaces around it.

    Raises:
        ConfigError: it is empty, or too long.
    """
    told = text.strip()
    if not 0 < len(told) <= LONGEST:
        raise ConfigError(f"a text of {len(told):,} letters", expected=f"1 to {LONGEST:,}")
    return told


def add_marker(tx: Transaction, marker: rows.Marker) -> rows.Marker:
    """Keep a marker; gives it with its number."""
    kept = tx.add(marker)
    audit(tx, "marker added", marker.model, {"number": kept.number, "kind": kept.kind, "text": kept.text})
    return kept


def remove_marker(tx: Transaction, number: int) -> None:
    """Forget a marker.

    Raises:
        StoreError: there is none of that number.
    """
    found = tx.get(rows.Marker, number=number)
    if found is None:
        raise StoreError(f"no marker {number}", hint="see: retrue marker list")
    tx.remove(rows.Marker, number=number)
    audit(tx, "marker removed", found.model, {"number": number, "kind": found.kind, "text": found.text})


def find_markers(
    catalog: Catalog, model: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> tuple[rows.Marker, ...]:
    """Give markers, oldest first.

    Args:
        catalog: where they are.
        model: its own and those of all models; None: every one.
        since: those that aren't over before then.
        until: those that begin before then.
    """
    c = table.c
    where = [] if model is None else [or_(c.model == model, c.model.is_(None))]
    where += [] if since is None else [func.coalesce(c.until, c.at) >= clock.micros(since)]
    where += [] if until is None else [c.at < clock.micros(until)]
    with catalog.read() as tx:
        found = tx.connection.execute(select(table).where(*where).order_by(c.at, c.number)).mappings()
        return tuple(rows.Marker(**row) for row in found)


def add_comment(tx: Transaction, model: str, incident: str, text: str) -> rows.Comment:
    """Keep what somebody says of an incident.

    Raises:
        ConfigError: no text, or too much of it.
    """
    kept = tx.add(rows.Comment(model, incident, actor.get(), checked(text), clock.micros(clock.now())))
    audit(tx, "commented", model, {"incident": incident, "number": kept.number})
    return kept


def find_comments(catalog: Catalog, model: str, incident: str) -> tuple[rows.Comment, ...]:
    """Give what people said of an incident, oldest first."""
    with catalog.read() as tx:
        return tx.find(rows.Comment, model=model, incident=incident)
