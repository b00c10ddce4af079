"""Dates and times as slices write them: ISO text in, Python values or Polars literals out."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

Unit = Literal["ms", "us", "ns"]

_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?\Z", re.ASCII)
_PER_MILLION: dict[Unit, int] = {"ms": 10**3, "us": 10**6, "ns": 10**9}
_LAST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(text: str) -> date | datetime | None:
    """Read an ISO date or time; None if it isn't one.

    >>> parse_time("2013-03-01")
    datetime.date(2013, 3, 1)
    >>> parse_time("2013-03-01 10:30Z")
    datetime.datetime(2013, 3, 1, 10, 30, tzinfo=datetime.timezone.utc)
    >>> parse_time("1 March 2013") is None
    True
    """
    if not _ISO.match(text):
        return None
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None


def at_midnight(day: date) -> datetime:
    """Give a day's first moment, without a time zone; a datetime is returned as it is.

    >>> at_midnight(date(2013, 3, 1))
    datetime.datetime(2013, 3, 1, 0, 0)
    """
    return day if isinstance(day, datetime) else datetime.combine(day, time())


def time_literal(value: date, unit: Unit, zone: str | None) -> pl.Expr:
    """Give a literal of dtype `Datetime(unit, zone)`.

    Args:
        value: a date is midnight; a value without an offset is local time in `zone`.
        unit: a value beyond what the unit can hold becomes the first or last one it can.
        zone: the column's time zone, None for a column without one (the value must then have no offset).
    """
    moment = at_midnight(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone) if zone else UTC)
    elapsed = moment - _EPOCH
    micros = (elapsed.days * 86_400 + elapsed.seconds) * 10**6 + elapsed.microseconds
    ticks = max(-_LAST, min(_LAST, micros * _PER_MILLION[unit] // 10**6))
    return pl.lit(ticks, dtype=pl.Int64).cast(pl.Datetime(unit, zone))


def unit_of(dtype: pl.DataType) -> Unit:
    """Give a dtype's unit; a date's is "us"."""
    return dtype.time_unit if isinstance(dtype, pl.Datetime) else "us"


def zone_of(dtype: pl.DataType) -> str | None:
    """Give a dtype's time zone; None for dates and for datetimes without one."""
    return dtype.time_zone if isinstance(dtype, pl.Datetime) else None


def to_datetime(expr: pl.Expr, dtype: pl.DataType, target: pl.Datetime) -> pl.Expr:
    """Bring a date or a datetime to another datetime dtype; a date is midnight in the target's zone."""
    if isinstance(dtype, pl.Date) and target.time_zone is not None:
        local = expr.cast(pl.Datetime(target.time_unit))
        return local.dt.replace_time_zone(target.time_zone, ambiguous="earliest", non_existent="null")
    return expr.cast(target)
