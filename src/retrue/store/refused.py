"""Labels that were set aside: counted in the window of the event that they are for, so that a check can tell.

What the door refuses never reaches an event, and a window that only waits for labels looks as if none had come. A label
whose event isn't known counts in the window in which it came, of the champion.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from retrue.core.times import window_starts
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.store.door import short_reason
from retrue.store.layout import Layout
from retrue.store.reading import Finder
from retrue.store.resolve import owners
from retrue.store.segment import Hasher, Segment

REFUSED = "labels set aside"
"""The metric that says how many labels of a window's events were set aside."""
STRAY = "labels set aside, of no event"
"""The metric that says how many labels were set aside that came in a window, and whose event isn't known; its value is
how many labels came with them."""


def refused_labels(
    segment: Segment, fresh: pl.DataFrame, earlier: Finder, layout: Layout, hasher: Hasher
) -> pl.DataFrame:
    """Count a segment's labels that were set aside: metric, version (null: the champion's), start, n, of, reason."""
    aside = segment.quarantine.filter(pl.col("kind") == "labels") if len(segment.quarantine) else pl.DataFrame()
    if not len(aside):
        return pl.DataFrame()
    name, version, time = layout.id_column, layout.version_column, layout.time_column
    aside = aside.select(pl.col("id").alias(name), short_reason(aside["reason"]), "_at")
    aside = aside.with_columns(hasher(aside[name].fill_null("")).alias("_h"))
    owned = owners(aside.drop_nulls(name), fresh, earlier, layout, ())
    events = [part.select(name, "_date", version, time) for part in (owned.events, fresh) if len(part)]
    if not len(owned.dates) or not events:
        return _counted(aside, STRAY, layout, len(segment.labels) + len(aside))
    own = pl.concat(events).join(owned.dates, on=[name, "_date"], how="semi").drop("_date")
    found, stray = aside.join(own, on=name), aside.join(own, on=name, how="anti")
    return pl.concat(
        [
            _counted(found, REFUSED, layout, 0),
            _counted(stray, STRAY, layout, len(segment.labels) + len(aside)),
        ]
    )


def _counted(labels: pl.DataFrame, metric: str, layout: Layout, of: int) -> pl.DataFrame:
    known = metric == REFUSED
    starts = window_starts(labels[layout.time_column if known else "_at"], layout.window, layout.timezone)
    version = pl.col(layout.version_column) if known else pl.lit(None, dtype=pl.String)
    marked = labels.select(
        version.alias("version"),
        pl.col("reason"),
        starts.alias("start"),
        pl.lit(metric).alias("metric"),
        pl.lit(of, dtype=pl.Int64).alias("of"),
    )
    tally = marked.group_by("metric", "version", "start", "of", "reason").agg(n=pl.len().cast(pl.Int64))
    worst = pl.col("reason").sort_by("n", descending=True).first()
    return tally.group_by("metric", "version", "start", "of", maintain_order=True).agg(pl.col("n").sum(), worst)


def keep_refused(tx: Transaction, model: str, counted: pl.DataFrame, label: str, segment: int) -> None:
    """Add to how many labels of each window were set aside; a window that loses its labels so is judged again."""
    champions = [row.version for row in tx.find(rows.Version, model=model, stage="champion")] if len(counted) else []
    for one in counted.to_dicts():
        version = one["version"] or (champions[-1] if champions else "1")
        start, metric = one["start"], one["metric"]
        old = tx.get(rows.Point, model=model, version=version, start=start, slice="", metric=metric, column=label)
        n, of = one["n"] + (old.rows if old else 0), float(one["of"] + ((old.value or 0.0) if old else 0.0))
        tx.put(rows.Point(model, version, start, "", metric, label, of, rows=n, applied=segment, note=one["reason"]))
        window = tx.get(rows.Window, model=model, version=version, start=start)
        if window is not None:
            tx.put(replace(window, applied=segment))
