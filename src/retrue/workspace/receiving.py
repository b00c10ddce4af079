"""Receive: acknowledge rows of any kind, move them to the lake and the profiles, and say what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from retrue.store.door import Lost
from retrue.store.resolve import DIFFERS
from retrue.tables import Table, read
from retrue.workspace import changes, clock

if TYPE_CHECKING:
    from retrue.workspace.model import Model

BATCH = 500_000
"""Rows acknowledged at a time."""
WAITING = 1_000
"""Acknowledged rows that may wait until a single event moves them all to the lake."""


@dataclass(frozen=True)
class Received:
    """What became of logged rows, labels or feedback.

    Attributes:
        accepted: rows that were taken.
        quarantined: rows that were set aside, and `reasons` how many for each.
        counts: what else happened: rows that were repeated, corrected, waiting, ambiguous ..., values left out.
        changes: columns that were added, removed, renamed or retyped since the model was registered, in words.
    """

    accepted: int
    quarantined: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    changes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "accepted": self.accepted,
            "quarantined": self.quarantined,
            "reasons": dict(self.reasons),
            "counts": dict(self.counts),
            "changes": list(self.changes),
        }


def receive(
    model: Model, kind: str, source: Any, *, key: str | None, at: datetime | None, version: str = "1"
) -> Received:
    """Acknowledge rows of any kind, then move them to the lake and the profiles.

    One event, given as a dict, waits for others: it is safe, and whatever reads the log moves it along.
    """
    table, layout, came = read(source), model.store.layout(model.name), clock.aware(at or clock.now())
    changed = model.schema.check_table(expected(model, table)) if kind == "events" else ()
    accepted, set_aside, reasons, counts = 0, 0, dict[str, int](), dict[str, int]()
    lost: list[Lost] = []
    sizes: list[dict[changes.Key, int]] = []
    for i, batch in enumerate(table.batches(rows=BATCH)):
        own_key = None if key is None else f"{key}/{i}"
        receipt = model.store.append(model.name, kind, batch, key=own_key, version=version, at=at)
        accepted, set_aside = accepted + receipt.accepted, set_aside + receipt.quarantined
        for reason, count in receipt.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
        for what, count in {**receipt.unread, "labels without a value": receipt.skipped}.items():
            counts[what] = counts.get(what, 0) + count
        if not receipt.repeated:
            lost += receipt.lost
            sizes += [changes.rows_by_window(batch, layout, version, came)] if changed else []
    changed = changes.held(changed, lost, accepted + set_aside)
    found = changes.of_lost(lost) + changes.of_columns(sizes, changed)
    told = tuple(change.detail for change in changed)
    if isinstance(source, Mapping) and table.rows == 1 and model.store.pending(model.name) < WAITING:
        changes.note(model, found)
        return Received(accepted, set_aside, reasons, {what: n for what, n in counts.items() if n}, told)
    applied = model.store.apply(model.name)
    counts = {name: count for name, count in {**counts, **applied.counts}.items() if count}
    if accepted == 0 or counts.get("events repeated", 0) < accepted:  # what was here already changes nothing
        changes.note(model, found)
    differing = counts.pop("events differing", 0)  # found only where earlier events are: set aside there
    if differing:
        accepted, set_aside = max(accepted - differing, 0), set_aside + differing
        reasons = {**reasons, DIFFERS: differing}
    return Received(accepted, set_aside, reasons, counts, told)


def expected(model: Model, table: Table) -> dict[str, object]:
    """The table's types, and those of columns that events may lack: the version, which `log` may be told."""
    own = [c for c in model.schema.columns if c.name == model.schema.version]
    return {**{c.name: c.dtype for c in own}, **table.dtypes}
