"""What was logged that isn't as it was: changed columns, and rows that were set aside, by version and window.

Each is one row of the catalog's points, counted up by the commit cycle (`store.told`), so that `check` reads as much as
there is to tell, however many batches there were: the metric says what happened (`WORDS`), `value` to how many rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, cast

import polars as pl

from retrue.core.times import utc, window_starts
from retrue.judge.changes import judge_change
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import percent
from retrue.judge.words import rows as say_rows
from retrue.schema import Change
from retrue.store import rows
from retrue.store.commit import ODD
from retrue.store.door import Lost
from retrue.store.ids import text_id
from retrue.store.layout import UTC, Layout
from retrue.store.refused import REFUSED, STRAY
from retrue.store.told import FIELDS
from retrue.workspace.stored import StoredModel

LOST = "set aside"
WORDS = ("renamed", "retyped", "removed", "added", LOST, ODD, REFUSED, STRAY)
"""What may have happened to a column; the commit cycle counts labels that don't count or were set aside."""


@dataclass(frozen=True)
class Told:
    """What happened to a column in a window, in words, to how many rows, and of how many where that is counted."""

    column: str
    what: str
    detail: str
    n: int
    of: int = 0


Key = tuple[str, int]
"""Version, and the window's start in seconds since 1970."""


def as_frame(found: Iterable[tuple[Key, Told]]) -> pl.DataFrame:
    """What happened in windows, as the spool takes it beside the rows."""
    said = [(version, start, one.what, one.column, one.detail, one.n) for (version, start), one in found]
    return pl.DataFrame(said, FIELDS, orient="row") if said else pl.DataFrame()


def of_lost(lost: Iterable[Lost]) -> list[tuple[Key, Told]]:
    """Rows that the door set aside."""
    return [((one.version, one.start), Told(one.column, LOST, one.reason, one.n)) for one in lost]


def held(changed: Sequence[Change], lost: Iterable[Lost], rows_: int) -> tuple[Change, ...]:
    """Those changes that hold: a column whose other values could be read isn't another one for a few that couldn't.

    One text among numbers makes a column of NDJSON or CSV text; what is wrong with it is told of its rows.

    Args:
        changed: how the columns of a table differ.
        lost: rows that were set aside.
        rows_: all rows of the table.
    """
    unread = Counter[str]()
    for one in lost:
        unread[one.column] += one.n
    return tuple(one for one in changed if one.kind != "retyped" or not 0 < unread[one.column] < rows_ / 2)


def of_columns(sizes: Iterable[Mapping[Key, int]], changed: Sequence[Change]) -> list[tuple[Key, Told]]:
    """Columns that aren't what they were, in each window that rows fell into: `sizes` says how many, by batch."""
    return [
        (key, Told(one.column, one.kind, one.detail, n))
        for batch in sizes
        for key, n in batch.items()
        for one in changed
    ]


def rows_by_window(batch: pl.DataFrame, layout: Layout, version: str, at: datetime) -> dict[Key, int]:
    """How many rows of a batch fall into each window of each version; without a time, into that of their arrival."""
    came, own = pl.lit(at).cast(UTC), pl.lit(version)
    time, named = layout.time, layout.version
    marked = batch.select(
        pl.int_range(pl.len()).alias("row"),
        utc(time, batch.schema[time], layout.timezone).fill_null(came).alias("start") if time else came.alias("start"),
        text_id(named, batch.schema[named]).fill_null(own).alias("version")
        if named in batch.schema and named
        else own.alias("version"),
    )
    starts = window_starts(marked["start"], layout.window, layout.timezone)
    counted = marked.with_columns(starts).group_by("version", "start").agg(n=pl.len())
    return {(version, start): n for version, start, n in counted.select("version", "start", "n").iter_rows()}


def known(model: StoredModel, version: str) -> dict[int, list[Told]]:
    """What happened in each window of a version, by its start."""
    with model.store.catalog.read() as tx:
        points = tx.find(rows.Point, model=model.name, version=version, slice="", metric=WORDS)
    found: dict[int, list[Told]] = {}
    for point in points:
        of = int(point.value or 0)
        found.setdefault(point.start, []).append(Told(point.column, point.metric, point.note or "", point.rows, of))
    return found


def lost_rows(told: Iterable[Told]) -> int:
    """How many rows were set aside, and labels of no known event."""
    return sum(one.n for one in told if one.what in (LOST, STRAY))


def judge(told: Collection[Told], events: int, settings: Settings, labelled: int = 0) -> list[Verdict]:
    """Verdicts on a window's columns that were added, renamed, removed or retyped, on rows and labels that don't count.

    A change in a handful of rows, or in a tiny share of the window's, says nothing of its columns, and isn't told.
    Another type whose values could be read did no harm: a notice.

    Args:
        told: what happened in the window.
        events: how many of its rows were taken.
        settings: from how many rows on harm is told.
        labelled: how many of its rows have a label.
    """
    lost, odd = of(told, LOST), of(told, ODD)
    all_rows = events + sum(one.n for one in lost)
    least = max(settings.least_bad, settings.rise * all_rows)
    changed = [one for one in told if one.what not in (LOST, ODD, REFUSED, STRAY) and one.n >= least]
    unread = {one.column: one.n for one in lost}
    labels = [verdict for one in told if (verdict := refused_labels(one, events, labelled, settings)) is not None]
    verdicts = labels + [
        judge_told(one, harmful=one.what != "retyped" or unread.get(one.column, 0) >= least) for one in changed
    ]
    if lost and not events:
        return [*verdicts, nothing_read(lost, settings)]
    named = {one.column for one in changed}
    untold = [one for one in lost if one.n >= least and one.column not in named]
    return [
        *verdicts,
        *(partly_read(one, all_rows) for one in untold),
        *(odd_labels(one, events) for one in odd if one.n >= least),
    ]


def of(told: Iterable[Told], what: str) -> list[Told]:
    """What happened of one kind."""
    return [one for one in told if one.what == what]


def judge_told(told: Told, *, harmful: bool) -> Verdict:
    """The verdict on a changed column."""
    kind = cast("Literal['added', 'removed', 'renamed', 'retyped']", told.what)
    verdict = judge_change(Change(kind, told.column, told.detail))
    return verdict if harmful else as_notice(verdict)


def odd_labels(told: Told, events: int) -> Verdict:
    """Some of a window's labels can't be read as a class."""
    return Verdict(
        VerdictKind.BROKEN, f"{told.n:,} of {say_rows(events)} have {told.detail}", column=told.column, n=told.n
    )


def refused_labels(told: Told, events: int, labelled: int, settings: Settings) -> Verdict | None:
    """Labels that were set aside: of a window's rows, as far as they have no other by now; or of those that came."""
    n, of, where = min(told.n, events - labelled), events, "have no label, for theirs was set aside"
    if told.what == STRAY:
        n, of, where = told.n, told.of, "that came are of no known event, and were set aside"
    if told.what not in (REFUSED, STRAY) or n < max(settings.least_bad, settings.rise * of):
        return None
    said = say_rows(of) if told.what == REFUSED else f"{of:,} labels"
    reason = f"{percent(n / of)} of {said} {where}: {told.detail}"
    return Verdict(VerdictKind.BROKEN, reason, column=told.column, value=n / of, n=of, threshold=settings.rise)


def partly_read(lost: Told, rows_: int) -> Verdict:
    """Some of a window's rows were set aside."""
    reason = f"{lost.n:,} of {say_rows(rows_)} set aside: {lost.detail}"
    return Verdict(VerdictKind.BROKEN, reason, column=lost.column, n=lost.n)


def nothing_read(lost: Sequence[Told], settings: Settings) -> Verdict:
    """All of a window's rows were set aside; few of them are a notice."""
    most, n = max(lost, key=lambda one: one.n), lost_rows(lost)
    reason = f"no row could be read, {n:,} set aside: {most.detail}"
    verdict = Verdict(VerdictKind.BROKEN, reason, column=most.column, n=n)
    return verdict if n >= settings.least_bad else as_notice(verdict)


def as_notice(verdict: Verdict) -> Verdict:
    """The same, shown and not told."""
    return replace(verdict, kind=VerdictKind.DRIFTING, alarm=False)
