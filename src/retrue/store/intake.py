"""What comes into a store: rows pass the door, and are acknowledged once the spool has them.

    frame ── admit ──> Admitted ── keep ──> the spool       a receipt for everyone who sent rows of the frame

A frame may hold rows that several senders sent at once, each with a key of their own: `Part` says whose rows are which.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import polars as pl

from retrue.core.outcome_grid import OutcomeGrid
from retrue.errors import SchemaError, nearest
from retrue.store.door import QUARANTINE, Admitted, Arrival, Lost, admit, check
from retrue.store.layout import SYSTEM, Layout, lake_type, refuse_twins
from retrue.store.odd import OUTSIDE, are_probabilities, score_columns, scores_outside, taken, told
from retrue.store.privacy import Masked
from retrue.store.quarantine import marks
from retrue.store.reader import Reader
from retrue.store.shelf import token
from retrue.store.spool import Batch, Parcel
from retrue.store.told import KIND as TOLD

KINDS = ("events", "labels", "feedback")
REJECTED = 100
"""How many rows a receipt names that were set aside."""


@dataclass(frozen=True)
class Receipt:
    """What became of a batch the moment it was acknowledged.

    Attributes:
        accepted: rows that were taken (repeats among them are found when the batch is applied).
        quarantined: rows that were set aside.
        reasons: how many for each reason.
        skipped: labels that were null.
        repeated: the batch's key was seen before, and nothing was written.
        unread: how many values of columns that the schema doesn't have were left out, and how many labels were taken
            that don't count, in words.
        digest: of what was sent with the batch's key; "" where nobody took one.
        rejected: the first rows that were set aside, by number, each with the whole reason.
        lost: events that were set aside by version, window and column; nothing for a repeated batch.
        mark: what whoever sent it wants to know of it when its key is asked for: how far a source was read, as JSON.
    """

    accepted: int
    quarantined: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    skipped: int = 0
    repeated: bool = False
    unread: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""
    rejected: tuple[tuple[int, str], ...] = ()
    lost: tuple[Lost, ...] = ()
    mark: str = ""

    @classmethod
    def of(cls, admitted: Admitted) -> Receipt:
        """Say what the door made of some rows."""
        if not len(admitted.notes):
            return cls(admitted.rows, lost=admitted.lost)
        return cls(
            admitted.accepted, admitted.quarantined, admitted.reasons, admitted.skipped, unread=admitted.unread,
            rejected=admitted.rejected(REJECTED), lost=admitted.lost,
        )  # fmt: skip

    def to_json(self) -> str:
        """Write it, to be kept with its batch's key."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """Read what `to_json` wrote: the receipt of a batch that was repeated.

        >>> Receipt.from_json(Receipt(1, 1, rejected=((1, "missing id"),)).to_json())
        Receipt(accepted=1, quarantined=1, ..., repeated=True, ..., rejected=((1, 'missing id'),), lost=(), ...)
        """
        said: dict[str, Any] = json.loads(text)
        rejected = tuple((int(row), str(reason)) for row, reason in said.pop("rejected", ()))
        return cls(**{**said, "rejected": rejected, "repeated": True, "lost": ()})


UNQUOTED = '"left out, for it may hold personal data"'
"""What stands in the quarantine for something that couldn't be read, of a model that has columns to be kept private."""
NO_OBJECT, NO_JSON, HALF = "not an object", "malformed JSON", "half of a call: it may not wait on disk for the other"
QUOTES_NOTHING = frozenset({NO_OBJECT, NO_JSON, HALF})
"""Reasons that hold nothing of what they are about."""
UNREADABLE = "it can't be read (why is left out, for it may hold personal data)"
"""The reason instead of any other, of a model that has columns to be kept private."""


@dataclass(frozen=True)
class Broken:
    """Something that stood where a row should: its number, the reason why it is none, and the text of it.

    Nobody knows what of it is private: of a model with private columns neither the text nor what may quote it is kept.
    """

    row: int
    reason: str
    text: str | None

    def unquoted(self) -> Broken:
        """The same without anything of what stood there.

        >>> Broken(0, "'Ann' is no time", "Ann").unquoted().reason.startswith("it can't be read")
        True
        """
        return Broken(self.row, self.reason if self.reason in QUOTES_NOTHING else UNREADABLE, UNQUOTED)


@dataclass(frozen=True)
class Part:
    """The rows of a frame that one sender sent: so many, following those of the part before.

    Attributes:
        rows: how many.
        key: the key that they were sent with.
        broken: what couldn't be made rows of a frame; it is set aside too.
        releases: the row of the quarantine whose place they take.
        digest: of what was sent, kept with the key: another body under the same key is no repeat.
        mark: kept with the key, too: see `Receipt`.
    """

    rows: int
    key: str | None = None
    broken: tuple[Broken, ...] = ()
    releases: str | None = None
    digest: str = ""
    mark: str = ""

    def unquoted(self) -> Part:
        """The same without anything of what couldn't be read."""
        return replace(self, broken=tuple(one.unquoted() for one in self.broken)) if self.broken else self

    def receipt(self, admitted: Admitted) -> Receipt:
        """What became of its rows, numbered as they were sent."""
        receipt = Receipt.of(admitted)
        if not self.broken:
            return receipt
        gone = {one.row for one in self.broken}
        numbers = [row for row in range(self.rows + len(gone)) if row not in gone] if receipt.rejected else []
        rejected = [(numbers[row], reason) for row, reason in receipt.rejected]
        reasons = Counter(receipt.reasons) + Counter(one.reason for one in self.broken)
        return replace(
            receipt, quarantined=receipt.quarantined + len(gone), reasons=dict(reasons.most_common()),
            rejected=tuple(sorted([*rejected, *((one.row, one.reason) for one in self.broken)])[:REJECTED]),
        )  # fmt: skip


@dataclass(frozen=True)
class Admission:
    """A frame that has passed the door, and what is to be told of its windows.

    Attributes:
        model: whose rows they are.
        kind: "events", "labels" or "feedback".
        at: when they arrived.
        admitted: what the door made of them.
        parts: who sent which of them.
        told: what to tell of windows, with the columns of `told.FIELDS`.
    """

    model: str
    kind: str
    at: datetime
    admitted: Admitted
    parts: Sequence[Part]
    told: pl.DataFrame = field(default_factory=pl.DataFrame)

    def receipts(self) -> list[Receipt]:
        """What became of each part."""
        if len(self.parts) == 1:
            return [self.parts[0].receipt(self.admitted)]
        found, start, clean = list[Receipt](), 0, not len(self.admitted.notes)
        for part in self.parts:
            quick = clean and not part.broken
            found.append(Receipt(part.rows) if quick else part.receipt(self.admitted.part(start, part.rows)))
            start += part.rows
        return found

    def unquoted(self) -> Admission:
        """The same without anything of what couldn't be read: nobody can tell which columns it holds."""
        return replace(self, parts=[part.unquoted() for part in self.parts])

    def parcel(self, receipts: Sequence[Receipt]) -> Parcel:
        """What goes into the spool."""
        frames = {**self.admitted.frames, **({TOLD: self.told} if len(self.told) else {})}
        broken = [(self.kind, one.reason, None, one.text) for part in self.parts for one in part.broken]
        released = [part.releases for part in self.parts if part.releases is not None]
        if broken or released:
            aside = [frames["quarantine"]] if "quarantine" in frames else []
            added = pl.DataFrame(broken, pl.Schema(QUARANTINE), orient="row")
            frames["quarantine"] = pl.concat([*aside, added, marks(released)])
        sent = zip(self.parts, receipts, strict=True)
        keys = {
            own_key(self.kind, part.key): replace(one, digest=part.digest, mark=part.mark).to_json()
            for part, one in sent
            if part.key is not None
        }
        return Parcel(self.model, [Batch(kind, micros(self.at), rows) for kind, rows in frames.items()], keys, now())


@dataclass(eq=False)
class Intake(Reader):
    """Abstract: a store's interface for what comes in."""

    def append(
        self,
        model: str,
        kind: str,
        frame: pl.DataFrame,
        *,
        key: str | None = None,
        version: str = "1",
        at: datetime | None = None,
    ) -> Receipt:
        """Acknowledge rows: when this returns, they survive kill -9 and power loss.

        Args:
            model: whose they are.
            kind: "events", "labels" or "feedback".
            frame: the rows.
            key: a text of the caller's own; a batch whose key was seen in the last seven days is not taken twice.
            version: the model version of events that don't say theirs.
            at: when they arrived (UTC); now where it isn't given.

        Raises:
            SchemaError: a role's column is missing, or a name differs in case only from one that is known.
            StoreFullError: the disk is full; nothing was taken.
        """
        known_kind(kind)
        earlier = {} if key is None else self.seen(model, kind, [key])
        if key is not None and key in earlier:
            return earlier[key]
        came = (at or datetime.now(UTC)).astimezone(UTC)
        admitted = self.admit(model, kind, self.masked(model, frame), version=version, at=came)
        (receipts,) = self.keep(Admission(model, kind, came, admitted, [Part(len(frame), key)]))
        return receipts[0]

    def seen(self, model: str, kind: str, keys: Sequence[str]) -> dict[str, Receipt]:
        """Give the receipts of those keys that were seen with rows of this kind in the last seven days."""
        found = self.spool.seen(model, [own_key(kind, key) for key in keys])
        return {key: Receipt.from_json(found[own_key(kind, key)]) for key in keys if own_key(kind, key) in found}

    def masked(self, model: str, frame: pl.DataFrame) -> Masked:
        """A frame without raw values of columns that shall not be kept as they come."""
        return self.privacy(model).mask(frame) if self.layout(model).privacy else Masked(frame)

    def admit(self, model: str, kind: str, frame: Masked, *, version: str, at: datetime) -> Admitted:
        """Let rows through the door; nothing is written but the types of columns that come for the first time.

        Raises:
            SchemaError: as in `append`.
        """
        layout = self.layout(model)
        check(kind, frame, layout)
        admitted = admit(kind, frame, layout, self._types(model, kind, frame), Arrival(at, version, token()))
        admitted = self._told_of_scores(model, frame, admitted) if "events" in admitted.frames else admitted
        return self._told_of_labels(model, layout, frame, admitted) if "labels" in admitted.frames else admitted

    def _outcome(self, model: str) -> OutcomeGrid | None:
        """How outcomes are counted now."""
        with self.catalog.read() as tx:
            counting = self._counting(tx, model)
        return None if counting is None else counting.outcome

    def _told_of_labels(self, model: str, layout: Layout, frame: Masked, admitted: Admitted) -> Admitted:
        """The same rows, with a word on labels that are taken, but count for nothing: a 7 where 0 or 1 is expected."""
        outcome = self._outcome(model)
        if outcome is None or layout.label is None:
            return admitted
        rows = taken(frame, admitted)
        odd = ~outcome.counts_label(admitted.frames["labels"][layout.label_column])
        return told(admitted, rows.filter(frame[layout.label].gather(rows).is_not_null()), odd, outcome.odd_labels)

    def _told_of_scores(self, model: str, frame: Masked, admitted: Admitted) -> Admitted:
        """The same rows, with a word on scores that should be probabilities: a 3.2.

        The catalog is read once, and again only where a score lies outside: events come often.
        """
        if model not in self._scored:
            outcome = self._outcome(model)
            if outcome is None:
                return admitted
            self._scored[model] = score_columns(outcome)
        odd = scores_outside(admitted.frames["events"], self._scored[model])
        if not odd.any() or not are_probabilities(self._outcome(model)):
            return admitted
        return told(admitted, taken(frame, admitted), odd, OUTSIDE)

    def keep(self, *admissions: Admission) -> list[list[Receipt]]:
        """Write what was admitted into the spool, in one transaction: when this returns, it survives power loss.

        Returns:
            For each admission the receipts of its parts. Where the key of one was seen before, nothing of that
            admission was written, and only the receipts of such parts are given: `repeated`.

        Raises:
            StoreFullError: the disk is full; nothing was taken.
        """
        admissions = tuple(one.unquoted() if self.layout(one.model).privacy else one for one in admissions)
        receipts = [one.receipts() for one in admissions]
        earlier = self.spool.append(*(one.parcel(own) for one, own in zip(admissions, receipts, strict=True)))
        return [
            repeated(one, seen) if seen else own for one, own, seen in zip(admissions, receipts, earlier, strict=True)
        ]

    def _types(self, model: str, kind: str, frame: pl.DataFrame) -> dict[str, str]:
        """Lake types of a frame's columns; a label has one type, whether it comes with its event or later."""
        layout, vetted = self.layout(model), self._vetted.setdefault((model, kind), set())
        wanted = layout.wanted(frame)
        news = {*frame.columns, *wanted} - vetted
        if news:
            wanted = {**wanted, **self._vet(model, kind, sorted(news))}
        label = {layout.label: wanted.pop(layout.label)} if layout.label in wanted else {}
        known = self.spool.types(model, kind, wanted)
        vetted |= news
        return {**known, **({k: v for k, v in self.spool.types(model, "labels", label).items() if k in label})}

    def _vet(self, model: str, kind: str, names: Sequence[str]) -> dict[str, str]:
        """Check names against the schema, the lake and what waits; gives the types of those that the lake has."""
        lake = self.tables(model)[kind].columns
        refuse_twins(names, lake, f"{kind} of {model!r}")
        refuse_twins(names, (*self.layout(model).declared(kind), *self.spool.types(model, kind, {})), kind)
        held = {name: lake_type(dtype) for name, dtype in lake.items() if name in names and name not in SYSTEM}
        return {name: text for name, text in held.items() if text is not None}


def own_key(kind: str, key: str) -> str:
    """A sender's key as the spool keeps it: what was sent as events says nothing of labels under the same key."""
    return f"{kind}:{key}"


def digest_of(body: bytes) -> str:
    """The digest of what was sent with a key (BLAKE2b, 128 bits)."""
    return blake2b(body, digest_size=16).hexdigest()


def repeated(admission: Admission, seen: Mapping[str, str]) -> list[Receipt]:
    """The receipts of those parts whose keys were seen before."""
    keys = [own_key(admission.kind, part.key) for part in admission.parts if part.key is not None]
    return [Receipt.from_json(seen[key]) for key in keys if key in seen]


def known_kind(kind: str) -> None:
    """Raise SchemaError for anything but events, labels and feedback."""
    if kind not in KINDS:
        raise SchemaError(f"unknown kind {kind!r}", expected=", ".join(KINDS), hint=nearest(kind, KINDS))


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of a moment in UTC."""
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def now() -> int:
    """Microseconds since 1970, now."""
    return micros(datetime.now(UTC))
