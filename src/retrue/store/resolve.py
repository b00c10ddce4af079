"""What a segment means: a pure function of its rows and of the lake rows of earlier segments.

    events    the first of an identity wins; an equal repeat is dropped, a differing one set aside. An identity is a
              version, an id and the date of the event's time; of events that say no time a version and an id
    labels    go to the date of the time that they say, if it has their id, else to the newest date that has (all
              versions' events there); without one they wait
    waiting   labels are copied to the date of the first event of their id that comes

Since nothing else goes in, a cycle that is repeated after a crash comes to the same rows and the same increments. The
current label of an event is the last one, by segment and order, at its id and date.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from retrue.store.aside import aside
from retrue.store.door import as_json
from retrue.store.keeping import CONTENT, content
from retrue.store.layout import SYSTEM, Layout
from retrue.store.reading import Finder
from retrue.store.segment import Segment

DIFFERS = "differs from the event that was logged first"


@dataclass(frozen=True)
class Earlier:
    """Lake rows of earlier segments."""

    events: Finder
    labels: Finder
    feedback: Finder


@dataclass(frozen=True)
class Plan:
    """What to do with a segment.

    Attributes:
        tables: the rows to write, by lake table.
        fresh: the new events, with the label that is current after this segment (null where none).
        before: earlier events whose label changes, with the label that they had.
        after: the same events, with the label that they have now.
        counts: repeated, differing, corrected, waiting and ambiguous rows.
        refused: how many labels were set aside, by the window of their event (see `refused`).
    """

    tables: Mapping[str, pl.DataFrame]
    fresh: pl.DataFrame
    before: pl.DataFrame
    after: pl.DataFrame
    counts: Mapping[str, int] = field(default_factory=dict)
    refused: pl.DataFrame = field(default_factory=pl.DataFrame)


def resolve(segment: Segment, earlier: Earlier, layout: Layout, reads: Collection[str]) -> Plan:
    """Decide what a segment's rows mean.

    Args:
        segment: its rows.
        earlier: lake rows of earlier segments.
        layout: the model's roles.
        reads: columns of events that counting needs.
    """
    fresh, differing, repeated = first_events(segment.events, earlier.events, layout)
    labels = attach_labels(segment, fresh, earlier, layout, reads)
    feedback, told = attach_feedback(segment, fresh, earlier, layout)
    differed = aside("events", differing, pl.lit(DIFFERS), layout) if len(differing) else differing
    set_aside = [part for part in (segment.quarantine, differed) if len(part)]
    tables = {
        "events": fresh,
        "labels": labels.rows,
        "feedback": feedback,
        "quarantine": pl.concat(set_aside, how="diagonal") if set_aside else pl.DataFrame(),
    }
    counts = {"events repeated": repeated, "events differing": len(differing)}
    return Plan(
        {name: rows for name, rows in tables.items() if len(rows)},
        labels.fresh, labels.before, labels.after, {**counts, **labels.counts, **told},
    )  # fmt: skip


# Events


def first_events(rows: pl.DataFrame, earlier: Finder, layout: Layout) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Part events into those that are new, those that differ from an earlier one, and a count of equal repeats."""
    if not len(rows):
        return rows, rows, 0
    key = layout.identity
    known = earlier.find(rows["_h"], set(rows["_date"].unique().to_list()) if "_date" in key else None)
    suspects = rows["_h"].filter(rows["_h"].is_duplicated()).unique()
    suspects = pl.concat([known["_h"], suspects]).unique() if len(known) else suspects
    if not len(suspects):
        return rows, rows.clear(), 0
    suspect = rows["_h"].is_in(suspects.implode())
    known = known.sort("_seq", "_n") if len(known) else known
    pool = _concat([known, rows.filter(suspect)]).with_row_index("\0order")
    first = pool.unique(key, keep="first", maintain_order=True)
    later = pool.join(first.select("\0order"), on="\0order", how="anti")
    if not len(later):
        return rows, rows.clear(), 0
    unsaid = () if layout.timed else (layout.time_column,)
    data = [name for name in pool.columns if name not in {*SYSTEM, *key, *unsaid, "\0order"}]
    same = pl.all_horizontal(pl.lit(value=True), *(pl.col(c).eq_missing(pl.col(f"{c}\0first")) for c in data))
    if CONTENT in pool.columns:  # of a row that wasn't kept whole only the hash of what it said is there
        later = later.with_columns(content(later.select(*key, *data), layout))
        hashed = pl.col(f"{CONTENT}\0first")
        same, data = pl.when(hashed.is_null()).then(same).otherwise(hashed == pl.col(CONTENT)), [*data, CONTENT]
    pairs = later.join(first.select(*key, *data), on=key, suffix="\0first", maintain_order="left")
    differing = pairs.filter(~same).select(rows.columns)
    fresh = rows.join(later.select("_n"), on="_n", how="anti", maintain_order="left")
    return fresh, differing, len(later) - len(differing)


# Labels


@dataclass(frozen=True)
class Attached:
    """Label rows to write, and the events whose label they change."""

    rows: pl.DataFrame
    fresh: pl.DataFrame
    before: pl.DataFrame
    after: pl.DataFrame
    counts: Mapping[str, int] = field(default_factory=dict)


def attach_labels(
    segment: Segment, fresh: pl.DataFrame, earlier: Earlier, layout: Layout, reads: Collection[str]
) -> Attached:
    """Find the event of each label and the label of each new event."""
    none = pl.DataFrame()
    if not len(segment.labels) and not earlier.labels.table.files:
        return Attached(none, _with_label(fresh, none, layout), none, none)
    key = [layout.id_column, "_date"]
    dated, owned = dated_labels(segment.labels, fresh, earlier.events, layout, reads)
    known = _known(dated, fresh, earlier, segment.number, layout)
    kept, corrected = _changes(dated, _concat([known.current, known.waiting]), layout)
    final = _latest(_concat([known.current, kept.filter(pl.col("_date").is_not_null()) if len(kept) else kept]), key)
    moved = owned.events.join(kept.select(key), on=key, how="semi") if len(owned.events) and len(kept) else none
    moved = moved.sort("_seq", "_n") if len(moved) else moved  # sums come to the same however the lake's files lie
    counts = {
        "labels repeated": len(dated) - len(kept),
        "labels corrected": corrected,
        "labels waiting": kept["_date"].null_count() if len(kept) else 0,
        "labels ambiguous": owned.several,
        "labels picked up": len(known.picked),
    }
    before, after = _with_label(moved, known.current, layout), _with_label(moved, final, layout)
    return Attached(_written(known.picked, kept), _with_label(fresh, final, layout), before, after, counts)


def dated_labels(
    labels: pl.DataFrame, fresh: pl.DataFrame, earlier: Finder, layout: Layout, reads: Collection[str]
) -> tuple[pl.DataFrame, Owners]:
    """Labels in order with the date of their event, and the earlier events that they are of."""
    name, time = layout.id_column, layout.time_column
    if not isinstance(labels.schema.get(time), pl.Datetime):
        owned = owners(labels, fresh, earlier, layout, reads)
        return _dated(labels, owned.dates, layout), owned
    key, said = [name, "_date"], labels.with_columns(pl.col(time).dt.date().alias("_date"))
    wanted = list(dict.fromkeys([*layout.roles, "_h", "_date", "_seq", "_n", *reads]))
    found = earlier.find(said["_h"], set(said["_date"].drop_nulls().unique().to_list()), wanted)
    asked = found.join(said.select(key), on=key, how="semi") if len(found) else found
    there = pl.concat([part.select(key) for part in (asked, fresh) if len(part)] or [said.select(key).clear()]).unique()
    own = said.join(there, on=key, how="semi")
    others = labels.join(own.select("_n"), on="_n", how="anti", maintain_order="left")
    owned = owners(others, fresh, earlier, layout, reads)
    events = _concat([asked, owned.events])
    events = events.unique(["_seq", "_n"], maintain_order=True) if len(events) else events
    dated = _concat([own, _dated(others, owned.dates, layout)])
    return dated.sort("_n") if len(dated) else dated, Owners(owned.dates, events, owned.several)


@dataclass(frozen=True)
class _Known:
    """What earlier segments say: labels at their event's date, those that wait, and those that stop waiting now."""

    current: pl.DataFrame
    waiting: pl.DataFrame
    picked: pl.DataFrame


def _known(dated: pl.DataFrame, fresh: pl.DataFrame, earlier: Earlier, number: int, layout: Layout) -> _Known:
    """Find the labels that the ids of this segment have so far; those that are picked up count as current."""
    existing = _existing(dated, fresh, earlier.labels, layout)
    if not len(existing):
        return _Known(existing, existing, existing)
    latest = _latest(existing.sort("_seq", "_n"), [layout.id_column, "_date"])
    picked = _picked(latest, fresh, earlier.events, number, layout)
    attached = latest.filter(pl.col("_date").is_not_null())
    return _Known(_concat([attached, picked]), latest.filter(pl.col("_date").is_null()), picked)


def _latest(labels: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """The last label of each key, of labels in order."""
    return labels.unique(key, keep="last", maintain_order=True) if len(labels) else labels


def _written(picked: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Rows to write, copies of waiting ones first; `_from` says where a copy is from."""
    rows = _concat([picked, kept])
    if not len(rows) or "_from" in rows.columns:
        return rows
    return rows.with_columns(pl.lit(None, dtype=pl.Int64).alias("_from"))


@dataclass(frozen=True)
class Owners:
    """The newest date of each id, and the earlier events there."""

    dates: pl.DataFrame
    events: pl.DataFrame
    several: int = 0


def owners(rows: pl.DataFrame, fresh: pl.DataFrame, earlier: Finder, layout: Layout, reads: Collection[str]) -> Owners:
    """Find the newest date that has each id, in the lake or among the new events."""
    name = layout.id_column
    if not len(rows):
        return Owners(pl.DataFrame(), pl.DataFrame())
    keys = rows.select("_h", name).unique(name)
    wanted = list(dict.fromkeys([*layout.roles, "_h", "_date", "_seq", "_n", *reads]))
    found, several = earlier.newest(keys, name, wanted)
    parts = [found.select(name, "_date")] if len(found) else []
    parts += [fresh.select(name, "_date").join(keys, on=name, how="semi")] if len(fresh) else []
    if not parts:
        return Owners(pl.DataFrame(), found)
    spread = pl.concat(parts).unique()
    dates = spread.group_by(name).agg(pl.col("_date").max())
    several = max(several, len(spread) - len(dates))
    return Owners(dates, found.join(dates, on=[name, "_date"], how="semi") if len(found) else found, several)


def _dated(rows: pl.DataFrame, dates: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Rows with the date of their event, null where there is none yet."""
    if not len(rows):
        return rows
    if not len(dates):
        return rows.with_columns(pl.lit(None, dtype=pl.Date).alias("_date"))
    return rows.join(dates, on=layout.id_column, how="left", maintain_order="left")


def _existing(dated: pl.DataFrame, fresh: pl.DataFrame, earlier: Finder, layout: Layout) -> pl.DataFrame:
    """Earlier rows of the ids that this segment is about: at their dates, and those that wait."""
    if not earlier.table.files:
        return pl.DataFrame()
    keys = [part.select("_h", layout.id_column, "_date") for part in (dated, fresh) if len(part)]
    if not keys:
        return pl.DataFrame()
    both = pl.concat(keys)
    days: set[date | None] = {*both["_date"].unique().to_list(), None}
    found = earlier.find(both["_h"].unique(), days)
    return found.join(both.select(layout.id_column).unique(), on=layout.id_column, how="semi", maintain_order="left")


def _picked(rows: pl.DataFrame, fresh: pl.DataFrame, earlier: Finder, number: int, layout: Layout) -> pl.DataFrame:
    """Copies of waiting rows for the events that they waited for.

    An id that had an event before isn't waited for: its rows were copied when that event came.
    """
    name = layout.id_column
    waiting = rows.filter(pl.col("_date").is_null())
    if not len(waiting) or not len(fresh):
        return rows.clear()
    dates = fresh.group_by(name).agg(pl.col("_date").max().alias("\0date"))
    waiting = waiting.join(dates, on=name, maintain_order="left")
    if not len(waiting):
        return rows.clear()
    known, _ = earlier.newest(waiting.select("_h", name).unique(name), name, ["_h", "_date", "_seq", name])
    if len(known):
        waiting = waiting.join(known, on=name, how="anti", maintain_order="left")
    return waiting.with_columns(
        pl.col("\0date").alias("_date"),
        pl.col("_seq").alias("_from"),
        pl.lit(number, dtype=pl.Int64).alias("_seq"),
        (pl.int_range(pl.len(), dtype=pl.Int64) - pl.len()).cast(pl.Int64).alias("_n"),  # before the segment's own
    ).select(rows.columns)


def _changes(dated: pl.DataFrame, state: pl.DataFrame, layout: Layout) -> tuple[pl.DataFrame, int]:
    """Labels that say something new, in order, and how many of them correct an earlier one."""
    if not len(dated):
        return dated, 0
    key, label = [layout.id_column, "_date"], layout.label_column
    if len(state):
        known = state.select(*key, pl.col(label).alias("\0known"))
        dated = dated.join(known, on=key, how="left", nulls_equal=True, maintain_order="left")
    else:
        dated = dated.with_columns(pl.lit(None, dtype=dated.schema[label]).alias("\0known"))
    repeated = dated[layout.id_column].is_duplicated().any()  # else there is no earlier one in this segment
    previous = pl.coalesce(pl.col(label).shift(1).over(key), "\0known") if repeated else pl.col("\0known")
    marked = dated.with_columns(previous.alias("\0previous"))
    kept = marked.filter(pl.col(label).ne_missing(pl.col("\0previous")))
    return kept.drop("\0known", "\0previous"), len(kept) - kept["\0previous"].null_count()


def _with_label(events: pl.DataFrame, labels: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Events with the label of their id and date."""
    label = layout.label_column
    if not len(events) or layout.label is None:
        return events
    if not len(labels):
        return events.with_columns(pl.lit(None, dtype=layout.label_type).alias(label))
    key = [layout.id_column, "_date"]
    return events.join(labels.select(*key, label), on=key, how="left", maintain_order="left")


# Feedback


def attach_feedback(
    segment: Segment, fresh: pl.DataFrame, earlier: Earlier, layout: Layout
) -> tuple[pl.DataFrame, Mapping[str, int]]:
    """Find the event of each feedback row; gives the rows to write, and how many were repeated and picked up."""
    if not len(segment.feedback) and not earlier.feedback.table.files:
        return pl.DataFrame(), {}
    owned = owners(segment.feedback, fresh, earlier.events, layout, ())
    dated = _dated(segment.feedback, owned.dates, layout)
    existing = _existing(dated, fresh, earlier.feedback, layout)
    picked = _picked(existing, fresh, earlier.events, segment.number, layout) if len(existing) else existing
    kept = _unseen(dated, _concat([existing, picked]))
    return _written(picked, kept), {"feedback repeated": len(dated) - len(kept), "feedback picked up": len(picked)}


def _unseen(dated: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Rows whose content isn't there yet at their date, each once."""
    if not len(dated):
        return dated
    data = sorted({*dated.columns, *known.columns} - set(SYSTEM))
    mine = dated.with_columns(_content(dated, data)).unique(["\0content", "_date"], keep="first", maintain_order=True)
    if len(known):
        theirs = known.select("_date", _content(known, data))
        mine = mine.join(
            theirs, on=["\0content", "_date"], how="anti", nulls_equal=True, maintain_order="left"
        )  # fmt: skip
    return mine.drop("\0content")


def _content(rows: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    """Each row's values as text, null where a column is missing, so that tables of different ages compare."""
    lacking = [pl.lit(None).alias(name) for name in names if name not in rows.columns]
    return as_json(rows.with_columns(lacking).select(names)).alias("\0content")


def _concat(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Stack frames that may lack columns; frames without rows don't count."""
    filled = [part for part in parts if len(part)]
    return pl.concat(filled, how="diagonal") if filled else pl.DataFrame()
