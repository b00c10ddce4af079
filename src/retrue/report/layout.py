"""How terminal views lay things out: one kind of table, times and lengths of time in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from retrue.judge.words import minus

DAY = 86_400
_UNITS = ((7 * DAY, "week"), (DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def quiet_table(*columns: str, right: Iterable[str] = (), wide: str | None = None) -> Table:
    """Make a table without lines, its header dim.

    Args:
        columns: their headers.
        right: those that hold figures.
        wide: the one that takes what room is left, and wraps; the others are as wide as they need.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim", expand=wide is not None)
    for name in columns:
        if name == wide:
            table.add_column(name, ratio=1, overflow="fold")
        else:
            table.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=name in right)
    return table


def add_row(table: Table, cells: Sequence[str | Text]) -> None:
    """Add a row; texts are taken as they are, whatever brackets they hold."""
    table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))


def length(seconds: float) -> str:
    """Say a length of time.

    >>> length(86_400), length(604_800), length(5_400), length(0)
    ('1 day', '1 week', '90 minutes', 'no time')
    """
    for unit, name in _UNITS:
        if seconds >= unit and seconds % unit == 0:
            count = int(seconds // unit)
            return f"{count:,} {name}" + ("" if count == 1 else "s")
    return f"{seconds:g} seconds" if seconds else "no time"


def moment(iso: str) -> str:
    """Say an ISO time by the clock that it names: midnight as the day alone.

    >>> moment("2026-02-02T00:00:00+00:00"), moment("2026-02-02 13:05:09.123+00:00")
    ('2026-02-02', '2026-02-02 13:05')
    """
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{at:%Y-%m-%d}" if (at.hour, at.minute) == (0, 0) else f"{at:%Y-%m-%d %H:%M}"


def zone(iso: str) -> str:
    """Say which clock an ISO time is by.

    >>> zone("2026-02-02T00:00:00+00:00"), zone("2026-02-02T00:00:00-05:00"), zone("2026-02-02")
    ('UTC', 'UTC−05:00', 'UTC')
    """
    try:
        name = datetime.fromisoformat(iso).tzname()
    except ValueError:
        name = None
    return minus(name or "UTC")


def stretch(starts: Iterable[str]) -> str:
    """Say from when to when, of ISO times.

    >>> stretch(["2026-02-04T00:00:00+00:00", "2026-02-02T00:00:00+00:00"])
    '2026-02-02 to 2026-02-04'
    """
    ordered = sorted(starts)
    if not ordered:
        return ""
    first, last = moment(ordered[0]), moment(ordered[-1])
    return first if first == last else f"{first} to {last}"
