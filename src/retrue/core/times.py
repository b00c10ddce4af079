"""Event times: as UTC, however a table has them, and the windows that they fall into."""

from __future__ import annotations

import polars as pl

from retrue.core.values import MICROS, number_rows

UTC = pl.Datetime("us", "UTC")


def utc(name: str, dtype: pl.DataType, timezone: str) -> pl.Expr:
    """Turn dates, naive times (in `timezone`), aware times and ISO text into UTC microseconds; null where impossible.

    >>> pl.DataFrame({"t": ["2013-01-01 10:00", "2013-01-01T10:00:00+02:00", "?"]}).select(
    ...     utc("t", pl.String(), "America/New_York").dt.hour())["t"].to_list()
    [15, 8, None]
    """
    column = pl.col(name)
    if dtype == pl.String():
        return _parsed(column, timezone)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return column.dt.cast_time_unit("us").dt.convert_time_zone("UTC")
    if not dtype.is_temporal() or isinstance(dtype, pl.Time | pl.Duration):
        return pl.lit(None, dtype=UTC)
    return _localised(column.cast(pl.Datetime("us")), timezone)


def _localised(naive: pl.Expr, timezone: str) -> pl.Expr:
    """Naive wall-clock times as UTC; an hour that comes twice is its first, one that is skipped is null."""
    return naive.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")


def _parsed(column: pl.Expr, timezone: str) -> pl.Expr:
    ending = r"(?:[Zz]|[+-]\d{2}:?\d{2})$"
    has_offset = column.str.contains(r":\d{2}(?:\.\d+)?\s*" + ending)
    bare = pl.when(has_offset).then(column.str.replace(r"\s*" + ending, "")).otherwise(column)
    naive = bare.str.strip_chars().str.to_datetime(time_unit="us", strict=False)
    sign = pl.when(column.str.contains(r"-\d{2}:?\d{2}$")).then(-1).otherwise(1)
    hours = column.str.extract(r"[+-](\d{2}):?\d{2}$").cast(pl.Int64).fill_null(0)
    minutes = column.str.extract(r"[+-]\d{2}:?(\d{2})$").cast(pl.Int64).fill_null(0)
    shifted = naive - pl.duration(minutes=sign * (hours * 60 + minutes))
    return pl.when(has_offset).then(shifted.dt.replace_time_zone("UTC")).otherwise(_localised(naive, timezone))


def window_starts(times: pl.Series, seconds: int, timezone: str) -> pl.Series:
    """Give the start of each event's window, Int64 seconds since 1970.

    Windows are cut on the wall clock of the model's time zone: days begin at local midnight (and have 23 or 25 hours
    twice a year), weeks on Monday.

    Args:
        times: event times, UTC.
        seconds: length of a window.
        timezone: IANA name.

    >>> import datetime as dt
    >>> noon = pl.Series([dt.datetime(2013, 7, 1, 12, tzinfo=dt.timezone.utc)], dtype=pl.Datetime("us", "UTC"))
    >>> window_starts(noon, 86_400, "America/New_York")[0] - window_starts(noon, 86_400, "UTC")[0]
    14400
    """
    if seconds % 604_800 == 0:
        every = f"{seconds // 604_800}w"
    else:
        every = f"{seconds // 86_400}d" if seconds % 86_400 == 0 else f"{seconds}s"
    local = times if timezone == "UTC" else times.dt.convert_time_zone(timezone)
    return local.dt.truncate(every).dt.epoch("s")


def event_times(series: pl.Series, timezone: str) -> pl.Series:
    """Event times of a reference as UTC microseconds; null where they can't be read.

    Text is read that has the day first, which logged events may not.

    >>> event_times(pl.Series(["01/07/2024", "soon"]), "UTC").dt.date().to_list()
    [datetime.date(2024, 7, 1), None]
    """
    if isinstance(series.dtype, pl.Date | pl.Datetime | pl.String):
        found = series.to_frame("at").select(utc("at", series.dtype, timezone))["at"]
        if found.null_count() < len(found):
            return found
    return (number_rows(series, temporal=True) * MICROS).cast(pl.Int64, strict=False).cast(UTC)
