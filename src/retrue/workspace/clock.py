"""Times as the workspace speaks of them: seconds since 1970 (UTC), ISO text, datetimes. The only clock of this room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MICROS = 1_000_000
DAY = 86_400


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def aware(moment: datetime) -> datetime:
    """The same moment in UTC; a naive time is taken to be in UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def utc(moment: datetime | None) -> datetime | None:
    """The same moment in UTC, or None."""
    return None if moment is None else aware(moment)


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return round(aware(moment).timestamp() * MICROS)


def moment(micros: int) -> datetime:
    """The time, in UTC, of microseconds since 1970.

    >>> moment(1_500_000).isoformat()
    '1970-01-01T00:00:01.500000+00:00'
    """
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)


def iso(seconds: float, zone: str = "UTC") -> str:
    """ISO text of seconds since 1970, in a time zone.

    >>> iso(0), iso(0, "America/New_York")
    ('1970-01-01T00:00:00+00:00', '1969-12-31T19:00:00-05:00')
    """
    return datetime.fromtimestamp(seconds, ZoneInfo(zone)).isoformat()


def span(start: float, length: float, zone: str) -> tuple[str, str]:
    """Start and end of a window as ISO text: days and weeks end at the wall clock's hour, whatever summer time does.

    >>> span(1362891600, 86400, "America/New_York")  # a day of 23 hours
    ('2013-03-10T00:00:00-05:00', '2013-03-11T00:00:00-04:00')
    """
    begins = datetime.fromtimestamp(start, ZoneInfo(zone))
    # Adding to an aware datetime moves the wall clock; hours and less must move the moment.
    ends = (
        begins + timedelta(seconds=length)
        if length % DAY == 0
        else datetime.fromtimestamp(start + length, begins.tzinfo)
    )
    return begins.isoformat(), ends.isoformat()
