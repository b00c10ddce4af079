"""Reading a store: events with their labels, feedback, what was set aside, windows, profiles, references."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import polars as pl
from sqlalchemy import func, select

from retrue.core.column import ColumnProfile
from retrue.core.cube import EVERYTHING
from retrue.core.grids import Grids
from retrue.core.profile import Profile
from retrue.core.reference import Reference
from retrue.errors import ProfileError
from retrue.store import held, rows, tables
from retrue.store.arrivals import Arrivals, known_arrivals
from retrue.store.catalog import Transaction
from retrue.store.counting import GridCounting, merged
from retrue.store.damage import READING
from retrue.store.held import HeldPage, Tally
from retrue.store.keeping import PROBABILITY, Sample, sampled
from retrue.store.lake import Snapshot
from retrue.store.layout import Layout
from retrue.store.mender import Mender, loads
from retrue.store.quarantine import nothing, still_there
from retrue.store.reading import scan
from retrue.store.recount import View, plain
from retrue.store.rereading import rereading

T = TypeVar("T")


@dataclass(frozen=True)
class WindowProfile:
    """The profile of one version, window and slice ("" is all rows); `applied` changed it last."""

    version: str
    start: int
    slice: str
    profile: Profile
    applied: int


@dataclass(eq=False)
class Reader(Mender):
    """Abstract: what can be asked of a store without changing it."""

    def events(
        self,
        model: str,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        version: str | None = None,
        columns: Iterable[str] | None = None,
        applied: int | None = None,
        sample: Sample = "even",
    ) -> pl.LazyFrame:
        """Events without labels; the arguments are those of `labelled`."""

        def make() -> pl.LazyFrame:
            view, days = self._days(model, since, until, applied)
            rows_ = sampled(view.rows(days), view.layout, sample)
            return self._chosen(rows_, view.layout, since, until, version, columns)

        return self._rereading(model, make)

    def labelled(
        self,
        model: str,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        version: str | None = None,
        columns: Iterable[str] | None = None,
        applied: int | None = None,
        sample: Sample = "even",
    ) -> pl.LazyFrame:
        """Events with the label that is current (null: none yet) and `_label_at`, when it came.

        Args:
            model: whose.
            since: first event time (UTC).
            until: events from here on are left out (UTC).
            version: of this version only.
            columns: these columns only.
            applied: as of this segment; the last finished one where it isn't given.
            sample: which rows, where not all are kept whole: "even", those of the share, each as probable as any other;
                "kept", all that are whole, edge cases too, with their `_probability`; "all", every event, with the
                columns that are kept of all.
        """

        def make() -> pl.LazyFrame:
            view, days = self._days(model, since, until, applied)
            rows_ = sampled(view.labelled(days), view.layout, sample)
            return self._chosen(rows_, view.layout, since, until, version, columns)

        return self._rereading(model, make)

    def _rereading(self, model: str, make: Callable[[], pl.LazyFrame]) -> pl.LazyFrame:
        """A query that is made anew where a file is gone or damaged: what is, is set aside first."""
        try:
            return rereading(make, lambda: self.repair(model))
        except READING:
            if not self.repair(model):
                raise
            return rereading(make, lambda: self.repair(model))

    def _days(
        self, model: str, since: datetime | None, until: datetime | None, applied: int | None
    ) -> tuple[View, list[date] | None]:
        """The view, and the dates that can hold events of a range (None: all)."""
        view = self.view(model, applied)
        everything = since is None and until is None
        return view, None if everything else [day for day in view.days() if _within(day, since, until)]

    @staticmethod
    def _chosen(
        rows_: pl.LazyFrame,
        layout: Layout,
        since: datetime | None,
        until: datetime | None,
        version: str | None,
        columns: Iterable[str] | None,
    ) -> pl.LazyFrame:
        """Rows of a range and version, without the lake's own columns."""
        lazy, time = plain(rows_, keep=(PROBABILITY,)), pl.col(layout.time_column)
        if layout.time_column not in lazy.collect_schema().names():
            return lazy  # there are no events yet
        lazy = lazy if since is None else lazy.filter(time >= since)
        lazy = lazy if until is None else lazy.filter(time < until)
        lazy = lazy if version is None else lazy.filter(pl.col(layout.version_column) == version)
        return lazy if columns is None else lazy.select(columns)

    def label_history(self, model: str) -> pl.LazyFrame:
        """Every label as it came: id, label, arrival `_at`, event date `_date` (null: still waiting), in order.

        No check reads it: it is what was said before a correction, for people and for audits.
        """
        return self._rereading(model, lambda: self._raw(model, "labels"))

    def feedback(self, model: str) -> pl.LazyFrame:
        """Every feedback row, with arrival `_at` and event date `_date` (null: still waiting)."""
        return self._rereading(model, lambda: self._raw(model, "feedback"))

    def _raw(self, model: str, name: str) -> pl.LazyFrame:
        """Each row once, as it came; one that waited has the date of the event that it waited for."""
        snapshot, key = self.tables(model)[name].snapshot(), self.layout(model).id_column
        lazy = scan(snapshot.files, snapshot.schema, list(snapshot.schema))
        if not snapshot.files:
            return lazy
        copies = lazy.filter(pl.col("_from").is_not_null())
        found = copies.group_by(key).agg(pl.col("_date").max().alias("\0date"), pl.col("_from").max().alias("\0from"))
        came = lazy.filter(pl.col("_from").is_null()).join(found, on=key, how="left")
        waited = pl.col("_date").is_null() & (pl.col("_seq") <= pl.col("\0from"))
        dated = came.with_columns(pl.when(waited).then(pl.col("\0date")).otherwise(pl.col("_date")).alias("_date"))
        return plain(dated.drop("\0date", "\0from").sort("_seq", "_n"), keep=("_at", "_date"))

    def quarantine(self, model: str) -> pl.DataFrame:
        """Rows that were set aside and not let in again: number, when (`_at`), kind, reason, id, the row as JSON."""

        def make() -> pl.LazyFrame:
            snapshot = self.tables(model)["quarantine"].snapshot()
            return scan(snapshot.files, snapshot.schema, list(snapshot.schema))

        found = self._rereading(model, make).collect()
        return still_there(found) if found.width else nothing()

    def set_aside(self, model: str) -> Tally:
        """How many rows are set aside now, of which kinds, and why; counted once for each version of the table."""
        return self._reading(model, lambda: self._held(model)[1])

    def quarantine_page(
        self,
        model: str,
        limit: int,
        *,
        after: str | None = None,
        kind: str | None = None,
        reason: str | None = None,
    ) -> HeldPage:
        """Rows that are set aside, newest first, a page at a time.

        Args:
            model: whose.
            limit: rows of the page.
            after: those older than the row with this number (`next` of the page before).
            kind: of this kind only.
            reason: with this reason only.
        """

        def read() -> HeldPage:
            snapshot, known = self._held(model)
            return held.page(snapshot, known.gone, limit, after=after, kind=kind, reason=reason)

        return self._reading(model, read)

    def held_rows(self, model: str, numbers: Iterable[str]) -> pl.DataFrame:
        """Rows that are set aside now, by their numbers, oldest first; others are left out. See `quarantine`."""

        def read() -> pl.DataFrame:
            snapshot, known = self._held(model)
            wanted = pl.Series(sorted(set(numbers) - set(known.gone)), dtype=pl.String)
            return held.whole(snapshot, wanted)

        return self._reading(model, read)

    def held_numbers(self, model: str) -> pl.Series:
        """The numbers of all rows that are set aside now, oldest first."""

        def read() -> pl.Series:
            snapshot, known = self._held(model)
            return held.numbers(snapshot, known.gone)

        return self._reading(model, read)

    def _held(self, model: str) -> tuple[Snapshot, Tally]:
        snapshot = self.tables(model)["quarantine"].snapshot()
        kept = self._tallies.get(model)
        if kept is None or kept[0] is not snapshot:
            kept = self._tallies[model] = (snapshot, held.tally(snapshot))
        return kept

    def _reading(self, model: str, read: Callable[[], T]) -> T:
        """Read again where a file is gone or damaged: what is, is set aside first."""
        try:
            return read()
        except READING:
            if not self.repair(model):
                raise
            return read()

    def counters(self, model: str) -> dict[str, int]:
        """How many rows were repeated, differing, set aside, corrected, waiting, ambiguous ... in all."""
        with self.catalog.read() as tx:
            return {one.name: one.value for one in tx.find(rows.Counter, model=model)}

    def arrivals(self, model: str) -> Arrivals:
        """What became of the rows that came lately, by when they came."""
        with self.catalog.read() as tx:
            return known_arrivals(tx, model)

    def windows(self, model: str, since: int | None = None, until: int | None = None) -> tuple[rows.Window, ...]:
        """The books of windows that start from `since` and before `until` (seconds)."""
        with self.catalog.read() as tx:
            return tx.between(rows.Window, since, until, model=model)

    def profiles(
        self, model: str, since: int | None = None, until: int | None = None, **equal: Any
    ) -> tuple[WindowProfile, ...]:
        """Profiles by version, window and slice.

        Args:
            model: whose.
            since: first window start, seconds.
            until: windows from here on are left out, seconds.
            equal: `version=`, `slice=`, `start=`: only these (a value, or a collection of values).
        """
        try:
            return self._profiles(model, since, until, equal)
        except ProfileError:
            self.repair(model)
            return self._profiles(model, since, until, equal, lenient=True)

    def _profiles(
        self, model: str, since: int | None, until: int | None, equal: Mapping[str, Any], *, lenient: bool = False
    ) -> tuple[WindowProfile, ...]:
        """Profiles as they are stored; `lenient` leaves out windows that can't be read."""
        with self.catalog.read() as tx:
            counting = self._counting(tx, model)
            if counting is None:
                return ()
            found = tx.between(rows.ProfileRow, since, until, model=model, digest=counting.digest, **equal)
        cells: dict[tuple[str, int, str], list[rows.ProfileRow]] = {}
        for row in found:
            cells.setdefault((row.version, row.start, row.slice), []).append(row)
        if self.keeping(model):  # a part that was damaged can't be counted anew, and half a profile tells nothing
            cells = {key: parts for key, parts in cells.items() if len({part.rows for part in parts}) == 1 < len(parts)}
        if lenient:
            cells = {key: parts for key, parts in cells.items() if all(loads(counting, part) for part in parts)}
        return tuple(
            WindowProfile(*key, merged([counting.load(p.data, (p.start, p.slice, p.part)) for p in parts]),
                          max(p.applied for p in parts))
            for key, parts in cells.items()
        )  # fmt: skip

    def column_profiles(
        self, model: str, column: str, starts: Collection[int], kept: KeptColumn | None = None
    ) -> dict[tuple[str, int], ColumnProfile]:
        """One column's profiles of all rows, by version and window: a fraction of what reading them whole costs.

        Args:
            model: whose.
            column: which.
            starts: of which windows.
            kept: what was read of this column last: only windows that have changed since are read, and put there.
        """
        kept = {} if kept is None else kept
        with self.catalog.read() as tx:
            counting = self._counting(tx, model)
            if not isinstance(counting, GridCounting):
                return {}
            part = {"model": model, "digest": counting.digest, "slice": EVERYTHING, "part": counting.part(column)}
            stamps = stamps_of(tx, part, starts)
            changed = {key[1] for key, stamp in stamps.items() if key not in kept or kept[key][0] != stamp}
            found = tx.find(rows.ProfileRow, **part, start=changed) if changed else ()
        try:
            read = {(one.version, one.start): counting.column(one.data, column) for one in found}
        except ProfileError:  # reading them whole mends the damage first
            whole = self.profiles(model, slice=EVERYTHING, start=changed)
            read = {(one.version, one.start): one.profile.columns.get(column) for one in whole}
        kept |= {key: (stamps[key], profile) for key, profile in read.items() if key in stamps}
        own = {
            key: read[key] if key in read else kept[key][1] for key in stamps if key[1] not in changed or key in read
        }
        return {key: profile for key, profile in own.items() if profile is not None}

    def reference(self, model: str, version: str) -> Reference | None:
        """A version's reference on the model's grids; None where there is none."""
        with self.catalog.read() as tx:
            c, m = tables.references.c, tables.models.c
            known = select(c.digest, c.created).join(tables.models, (m.name == c.model) & (m.digest == c.digest))
            told = tx.connection.execute(known.where(c.model == model, c.version == version)).one_or_none()
            if told is None:
                return None
            key = (model, version, str(told.digest), int(told.created))
            if (kept := self._references.get(key)) is not None:
                return kept
            found = tx.get(rows.Reference, model=model, version=version, digest=told.digest)
        if found is None:
            return None
        learned = Reference.from_bytes(found.data)
        self._references = {**{k: v for k, v in self._references.items() if k[:2] != key[:2]}, key: learned}
        return learned

    def grids(self, model: str) -> Grids | None:
        """The grids that a model is counted on; None before there is a reference."""
        with self.catalog.read() as tx:
            row = tx.get(rows.Model, name=model)
            found = tx.get(rows.GridsRow, model=model, digest=row.digest if row else None)
        return None if found is None else Grids.from_bytes(found.data)


Stamp = tuple[str, int, int, int]
"""What a stored profile differs in from what it was: its grids, the last segment in it, its rows, its bytes."""
KeptColumn = dict[tuple[str, int], tuple[Stamp, ColumnProfile | None]]
"""A column's profiles by version and window, each with its stamp."""


def stamps_of(tx: Transaction, part: Mapping[str, str], starts: Collection[int]) -> dict[tuple[str, int], Stamp]:
    """The stamps of stored profiles by version and window; the profiles themselves aren't read."""
    c = tables.profiles.c
    query = select(c.version, c.start, c.digest, c.applied, c.rows, func.length(c.data))
    query = query.where(*(c[name] == value for name, value in part.items()), c.start.in_(starts))
    return {(version, start): (*stamp,) for version, start, *stamp in tx.connection.execute(query)}


def _within(day: date, since: datetime | None, until: datetime | None) -> bool:
    """Whether a date (UTC) can hold events of a range; a day more on each side, for naive bounds."""
    early = since is not None and day < since.date() - timedelta(days=1)
    return not early and not (until is not None and day > until.date() + timedelta(days=1))
