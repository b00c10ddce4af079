"""The alarms benchmark counts what a registered model tells, on the day on which it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from benchmarks import watching
from benchmarks.streams import MODEL

from retrue.judge.verdict import Verdict, VerdictKind

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = pl.DataFrame(
    {"at": [MONDAY.replace(tzinfo=None) + timedelta(days=i, hours=h) for i in range(7) for h in (1, 9)]}
)


def verdict(kind: VerdictKind, first: int, days: int, **given: object) -> Verdict:
    """A verdict on a window of so many days."""
    start, end = (MONDAY + timedelta(days=at) for at in (first, first + days))
    return Verdict(kind, "", window=(start.isoformat(), end.isoformat()), **given)  # type: ignore[arg-type]


FOUND = [
    verdict(VerdictKind.BROKEN, 2, 1, column="age"),
    verdict(VerdictKind.DRIFTING, 3, 1, column="city", alarm=False),
    verdict(VerdictKind.DRIFTING, 0, 7, metric="mmd"),
    verdict(VerdictKind.TRUE, 1, 1, column="age"),
    verdict(VerdictKind.NOT_COMPARABLE, 1, 1, column="shop"),
]


def test_an_alarm_is_told_on_its_day_and_a_week_s_on_its_last() -> None:
    told = watching.by_day(FOUND, WEEK, notices=False)
    assert told == [[], [], ["age"], [], [], [], [MODEL]]


def test_notices_count_where_they_are_asked_for() -> None:
    assert watching.by_day(FOUND, WEEK, notices=True)[3] == ["city"]


def test_one_metric_can_be_asked_for() -> None:
    assert watching.by_day(FOUND, WEEK, notices=True, metric=watching.JOINT) == [[]] * 6 + [[MODEL]]
