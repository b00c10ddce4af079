"""After a check it is weighed whether to retrain, where there is a policy; running trials are judged once an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from tests.jobs.conftest import events

import retrue as rt
from retrue.jobs.decide import Decisions, Trials, decide, judge
from retrue.jobs.registry import Task
from retrue.store import rows
from retrue.workspace import clock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def registered(store: rt.Workspace, name: str, **options: object) -> rt.Model:
    """A model of y, with predictions."""
    table = events(datetime(2025, 1, 1, tzinfo=UTC), 30, seed=7).with_columns(p=pl.col("y") * 0.9)
    roles = {"id": "id", "time": "at", "label": "y", "prediction": "p", "task": "regression", "maturity": "1m"}
    return store.register(name, table, window="1m", estimate="off", **{**roles, **options})  # type: ignore[arg-type]


def done(store: rt.Workspace, kind: str, model: str, at: datetime) -> None:
    """Record a job that is done."""
    with store.store.catalog.write() as tx:
        tx.put(rows.Job(f"{kind}{clock.micros(at)}", kind, "done", clock.micros(at), clock.micros(at), {}, model))


def test_a_model_with_a_policy_is_weighed_after_each_check(store: rt.Workspace) -> None:
    registered(store, "plain")
    model, watch = registered(store, "weighed", retraining={"when": "benefit"}), Decisions(store)
    done(store, "check", "plain", NOON)
    assert list(watch.due(NOON)) == []
    done(store, "check", "weighed", NOON)
    assert list(watch.due(NOON)) == ["weighed"]
    task = Task(store, "weighed", NOON)
    assert decide(task).startswith("not yet, because only 0 rows")
    assert task.body == {"answer": "wait", "version": "1"}
    done(store, "decide", "weighed", NOON + timedelta(seconds=1))
    assert not watch.still("weighed", NOON + timedelta(seconds=2))
    assert not watch.still("gone", NOON + timedelta(seconds=2))
    assert len(model.decisions()) == 1


def test_running_trials_are_judged_every_hour(store: rt.Workspace) -> None:
    model, watch = registered(store, "m"), Trials(store)
    assert list(watch.due(NOON)) == []
    trial = model.trial("2", now=NOON)
    table = events(NOON, 10).with_columns(p=pl.col("y") * 0.5)
    model.log(table.drop("y"), at=NOON)
    model.log(table.with_columns(p=pl.col("y") * 0.9).drop("y"), version="2", at=NOON)
    model.label(table.select("id", "y"), at=NOON)
    assert watch.still("m", NOON)
    later = NOON + timedelta(minutes=30)
    assert f"{trial.id}: stop: version 2 is better" in judge(Task(store, "m", later))
    assert "is better" in model.trials()[0].advice
    done(store, "trials", "m", later)
    assert not watch.still("m", later + timedelta(minutes=59))
    assert watch.still("m", later + timedelta(minutes=61))
    model.trials()[0].stop(now=later)
    assert watch.still("m", later + timedelta(minutes=61))  # labels of its events may still come
    assert f"{trial.id}: stop" in judge(Task(store, "m", later + timedelta(minutes=61)))
    assert judge(Task(store, "m", later + timedelta(minutes=62))) == "no trial waits for labels"
