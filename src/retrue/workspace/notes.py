"""What people note: comments of incidents, and markers (a deployment, a holiday) on every axis of time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from retrue.errors import ConfigError
from retrue.store import rows
from retrue.store.catalog import Catalog
from retrue.workspace import clock
from retrue.workspace.acting import actor, audit

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


def comment(catalog: Catalog, model: str, incident: str, text: str) -> rows.Comment:
    """Say something of an incident."""
    made = rows.Comment(model, incident, actor.get(), said(text), clock.micros(clock.now()))
    with catalog.write() as tx:
        added = tx.add(made)
        audit(tx, "commented", model, {"incident": incident})
    return added


def comments(catalog: Catalog, model: str, incident: str) -> list[dict[str, Any]]:
    """What was said of an incident, oldest first."""
    with catalog.read() as tx:
        found = tx.find(rows.Comment, model=model, incident=incident)
    return [
        {"actor": one.actor, "text": one.text, "at": iso(one.created)}
        for one in sorted(found, key=lambda row: row.number or 0)
    ]


def add_marker(
    catalog: Catalog, kind: str, text: str, at: datetime, *, until: datetime | None = None, model: str | None = None
) -> rows.Marker:
    """Mark a time, of one model or of all.

    Raises:
        ConfigError: no text, or it ends before it begins.
    """
    if until is not None and clock.aware(until) < clock.aware(at):
        raise ConfigError("a marker that ends before it begins", expected="until after at")
    end = None if until is None else clock.micros(clock.aware(until))
    made = rows.Marker(
        said(kind), said(text), clock.micros(clock.aware(at)), actor.get(), clock.micros(clock.now()), end, model
    )
    with catalog.write() as tx:
        added = tx.add(made)
        audit(tx, "marked", model, {"kind": kind, "at": at.isoformat()})
    return added


def markers(catalog: Catalog, model: str | None = None) -> list[dict[str, Any]]:
    """All markers, or those of one model and those of all models, in order of time."""
    with catalog.read() as tx:
        found = tx.find(rows.Marker)
    chosen = [one for one in found if model is None or one.model in (None, model)]
    return [marker_dict(one) for one in sorted(chosen, key=lambda row: row.at)]


def marker_dict(row: rows.Marker) -> dict[str, Any]:
    """A marker as plain values."""
    return {
        "number": row.number, "kind": row.kind, "text": row.text, "at": iso(row.at),
        "until": None if row.until is None else iso(row.until), "model": row.model, "actor": row.actor,
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


def iso(micros: int) -> str:
    """A time of the catalog as text."""
    return clock.moment(micros).isoformat()
