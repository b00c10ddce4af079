"""From a Polars Series to what a grid counts: finite and special numbers, or texts. Nothing is dropped silently.

What a value becomes, for every type, is defined here and nowhere else:

* numbers, decimals and booleans become float64 (integers beyond 2^53 round to the nearest; -0.0 is 0.0);
* dates and times become seconds (since 1970-01-01 UTC, or since midnight), durations become seconds; dates as text
  are read row by row, in the forms that `TIMES` lists;
* for categories, booleans become `true` and `false`, and whole floats drop their `.0`, so that a column of integers
  that pandas turned into floats because of a null still matches;
* what can't be read as the grid's kind is a *mismatch*, counted apart from nulls.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from retrue.core.state import Floats

MICROS = 1_000_000

DATES = tuple(order.replace("-", sign) for order in ("%Y-%m-%d", "%d-%m-%Y") for sign in "-/.")
CLOCKS = ("", *(f"{t}{clock}{zone}" for zone in ("", "%#z") for clock in ("%H:%M:%S%.f", "%H:%M") for t in " T"))
TIMES = tuple(date + clock for clock in CLOCKS for date in DATES)
"""How dates and times are read from text: year first or day first, with or without a clock and an offset from UTC."""


class Numbers(NamedTuple):
    """The non-null values of a series as float64, and how many were null or unreadable."""

    values: Floats
    nulls: int
    mismatches: int


class Texts(NamedTuple):
    """Distinct or raw texts with their weights (None: one each), and how many were null, unreadable or NaN."""

    texts: pl.Series
    weights: pl.Series | None
    nulls: int
    mismatches: int
    nans: int


def numbers(series: pl.Series, *, temporal: bool = False) -> Numbers:
    """Read `series` as numbers; text is parsed as dates and times when `temporal`.

    >>> numbers(pl.Series(["1.5", "x", None]))
    Numbers(values=array([1.5]), nulls=1, mismatches=1)
    """
    nulls = series.null_count()
    parsed = number_rows(series, temporal=temporal)
    lost = parsed.null_count()
    values = parsed.drop_nulls() if lost else parsed
    return Numbers(values.to_numpy(), nulls, lost - nulls)


def number_rows(series: pl.Series, *, temporal: bool = False) -> pl.Series:
    """Read each row as a float64; null where it is null or can't be read."""
    return seconds(series, temporal=temporal) if temporal or series.dtype.is_temporal() else floats(series)


def floats(series: pl.Series) -> pl.Series:
    """Cast to float64; what can't be read becomes null."""
    dtype = series.dtype
    if dtype == pl.Float64:
        return series
    if dtype.is_numeric() or dtype == pl.Boolean or dtype == pl.String:
        return series.cast(pl.Float64, strict=False)
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return series.cast(pl.String).cast(pl.Float64, strict=False)
    return nothing(series)


def seconds(series: pl.Series, *, temporal: bool) -> pl.Series:
    """Turn dates, times and durations into seconds; parse text as dates and times."""
    dtype = series.dtype
    if dtype == pl.Duration:
        return series.dt.total_microseconds().cast(pl.Float64) / MICROS
    if dtype == pl.Time:
        return series.cast(pl.Int64).cast(pl.Float64) / (1000 * MICROS)
    if dtype in (pl.Date, pl.Datetime):
        return series.cast(pl.Datetime("us")).cast(pl.Int64).cast(pl.Float64) / MICROS
    if dtype == pl.String and temporal:
        return seconds(parse_times(series), temporal=False)
    return nothing(series)


def parse_times(series: pl.Series) -> pl.Series:
    """Parse text as dates and times in UTC, each row by itself: in the first of `TIMES` that fits it.

    A format guessed from a batch's first row would make a row mean one thing in one batch and nothing in the next.

    >>> said = pl.Series(["2020-01-02", "02.01.2020 10:30", "2020-01-02T12:30:00+02:00", "soon"])
    >>> parse_times(said).dt.hour().to_list()
    [0, 10, 10, None]
    """
    text = series.str.strip_chars()
    found = nothing(series).cast(pl.Datetime("us"))
    for form in TIMES:
        left = text.is_not_null() & found.is_null()
        if not left.any():
            break
        rows = left.arg_true()
        parsed = text.gather(rows).str.to_datetime(form, time_unit="us", strict=False)
        if parsed.null_count() < len(parsed):
            found = found.scatter(rows, parsed.dt.replace_time_zone(None))
    return found


def nothing(series: pl.Series) -> pl.Series:
    """As many nulls as `series` has rows."""
    return pl.Series(series.name, [None], dtype=pl.Float64).new_from_index(0, len(series))


def texts(series: pl.Series) -> Texts:
    """Read `series` as categories; anything but plain text is first reduced to its distinct values.

    >>> texts(pl.Series([1.0, 2.5, 1.0, None])).texts.sort().to_list()
    ['1', '2.5']
    """
    nulls = series.null_count()
    if series.dtype == pl.String:
        return Texts(series.drop_nulls() if nulls else series, None, nulls, 0, 0)
    if unreadable(series.dtype):
        return Texts(pl.Series([], dtype=pl.String), None, nulls, len(series) - nulls, 0)
    distinct = series.drop_nulls().alias("value").value_counts(name="n")
    values, weights = distinct["value"], distinct["n"]
    nan = values.is_nan() if values.dtype.is_float() else values.is_null()
    return Texts(plain(values.filter(~nan)), weights.filter(~nan), nulls, 0, int(weights.filter(nan).sum()))


def text_rows(series: pl.Series) -> pl.Series:
    """Read each row as a category's text; null where it is null, NaN or can't be read."""
    if series.dtype == pl.String:
        return series
    if unreadable(series.dtype):
        return nothing(series).cast(pl.String)
    return plain(series.fill_nan(None) if series.dtype.is_float() else series)


def unreadable(dtype: pl.DataType) -> bool:
    """Tell whether values of this type are no categories: lists, structs, bytes, objects."""
    return dtype.is_nested() or dtype in (pl.Binary, pl.Object, pl.Null)


def plain(values: pl.Series) -> pl.Series:
    """Print values as text, whole floats without `.0`; durations in seconds."""
    if values.dtype == pl.Duration:
        values = seconds(values, temporal=False)
    if not values.dtype.is_float():
        return values.cast(pl.String)
    frame = values.alias("v").to_frame()
    whole = (pl.col("v") == pl.col("v").round()) & (pl.col("v").abs() < 2**53)
    text = pl.when(whole).then(pl.col("v").cast(pl.Int64, strict=False).cast(pl.String))
    return frame.select(text.otherwise(pl.col("v").cast(pl.String)).alias("v"))["v"]


def tally(values: pl.Series, weights: pl.Series | None) -> pl.DataFrame:
    """Count each distinct text: columns `value` and `n`.

    >>> tally(pl.Series(["a", "b", "a"]), None).sort("value").rows()
    [('a', 2), ('b', 1)]
    """
    if weights is None:
        return values.alias("value").value_counts(name="n").with_columns(pl.col("n").cast(pl.Int64))
    counted = pl.DataFrame({"value": values, "n": weights.cast(pl.Int64)})
    return counted.group_by("value").agg(pl.col("n").sum())
