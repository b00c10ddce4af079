"""Receive: acknowledge rows of any kind, move them to the lake and the profiles, and say what became of them.

acknowledge    through the door into the spool: what the server does, for many senders at a time
receive        acknowledge, then apply: what a notebook does
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import polars as pl

from retrue.errors import RetrueError, SchemaError
from retrue.schema.change import Change
from retrue.store.door import nothing
from retrue.store.intake import Admission, Broken, Part, Receipt, digest_of
from retrue.store.privacy import Masked
from retrue.store.resolve import DIFFERS
from retrue.store.store import Store
from retrue.tables import read
from retrue.workspace import clock
from retrue.workspace.check import changes
from retrue.workspace.stored import StoredModel

BATCH = 500_000
"""Rows acknowledged at a time."""
REUSED = "the key came before with other rows; none of these were taken"
OWN_KEY = "give every batch a key of its own, and repeat a key only with the same rows"
"""What is said of a key that comes again with something else."""
WAITING = 1_000
"""Acknowledged rows that may wait until a single event moves them all to the lake."""


@dataclass(frozen=True)
class Received:
    """What became of logged rows, labels or feedback.

    Attributes:
        accepted: rows that were taken.
        quarantined: rows that were set aside, and `reasons` how many for each.
        counts: what else happened: rows that were repeated, corrected, waiting, ambiguous ..., values left out, labels
            that were taken and don't count.
        changes: columns that were added, removed, renamed or retyped since the model was registered, in words.
    """

    accepted: int
    quarantined: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    changes: tuple[str, ...] = ()

    @classmethod
    def of(cls, acknowledged: Acknowledged) -> Received:
        """What is known as soon as rows are acknowledged."""
        receipt = acknowledged.receipt
        counts = {**receipt.unread, "labels without a value": receipt.skipped}
        counts = {what: n for what, n in counts.items() if n}
        return cls(receipt.accepted, receipt.quarantined, dict(receipt.reasons), counts, acknowledged.changes)

    def __add__(self, other: Received) -> Received:
        return Received(
            self.accepted + other.accepted, self.quarantined + other.quarantined,
            dict(Counter(self.reasons) + Counter(other.reasons)), dict(Counter(self.counts) + Counter(other.counts)),
            tuple(dict.fromkeys((*self.changes, *other.changes))),
        )  # fmt: skip

    def after(self, applied: Mapping[str, int]) -> Received:
        """The same once a commit cycle has found what was there already."""
        counts = {name: count for name, count in {**self.counts, **applied}.items() if count}
        differing = counts.pop("events differing", 0)  # found only where earlier events are: set aside there
        if not differing:
            return replace(self, counts=counts)
        return replace(
            self, accepted=max(self.accepted - differing, 0), quarantined=self.quarantined + differing,
            reasons={**self.reasons, DIFFERS: differing}, counts=counts,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "accepted": self.accepted,
            "quarantined": self.quarantined,
            "reasons": dict(self.reasons),
            "counts": dict(self.counts),
            "changes": list(self.changes),
        }


@dataclass(frozen=True)
class Lot:
    """Rows of one kind for one model that came at the same time, from one sender or several.

    Attributes:
        model: whose they are.
        kind: "events", "labels" or "feedback".
        frame: the rows, in the order of the parts.
        parts: who sent which.
        at: when they came (UTC).
        version: the version of events that don't say theirs.
        masked: whether the rows hold no raw value of a private column already, as those of the quarantine do.
    """

    model: StoredModel
    kind: str
    frame: pl.DataFrame
    parts: Sequence[Part]
    at: datetime
    version: str = "1"
    masked: bool = False

    def without(self, keys: Collection[str]) -> Lot:
        """The lot without the parts that have one of these keys."""
        chosen = [part.key not in keys for part in self.parts]
        kept = [part for part, here in zip(self.parts, chosen, strict=True) if here]
        rows = [here for part, here in zip(self.parts, chosen, strict=True) for _ in range(part.rows)]
        return replace(self, parts=kept, frame=self.frame.filter(pl.Series(rows, dtype=pl.Boolean)))


@dataclass(frozen=True)
class Acknowledged:
    """What became of one sender's rows when the spool had them, and which columns aren't what they were, in words.

    `reused` is true where their key came before with something else: then nothing of them was taken.
    """

    receipt: Receipt
    changes: tuple[str, ...] = ()
    reused: bool = False


def acknowledge(store: Store, lots: Sequence[Lot]) -> list[list[Acknowledged] | RetrueError]:
    """Take rows of several senders into the spool, in one transaction: when this returns, they survive power loss.

    Returns:
        For each lot what became of each part; or why no row of the lot could be taken.

    Raises:
        StoreFullError: the disk is full; nothing was taken.
        StoreError: the store can't be written; nothing was taken.
    """
    found: list[dict[str, Acknowledged]] = []  # the parts of each lot whose keys were seen before
    admissions: list[Admission | RetrueError | None] = []
    told: list[tuple[str, ...]] = []
    for lot in lots:
        seen = store.seen(lot.model.name, lot.kind, [part.key for part in lot.parts if part.key is not None])
        found.append({key: Acknowledged(receipt) for key, receipt in seen.items()})
        fresh = lot.without(seen) if seen else lot
        admission, changed = admit(fresh) if fresh.parts else (None, ())
        admissions.append(admission)
        told.append(changed)
    kept = iter(store.keep(*(one for one in admissions if isinstance(one, Admission))))
    outcomes: list[list[Acknowledged] | RetrueError] = []
    for lot, seen_, admission, changed in zip(lots, found, admissions, told, strict=True):
        receipts = next(kept) if isinstance(admission, Admission) else []
        outcomes.append(answers(store, lot, seen_, admission, receipts, changed))
    return outcomes


def answers(
    store: Store,
    lot: Lot,
    seen: Mapping[str, Acknowledged],
    admission: Admission | RetrueError | None,
    receipts: Sequence[Receipt],
    changed: tuple[str, ...],
) -> list[Acknowledged] | RetrueError:
    """What became of each part of a lot."""
    if isinstance(admission, RetrueError):
        return admission
    if admission is not None and any(receipt.repeated for receipt in receipts):  # another process was quicker
        return acknowledge(store, [lot])[0]
    fresh = iter(receipts)
    known = ((part, seen.get(part.key or "")) for part in lot.parts)
    return [again(part, one) if one is not None else Acknowledged(next(fresh), changed) for part, one in known]


def again(part: Part, earlier: Acknowledged) -> Acknowledged:
    """What became of a part whose key was seen before; keys of older versions have no digest to compare."""
    before = earlier.receipt.digest
    return replace(earlier, reused=bool(before and part.digest) and before != part.digest)


def admit(lot: Lot) -> tuple[Admission | RetrueError, tuple[str, ...]]:
    """Let a lot through the door, with what its windows are to be told; or say why none of it can be taken."""
    store, name = lot.model.store, lot.model.name
    if store.layout(name).privacy:
        lot = replace(lot, parts=[part.unquoted() for part in lot.parts])
    if not lot.frame.width:  # nothing but what is broken
        return Admission(name, lot.kind, lot.at, nothing(), lot.parts), ()
    try:
        frame = Masked(lot.frame) if lot.masked else store.masked(name, lot.frame)
        admitted = store.admit(name, lot.kind, frame, version=lot.version, at=lot.at)
        changed = differing(lot.model, frame) if lot.kind == "events" else ()
    except RetrueError as error:
        return error, ()
    changed = changes.held(changed, admitted.lost, admitted.rows)
    told_of = changed and admitted.accepted  # rows of which none was taken say nothing of the window's columns
    sizes = [changes.rows_by_window(frame, store.layout(name), lot.version, lot.at)] if told_of else []
    told = changes.as_frame([*changes.of_lost(admitted.lost), *changes.of_columns(sizes, changed)])
    return Admission(name, lot.kind, lot.at, admitted, lot.parts, told), tuple(one.detail for one in changed)


def receive(
    model: StoredModel,
    kind: str,
    source: Any,
    *,
    key: str | None,
    at: datetime | None,
    version: str = "1",
    broken: Sequence[Broken] = (),
) -> Received:
    """Acknowledge rows of any kind, then move them to the lake and the profiles; what is `broken` is set aside.

    One event, given as a dict, waits for others: it is safe, and whatever reads the log moves it along.
    """
    table, came = read(source), clock.aware(at or clock.now())
    received = Received(0)
    for i, batch in enumerate([pl.DataFrame()] if broken and not table.rows else table.batches(rows=BATCH)):
        bad = () if i else tuple(broken)
        part = Part(len(batch), broken=bad)
        if key is not None:
            part = replace(part, key=f"{key}/{i}", digest=digest_of(lines(batch)))
        (outcome,) = acknowledge(model.store, [Lot(model, kind, batch, [part], came, version)])
        if isinstance(outcome, RetrueError):
            raise outcome
        if outcome[0].reused:
            raise SchemaError(REUSED, where=f"key={key!r}", hint=OWN_KEY)
        received += Received.of(outcome[0])
    if isinstance(source, Mapping) and table.rows == 1 and model.store.pending(model.name) < WAITING:
        return received
    return received.after(model.store.apply(model.name).counts)


def lines(batch: pl.DataFrame) -> bytes:
    """A batch as NDJSON: the same for equal values, however it was made; without columns that JSON can't hold.

    >>> lines(pl.DataFrame({"id": ["a"], "key": [b"abc"]}))
    b'{"id":"a","key":"YWJj"}\\n'
    """
    texts = batch.with_columns(pl.col(pl.Binary).bin.encode("base64"))
    told = [
        name for name, dtype in texts.schema.items() if not {"Binary", "Object"} & set(re.findall(r"\w+", f"{dtype}"))
    ]
    return texts.select(told).write_ndjson().encode() if told else b""


def differing(model: StoredModel, frame: pl.DataFrame) -> tuple[Change, ...]:
    """Columns of events that aren't what they were."""
    own = [c for c in model.schema.columns if c.name == model.schema.version]  # events may lack it: `log` may be told
    return model.schema.check_table({**{c.name: c.dtype for c in own}, **frame.schema})
