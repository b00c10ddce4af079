"""Figures: what events, feedback or a dated table come to, by window and slice. Business values beside the model's.

events ────────────────────────────┐
feedback ── its event's time ──────┼── windows x slices ── mean | rate | total | count, with interval
a dated table ── its own time ─────┘
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

import polars as pl

from retrue.core.state import Floats, Sums
from retrue.core.times import utc, window_starts
from retrue.core.values import number_rows, text_rows
from retrue.errors import SchemaError, nearest
from retrue.metrics import Measure
from retrue.metrics.measure import Z95
from retrue.metrics.quality.shares import share
from retrue.slices import Slice
from retrue.store import rows
from retrue.tables import read
from retrue.workspace.stored import StoredModel

How: TypeAlias = Literal["mean", "rate", "total", "count"]


def figures(
    model: StoredModel, value: str, *, of: Any = "events", how: How = "mean", time: str | None = None
) -> pl.DataFrame:
    """What a column comes to in each window and slice.

    Args:
        model: whose windows and slices.
        value: the column.
        of: "events", "feedback" (counted in its event's window), or a table with a time column of its own.
        how: the mean, the share of yes, the sum, or how many rows have a value.
        time: the table's time column.

    Returns:
        One row for each window and slice (None: all rows) with rows: `window` and `until` (ISO), `slice`, `n`, `value`,
        `low` and `high` (95 %).

    Raises:
        SchemaError: an unknown column or way to count, or a table without a time.
    """
    if how not in WAYS:
        raise SchemaError(f"unknown way to count {how!r}", expected=", ".join(WAYS), hint=nearest(how, WAYS))
    table, at, share = source(model, of, time, value)
    if value not in table.columns:
        raise SchemaError(f"unknown column {value!r}", where="figures", hint=nearest(value, table.columns))
    seconds = int(model.options.window)
    starts = window_starts(
        table.select(utc(at, table.schema[at], model.schema.timezone))[at], seconds, model.schema.timezone
    )
    kept = table.with_columns(_start=starts).filter(pl.col("_start").is_not_null())
    found = list(counted(model, kept, value, WAYS[how], 1.0 if how in SHARES else share))
    names = {"window": pl.String, "until": pl.String, "slice": pl.String, "n": pl.Int64}
    return pl.DataFrame(found, schema={**names, **dict.fromkeys(("value", "low", "high"), pl.Float64)}, orient="row")


def source(model: StoredModel, of: Any, time: str | None, value: str) -> tuple[pl.DataFrame, str, float]:
    """The rows, the column with their time, and which share of all rows they are."""
    layout = model.store.layout(model.name)
    if not isinstance(of, str) or of not in ("events", "feedback"):
        if time is None:
            raise SchemaError("a table of figures needs a time column", hint="give time=...")
        table = read(of)
        return table.collect(table.check(table.dtypes)), table.check([time])[0], 1.0
    keeping, needed = model.store.keeping(model.name), columns_of(watched_slices(model))
    sample = keeping.widest(needed | ({value} if of == "events" else set()) - {layout.label_column})
    share = keeping.share if sample == "even" else 1.0
    events = model.events(sample=sample).collect()
    if of == "events":
        return events, layout.time_column, share
    feedback = model.store.feedback(model.name).collect()
    if not feedback.width:
        raise SchemaError("no feedback yet", where=f"model {model.name!r}", hint="log some: model.feedback(rows)")
    keep = [name for name in events.columns if name not in feedback.columns or name == layout.id_column]
    joined = feedback.join(events.select(keep), on=layout.id_column, how="inner")
    return joined, layout.time_column, share


def watched_slices(model: StoredModel) -> list[Slice]:
    """The slices that figures are given for."""
    with model.store.catalog.read() as tx:
        return [Slice.parse(row.sql) for row in tx.find(rows.NamedSlice, model=model.name)]


def columns_of(parts: list[Slice]) -> set[str]:
    """What slices read."""
    return set().union(*(one.columns for one in parts))


def counted(
    model: StoredModel, table: pl.DataFrame, value: str, way: Callable[[Floats], Measure], share: float
) -> Iterator[tuple[str, str, str | None, int, float | None, float | None, float | None]]:
    """One row for each window and slice; sums and counts of a share of the rows are scaled up."""
    for name, part in parts(model, table).items():
        for (start,), group in part.group_by("_start", maintain_order=True):
            known = values(group[value])
            measure = way(known)
            low, high = measure.interval or (None, None)
            told = [None if one is None else one / share for one in (measure.value, low, high)]
            yield *model.span(int(str(start))), name, known.size, told[0], told[1], told[2]


def parts(model: StoredModel, table: pl.DataFrame) -> Mapping[str | None, pl.DataFrame]:
    """All rows, and those of each watched slice that the table has the columns for, in order of window."""
    ordered = table.sort("_start")
    able = [one for one in watched_slices(model) if one.columns <= set(table.columns)]
    return {None: ordered, **{one.to_sql(): ordered.filter(one.mask(ordered)) for one in able}}


def values(series: pl.Series) -> Floats:
    """The known values as numbers; yes and no as 1 and 0."""
    numbers = number_rows(series)
    if series.dtype == pl.String and numbers.null_count() == len(numbers):
        said = text_rows(series).str.to_lowercase()
        numbers = said.replace_strict({"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}, default=None)
    known: Floats = numbers.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
    return known


def mean(known: Floats) -> Measure:
    """The mean with its interval."""
    sums = Sums.of(known)
    reach = None if sums.standard_error is None else Z95 * sums.standard_error
    middle = sums.mean
    return Measure(middle, interval=None if reach is None or middle is None else (middle - reach, middle + reach))


def rate(known: Floats) -> Measure:
    """The share of values that aren't 0, with Wilson's interval."""
    return share(int((known != 0).sum()), known.size, 0, 0)


def total(known: Floats) -> Measure:
    """The sum; the interval counts in that the number of rows varies too."""
    sums = Sums.of(known)
    reach = Z95 * sums.squares**0.5
    return Measure(sums.total, interval=(sums.total - reach, sums.total + reach))


def count(known: Floats) -> Measure:
    """How many rows have a value, with the interval of a Poisson count."""
    reach = Z95 * known.size**0.5
    return Measure(float(known.size), interval=(max(known.size - reach, 0.0), known.size + reach))


WAYS: Mapping[str, Callable[[Floats], Measure]] = {"mean": mean, "rate": rate, "total": total, "count": count}
SHARES = ("mean", "rate")
"""Ways that come to the same for any share of the rows."""
