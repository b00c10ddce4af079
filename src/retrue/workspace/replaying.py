"""Replay: rows of the quarantine are let in again, mended or as they are, and leave it, once.

A row that still doesn't fit comes back as a new one, with its new reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from retrue.errors import RetrueError, TableError
from retrue.schema.roles import listed
from retrue.store.intake import Part
from retrue.store.layout import LENT, SYSTEM, Layout
from retrue.store.quarantine import key_of
from retrue.tables.plain import from_rows
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.receiving import Lot, Received, acknowledge
from retrue.workspace.stored import StoredModel

LEFT = "rows that are no objects, left in the quarantine"
"""What is said of rows that only a person can mend."""
ALREADY = "rows that were let in again already"
"""What is said of rows that leave the quarantine just now, because they were asked for before."""
MOST = 50_000
"""Rows that are held in memory, and let in again in one transaction."""


@dataclass(frozen=True)
class Mended:
    """A row to let in again: its number in the quarantine, and what takes its place (None: the row as it is)."""

    number: str
    row: Mapping[str, Any] | None = None


def replay_all(model: StoredModel, rows: Mapping[str, Mapping[str, Any] | None] | None) -> Received:
    """Let rows in again and move them to the lake and the profiles: what a notebook does."""
    model.store.apply(model.name)
    chosen = None if rows is None else [Mended(number, row) for number, row in rows.items()]
    received = replay(model, chosen)
    return received.after(model.store.apply(model.name).counts)


def replay(model: StoredModel, chosen: Sequence[Mended] | None = None) -> Received:
    """Acknowledge rows of the quarantine again; when this returns, they have left it, and survive power loss.

    Args:
        model: whose.
        chosen: which, and what takes their place; None lets all in as they are.

    The audit log has it before the first row is let in, so that no crash leaves a replay that it doesn't know.

    Raises:
        TableError: a number that isn't in the quarantine, or what takes a row's place is no object; nothing was done.
        StoreError: the store can't be written.
    """
    if chosen is None:
        numbers = model.store.held_numbers(model.name)
        noted(model, len(numbers))
        parts = (numbers[begin : begin + MOST] for begin in range(0, len(numbers), MOST))
        return sum((again(model, dict.fromkeys(part)) for part in parts), Received(0))
    wanted = {one.number: one.row for one in chosen}
    held = set(model.store.held_rows(model.name, wanted)["number"])
    unknown = [number for number in wanted if number not in held]
    if unknown:
        hint = "they were let in again already, or are older than the quarantine is kept"
        raise TableError(f"no rows {listed(unknown, 5)}", where=f"the quarantine of {model.name!r}", hint=hint)
    noted(model, len(wanted))
    return again(model, wanted)


def noted(model: StoredModel, rows: int) -> None:
    """Write into the audit log that rows are let in again: before the first is, as the spool is another database."""
    with model.store.catalog.write() as tx:
        audit(tx, "replayed", model.name, {"rows": rows})


def again(model: StoredModel, wanted: Mapping[str, Mapping[str, Any] | None]) -> Received:
    """Let rows in again by their numbers; those that left meanwhile are left out, and counted."""
    groups, left = dict[tuple[str, str], list[tuple[str, dict[str, Any]]]](), 0
    own, held = reserved(model.store.layout(model.name)), model.store.held_rows(model.name, wanted)
    for number, kind, text in held.select("number", "kind", "row").iter_rows():
        mended = wanted[number]
        row = as_row(text) if mended is None else kept_private(model, as_row(text), mended)
        if not row:
            left += 1
            continue
        version = row.get("_version") if model.schema.version is None else None
        group = groups.setdefault((kind, str(version or model.version)), [])
        group.append((number, {name: value for name, value in row.items() if name not in own}))
    counts = {LEFT: left, ALREADY: len(wanted) - len(held)}
    received = Received(0, counts={said: n for said, n in counts.items() if n})
    for (kind, version), rows in groups.items():
        for begin in range(0, len(rows), MOST):
            received += let_in(model, kind, version, rows[begin : begin + MOST])
    return received


def let_in(model: StoredModel, kind: str, version: str, rows: Sequence[tuple[str, dict[str, Any]]]) -> Received:
    """Let rows of one kind and version in again; those that were let in before are left out, and counted."""
    parts = [Part(1, key_of(number), releases=number) for number, _ in rows]
    frame = again_masked(model, from_rows([row for _, row in rows]))
    (outcome,) = acknowledge(model.store, [Lot(model, kind, frame, parts, clock.now(), version, masked=True)])
    if isinstance(outcome, RetrueError):
        raise outcome
    received = Received(0)
    for one in outcome:
        received += Received(0, counts={ALREADY: 1}) if one.receipt.repeated else Received.of(one)
    return received


def hashed(model: StoredModel) -> set[str]:
    """Columns, in small letters, that the quarantine has as hashes."""
    return {name.lower() for name, rule in model.store.privacy(model.name).rules.items() if rule == "hash"}


def kept_private(model: StoredModel, held: Mapping[str, Any], mended: Mapping[str, Any]) -> dict[str, Any]:
    """What takes a row's place: hashed columns stay as the quarantine has them, as nobody can mend a hash."""
    own = hashed(model) if model.store.layout(model.name).privacy else set()
    kept = {name: value for name, value in held.items() if name.lower() in own}
    return {**{name: value for name, value in mended.items() if name.lower() not in own}, **kept}


def again_masked(model: StoredModel, frame: pl.DataFrame) -> pl.DataFrame:
    """Drop and make coarse what somebody wrote into private columns; hashes are hashes already."""
    if not model.store.layout(model.name).privacy:
        return frame
    privacy = model.store.privacy(model.name)
    return replace(privacy, rules={name: rule for name, rule in privacy.rules.items() if rule != "hash"}).mask(frame)


def as_row(text: str | None) -> dict[str, Any]:
    """A row from its text; nothing where that is no object."""
    try:
        said = json.loads(text or "")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def reserved(layout: Layout) -> set[str]:
    """Names that the store gave a row itself; it does so again."""
    declared = {layout.id, layout.time, layout.version, layout.label}
    return {*SYSTEM, *LENT} | ({*layout.roles, layout.label_column} - declared)
