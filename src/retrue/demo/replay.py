"""The demo goes on: the rest of the year is replayed day by day on a fast clock, so that pages can be watched live.

The store says so (preference `replay`), and pages tell it: a day of the replay takes seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import polars as pl
from rich.console import Console

from retrue.demo import flights as source
from retrue.demo.story import DAY, END, ZONE, Story, line, predict, report_new
from retrue.store import rows
from retrue.workspace.clock import micros, now

PACE = 10.0
"""Seconds that a day takes."""
PREFERENCE = "replay"
"""Where the store says that its clock runs fast: `{"at": ISO time, "pace": seconds a day}`."""


def replay(
    story: Story,
    out: Console,
    *,
    pace: float = PACE,
    until: datetime = END,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Log, label and check the days after the story, one at a time.

    Args:
        story: as far as it was told; its workspace is open.
        out: where to print what is found.
        pace: seconds that a day takes.
        until: the first day that isn't replayed.
        sleep: waits.
    """
    for day in days(story.end, until):
        began = time.monotonic()
        one_day(story, day, pace)
        report_new(story, day, out)
        sleep(max(0.0, pace - (time.monotonic() - began)))
    line(out, f"{until - DAY:%d %b}", "[dim]the end[/dim]", "The year is over; the pages are served on.")


def days(first: datetime, until: datetime) -> Iterator[datetime]:
    """The days from the first one on."""
    day = first
    while day < until:
        yield day
        day += DAY


def one_day(story: Story, day: datetime, pace: float) -> None:
    """A day: predictions come, the labels of the day before come, what is due is judged."""
    model, at = story.model, (day + DAY).replace(tzinfo=ZONE)
    coming = source.between(story.flights, day, day + DAY)
    scored = coming.drop("late").with_columns(p_late=pl.Series(predict(story, model.version, coming)))
    model.log(scored, at=at)
    known = source.between(story.flights, day - timedelta(days=1), day)
    model.label(known.select("flight_id", "late"), at=at)
    with story.workspace.store.catalog.write() as tx:
        tx.put(rows.Preference(PREFERENCE, {"at": at.isoformat(), "pace": pace}, micros(now())))
    model.check(now=at)
    model.collect_new()
