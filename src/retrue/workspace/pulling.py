"""Pull: take what is new in a model's sources into the store, each row once, whatever dies in between.

    catalog   n, state ── read on from state ──> chunk n + 1
    catalog   "taking"                            from here on a chunk may be in the spool
    spool     rows + key n + 1 + step             one transaction: rows are in if and only if the key is
    lake      applied
    catalog   n + 1, state + step

Whoever comes next looks for key n + 1 before reading: where it is there, so are the rows, and the step that was kept
with it says where to go on. Two that read the same source at once can't both have key n + 1. The catalog moves on only
when rows are in the lake, so a lost spool loses nothing: its rows are read again.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from retrue.errors import RetrueError, SchemaError, StoreError, nearest
from retrue.sources import Chunk, Source, SourceChangedError, source_of
from retrue.store import rows
from retrue.store.intake import KINDS, Broken, Part
from retrue.store.spool import KEY_LIFE
from retrue.store.store import Store
from retrue.store.tables import preferences
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.receiving import Lot, Received, acknowledge
from retrue.workspace.stored import StoredModel

ATTEMPTS = 5
"""How often a pull begins again because another one was quicker."""
SURE = KEY_LIFE - 86_400_000_000
"""Microseconds after which a key may be forgotten."""


class OvertakenError(StoreError):
    """Another process took the same rows first, or noted that these were taken.

    Attributes:
        received: what this one took all the same: it can't go on from there, but its rows are in.
    """

    received = Received(0)


@dataclass(frozen=True)
class Progress:
    """How far a source was read.

    Attributes:
        id: of this reading; keys of another one don't count.
        lanes: by lane the number of chunks that were taken, and what the source remembers.
        taking: since when (microseconds) a chunk may be in the spool that isn't counted here; None: none is.
    """

    id: str
    lanes: Mapping[str, tuple[int, Any]] = field(default_factory=dict)
    taking: int | None = None

    @property
    def state(self) -> dict[str, Any]:
        """What the source remembers, by lane."""
        return {lane: state for lane, (_, state) in self.lanes.items() if state is not None}

    def key(self, lane: str) -> str:
        """The key of a lane's next chunk."""
        return f"source/{self.id}/{lane}/{self.lanes.get(lane, (0, None))[0] + 1}"

    def after(self, source: Source, steps: Mapping[str, Mapping[str, Any]], taken: int) -> Progress:
        """The same after one more step of some lanes, with `taken` (0 or 1) chunks."""
        moved = {
            lane: (n + taken, source.fold(state, step))
            for lane, step in steps.items()
            for n, state in [self.lanes.get(lane, (0, None))]
        }
        return replace(self, lanes={**self.lanes, **moved}, taking=None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"id": self.id, "lanes": {lane: list(one) for lane, one in self.lanes.items()}, "taking": self.taking}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Progress:
        """Read what `to_dict` gave."""
        lanes = {lane: (int(n), state) for lane, (n, state) in said["lanes"].items()}
        return cls(said["id"], lanes, said["taking"])


# --- which sources a model has -------------------------------------------------------------------------------------


def sources_of(store: Store, model: str) -> dict[str, Source]:
    """A model's sources by kind."""
    with store.catalog.read() as tx:
        said = {kind: tx.get(rows.Preference, name=described(kind, model)) for kind in KINDS}
    return {kind: source_of(row.body) for kind, row in said.items() if row is not None and row.body}


def described_by(store: Store, kind: str) -> dict[str, Mapping[str, Any]]:
    """What describes the sources of a kind, by model, as it is kept; empty where a source was taken back."""
    start, own = described(kind, ""), preferences.c
    with store.catalog.read() as tx:
        found = tx.connection.execute(select(own.name, own.body).where(own.name.startswith(start, autoescape=True)))
        return {name.removeprefix(start): body for name, body in found}


def described(kind: str, model: str) -> str:
    """The name of the preference that describes a source."""
    return f"source/{kind}/{model}"


def progress_of(kind: str, model: str) -> str:
    """The name of the preference that says how far it was read."""
    return f"progress/{kind}/{model}"


def checked(said: Mapping[str, Any], where: str = "sources") -> dict[str, Source | None]:
    """Descriptions by kind; None: no source any more.

    Raises:
        SchemaError: an unknown kind of rows.
        ConfigError: a description that isn't understood.
    """
    for kind in said:
        if kind not in KINDS:
            raise SchemaError(
                f"unknown kind {kind!r}", where=where, expected=", ".join(KINDS), hint=nearest(kind, KINDS)
            )
    return {kind: None if one is None else source_of(one, f"{where}.{kind}") for kind, one in said.items()}


def describe(store: Store, model: str, said: Mapping[str, Any]) -> None:
    """Say where a model's rows come from; one whose place changes is read anew, from its beginning."""
    known, now = sources_of(store, model), clock.micros(clock.now())
    for kind, one in checked(said).items():
        before = known.get(kind)
        if one == before:
            continue
        with store.catalog.write() as tx:
            body = {} if one is None else one.to_dict()
            tx.put(rows.Preference(described(kind, model), body, now))
            if one is None or before is None or one.place != before.place:
                tx.put(rows.Preference(progress_of(kind, model), Progress(uuid.uuid4().hex).to_dict(), now))
            audit(tx, "source described" if one else "source removed", model, {"kind": kind, **body})


def adopt(model: StoredModel) -> None:
    """Let what `[models.NAME.sources]` of retrue.toml says hold; what it doesn't name stays.

    Raises:
        ConfigError: it isn't understood.
    """
    from retrue import config

    file = config.find()
    said = config.load(file).models.get(model.name) if file is not None else None
    if file is not None and said is not None and said.sources:
        describe(model.store, model.name, written(file, f"models.{model.name}.sources", said.sources))


def told_by_file() -> set[str]:
    """The models of which retrue.toml says where their rows come from.

    Raises:
        ConfigError: it isn't understood.
    """
    from retrue import config

    return {name for name, said in config.load().models.items() if said.sources}


def written(file: Path, where: str, said: Mapping[str, Any]) -> dict[str, Source | None]:
    """Descriptions as a file means them: paths are relative to it."""
    found = checked(said, where)
    return {kind: None if one is None else one.beside(file.parent) for kind, one in found.items()}


# --- reading on ----------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Reading:
    """A source of a model while it is read on.

    Attributes:
        model, kind, source: what is read, and whose.
        progress: how far it was read.
    """

    model: StoredModel
    kind: str
    source: Source
    progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        self.progress = self.kept()
        self.recover([*self.progress.lanes, ""])

    @property
    def ids(self) -> bool:
        """Whether rows that come again are known by their id."""
        return self.model.schema.id is not None

    @property
    def name(self) -> str:
        """Of the preference that holds the progress."""
        return progress_of(self.kind, self.model.name)

    def kept(self) -> Progress:
        """How far the catalog says that it was read."""
        with self.model.store.catalog.read() as tx:
            row = tx.get(rows.Preference, name=self.name)
        if row is None:
            raise StoreError(f"no source of {self.kind}", where=self.model.name, hint="describe it: sources={...}")
        return Progress.of(row.body)

    def recover(self, lanes: Iterable[str]) -> None:
        """Count the chunks that are in the spool, but not in the catalog: somebody died after taking them.

        Raises:
            SourceChangedError: too long ago to tell, and rows that come twice can't be told.
        """
        wanted = dict.fromkeys(lanes)
        while steps := self.steps_in_spool(wanted):
            self.model.store.apply(self.model.name)
            self.keep(self.progress.after(self.source, steps, 1))
        since = self.progress.taking
        if since is None or clock.micros(clock.now()) - since < SURE or self.ids:
            return
        self.keep(replace(self.progress, taking=None))
        when = clock.moment(since).isoformat(timespec="seconds")
        what = f"a pull died on {when}, and whether its rows came in can't be told any more"
        raise SourceChangedError(what, {}, where=self.source.name, hint="the next attempt takes them; look for doubles")

    def steps_in_spool(self, lanes: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """The steps of chunks that are in the spool, but not counted, by lane."""
        keys = {self.progress.key(lane): lane for lane in lanes}
        seen = self.model.store.seen(self.model.name, self.kind, list(keys))
        return {keys[key]: json.loads(receipt.mark) for key, receipt in seen.items()}

    def take(self, chunk: Chunk) -> Received:
        """Take a chunk: when this returns, its rows are in the lake, and the catalog goes on behind them.

        Raises:
            OvertakenError: another process had it first; nothing of it was taken again.
            RetrueError: the door refuses the rows, or the store can't be written; it comes again.
        """
        fault, store = self.model.store.fault, self.model.store
        steps = {piece.lane: piece.step for piece in chunk.pieces}
        parts = [
            Part(
                piece.rows, self.progress.key(piece.lane), tuple(Broken(b.row, b.reason, b.text) for b in piece.broken),
                mark=json.dumps(piece.step),
            )
            for piece in chunk.pieces
        ]  # fmt: skip
        if not any(part.rows or part.broken for part in parts):
            self.keep(self.progress.after(self.source, steps, 0))
            return Received(0)
        fault("pull: read")
        if self.progress.taking is None:
            self.keep(replace(self.progress, taking=clock.micros(clock.now())))
        fault("pull: begun")
        lot = Lot(self.model, self.kind, chunk.frame, parts, clock.now(), self.model.version)
        (outcome,) = acknowledge(store, [lot])
        if isinstance(outcome, SchemaError) and self.source.passes:
            halves = chunk.halves() or (chunk.refused(str(outcome)),)
            return sum(map(self.take, halves), Received(0))
        if isinstance(outcome, RetrueError):
            raise outcome
        fault("pull: acknowledged")
        if any(one.receipt.repeated for one in outcome):
            self.recover(steps)
            raise OvertakenError(f"{self.kind} of {self.model.name!r} were taken by another process")
        applied = store.apply(self.model.name)
        fault("pull: applied")
        received = sum(map(Received.of, outcome), Received(0)).after(applied.counts)
        try:
            self.keep(self.progress.after(self.source, steps, 1))
        except OvertakenError as error:
            error.received = received
            raise
        fault("pull: kept")
        return received

    def keep(self, progress: Progress) -> None:
        """Write down how far it was read.

        Raises:
            OvertakenError: somebody else did meanwhile.
        """
        with self.model.store.catalog.write() as tx:
            row = tx.get(rows.Preference, name=self.name)
            there = None if row is None else Progress.of(row.body)
            if there is None or not self.mine(there, progress):
                raise OvertakenError(f"{self.kind} of {self.model.name!r} are read by another process, too")
            lanes = {**there.lanes, **{k: v for k, v in progress.lanes.items() if self.progress.lanes.get(k) != v}}
            kept = replace(progress, lanes=lanes)
            tx.put(rows.Preference(self.name, kept.to_dict(), clock.micros(clock.now())))
        self.progress = progress

    def mine(self, there: Progress, new: Progress) -> bool:
        """Whether the lanes that move are as this reading saw them."""
        moved = [lane for lane, one in new.lanes.items() if self.progress.lanes.get(lane) != one]
        return there.id == new.id and all(there.lanes.get(k) == self.progress.lanes.get(k) for k in moved)


def begun(model: StoredModel, kind: str, source: Source, lanes: Iterable[str] = ()) -> Reading:
    """A source as it is read on, behind all that anybody took of these lanes.

    Raises:
        StoreError: another process takes one chunk after the other.
    """
    for _ in range(ATTEMPTS):
        try:
            reading = Reading(model, kind, source)
            reading.recover(lanes)
        except OvertakenError:
            continue
        return reading
    raise StoreError(f"{kind} of {model.name!r} are pulled by another process", hint="it goes on by itself")


def pull(model: StoredModel, kind: str, source: Source, *, enough: Callable[[], bool] = lambda: False) -> Received:
    """Take what is new in a source.

    Args:
        model: whose.
        kind: "events", "labels" or "feedback".
        source: where they are.
        enough: asked after each chunk: whether to stop here.

    Raises:
        TableError: the source is away, changed, or can't be read; what was taken before stays taken.
    """
    received = Received(0)
    for _ in range(ATTEMPTS):
        try:
            reading = begun(model, kind, source)
            for chunk in source.after(reading.progress.state, ids=reading.ids):
                received += reading.take(chunk)
                if enough():
                    break
        except OvertakenError as error:
            received += error.received
            continue
        except SourceChangedError as error:
            if error.steps:
                reading = begun(model, kind, source)
                reading.keep(reading.progress.after(source, error.steps, 0))
            raise
        return received
    raise StoreError(f"{kind} of {model.name!r} are pulled by another process", hint="it goes on by itself")
