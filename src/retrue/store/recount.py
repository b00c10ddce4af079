"""Recounting: profiles and windows rebuilt from the lake.

The repair tool (what a corrected label bent), the backfill (a new reference, a new slice), and the oracle of the tests:
the commit cycle must always come to what this comes to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

import polars as pl

from retrue.core.times import window_starts
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.store.commit import ODD, book, by_version, keep_odd_labels, profile_row
from retrue.store.counting import COLUMNS, Counting, Increments
from retrue.store.keeping import CONTENT
from retrue.store.lake import Snapshot
from retrue.store.layout import SYSTEM, Layout
from retrue.store.reading import before, micro_batches, scan
from retrue.store.resolve import Plan

STEP = 1_000_000  # events held in memory at once
PUT = 500  # profiles written at once


@dataclass(frozen=True)
class View:
    """Events with their current label, as of a segment.

    Args:
        events: the events table.
        labels: the labels table.
        layout: the model's roles.
        applied: rows of later segments don't count.
    """

    events: Snapshot
    labels: Snapshot
    layout: Layout
    applied: int

    def days(self) -> list[date]:
        """Every date that has events, newest first."""
        found = {f.day for f in before(self.events.files, self.applied + 1) if f.day is not None}
        return sorted(found, reverse=True)

    def rows(self, days: Sequence[date] | None = None) -> pl.LazyFrame:
        """Events of these dates (None: all), with the lake's own columns."""
        return _rows(self.events, self.applied, days)

    def labelled(self, days: Sequence[date] | None = None) -> pl.LazyFrame:
        """Events of these dates with the label that is current (null: none yet) and `_label_at`, when it came."""
        name, label = self.layout.id_column, self.layout.label_column
        events = self.rows(days)
        if self.layout.label is None:
            return events
        if label not in self.labels.schema:
            return events.with_columns(
                pl.lit(None, dtype=self.layout.label_type).alias(label),
                pl.lit(None).cast(pl.Datetime("us", "UTC")).alias("_label_at"),
            )
        kept = _rows(self.labels, self.applied, days).filter(pl.col("_date").is_not_null())
        latest = (
            kept.select(name, "_date", "_seq", "_n", label, pl.col("_at").alias("_label_at"))
            .sort("_seq", "_n")
            .unique([name, "_date"], keep="last", maintain_order=True)
            .drop("_seq", "_n")
        )
        return events.join(latest, on=[name, "_date"], how="left", maintain_order="left")


def _rows(table: Snapshot, applied: int, days: Sequence[date] | None) -> pl.LazyFrame:
    wanted = None if days is None else set(days)
    files = before(table.files, applied + 1, wanted)
    lazy = scan(files, table.schema, list(table.schema))
    return lazy.filter(pl.col("_seq") <= applied) if any(f.last > applied for f in files) else lazy


def plain(frame: pl.LazyFrame, *, keep: Sequence[str] = ()) -> pl.LazyFrame:
    """Leave out the lake's own columns."""
    names = frame.collect_schema().names()
    return frame.drop([name for name in names if name in SYSTEM and name not in keep])


Part = tuple[Increments, pl.DataFrame]
"""The profiles of each version and cell, and the windows' books, of some dates."""

Spread = Callable[[Callable[[list[date]], Part], Sequence[list[date]]], Iterable[Part]]
"""Does the same to each of several runs of dates: `map` does it here, an engine on other machines."""


def recounted(
    view: View,
    counting: Counting | None,
    since: int | None = None,
    until: int | None = None,
    spread: Spread = map,
) -> Part:
    """Count the lake's events from nothing.

    Args:
        view: what to count.
        counting: how; None keeps the windows' books only.
        since: first window start, seconds.
        until: windows from here on don't count, seconds.
        spread: where; dates don't need each other.

    Returns:
        The profiles of each version and cell, and the windows' books.
    """
    whole, books = Increments(), [book(_empty(), view.layout, None if counting is None else counting.outcome)]
    for increments, own in spread(partial(counted_days, view, counting, since, until), _runs(view, since, until)):
        whole.join(increments)
        books.append(own)
    whole.leave_out()
    return whole, pl.concat(books).group_by("version", "start").agg(pl.all().sum()).sort("version", "start")


def counted_days(
    view: View, counting: Counting | None, since: int | None, until: int | None, days: Sequence[date]
) -> Part:
    """Count the events of some dates, as `recounted` does those of all."""
    increments, frame = Increments(), _events(view, counting, since, until, days)
    if counting is not None:
        for version, events, starts in by_version(frame, view.layout):
            increments.add(version, counting.count(events, starts, moved=False))
            increments.sampled |= {(version, start) for start in narrow(events, starts)}
    outcome = None if counting is None else counting.outcome
    return increments, book(Plan({}, frame, frame.clear(), frame.clear()), view.layout, outcome)


def narrow(events: pl.DataFrame, starts: pl.Series) -> list[int]:
    """The windows of which not all events are kept whole."""
    return starts.filter(events[CONTENT].is_not_null()).unique().to_list() if CONTENT in events.columns else []


def _empty() -> Plan:
    return Plan({}, pl.DataFrame(), pl.DataFrame(), pl.DataFrame())


def _runs(view: View, since: int | None, until: int | None) -> list[list[date]]:
    """The dates that can hold events of the windows asked for, in runs of about `STEP` events."""
    days = {day for day in view.days() if _may_hold(day, since, until, view.layout.window)}
    files = [f for f in before(view.events.files, view.applied + 1) if f.day in days]
    return [sorted({f.day for f in run if f.day is not None}) for run in micro_batches(files, STEP)]


def _events(
    view: View, counting: Counting | None, since: int | None, until: int | None, days: Sequence[date]
) -> pl.DataFrame:
    """Labelled events of some dates, of the windows asked for."""
    layout = view.layout
    wanted = {*layout.roles, layout.label_column, CONTENT, *(counting.reads if counting else ())}
    lazy = view.labelled(days)
    frame = lazy.select([n for n in lazy.collect_schema().names() if n in wanted]).collect()
    starts = window_starts(frame[layout.time_column], layout.window, layout.timezone)
    frame = frame if since is None else frame.filter(starts >= since)
    starts = starts if since is None else starts.filter(starts >= since)
    return frame if until is None else frame.filter(starts < until)


def _may_hold(day: date, since: int | None, until: int | None, window: int) -> bool:
    """Whether a date (UTC) can hold events of windows that start in a range; a day more for time zones.

    A window that starts just before `until` goes on for its whole length.
    """
    early = since is not None and day < _day(since) - timedelta(days=1)
    return not early and not (until is not None and day > _day(until + window) + timedelta(days=1))


def _day(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()


def replace_profiles(
    tx: Transaction,
    model: str,
    counting: Counting | None,
    counted: tuple[Increments, pl.DataFrame],
    since: int | None = None,
    until: int | None = None,
) -> None:
    """Put recounted profiles and books in the place of those that were there for these windows.

    Of windows whose events aren't all kept whole, what is known of the columns stays: nothing else has it any more.
    """
    increments, books = counted
    applied = tx.applied(model)
    tx.remove_between(rows.Window, since, until, model=model)
    if books.height:
        tx.put(*(rows.Window(model, v, s, n, labelled, applied, 0) for v, s, n, labelled, *_ in books.rows()))
    if counting is None:
        return
    tx.remove_between(rows.Point, since, until, model=model, metric=ODD)
    keep_odd_labels(tx, model, books, counting.outcome)
    spared = (
        [
            row
            for row in tx.between(rows.ProfileRow, since, until, model=model, digest=counting.digest, part=COLUMNS)
            if (row.version, row.start) in increments.sampled
        ]
        if increments.sampled
        else []
    )
    tx.remove_between(rows.ProfileRow, since, until, model=model, digest=counting.digest)
    if spared:
        tx.put(*spared)
    keys = sorted(increments.added)
    for begin in range(0, len(keys), PUT):
        some = [(version, cell, increments.added[version, cell]) for version, cell in keys[begin : begin + PUT]]
        tx.put(*(profile_row(model, version, counting, cell, state, applied) for version, cell, state in some))
