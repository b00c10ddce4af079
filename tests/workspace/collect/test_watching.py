"""A watched signal is kept, its share is judged, and it can be watched no more."""

from __future__ import annotations

import polars as pl
import pytest
from tests.workspace.conftest import day, events, live, registered

import retrue as rt
from retrue.judge.verdict import VerdictKind
from retrue.store import rows
from retrue.workspace.collect.watching import change_policy


def from_jfk(table: pl.DataFrame) -> pl.Series:
    """A signal as code: another process finds it by its module and name."""
    return table["city"] == "JFK"


def fails(table: pl.DataFrame) -> pl.Series:
    """A signal with a fault."""
    raise ZeroDivisionError(f"{table.height} rows")


def test_a_signal_is_kept_until_it_is_watched_no_more(store: rt.Workspace) -> None:
    model = registered(store)
    first = model.watch_signal(rt.signals.low_confidence())
    second = model.watch_signal("x > 2 AND city = 'JFK'", name="large at JFK", policy="10 %")
    third = model.watch_signal(from_jfk, name="from JFK", policy="always")
    assert (first.name, first.slice, first.policy) == ("low confidence", "confidence_rank <= 0.05", "200 per day")
    assert (second.policy, third.slice, third.function) == (
        "10 %",
        None,
        "tests.workspace.collect.test_watching:from_jfk",
    )
    assert [one.name for one in model.watched_signals()] == ["from JFK", "large at JFK", "low confidence"]
    model.unwatch_signal("large at JFK")
    assert len(model.watched_signals()) == 2
    with pytest.raises(rt.StoreError, match=r"no signal 'large at JFK'.*from JFK, low confidence"):
        model.unwatch_signal("large at JFK")


def test_what_can_t_be_watched_is_refused(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 1))
    model.collect("x > 0", name="once")
    for where, said in (
        ("xx > 1", "unknown column 'xx'"),
        ("x >", "slice"),
        (pl.col("x") > 1, "an expression can't be watched"),
        (lambda table: table["x"] > 1, "can't be watched"),
    ):
        with pytest.raises(rt.SliceError, match=said):
            model.watch_signal(where)
    for options, said in (
        ({"policy": "200"}, "200 rows in all"),
        ({"policy": "often"}, "is no policy"),
        ({"policy": "5 per day by benefitt"}, "no column 'benefitt'.*did you mean 'benefit'"),
        ({"name": "once"}, "is a collection 'once' already"),
        ({"name": " "}, "can't name a signal"),
        ({"name": "x" * 201}, "can't name a signal"),
    ):
        with pytest.raises(rt.ConfigError, match=said):
            model.watch_signal("x > 1", **options)  # type: ignore[arg-type]
    assert model.watched_signals() == []
    model.watch_signal("x > 1", name="large")
    with pytest.raises(rt.ConfigError, match="a watched signal collects as 'large'"):
        model.collect("x > 1", name="large")


def test_a_rising_share_alarms_and_a_usual_one_doesn_t(store: rt.Workspace) -> None:
    model = registered(store)
    model.watch_signal("x > 1.5", name="large")
    live(model, events(14, 2))
    assert not [one for one in model.check(day(16)) if one.metric == "signal_share" and one.alarms]
    live(model, events(16, 1, shift=1.0))
    (told,) = [one for one in model.check(day(17)) if one.metric == "signal_share"]
    assert (told.kind, told.alarms, told.slice) == (VerdictKind.DRIFTING, True, "large")
    with model.store.catalog.read() as tx:
        points = tx.find(rows.Point, model="flights", metric="signal_share", slice="large")
    assert [round(point.value or 0.0, 1) for point in points] == [0.1, 0.1, 0.3]
    again = model.check(day(17))
    assert again == []


def test_a_signal_whose_incident_lasts_wakes_nobody_again(store: rt.Workspace) -> None:
    """The incident tells of these rows; the signal's share is a notice until that is over."""
    model = registered(store)
    live(model, events(14, 1))
    live(model, events(15, 1, shift=6.0))
    model.check(day(16))
    (incident,) = [one for one in model.incidents() if one.incident.cause is not None][:1]
    model.watch_signal(incident, name="its rows")
    live(model, events(16, 1, shift=6.0))
    (told,) = [one for one in model.check(day(17)) if one.metric == "signal_share"]
    assert (told.kind, told.alarms) == (VerdictKind.DRIFTING, False)
    assert told.reason.endswith("its incident tells of it")


def test_another_policy_chooses_the_rows_anew(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 2))
    model.watch_signal("x > 0", name="positive", policy="50 per day")
    assert model.collect_new() == {"positive": 100}
    change_policy(model, "positive", "20 per day")
    assert model.collect_new() == {"positive": -60}
    with pytest.raises(rt.ConfigError, match="200 rows in all"):
        change_policy(model, "positive", "200")
    with pytest.raises(rt.StoreError, match="no signal 'gone'"):
        change_policy(model, "gone", "always")


def test_one_signal_that_fails_costs_the_others_nothing(store: rt.Workspace) -> None:
    model = registered(store)
    model.watch_signal("x > 1.5", name="large")
    model.watch_signal(fails, name="faulty", policy="always")
    live(model, events(14, 1, shift=1.0))
    told = {one.slice: one for one in model.check(day(15)) if one.metric == "signal_share"}
    assert told["large"].alarms
    assert told["faulty"].kind is VerdictKind.NOT_COMPARABLE
    assert "ZeroDivisionError: 300 rows" in told["faulty"].reason
    gained = model.collect_new()
    assert gained.keys() == {"large"}
    signals = {one.name: one for one in model.watched_signals()}
    assert signals["large"].error is None
    assert "ZeroDivisionError" in str(signals["faulty"].error)


def test_signals_are_tests_that_share_the_alarm_budget(store: rt.Workspace) -> None:
    model = registered(store)
    before = model.settings()
    model.watch_signal("x > 1.5", name="large")
    assert (before.signals, model.settings().signals) == (0, 1)


@pytest.mark.slow
def test_a_share_that_the_reference_can_t_tell_is_learned_from_calm_windows(store: rt.Workspace) -> None:
    """Nothing disagrees in the reference: no version logged it twice."""
    model = registered(store)
    model.watch_signal(rt.signals.disagreement())
    told: list[rt.Verdict] = []
    for number in range(14, 23):
        table = events(number, 1)
        live(model, table)
        far = 0.5 if number == 22 else 0.0
        model.log(table.drop("y").with_columns(p=(pl.col("p") - far).abs()), version="shadow")
        told = [one for one in model.check(day(number + 1)) if one.metric == "signal_share"]
        if number < 20:
            assert [one.kind for one in told] == [VerdictKind.NOT_COMPARABLE], number
    assert [one.alarms for one in told] == [True]
    assert "in the calm windows" in told[0].reason
