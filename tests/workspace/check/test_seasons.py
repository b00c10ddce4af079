"""Traffic with the pattern of days and weeks, through a real store: a Monday like last Monday is no incident."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.workspace.conftest import day

import retrue as rt

HOURS = timedelta(hours=1)
ROLES: dict[str, Any] = {"id": "id", "time": "at", "alarm_budget": "1 per 3000d"}


def traffic(first: int, windows: int, length: timedelta, rows: int, *, at_night: float = 0.0) -> pl.DataFrame:
    """So many rows a window; x is low and the city mostly JFK at night, both are otherwise at weekends.

    Args:
        first: the window they begin at.
        windows: how many.
        length: of a window.
        rows: in each.
        at_night: how much higher x is at 3 o'clock than it is usually then.
    """
    rng = np.random.default_rng([first, windows, rows])
    starts = [day(0) + length * (first + i) for i in range(windows)]
    hour, weekend = np.array([s.hour for s in starts]), np.array([s.weekday() >= 5 for s in starts])
    daily = -np.cos(2 * np.pi * hour / 24) if length == HOURS else np.zeros(windows)
    x = rng.normal((daily + 0.8 * weekend + at_night * (hour == 3))[:, None], 1.0, (windows, rows))
    jfk = rng.random((windows, rows)) < (0.5 - 0.25 * daily - 0.2 * weekend)[:, None]
    seconds = length.total_seconds() * (first + np.arange(windows * rows) / rows)
    times = pl.from_epoch(pl.Series(day(0).timestamp() + seconds).cast(pl.Int64))
    return pl.DataFrame({"id": [f"{first}-{i}" for i in range(x.size)], "at": times, "x": x.ravel()}).with_columns(
        at=pl.col("at").dt.replace_time_zone("UTC"), city=pl.Series(np.where(jfk, "JFK", "LGA").ravel())
    )


def alarms(found: list[rt.Verdict]) -> list[tuple[str, str]]:
    """When what alarmed."""
    return [(v.window[0], v.column or "") for v in found if v.alarm and v.window]


@pytest.mark.slow
def test_hours_with_the_pattern_of_days_and_weeks_are_no_incidents_and_a_night_like_a_day_is(
    store: rt.Workspace,
) -> None:
    """48 days of reference and 13 of production, hour by hour; then a night on which x is as high as by day."""
    known, quiet = 24 * 48, 24 * 13
    model = store.register("hours", traffic(0, known, HOURS, 60), **ROLES, window="1h")
    model.log(traffic(known, quiet, HOURS, 60))
    assert alarms(model.check(now=day(61))) == []
    model.log(traffic(known + quiet, 24, HOURS, 60, at_night=2.0))
    found = model.check(now=day(62))
    three = (day(61) + timedelta(hours=3)).isoformat()
    assert alarms(found) == [(three, "x")]
    (verdict,) = [v for v in found if v.alarm]
    assert verdict.reason.startswith("moved by KS")
    assert "from what is usual on Saturdays at 03:00" in verdict.reason
    assert len(model.incidents()) == 1


def test_days_with_the_pattern_of_weeks(store: rt.Workspace) -> None:
    """Ten weeks of reference, three of production; then a Wednesday like a Sunday."""
    daily = timedelta(days=1)
    model = store.register("days", traffic(0, 70, daily, 200), **ROLES, window="1d")
    model.log(traffic(70, 21, daily, 200))
    found = model.check(now=day(91))
    assert alarms(found) == []
    sunday = next(v for v in found if v.column == "x" and v.window and v.window[0] == day(76).isoformat())
    assert "usual on Sundays" in sunday.reason
    odd = traffic(91, 3, daily, 200).with_columns(
        x=pl.when(pl.col("at") >= day(93)).then(pl.col("x") + 0.8).otherwise("x")
    )
    model.log(odd)
    assert alarms(model.check(now=day(94))) == [(day(93).isoformat(), "x")]


def test_a_reference_without_starts_is_judged_as_before(store: rt.Workspace) -> None:
    """What an earlier version wrote doesn't say when its windows start, so nothing is known of hours and weekdays."""
    daily = timedelta(days=1)
    model = store.register("days", traffic(0, 28, daily, 100), **ROLES, window="1d")
    reference = model.reference.load()
    assert [datetime.fromtimestamp(s, day(0).tzinfo) for s in reference.starts] == [day(i) for i in range(28)]
    store.store.set_reference("days", "1", replace(reference, starts=()))
    model.log(traffic(28, 2, daily, 100))
    assert not any("usual" in v.reason for v in model.check(now=day(30)))
