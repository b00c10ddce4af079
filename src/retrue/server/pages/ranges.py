"""Stretches of time that pages show: some days up to now, or to a time that the address names, so that a link stays."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Query
from sqlalchemy import Connection, select

from retrue.errors import ConfigError
from retrue.store import tables
from retrue.workspace import Model, clock

DAYS = {7: "7 days", 30: "30 days", 90: "90 days", 365: "a year"}
"""Lengths that pages offer."""
USUAL = 30
YEARS = range(1970, 9_000)
"""Years that may be asked for."""


@dataclass(frozen=True)
class Lately:
    """What the address asks for: how many days, and up to when.

    Attributes:
        days: how long back.
        until: a date, to whose end is shown, or a time, in UTC where it names no zone; "": now.
    """

    days: int = USUAL
    until: str = ""

    @property
    def query(self) -> str:
        """It as an address says it.

        >>> Lately(7).query, Lately(30, "2026-01-09T12:00+01:00").query
        ('days=7', 'days=30&until=2026-01-09T12%3A00%2B01%3A00')
        """
        return urlencode({"days": self.days} | ({"until": self.until} if self.until else {}))

    @property
    def field(self) -> tuple[str, str]:
        """The kind of field that shows the end, and what it holds: in UTC where it is a time.

        >>> Lately(30, "2026-01-09").field, Lately(30, "2026-01-09T12:00+01:00").field, Lately().field
        (('date', '2026-01-09'), ('datetime-local', '2026-01-09T11:00'), ('date', ''))
        """
        found = read(self.until) if self.until else None
        if isinstance(found, datetime):
            return "datetime-local", f"{found:%Y-%m-%dT%H:%M}"
        return "date", "" if found is None else found.isoformat()

    def end(self, zone: str = "UTC") -> float | None:
        """The end that is asked for, in seconds since 1970; None: now, also where it hasn't come yet.

        Args:
            zone: by whose clock a date ends.

        Raises:
            ConfigError: it is no date and no time.

        >>> Lately(30, "2026-01-09").end() == Lately(30, "2026-01-10T00:00").end(), Lately().end()
        (True, None)
        """
        if not self.until:
            return None
        found = read(self.until)
        if not isinstance(found, datetime):
            found = datetime.combine(found + timedelta(days=1), time(), ZoneInfo(zone))
        return found.timestamp() if found < clock.now() else None


def read(until: str) -> date | datetime:
    """Read a date, or a time in UTC.

    Raises:
        ConfigError: it is neither.
    """
    found: date | datetime | None = None
    for form in (datetime.fromisoformat, date.fromisoformat):  # what is a date is one, and no midnight
        with suppress(ValueError):
            found = form(until)
    if found is None or found.year not in YEARS:
        raise ConfigError(
            f"no time in {until[:80]!r}",
            where="until",
            expected="a date or a time, such as 2026-01-09 or 2026-01-09T12:00",
            hint="leave it out to see what is up to now",
        )
    return clock.aware(found) if isinstance(found, datetime) else found


def lately(usual: int = USUAL) -> Callable[[int, str], Lately]:
    """What reads a stretch of time from an address; `usual`: how many days where it doesn't say."""

    def asked(
        days: Annotated[int, Query(ge=1, le=3650)] = usual, until: Annotated[str, Query(max_length=100)] = ""
    ) -> Lately:
        found = Lately(days, until.strip())
        found.end()
        return found

    return asked


@dataclass(frozen=True)
class Range:
    """A stretch of time in seconds since 1970, and what asked for it.

    `before` says what must have been before then to be shown; None: all of it, as it ends now.
    """

    since: float
    until: float
    asked: Lately
    before: float | None = None

    @property
    def past(self) -> int | None:
        """The end of a time that is over, in microseconds since 1970; None: it ends now."""
        return None if self.before is None else int(self.before * clock.MICROS)


def range_of(connection: Connection, model: Model, asked: Lately) -> Range:
    """The stretch of time that is shown: up to what is asked for; else to now, or to the newest window's end before."""
    before = until = asked.end(model.schema.timezone)
    if until is None:
        windows = tables.windows.c
        query = select(windows.start).where(windows.model == model.name).order_by(windows.start.desc())
        newest = connection.execute(query.limit(1)).scalar()
        now = clock.now().timestamp()
        until = now if newest is None else min(now, newest + model.options.window)
    return Range(until - asked.days * clock.DAY, until, asked, before)


def around(since: datetime, until: datetime) -> Lately:
    """The stretch of time that shows something that is over, with as much before it.

    >>> from datetime import UTC
    >>> around(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 21, tzinfo=UTC))
    Lately(days=90, until='2026-01-21T00:00')
    """
    least = 2 * (until - since) / timedelta(days=1)
    days = next((one for one in DAYS if one >= max(least, USUAL)), max(DAYS))
    return Lately(days, f"{clock.aware(until):%Y-%m-%dT%H:%M}")
