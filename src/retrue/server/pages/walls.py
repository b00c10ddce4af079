"""Walls of a model: its newest traffic, latency and errors by short steps, drawn as tables that `walls.js` pictures.

    lake ── time and latency of the newest events ──┐
    NAME-system ── errors a record ─────────────────┴─> 60 steps ──> a table each ── walls.js (uPlot) ──> a picture

The table is the data: it is in the page without a script, live.js changes it in place, and the picture follows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from retrue.errors import StoreError
from retrue.report.charts.markers import Placed
from retrue.report.words import plural, upper_first
from retrue.server.pages.reading import Traffic
from retrue.store import rows
from retrue.store.damage import READING
from retrue.workspace import Model
from retrue.workspace.clock import MICROS
from retrue.workspace.signals import SUFFIX, TIME, holds_signals

logger = logging.getLogger("retrue.web")

STEPS = {60: "minute", 600: "10 minutes", 3_600: "hour", 21_600: "6 hours"}
"""Seconds of a step, and what it is called."""
MANY = 60
"""Steps that a wall shows."""
LEAST = 5
"""Events that a step holds on average; where none does, the longest is taken."""
LAG = 10
"""Seconds ago that walls end: what came since is on its way from the spool to the lake. And that they are kept for."""


@dataclass(frozen=True)
class Wall:
    """A figure of the newest steps.

    Attributes:
        name: what its elements' ids begin with.
        title: its finding.
        note: what it shows, in which unit.
        shape: `bars` or `lines`.
        heads: what each series is called.
        rows: start of each step (microseconds since 1970) and a text for each series, newest first; "" is unknown.
        trouble: why there is nothing to show, in words.
        markers: what is marked on its stretch of time.
    """

    name: str
    title: str
    note: str
    shape: str
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[int, tuple[str, ...]], ...] = ()
    trouble: str = ""
    markers: tuple[Placed, ...] = ()

    @property
    def span(self) -> tuple[float, float]:
        """When its first step begins and its last one ends, in seconds since 1970."""
        newest, oldest = self.rows[0][0], self.rows[-1][0]
        step = (newest - oldest) / max(len(self.rows) - 1, 1)
        return oldest / MICROS, (newest + step) / MICROS


@dataclass(frozen=True)
class Steps:
    """The stretches of time of a wall: `MANY` of `length` seconds, the last one begun before `until`."""

    length: int
    until: float

    @property
    def starts(self) -> range:
        """Seconds since 1970 at which each begins, oldest first."""
        end = -int(-self.until // self.length) * self.length
        return range(end - MANY * self.length, end, self.length)

    @property
    def whole(self) -> int:
        """How many of them are over.

        >>> Steps(60, 600.0).whole, Steps(60, 605.0).whole
        (60, 59)
        """
        return MANY if self.starts.stop <= self.until else MANY - 1

    @property
    def word(self) -> str:
        """What a step is called."""
        return STEPS[self.length]


def steps_of(traffic: Sequence[Traffic], window: float, until: float) -> Steps:
    """The shortest steps that hold events enough, by the newest two windows.

    >>> steps_of([Traffic(0, 864, 0)], 86_400.0, 86_400.0).word  # one in 100 seconds
    '10 minutes'
    >>> steps_of([], 86_400.0, 0.0).word
    '6 hours'
    """
    newest = list(traffic[-2:])
    seconds = max(until - newest[0].start, 1.0) if newest else 1.0
    pace = sum(one.events for one in newest) / min(seconds, 2 * window)
    return Steps(next((step for step in STEPS if pace * step >= LEAST), max(STEPS)), until)


# --- reading --------------------------------------------------------------------------------------------------------


def walls_of(model: Model, traffic: Sequence[Traffic], until: float, *, failures: bool) -> tuple[Wall, ...]:
    """A model's walls, read from the lake.

    Args:
        model: whose.
        traffic: its windows, oldest first.
        until: the end of what is shown, in seconds since 1970.
        failures: whether the reader may see the system signals beside the model.
    """
    steps = steps_of(traffic, model.options.window, until)
    beside = companion_of(model) if failures else None
    found = readable(lambda: of_events(model, steps), "volume", "events")
    return found + (() if beside is None else readable(lambda: of_signals(beside, steps), "errors", "system signals"))


def readable(read: Callable[[], tuple[Wall, ...]], name: str, what: str) -> tuple[Wall, ...]:
    """What the lake has; where it can't be read, a wall that says so: the page has more to tell."""
    try:
        return read()
    except READING as error:
        logger.warning("the lake can't be read for a page: %s", error)
        said = error.what if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
        why = f"{upper_first(said.splitlines()[0][:200])}. What was counted before stands; 'retrue doctor' says more."
        return (Wall(name, f"The {what} can't be read", "", "bars", (), trouble=why),)


def of_events(model: Model, steps: Steps) -> tuple[Wall, ...]:
    """Volume and, where the model says how long predictions take, latency."""
    time, took = model.store.layout(model.name).time_column, model.schema.latency
    frame = counted(newest(model, [time, *([took] if took else [])], steps), time, took, steps)
    return (volume(frame, steps), *([latency(frame, steps, took)] if took else []))


def of_signals(beside: Model, steps: Steps) -> tuple[Wall, ...]:
    """Errors of the service, by its system signals."""
    records = newest(beside, [TIME, "requests_per_s", "errors_percent"], steps)
    return (errors(failed(records, steps), steps),)


def companion_of(model: Model) -> Model | None:
    """The model that holds the system signals of the service; None where there are none."""
    with model.store.catalog.read() as tx:
        if tx.get(rows.Model, name=model.name + SUFFIX) is None:
            return None
    found = Model(model.store, model.name + SUFFIX)
    return found if holds_signals(found) else None


def newest(model: Model, columns: Sequence[str], steps: Steps) -> pl.LazyFrame:
    """Columns of the newest events, those that the lake has; no rows where it has no event.

    Raises:
        StoreError: events were counted, and their table is gone.
    """
    if not model.store.tables(model.name)["events"].exists and model.store.windows(model.name):
        raise StoreError("the table of its events is gone from the lake", where=model.name)
    since, until = (datetime.fromtimestamp(at, UTC) for at in (steps.starts[0], steps.starts.stop))
    found = model.store.events(model.name, since, until, sample=model.store.keeping(model.name).widest(columns))
    known = found.collect_schema().names()
    missing = [pl.lit(None, pl.Float64).alias(name) for name in columns if name not in known]
    return found.with_columns(missing).select(columns) if columns[0] in known else pl.LazyFrame()


def stepped(frame: pl.LazyFrame, time: str, steps: Steps, *said: pl.Expr) -> pl.DataFrame:
    """What the rows of each step come to, a row a step; nulls where it has none."""
    every = pl.DataFrame({"start": list(steps.starts)}, schema={"start": pl.Int64})
    if time not in frame.collect_schema().names():
        return every.with_columns(pl.lit(None, pl.Float64).alias(one.meta.output_name()) for one in said)
    begun = pl.col(time).dt.epoch("s") // steps.length * steps.length
    found = frame.group_by(begun.cast(pl.Int64).alias("start")).agg(said).collect()
    return every.join(found, on="start", how="left", maintain_order="left")


def counted(frame: pl.LazyFrame, time: str, took: str | None, steps: Steps) -> pl.DataFrame:
    """Events by step, and the latency that half and 99 % of them stay under."""
    said = [pl.len().cast(pl.Int64).alias("events")]
    if took:
        known = pl.col(took).cast(pl.Float64, strict=False)
        own = known.filter(known.is_finite())
        said += [own.quantile(share, "higher").alias(name) for name, share in (("p50", 0.5), ("p99", 0.99))]
    return stepped(frame, time, steps, *said).with_columns(pl.col("events").fill_null(0).cast(pl.Int64))


def failed(records: pl.LazyFrame, steps: Steps) -> pl.DataFrame:
    """The share of requests that failed by step in %; null where none came."""
    asked, share = pl.col("requests_per_s").fill_null(0.0), pl.col("errors_percent").fill_null(0.0)
    told = pl.when(asked.sum() > 0).then((asked * share).sum() / asked.sum())
    return stepped(records, TIME, steps, told.alias("errors"))


# --- words ----------------------------------------------------------------------------------------------------------


def volume(frame: pl.DataFrame, steps: Steps) -> Wall:
    """Events by step; the title says whether the last whole one is like those before."""
    counts = frame["events"].head(steps.whole)
    title = "No event lately"
    if frame["events"].sum() and counts.len() > 1:
        low, high = (counts[:-1].quantile(share, "nearest") for share in (0.1, 0.9))
        usual = f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"
        title = f"{plural(counts[-1], 'event')} in the last whole {steps.word}, mostly {usual} before"
    note = f"Events by {steps.word}, of all versions"
    return Wall("volume", title, note, "bars", ("Events",), told(frame, ("events",)))


def latency(frame: pl.DataFrame, steps: Steps, took: str) -> Wall:
    """The latency that half and 99 % of predictions stay under; of few events, p99 is the slowest."""
    known = frame.head(steps.whole).drop_nulls("p99")
    title = "No latency lately"
    if known.height:
        half, most = (rounded(known[name][-1]) for name in ("p50", "p99"))
        title = f"99 % of the newest predictions took at most {most}, half at most {half} ({took})"
    note = f"{took} by {steps.word}: what half (p50) and 99 % (p99) of predictions stay under"
    return Wall("latency", title, note, "lines", ("p50", "p99"), told(frame, ("p50", "p99")))


def errors(frame: pl.DataFrame, steps: Steps) -> Wall:
    """The share of requests that failed."""
    known = frame.head(steps.whole).drop_nulls("errors")
    title = "No request lately"
    if known.height:
        title = f"{rounded(known['errors'][-1])} % of the newest requests failed"
    note = f"Requests that failed in %, by {steps.word}"
    return Wall("errors", title, note, "lines", ("Failed",), told(frame, ("errors",)))


def told(frame: pl.DataFrame, names: Sequence[str]) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """A table's rows, newest first."""
    return tuple(
        (row["start"] * MICROS, tuple(rounded(row[name]) for name in names))
        for row in reversed(frame.select("start", *names).to_dicts())
    )


def rounded(value: float | None) -> str:
    """A figure as the table says it and the picture reads it: counts in full, else three digits; "" is unknown.

    >>> rounded(1234), rounded(0.12345), rounded(4321.0), rounded(None)
    ('1,234', '0.123', '4,320', '')
    """
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{float(f'{value:.3g}'):,.10g}"
