"""Windows compared with other windows, longer windows, and what good windows teach."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from tests.workspace.conftest import A_DAY, day, events, live, registered

import retrue as rt
from retrue.judge.against import Against
from retrue.workspace.check.judged import judge_of
from retrue.workspace.check.timeline import Timeline
from retrue.workspace.explain.evidence import alarmed, made_of


def about(verdicts: list[rt.Verdict], column: str, start: str) -> rt.Verdict:
    """The verdict on a column in the window that starts then."""
    return next(v for v in verdicts if v.column == column and v.window is not None and v.window[0] == start)


def shifted(first: int, days: int) -> pl.DataFrame:
    """Days on which x is higher for good."""
    return events(first, days, shift=1.0).drop("y")


def test_a_new_level_is_news_once_against_the_window_before(store: rt.Workspace) -> None:
    model = registered(store, against="previous")
    model.log(events(14, 2).drop("y"))
    model.log(shifted(16, 2))
    found = model.check(now=day(18))
    kinds = [about(found, "x", day(i).isoformat()).kind.value for i in (15, 16, 17)]
    assert kinds == ["true", "drifting", "true"]
    assert about(found, "x", day(14).isoformat()).kind.value == "not_comparable", "nothing was logged before"


def test_against_can_be_said_for_one_check(store: rt.Workspace) -> None:
    model = registered(store)
    model.log(shifted(14, 9))
    found = model.check(now=day(23), against="same day last week")
    assert about(found, "x", day(21).isoformat()).kind.value == "true"
    assert about(found, "x", day(20).isoformat()).kind.value == "not_comparable"


@pytest.mark.parametrize("against", ["last 3d", "2024-01-15 to 2024-01-18"])
def test_a_window_is_compared_with_the_sum_of_others(store: rt.Workspace, against: str) -> None:
    model = registered(store)
    model.log(events(14, 4).drop("y"))
    timeline, judge = Timeline(model, "1"), judge_of(model, model.reference.load())
    found = timeline.against(judge, Against.parse(against), int(day(17).timestamp()))
    assert found.reference.profile.rows == 3 * A_DAY
    assert found.reference.scores is judge.reference.scores


def test_rules_hold_whatever_a_window_is_compared_with(store: rt.Workspace) -> None:
    model = registered(store, against="previous", rules=["mean(x) <= 0.5"])
    model.log(shifted(14, 1))
    assert "broken" in {v.kind.value for v in model.check(now=day(15))}


def test_good_windows_join_the_reference_s_own(store: rt.Workspace) -> None:
    """Those whose labels came and in which nothing alarmed."""
    model = registered(store)
    live(model, events(14, 3))
    model.log(events(17, 1).drop("y"))
    live(model, events(18, 1, turned=("JFK", "LGA", "EWR")))
    model.check(now=day(30))
    timeline, judge = Timeline(model, "1"), judge_of(model, model.reference.load())
    assert timeline.good(judge) == [int(day(i).timestamp()) for i in (14, 15, 16)]
    habits = timeline.habits(judge, Against())
    assert len(habits.windows) == 14 + 3
    assert len(timeline.habits(judge, Against.parse("previous")).windows) == 13 + 3, "each with the one before"


def test_a_week_shows_what_no_day_does(store: rt.Workspace) -> None:
    """The mean rises by 0.3 standard deviations: too little for 100 rows, not for 700."""
    model = store.register("flights", events(0, 56)[::3], id="id", time="at", window="1d", longer=["7d"])
    model.log(events(56, 7, shift=0.3)[::3])
    moved = [v for v in model.check(now=day(63)) if v.column == "x" and v.kind.value == "drifting"]
    week = next(v for v in moved if v.reason.startswith("over 7 days: moved by KS"))
    assert week.window == (day(56).isoformat(), day(63).isoformat())
    assert week.n == 7 * A_DAY / 3
    assert len(moved) <= 4, "few days show it by themselves"
    assert model.check(now=day(64)) == []


def test_an_incident_of_a_week_is_about_all_of_its_days(store: rt.Workspace) -> None:
    """Also where the clocks changed in it: what it costs and why is asked of seven days, not of the last."""
    zone = "America/New_York"
    table = events(0, 56).with_columns(pl.col("at") + pl.duration(hours=5))
    model = store.register(
        "ny", table[::3], id="id", time="at", window="1d", longer=["7d"], timezone=zone, estimate="off"
    )
    model.log(events(63, 7, shift=0.3).with_columns(pl.col("at") + pl.duration(hours=5))[::3])
    model.check(now=day(72))
    of_a_week = next(one for one in model.incidents() if any(v.reason.startswith("over") for v in one.verdicts))
    span = next(v.window for v in of_a_week.verdicts if v.reason.startswith("over"))
    assert span == ("2024-03-04T00:00:00-05:00", "2024-03-11T00:00:00-04:00")
    assert made_of(model, span) == Timeline(model, "1").starts[:7]
    assert alarmed(model, of_a_week.incident) == set(Timeline(model, "1").starts[:7])
    assert (of_a_week.since, of_a_week.last) == span


def test_a_part_of_a_week_isnt_judged_as_a_week(store: rt.Workspace) -> None:
    """Its weekend alone isn't like weeks; one missing day is forgiven."""
    model = store.register(
        "flights", events(0, 56)[::3], id="id", time="at", window="1d", longer=["7d"], estimate="off"
    )
    model.log(pl.concat([events(61, 2, shift=1.0), events(64, 6, shift=1.0)])[::3])
    told = [v.window for v in model.check(now=day(71)) if v.reason.startswith("over")]
    assert set(told) == {(day(63).isoformat(), day(70).isoformat())}


def test_longer_windows_wait_for_their_end_and_for_enough_of_their_kind(store: rt.Workspace) -> None:
    model = registered(store, longer=["7d"])
    model.log(shifted(14, 7))
    assert not [v for v in model.check(now=day(20)) if v.reason.startswith("over")]
    judge = judge_of(model, model.reference.load())
    assert Timeline(model, "1").longer_judge(judge, 7 * 86_400.0) is None, "two weeks tell nothing"


def test_lengths_share_the_budget(store: rt.Workspace) -> None:
    one = registered(store).options
    two = replace(one, longer=(7 * 86_400.0,))
    assert two.settings().budget.alarms == one.settings().budget.alarms / 2
    assert two.settings(7 * 86_400.0).looks == pytest.approx(30 / 7)


@pytest.mark.parametrize("longer", [["1d"], ["36h"]])
def test_longer_windows_are_made_of_whole_ones(store: rt.Workspace, longer: list[str]) -> None:
    with pytest.raises(rt.errors.ConfigError, match="a multiple of"):
        registered(store, longer=longer)


def test_a_window_of_summer_time_is_found_a_week_later(store: rt.Workspace) -> None:
    """Days that start an hour earlier after the clocks went forward are the same days of the week."""
    times = [day(60) + timedelta(hours=h) for h in range(24 * 40)]
    rng = np.random.default_rng(1)
    table = pl.DataFrame({"id": range(len(times)), "at": times, "x": rng.normal(size=len(times))})
    model = store.register("ny", table[: 24 * 7], id="id", time="at", window="1d", timezone="America/New_York")
    model.log(table[24 * 7 :])
    timeline, judge = Timeline(model, "1"), judge_of(model, model.reference.load())
    rows = [
        timeline.against(judge, Against.parse("same day last week"), start).reference.profile.rows
        for start in timeline.starts[8:-1]
    ]
    assert set(rows) <= {23, 24, 25}


def test_windows_of_a_false_alarm_are_known_to_be_good(store: rt.Workspace) -> None:
    """Also those whose labels never came: somebody looked."""
    model = registered(store)
    live(model, events(14, 2))
    model.log(events(16, 1, shift=6.0).drop("y"), at=day(17))
    model.check(now=day(18))
    judge = judge_of(model, model.reference.load())
    start = int(day(16).timestamp())
    assert start not in Timeline(model, "1").good(judge)
    (moved,) = (one for one in model.incidents() if "x" in one.columns)  # beside it: nothing has come since
    moved.mark(real=False)
    assert start in Timeline(model, "1").good(judge)
    assert start not in Timeline(model, "1").alarmed
    moved.mark(real=True)
    assert start in Timeline(model, "1").alarmed
