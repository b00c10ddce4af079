"""The jobs collect what newly met a signal by themselves; a signal that fails is tried again with the next events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from tests.jobs.conftest import events, floor, register, runner, wait_until

import retrue as rt
from retrue.jobs.collect import News, collect
from retrue.jobs.registry import KINDS, Task, kinds
from retrue.workspace import clock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def faulty(table: pl.DataFrame) -> pl.Series:
    """A signal with a fault."""
    raise ZeroDivisionError(str(table.height))


def test_it_is_due_for_events_that_no_signal_was_held_against(store: rt.Workspace) -> None:
    model, news = register(store), News(store)
    model.log(events(NOON, 1))
    model.events().collect()
    assert list(news.due(NOON)) == []
    model.watch_signal("x > 0", name="large", policy="always")
    model.watch_signal(faulty, name="faulty")
    assert list(news.due(NOON)) == ["flights"]
    said = collect(Task(store, "flights", NOON))
    assert "rows of large; faulty: ZeroDivisionError: 60 in function 'faulty' (test_collect.py, line " in said
    assert not news.still("flights", NOON)
    model.log(events(NOON + timedelta(minutes=1), 1))
    model.events().collect()
    assert news.still("flights", NOON)


def test_it_is_a_kind_of_job_that_rests() -> None:
    assert "collect" in {kind.name for kind in kinds()}
    assert KINDS["collect"].rest(0.1) == 10
    assert KINDS["collect"].rest(60) == 600


@pytest.mark.slow
def test_the_service_s_jobs_collect_by_themselves(store: rt.Workspace) -> None:
    model = register(store)
    model.watch_signal("x > 0", name="large", policy="always")
    table = events(floor(clock.now()) - timedelta(minutes=2), 2)
    with runner(model.store.folder):
        model.log(table)
        model.events().collect()
        wait_until(lambda: any(one.rows for one in model.watched_signals()))
    (found,) = model.collections()
    assert sorted(found.rows["id"]) == sorted(table.filter(pl.col("x") > 0)["id"])
