"""Dates and times as slices write them: ISO text in, Python values or Polars literals out."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl

_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?\Z", re.ASCII)
_PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}
_INT64 = 2**63 - 1


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


def time_literal(value: date | datetime, unit: str, zone: str | None) -> pl.Expr:
    """Give a literal of dtype `Datetime(unit, zone)`.

    Args:
        value: a date is midnight; a value without an offset is local time in `zone`.
        unit: "ms", "us" or "ns"; a value beyond what the unit can hold becomes the first or last one it can.
        zone: the column's time zone, None for a column without one (the value must then have no offset).
    """
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone) if zone else UTC)
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    micros = (elapsed.days * 86_400 + elapsed.seconds) * 10**6 + elapsed.microseconds
    ticks = max(-_INT64, min(_INT64, micros * _PER_SECOND[unit] // 10**6))
    return pl.lit(ticks, dtype=pl.Int64).cast(pl.Datetime(unit, zone))  # type: ignore[arg-type]
