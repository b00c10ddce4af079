"""Windows are judged when they should be, once, with the labels that can be trusted; alarms become incidents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from tests.workspace.conftest import A_DAY, START, day, events, live, registered

import retrue as rt
from retrue.metrics.names import IMPACT
from retrue.store import rows
from retrue.workspace.check.judged import judge_of

HOUR = timedelta(hours=1)


def spans(verdicts: list[rt.Verdict]) -> list[str]:
    """The starts of the windows that were judged, in order of time."""
    return sorted({verdict.window[0] for verdict in verdicts if verdict.window})


def of_the_model(verdicts: list[rt.Verdict]) -> set[str | None]:
    """The metrics of performance that were judged."""
    told = (verdict for verdict in verdicts if verdict.kind is not rt.VerdictKind.NOT_COMPARABLE)
    return {verdict.metric for verdict in told if verdict.column is None} - {"mmd"}


def waits(verdicts: list[rt.Verdict]) -> list[str]:
    """What is said of performance that can't be told yet."""
    return [v.reason for v in verdicts if v.kind is rt.VerdictKind.NOT_COMPARABLE and v.metric == "roc_auc"]


def kept(model: rt.Model) -> tuple[rows.VerdictRow, ...]:
    """The verdicts in the catalog."""
    with model.store.catalog.read() as tx:
        return tx.find(rows.VerdictRow, model=model.name)


def test_windows_are_judged_by_event_time_once(store: rt.Workspace) -> None:
    model = registered(store)
    model.log(events(14, 3).drop("y"))
    assert spans(model.check(now=day(16.5))) == [day(14).isoformat(), day(15).isoformat()]
    assert model.check(now=day(16.9)) == []
    assert spans(model.check(now=day(17))) == [day(16).isoformat()]
    assert model.check(now=day(40)) == []


def test_nothing_is_judged_before_its_grace(store: rt.Workspace) -> None:
    model = registered(store, grace="6h")
    model.log(events(14, 1).drop("y"))
    assert model.check(now=day(15) + 5.99 * HOUR) == []
    assert spans(model.check(now=day(15) + 6 * HOUR)) == [day(14).isoformat()]


def test_windows_are_days_of_the_model_s_time_zone(store: rt.Workspace) -> None:
    """New York's clocks went forward on 10 March 2013: a day of 23 hours; naive times are its wall clock's."""
    first = datetime(2013, 2, 20)
    times = [first + timedelta(minutes=20 * i) for i in range(72 * 21)]
    table = pl.DataFrame({"id": range(len(times)), "at": times, "x": [i % 97 for i in range(len(times))]})
    model = store.register("ny", table[: 72 * 17], id="id", time="at", window="1d", timezone="America/New_York")
    received = model.log(table[72 * 17 :])  # from 9 March
    assert received.reasons == {"impossible time": 3}, "the hour that there was not"
    found = {verdict.window for verdict in model.check(now=datetime(2013, 4, 1, tzinfo=UTC)) if verdict.window}
    assert sorted(found)[:3] == [
        ("2013-03-09T00:00:00-05:00", "2013-03-10T00:00:00-05:00"),
        ("2013-03-10T00:00:00-05:00", "2013-03-11T00:00:00-04:00"),
        ("2013-03-11T00:00:00-04:00", "2013-03-12T00:00:00-04:00"),
    ]
    assert [window.events for window in model.store.windows("ny")] == [72, 69, 72, 72]
    assert model.check(now=datetime(2013, 4, 1, tzinfo=UTC)) == []


def test_late_events_judge_their_window_again_and_it_counts_once(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 2).drop("y")
    model.log(table[::2])
    assert {v.n for v in model.check(now=day(17)) if v.column == "x"} == {A_DAY // 2}
    model.log(table[1:A_DAY:2])  # of the first day
    again = model.check(now=day(18))
    assert spans(again) == [day(14).isoformat()]
    assert {v.n for v in again if v.column == "x"} == {A_DAY}
    seen = [(row.start, row.kind, row.body["column"], row.body["metric"]) for row in kept(model)]
    assert len(seen) == len(set(seen))
    assert {row.applied for row in kept(model) if row.start == day(14).timestamp()} == {2}


def test_corrected_labels_judge_their_window_again(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 1)
    live(model, table)
    before = {v.metric: v.value for v in model.check(now=day(16)) if v.column is None}
    model.label(table.select("id", y=1 - pl.col("y")))
    after = {v.metric: v.value for v in model.check(now=day(16)) if v.column is None}
    assert after["accuracy"] == pytest.approx(1 - (before["accuracy"] or 0))
    (alarmed,) = {row.start for row in kept(model) if row.kind == "degraded"}
    assert alarmed == day(14).timestamp()
    assert model.check(now=day(16)) == []


def test_an_equal_label_again_changes_nothing(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 1)
    live(model, table)
    before = {v.metric: v.value for v in model.check(now=day(16)) if v.column is None}
    model.label(table.select("id", "y"))
    again = {v.metric: v.value for v in model.check(now=day(16)) if v.column is None}
    assert again in ({}, before)


def test_performance_waits_until_labels_cover_the_window(store: rt.Workspace) -> None:
    """Those that are known early are not like the others."""
    model, table = registered(store, coverage=0.9), events(14, 1)
    model.log(table.drop("y"))
    model.label(table.select("id", "y").head(int(0.89 * A_DAY)))
    early = model.check(now=day(16))
    assert of_the_model(early) == set()
    assert waits(early) == ["89 % of 300 rows have a label, needs 90 %; if no more will come, register with maturity="]
    model.label(table.select("id", "y").head(int(0.9 * A_DAY)))
    assert of_the_model(model.check(now=day(16))) == {"roc_auc", "accuracy"}


def test_performance_waits_until_labels_are_ripe(store: rt.Workspace) -> None:
    """However few there are then: no more will come. Nothing else needs to change for that."""
    model, table = registered(store, maturity="3d"), events(14, 1)
    model.log(table.drop("y"))
    model.label(table.select("id", "y").head(A_DAY // 2))
    early = model.check(now=day(15))
    assert of_the_model(early) == set()
    assert waits(early) == ["50 % of 300 rows have a label, needs 90 %; or from 19 January 2024 on"]
    assert model.check(now=day(17.9)) == []
    ripe = model.check(now=day(18))
    assert of_the_model(ripe) == {"roc_auc", "accuracy"}
    partly = [v for v in ripe if v.column is None and v.metric != "mmd"]
    assert all(v.reason.endswith("; 50 % of the rows have a label") for v in partly)
    assert model.check(now=day(30)) == []


def test_rules_about_performance_wait_for_the_labels_too(store: rt.Workspace) -> None:
    """In a slice as in the whole: the label that comes early is the odd one everywhere."""
    rules = ["accuracy >= 0.99", "accuracy[city = 'JFK'] >= 0.99"]
    model, table = registered(store, rules=rules), events(14, 1)
    model.log(table.drop("y"))
    model.label(table.select("id", "y").head(A_DAY // 2))
    assert of_the_model(model.check(now=day(16))) == set()
    model.label(table.select("id", "y"))
    degraded = [v.slice for v in model.check(now=day(16)) if v.kind is rt.VerdictKind.DEGRADED]
    assert set(degraded) == {None, "city = 'JFK'"}


def test_no_label_at_all_is_not_told(store: rt.Workspace) -> None:
    model = registered(store)
    model.log(events(14, 1).drop("y"))
    assert waits(model.check(now=day(16))) == []


def test_a_planted_drift_is_one_incident_that_ends(store: rt.Workspace) -> None:
    """Three bad days among calm ones, checked day by day: one message while it lasts, and its end is told."""
    model, ids, states = registered(store), set(), list[int]()
    for number in range(14, 24):
        live(model, events(number, 1, turned=("JFK",) if 17 <= number < 20 else ()), delay=0)
        model.check(now=day(number + 1))
        alive = model.incidents(live=True)
        ids |= {one.id for one in alive}
        states.append(len(alive))
    assert states == [0, 0, 0, 1, 1, 1, 1, 0, 0, 0]
    assert len(ids) == 1
    (incident,) = model.incidents()
    assert (incident.kind.value, incident.state.value) == ("degraded", "resolved")
    assert (incident.since, incident.until) == (day(17).isoformat(), day(20).isoformat())
    assert model.incident(incident.id[:4]).to_dict() == incident.to_dict()


def test_what_people_say_of_an_incident_survives_the_next_check(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 1, turned=("JFK", "LGA", "EWR")))
    model.check(now=day(15.5))
    said: list[Any] = []
    for number, say in enumerate(["acknowledge", "snooze", "resolve"], 15):
        (incident,) = model.incidents()
        if say == "acknowledge":
            incident.acknowledge()
        elif say == "snooze":
            incident.snooze(day(30))
        else:
            incident.resolve(day(16.5))
        if say != "resolve":
            live(model, events(number, 1, turned=("JFK", "LGA", "EWR")))
        model.check(now=day(number + (0.9 if say == "resolve" else 1.5)))
        said.append([one.state.value for one in model.incidents()])
    assert said == [["acknowledged"], ["snoozed"], ["resolved"]]
    assert model.incidents(live=True) == []


def test_a_resolved_problem_that_goes_on_is_live_again(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 1, turned=("JFK", "LGA", "EWR")))
    model.check(now=day(15.5))
    model.incidents()[0].resolve(day(15))
    assert model.incidents()[0].sentence.startswith(("On ", "From "))  # no longer "Since"
    live(model, events(15, 1, turned=("JFK", "LGA", "EWR")))
    model.check(now=day(16.5))
    (incident,) = model.incidents(live=True)
    assert incident.since == day(14).isoformat()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.rename({"x": "xx"}), "'x' is now called 'xx'"),
        (lambda f: f.drop("x"), "'x' is gone"),
    ],
)
def test_a_changed_column_is_named_as_that(store: rt.Workspace, change: Any, told: str) -> None:
    model = registered(store)
    received = model.log(change(events(14, 1).drop("y")))
    assert received.changes == (told,)
    broken = [verdict for verdict in model.check(now=day(16)) if verdict.kind is rt.VerdictKind.BROKEN]
    assert told in {verdict.reason for verdict in broken}
    assert model.incidents(live=True)[0].kind is rt.VerdictKind.BROKEN
    model.log(events(16, 1).drop("y"))
    assert told not in {verdict.reason for verdict in model.check(now=day(18))}


@pytest.mark.parametrize(
    ("harmless", "said"),
    [
        (lambda f: [f.with_columns(x=pl.col("x").cast(pl.String))], [("drifting", False)]),  # all can be read
        (lambda f: [f[:3].drop("x"), f[3:]], []),  # three rows of a day
    ],
)
def test_a_change_that_did_no_harm_is_a_notice_or_nothing(
    store: rt.Workspace, harmless: Any, said: list[tuple[str, bool]]
) -> None:
    """One odd batch doesn't break a day: what it did to the values is judged by the values."""
    model = registered(store)
    for batch in harmless(events(14, 1).drop("y")):
        model.log(batch)
    told = [v for v in model.check(now=day(16)) if v.column == "x" and v.reason.startswith("'x' ")]
    assert [(verdict.kind.value, verdict.alarms) for verdict in told] == said
    assert model.incidents() == []


def test_a_column_whose_values_no_longer_fit_is_named_though_no_row_is_taken(store: rt.Workspace) -> None:
    received = registered(store).log(events(14, 1).drop("y").with_columns(x=pl.lit("far")))
    assert (received.accepted, received.quarantined) == (0, A_DAY)
    assert received.changes == ("'x' was Float64 and is now String",)


def test_a_new_column_is_told_without_an_alarm(store: rt.Workspace) -> None:
    model = registered(store)
    model.log(events(14, 1).drop("y").with_columns(gate=pl.lit("B")))
    told = [verdict for verdict in model.check(now=day(16)) if verdict.column == "gate"]
    assert [(verdict.reason, verdict.alarms) for verdict in told] == [("'gate' (String) is new", False)]
    assert model.incidents() == []


def test_rules_are_judged_in_every_window_and_on_slices(store: rt.Workspace) -> None:
    model = registered(store, rules=["rows >= 301", "accuracy[city = 'JFK'] >= 0.99", "missing(x) <= 0.5"])
    live(model, events(14, 1))
    told = {v.metric: (v.kind.value, v.slice) for v in model.check(now=day(16)) if "rule says" in v.reason}
    assert told == {
        "rows": ("silent", None),
        "accuracy": ("degraded", "city = 'JFK'"),
        "missing": ("true", None),
    }


def test_figures_are_kept_to_draw_over_time(store: rt.Workspace) -> None:
    model, table = registered(store), events(14, 2)
    live(model, table)
    model.check(now=day(17))
    with model.store.catalog.read() as tx:
        points = tx.find(rows.Point, model="flights", metric="accuracy")
    right = table.with_columns(right=(pl.col("p") >= 0.5) == (pl.col("y") == 1))
    assert {point.start: point.value for point in points} == {
        int(day(n).timestamp()): right.filter(pl.col("at").is_between(day(n), day(n + 1), closed="left"))[
            "right"
        ].mean()
        for n in (14, 15)
    }


def test_what_each_columns_move_costs_is_kept_as_well(store: rt.Workspace) -> None:
    """Scores that move with x, on labels that stay: fewer sure predictions, an expected loss by x alone."""
    model = registered(store)
    live(model, events(14, 1, shift=3.0))
    model.check(now=day(16))
    with model.store.catalog.read() as tx:
        points = {point.column: point for point in tx.find(rows.Point, model="flights", metric=IMPACT)}
    judge = judge_of(model, model.reference.load())
    profile = model.store.profiles("flights", slice="")[0].profile
    told = judge.assess(profile).impacts
    assert {"x", "city"} <= set(points)
    assert {name: point.value for name, point in points.items()} == {name: one.value for name, one in told.items()}
    assert points["x"].note == told["x"].metric


def test_no_events_are_nothing_to_judge(store: rt.Workspace) -> None:
    model = registered(store)
    assert model.check(now=START + timedelta(days=365)) == []
    assert model.incidents() == []
    with pytest.raises(rt.StoreError, match="no incidents yet"):
        model.incident("abc")


def test_an_alarm_is_told_though_the_check_was_stopped_before_it_was(
    store: rt.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between the verdicts and the incidents: the next check has nothing to judge, and still tells."""
    model = registered(store)
    live(model, events(14, 3, shift=3.0))

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as fault:
        fault.setattr("retrue.workspace.check.checking.regroup", stopped)
        with pytest.raises(KeyboardInterrupt):
            model.check(day(17))
    assert not model.incidents()
    assert not model.check(day(17))
    assert model.incidents()


def test_a_window_with_too_few_rows_says_so_once(store: rt.Workspace) -> None:
    """And of all its columns: one sentence each would say no more."""
    model = registered(store)
    live(model, events(14, 1).head(20))
    (verdict,) = [one for one in model.check(now=day(15.9)) if "needs 50" in one.reason and one.metric is None]
    assert (verdict.reason, verdict.column) == ("20 rows, needs 50", None)
    assert {"x", "city"} <= set(verdict.columns)
