"""Times as the workspace speaks of them: seconds since 1970 (UTC), ISO text, datetimes. The only clock of this room."""

from __future__ import annotations

from datetime import UTC, datetime

MICROS = 1_000_000


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def aware(moment: datetime) -> datetime:
    """The same moment in UTC; a naive time is taken to be in UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return round(aware(moment).timestamp() * MICROS)


def iso(seconds: float) -> str:
    """ISO text of seconds since 1970.

    >>> iso(0)
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat()
