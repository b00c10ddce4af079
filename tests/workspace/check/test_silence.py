"""A model that gets nothing, too little or no labels any more says so; one that was only filled from a log doesn't."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from tests.workspace.conftest import Begin, day, events, live, registered

import retrue as rt
from retrue.judge.verdict import VerdictKind
from retrue.store.retention import Retention
from retrue.workspace.incident import ModelIncident


def ten_days(store: rt.Workspace) -> None:
    """A model that got 300 events each of ten days, as they happened, with labels on the next day."""
    model = registered(store, maturity="2d")
    for number in range(14, 24):
        live(model, events(number, 1))
    model.check(day(24))


@pytest.fixture
def steady(begin: Begin) -> rt.Model:
    """That model."""
    return begin(ten_days).model("flights")


def silent(model: rt.Model) -> list[ModelIncident]:
    """The live incidents of silence."""
    return [one for one in model.incidents(live=True) if one.kind is VerdictKind.SILENT]


def test_a_model_that_gets_nothing_any_more_is_silent_until_events_come(steady: rt.Model) -> None:
    assert not silent(steady)
    verdicts = [verdict for verdict in steady.check(day(26.5)) if verdict.kind is VerdictKind.SILENT]
    assert [verdict.reason for verdict in verdicts] == ["no events; usually about 300 rows"] * 2
    assert not steady.check(day(26.7))
    (incident,) = silent(steady)
    assert incident.sentence == "Since 25 January 2024, no events; usually about 300 rows"
    for number in (26, 27, 28):
        live(steady, events(number, 1))
    steady.check(day(29))
    assert not silent(steady)


def test_silence_goes_on_when_the_last_events_are_forgotten(steady: rt.Model) -> None:
    """After that nothing tells whether more were to come, so no later window is judged."""
    steady.check(day(26.5))
    before = silent(steady)
    list(steady.store.upkeep(day(60), Retention(events=timedelta(days=30))))
    assert not steady.store.view("flights").days()
    assert not steady.check(day(60))
    assert [one.sentence for one in silent(steady)] == [one.sentence for one in before] != []


def test_events_that_come_late_take_it_back(steady: rt.Model) -> None:
    """The window is judged again, and counts once."""
    steady.check(day(25.5))
    assert silent(steady)
    live(steady, events(24, 1))
    steady.check(day(25.6))
    assert not steady.incidents()


def test_a_window_with_far_too_few_events_is_silent(steady: rt.Model) -> None:
    live(steady, events(24, 1).head(90))
    verdicts = [verdict for verdict in steady.check(day(25)) if verdict.kind is VerdictKind.SILENT]
    assert [verdict.reason for verdict in verdicts] == ["only 90 rows; usually about 300 rows"]


def test_labels_that_stop_are_silence_once_they_have_had_time_to_come(steady: rt.Model) -> None:
    for number in (24, 25, 26):
        table = events(number, 1)
        steady.log(table.drop("y"), at=day(number + 1))
    assert "labels stopped" not in str(steady.check(day(26.5)))
    stopped = [verdict for verdict in steady.check(day(27.5)) if verdict.metric == "labelled"]
    assert [verdict.window and verdict.window[0][:10] for verdict in stopped] == ["2024-01-25"]
    assert stopped[0].reason.startswith("labels stopped: 0 % of 300 rows have one, though all have had time to come")


def test_a_log_that_is_filled_afterwards_ends_without_silence(store: rt.Workspace) -> None:
    """It was logged on day 60; nobody expects events of days 25 to 60."""
    model, table = registered(store), events(14, 11)
    model.log(table.drop("y"), at=day(60))
    model.check(day(60))
    assert not silent(model)


def test_a_gap_in_a_log_is_silence(store: rt.Workspace) -> None:
    """Also in one that is filled afterwards: its other days tell what is usual."""
    model, table = registered(store), events(14, 14)
    gap = (table["at"] < day(24)) | (table["at"] >= day(26))
    model.log(table.filter(gap).drop("y"), at=day(60))
    verdicts = [verdict for verdict in model.check(day(60)) if verdict.kind is VerdictKind.SILENT]
    assert [verdict.window and verdict.window[0][:10] for verdict in verdicts] == ["2024-01-25", "2024-01-26"]


def test_days_that_are_always_empty_are_no_silence(store: rt.Workspace) -> None:
    """Nothing happens on Sundays."""
    model, table = registered(store), events(14, 63)
    model.log(table.filter(pl.col("at").dt.weekday() != 7).drop("y"), at=day(77))
    model.check(day(77.2))
    assert not silent(model)


@pytest.fixture
def young(store: rt.Workspace) -> rt.Model:
    """A model that has been in production for three days only, after two weeks of reference."""
    model = registered(store, maturity="2d")
    for number in (14, 15, 16):
        live(model, events(number, 1))
    model.check(day(17))
    return model


def test_a_young_model_that_gets_nothing_any_more_is_silent(young: rt.Model) -> None:
    """The reference's windows tell that no day is without events."""
    assert not silent(young)
    young.check(day(18.5))
    (incident,) = silent(young)
    assert incident.sentence == "Since 18 January 2024, no events; usually about 300 rows"


def test_a_young_model_with_far_too_few_events_is_silent(young: rt.Model) -> None:
    live(young, events(17, 1).head(60))
    verdicts = [verdict for verdict in young.check(day(18)) if verdict.kind is VerdictKind.SILENT]
    assert [verdict.reason for verdict in verdicts] == ["only 60 rows; usually about 300 rows"]


def test_a_model_that_gets_a_tenth_of_the_traffic_of_its_reference_is_not_silent(store: rt.Workspace) -> None:
    """A canary: the level is production's own, the reference only tells how it varies."""
    model = registered(store)
    for number in (14, 15, 16):
        live(model, events(number, 1).gather_every(10))
        assert not [v for v in model.check(day(number + 1)) if v.kind is VerdictKind.SILENT]
    model.check(day(18.5))
    assert len(silent(model)) == 1


def test_days_that_the_reference_has_empty_are_no_silence_of_a_young_model(store: rt.Workspace) -> None:
    """Nothing happens on Sundays: 9 weeks of reference show it, and production has had six days."""
    table = events(0, 69).filter(pl.col("at").dt.weekday() != 7)
    model = registered(store, table.filter(pl.col("at") < day(63)))
    live(model, table.filter(pl.col("at") >= day(63)))
    model.check(day(70.2))
    assert not silent(model)
    model.check(day(71.5))
    assert [one.since[:10] for one in silent(model)] == [day(70).isoformat()[:10]]


def test_labels_of_a_young_model_that_never_came_are_silence(store: rt.Workspace) -> None:
    model = registered(store, maturity="2d")
    model.log(events(14, 1).drop("y"), at=day(15))
    assert "labels stopped" not in str(model.check(day(15.5)))
    (verdict,) = [v for v in model.check(day(17.5)) if v.metric == "labelled"]
    assert verdict.reason.startswith("labels stopped: 0 % of 300 rows have one, though all have had time to come")


def test_a_few_labels_are_no_silence_of_a_young_model(store: rt.Workspace) -> None:
    """References are labelled on purpose; of production often a sample only."""
    model = registered(store, maturity="2d")
    live(model, events(14, 1).with_columns(y=pl.when(pl.int_range(pl.len()) % 20 == 0).then("y")).drop_nulls("y"))
    model.log(events(14, 1).drop("y"), at=day(15))
    assert not [v for v in model.check(day(17.5)) if v.metric == "labelled"]
