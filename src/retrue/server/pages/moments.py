"""Times on pages: said in UTC here, and turned into the reader's zone by `pages.js`; UTC stays on hover.

What a window is called is its day by the model's own clock, which no reader's zone may move.
"""

from __future__ import annotations

from datetime import UTC, datetime

from markupsafe import Markup

from retrue.workspace.clock import MICROS

Moment = int | datetime | str
"""Microseconds since 1970, a time, or ISO 8601; times without a zone are in UTC."""


def at_of(moment: Moment) -> datetime:
    """Read a moment.

    >>> at_of(1_000_000), at_of("2026-02-02T10:00:00+02:00").hour
    (datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc), 8)
    """
    if isinstance(moment, int):
        return datetime.fromtimestamp(moment / MICROS, UTC)
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def moment(at: Moment) -> Markup:
    """Write a moment as an element that the reader's browser says in its own zone.

    >>> moment("2026-02-02T10:05:00+02:00")
    Markup('<time datetime="2026-02-02T08:05:00Z">2 Feb 2026, 08:05 UTC</time>')
    """
    found = at_of(at)
    iso = f"{found:%Y-%m-%dT%H:%M:%SZ}"
    return Markup('<time datetime="{}">{}</time>').format(iso, f"{found.day} {found:%b %Y, %H:%M} UTC")


def day(iso: str, *, year: bool = False) -> str:
    """Say the day of an ISO time by the clock that it names; the hour too where it isn't midnight.

    >>> day("2026-02-02T00:00:00-05:00"), day("2026-02-02T13:05:00+00:00", year=True)
    ('2 Feb', '2 Feb 2026 13:05')
    """
    at = datetime.fromisoformat(iso)
    said = f"{at.day} {at:%b}" + (f" {at.year}" if year else "")
    return said if (at.hour, at.minute) == (0, 0) else f"{said} {at:%H:%M}"
