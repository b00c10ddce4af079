"""What is news: what has just happened or has just become known; a backfill never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.workspace.conftest import DAYS, day, events, registered

import retrue as rt
from retrue.jobs.news import by_labels, is_news, last_window
from retrue.judge.incident import Incident, State
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.store import rows
from retrue.workspace import clock


def incident(last: float, *, metric: str = "ks", column: str | None = "x") -> Incident:
    """An incident whose last alarm is on the window that begins on a day."""
    kind = VerdictKind.DRIFTING if column else VerdictKind.DEGRADED
    spans = [(day(at).isoformat(), day(at + 1).isoformat()) for at in (last - 1, last)]
    verdicts = tuple(Verdict(kind, "it moved", metric, column, window=span) for span in spans)
    return Incident("3f2a", "flights", kind, State.OPEN, spans[0][0], None, (), verdicts, "")


@pytest.mark.parametrize(("options", "days"), [({}, 2), ({"grace": "3d"}, 5)])
def test_what_closed_lately_is_news(store: rt.Workspace, options: dict[str, str], days: int) -> None:
    """A day's window is news for two windows, or a day, after its grace."""
    model = registered(store, **options)
    assert is_news(model, incident(20), day(21 + days))
    assert not is_news(model, incident(20), day(21 + days) + timedelta(seconds=1))


def test_what_labels_told_is_news_when_they_have_matured(store: rt.Workspace) -> None:
    model = registered(store, maturity="30d")
    by_label, by_column = incident(20, metric="accuracy", column=None), incident(20)
    assert [by_labels(one, last_window(one)) for one in (by_label, by_column)] == [True, False]
    assert is_news(model, by_label, day(21 + 32))
    assert not is_news(model, by_label, day(21 + 33))
    assert not is_news(model, by_column, day(21 + 10))


@pytest.mark.parametrize(
    ("logged", "labelled", "news"),
    [
        (DAYS + 1, 40.0, True),  # labels of weeks ago came yesterday, of events that were logged as they happened
        (DAYS + 1, 30.0, False),  # they came long ago, and nobody looked
        (40.0, 40.0, False),  # all of it came now: a backfill
    ],
)
def test_labels_that_take_their_time_are_news_when_they_come(
    store: rt.Workspace, logged: float, labelled: float, news: bool
) -> None:
    model, table, now = registered(store), events(DAYS, 1), day(41)
    model.log(table.drop("y"), at=day(logged))
    model.label(table.select("id", "y"), at=day(labelled))
    assert is_news(model, incident(DAYS, metric="accuracy", column=None), now) is news
    assert isinstance(now, datetime)


@pytest.mark.parametrize(
    ("first", "registered_on", "news"),
    [
        (19, 14, True),  # a server stood still, and it came and went meanwhile
        (15, 14, False),  # the end of a backfill: its beginning is long ago
        (19, 20, False),  # history that was logged when the model was registered
    ],
)
def test_an_end_that_nobody_waits_for_is_news_only_if_its_beginning_is(
    store: rt.Workspace, first: int, registered_on: int, news: bool
) -> None:
    model = registered(store, grace="1d")
    with store.store.catalog.write() as tx:
        (row,) = tx.find(rows.Model, name=model.name)
        tx.put(replace(row, created=clock.micros(day(registered_on))))
    alarms = (*incident(first + 1).verdicts, *incident(20).verdicts)
    over = replace(incident(20), state=State.RESOLVED, since=day(first).isoformat(), verdicts=alarms)
    assert is_news(model, over, day(23)) is news
