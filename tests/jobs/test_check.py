"""When a check is due: as windows close, as labels mature, as late rows come, as events stop; and not otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.jobs.conftest import MINUTE, events, register

import retrue as rt
from retrue.jobs.check import Checks, check
from retrue.jobs.registry import KINDS, Task
from retrue.store import rows
from retrue.workspace import clock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def at(minutes: float, seconds: float = 0) -> datetime:
    """So many minutes and seconds after noon."""
    return NOON + timedelta(minutes=minutes, seconds=seconds)


def logged(store: rt.Workspace, first: int, windows: int, **options: Any) -> rt.Model:
    """A model with events from some minute on, logged as they came."""
    model = register(store, **options)
    model.log(events(at(first), windows), at=at(first + windows))
    return model


def run(store: rt.Workspace, now: datetime) -> str:
    """Run the check and record it, as the runner does."""
    task = Task(store, "flights", now)
    said = check(task)
    with store.store.catalog.write() as tx:
        tx.put(rows.Job(f"j{clock.micros(now)}", "check", "done", clock.micros(now), clock.micros(now), {}, "flights"))
    return said


def test_a_window_is_due_when_its_grace_has_passed_and_once(store: rt.Workspace) -> None:
    logged(store, 0, 3)
    checks = Checks(store)
    assert list(checks.due(at(1))) == []
    assert list(checks.due(at(1, 0.9))) == []
    assert list(checks.due(at(1, 1))) == ["flights"]
    assert run(store, at(1, 1)) == "1 window judged"
    assert not checks.still("flights", at(1, 2))
    assert list(checks.due(at(3, 1))) == ["flights"]
    assert run(store, at(3, 1)) == "2 windows judged"
    assert list(checks.due(at(3, 30))) == []


def test_a_check_that_begins_looks_at_its_own_model_alone(store: rt.Workspace) -> None:
    """Of a thousand models that wait, each would else be looked at before each check of another."""
    logged(store, 0, 3)
    register(store, "other").log(events(NOON, 3), at=at(3))
    checks = Checks(store)
    assert sorted(map(str, checks.due(at(1, 1)))) == ["flights", "other"]
    assert checks.still("flights", at(1, 30))
    assert {name: look.at for name, look in checks.looks.items()} == {
        "flights": at(1, 30).timestamp(), "other": at(1, 1).timestamp(),
    }  # fmt: skip
    assert not checks.still("gone", at(1, 31))


def test_late_rows_are_seen_within_ten_seconds(store: rt.Workspace) -> None:
    model, checks = logged(store, 0, 3), Checks(store)
    run(store, at(3, 10))
    assert list(checks.due(at(3, 11))) == []
    model.log(events(at(1), 1, seed=5), at=at(3, 12))
    assert list(checks.due(at(3, 20))) == []
    assert list(checks.due(at(3, 21))) == ["flights"]
    assert run(store, at(3, 21)) == "1 window judged"
    assert not checks.still("flights", at(3, 22))


def test_rows_of_a_window_that_is_open_make_nothing_due(store: rt.Workspace) -> None:
    model, checks = logged(store, 0, 3), Checks(store)
    run(store, at(3, 10))
    assert list(checks.due(at(3, 11))) == []
    model.log(events(at(3), 1, seed=5).head(20), at=at(3, 20))
    assert list(checks.due(at(3, 25))) == []


def test_labels_that_mature_make_a_check_due(store: rt.Workspace) -> None:
    logged(store, 0, 3, label="y", prediction="x", task="regression", maturity="150s")
    checks = Checks(store)
    run(store, at(3, 1))
    assert list(checks.due(at(3, 29))) == []
    assert list(checks.due(at(3, 30))) == ["flights"]  # the first window ended 150 seconds ago
    assert run(store, at(3, 30)) == "1 window judged"
    assert not checks.still("flights", at(3, 31))


def test_events_that_stop_make_a_check_due_for_each_window_that_should_have_some(store: rt.Workspace) -> None:
    model, checks = register(store), Checks(store)
    for minute in range(6):
        model.log(events(at(minute), 1), at=at(minute + 1))
    assert "6 windows" in run(store, at(6, 1))
    assert list(checks.due(at(7))) == []
    assert list(checks.due(at(7, 1))) == ["flights"]
    assert run(store, at(7, 1)) == "1 window judged, 1 alarm"
    assert not checks.still("flights", at(7, 2))
    assert list(checks.due(at(8, 1))) == ["flights"]
    assert not checks.still("flights", at(6) + 400 * MINUTE)  # it isn't asked after for ever


def test_a_clock_that_was_set_back_hides_nothing(store: rt.Workspace) -> None:
    model, checks = logged(store, 0, 3), Checks(store)
    run(store, at(3, 10))
    assert list(checks.due(at(60) + timedelta(days=400))) == []
    model.log(events(at(1), 1, seed=5), at=at(3, 12))
    assert list(checks.due(at(4))) == ["flights"]
    assert KINDS["check"].ready(rows.Job("j", "check", "done", 0, clock.micros(at(99)), {"seconds": 9}), at(4))


def test_a_model_that_cant_be_looked_at_fails_for_all_to_see_and_leaves_the_others_alone(store: rt.Workspace) -> None:
    logged(store, 0, 3)
    register(store, "broken")
    with store.store.catalog.write() as tx:
        row = tx.get(rows.Model, name="broken")
        assert row is not None
        tx.put(rows.Model(row.name, row.layout, row.schema, {"window": "x"}, row.digest, row.applied, row.created))
    assert set(Checks(store).due(at(3, 1))) == {"flights", "broken"}
    with pytest.raises(Exception, match="convert string to float"):
        check(Task(store, "broken", at(3, 1)))


def test_a_model_rests_after_a_check_ten_times_as_long_as_that_took() -> None:
    kind = KINDS["check"]
    last = rows.Job("j", "check", "done", clock.micros(NOON), clock.micros(NOON), {"seconds": 3.0})
    assert not kind.ready(last, at(0, 29))
    assert kind.ready(last, at(0, 30))
    quick = rows.Job("j", "check", "done", clock.micros(NOON), clock.micros(NOON), {"seconds": 0.1})
    assert [kind.ready(quick, at(0, seconds)) for seconds in (9, 10)] == [False, True]
    assert kind.ready(None, NOON)


def test_the_notes_of_a_run_say_how_many_windows(store: rt.Workspace) -> None:
    logged(store, 0, 3)
    task = Task(store, "flights", at(3, 1))
    check(task)
    assert task.body == {"version": "1", "windows": 3}
    assert check(Task(store, "flights", at(3, 1) + SECOND)) == "0 windows judged"
