"""Times that databases have and Python hasn't: `infinity`, `-infinity`, and what lies behind the year 9999.

They come as the last or the second day that Python knows: still behind, or before, all others.
"""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from sqlalchemy import Engine

FAR: tuple[datetime, datetime] = (datetime(MINYEAR, 1, 2), datetime(MAXYEAR, 12, 31))  # noqa: DTZ001 - of any zone
"""What stands for times before and behind all that Python has; in any zone they are still times."""


def is_far(value: date) -> bool:
    """Whether a time lies so far that no row will ever come behind, or before, it.

    >>> is_far(date(9999, 12, 31)), is_far(date(2024, 6, 1))
    (True, False)
    """
    return value.year in (MINYEAR, MAXYEAR)


def read_far_times(engine: Engine) -> None:
    """Let psycopg read them: it refuses the whole result where there is one."""
    from sqlalchemy import event

    if engine.driver == "psycopg":
        event.listen(engine, "connect", lambda connection, _record: prepare(connection))


def prepare(connection: Any) -> None:
    """Put our loaders in the place of psycopg's."""
    from psycopg import DataError
    from psycopg.types import datetime as times

    class Zoned(times.TimestamptzLoader):
        """Reads `timestamptz`."""

        def load(self, data: Any) -> datetime:
            try:
                return super().load(data)
            except DataError:
                return far(data).replace(tzinfo=self._timezone)

    class Naive(times.TimestampLoader):
        """Reads `timestamp`."""

        def load(self, data: Any) -> datetime:
            try:
                return super().load(data)
            except DataError:
                return far(data)

    class Day(times.DateLoader):
        """Reads `date`."""

        def load(self, data: Any) -> date:
            try:
                return super().load(data)
            except DataError:
                return far(data).date()

    for name, loader in (("timestamptz", Zoned), ("timestamp", Naive), ("date", Day)):
        connection.adapters.register_loader(name, loader)


def without_far_times(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows, with times that Python hasn't as the days that stand for them.

    >>> without_far_times(pl.DataFrame({"t": pl.Series([2**63 - 1]).cast(pl.Datetime("us", "UTC"))}))["t"].dt.year()[0]
    9999
    """
    ends = pl.Series(FAR, dtype=pl.Datetime("us"))
    near = list[pl.Expr]()
    for name, dtype in frame.schema.items():
        if dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_unit != "ns"):  # those end in 2262
            unit = pl.Date() if dtype == pl.Date else pl.Datetime(dtype.time_unit)  # type: ignore[attr-defined]
            low, high = ends.cast(unit).to_physical()
            near.append(pl.col(name).to_physical().clip(low, high).cast(dtype))
    return frame.with_columns(near)


def far(data: Any) -> datetime:
    """What stands for a time that Python hasn't, by its text.

    >>> far(b"-infinity").year, far(b"44-03-15 BC").year, far(b"20000-01-01").year
    (1, 1, 9999)
    """
    text = bytes(data)
    return FAR[0] if text.startswith(b"-") or text.endswith(b"BC") else FAR[1]
