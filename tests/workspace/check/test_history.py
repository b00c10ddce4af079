"""Rules whose thresholds come from earlier windows: read from the catalog, measured where nothing is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.workspace.conftest import A_DAY, DAYS, day, events, live, registered

import retrue as rt
from retrue.store import rows
from retrue.workspace.check import history
from retrue.workspace.check.judged import judge_of

RULE = "mean(x) within 5 sigma"
REGISTERED: dict[str, Any] = {"rules": [RULE], "alarm_budget": "1 per 3000d"}


def of_rule(verdicts: list[rt.Verdict], rule: str = RULE) -> list[rt.Verdict]:
    """The verdicts of a rule, in order of time."""
    subject = rule.split(" ", maxsplit=1)[0] + " is"
    return sorted((v for v in verdicts if v.reason.startswith(subject)), key=lambda v: v.window or ("", ""))


def means(first: int, days: int) -> list[float]:
    """The mean of x on each day."""
    frame = events(first, days)
    return [float(np.mean(frame["x"][i * A_DAY : (i + 1) * A_DAY].to_numpy())) for i in range(days)]


def test_a_rule_learns_from_the_windows_before_the_one_it_judges(store: rt.Workspace) -> None:
    """Twelve days, all judged at once: the first ten have too short a history, the twelfth knows eleven."""
    model = registered(store, **REGISTERED)
    model.log(events(14, 12).drop("y"))
    found = of_rule(model.check(now=day(26)))
    assert [verdict.kind for verdict in found] == ["not_comparable"] * 10 + ["true"] * 2
    assert "9 earlier windows, needs 10" in found[9].reason
    past = means(14, 12)[:11]
    low, high = (np.mean(past) + k * np.std(past, ddof=1) for k in (-5, 5))
    assert found[11].threshold == pytest.approx(min((low, high), key=lambda b: abs(b - (found[11].value or 0))))


def test_day_by_day_it_comes_to_the_same(store: rt.Workspace) -> None:
    """Earlier figures then come from the catalog, not from profiles."""
    model = registered(store, **REGISTERED)
    table = events(14, 12).drop("y")
    last = []
    for number in range(12):
        model.log(table[number * A_DAY : (number + 1) * A_DAY])
        last = of_rule(model.check(now=day(15 + number)))
    other = registered_again(store, table)
    at_once = of_rule(other.check(now=day(26)))
    assert len(last) == 1
    assert last[0].reason == at_once[-1].reason


def registered_again(store: rt.Workspace, table: pl.DataFrame) -> rt.Model:
    """The same model under another name, with all of a table logged."""
    roles = {"id": "id", "time": "at", "label": "y", "score": "p", "slices": ["city"], "window": "1d"}
    model = store.register("again", events(0, DAYS), **{**roles, **REGISTERED})
    model.log(table)
    return model


def test_what_moved_alarms_and_says_by_how_much(store: rt.Workspace) -> None:
    model = registered(store, **REGISTERED)
    model.log(events(14, 12).drop("y"))
    model.check(now=day(26))
    model.log(events(26, 1, shift=1.0).drop("y"))
    (found,) = of_rule(model.check(now=day(27)))
    assert (found.kind, found.alarm) == ("broken", True)
    assert "of 12 earlier windows" in found.reason
    assert found.threshold is not None
    assert found.value is not None
    assert found.value > found.threshold


def test_a_figure_is_measured_anew_where_its_window_has_changed(store: rt.Workspace) -> None:
    """Late events move the mean of a day that was judged; the next day's history has the new mean."""
    model = registered(store, **REGISTERED)
    model.log(events(14, 11).drop("y"))
    model.check(now=day(25))
    model.log(events(14, 1, shift=3.0).with_columns(id=pl.col("id") + "late").drop("y"))
    version = model.version
    judge = judge_of(model, model.reference_of(version).load())
    due = [window for window in model.store.windows(model.name) if window.start == day(24).timestamp()]
    (past,) = history.pasts(model, judge, due, day(26)).values()
    assert past.values[0] == pytest.approx(means(14, 1)[0] + 1.5)
    assert past.values[1:] == pytest.approx(means(14, 10)[1:])


def test_figures_of_slices_are_kept_apart_from_those_of_all_rows(store: rt.Workspace) -> None:
    rule = "mean(x)[city = 'JFK'] <= 1.5 * reference"
    model = registered(store, rules=[rule])
    model.log(events(14, 1).drop("y"))
    model.check(now=day(15))
    with model.store.catalog.read() as tx:
        points = tx.find(rows.Point, model=model.name, metric="mean", column="x")
    table = events(14, 1)
    own = table.filter(pl.col("city") == "JFK")
    assert {point.slice: point.value for point in points} == {
        "city = 'JFK'": pytest.approx(float(own["x"].to_numpy().mean()))
    }


def test_a_slice_is_held_against_its_own_reference(store: rt.Workspace) -> None:
    """A frequent city, a range, and the accuracy there: each against the same rows of the reference."""
    rules = ["mean(p)[city = 'JFK'] <= 2 * reference", "mean(p)[x > 1] <= reference", "accuracy[x > 1] >= reference"]
    model = registered(store, rules=rules)
    live(model, events(14, 1))
    verdicts = model.check(now=day(17))
    asked = [("city = 'JFK'", "mean"), ("x > 1", "mean"), ("x > 1", "accuracy")]
    found = [verdict for what in asked for verdict in verdicts if (verdict.slice, verdict.metric) == what]
    table = events(0, DAYS)
    city, high = table.filter(pl.col("city") == "JFK"), table.filter(pl.col("x") > 1)
    right = float(np.mean((high["p"].to_numpy() >= 0.5) == high["y"].to_numpy()))
    expected = [2 * city["p"].to_numpy().mean(), high["p"].to_numpy().mean(), right]
    assert [verdict.threshold for verdict in found] == pytest.approx(expected, rel=1e-6)


def test_a_slice_whose_reference_is_gone_cant_be_held_against_it(store: rt.Workspace) -> None:
    model = registered(store, rules=["mean(p)[x > 1] <= 2 * reference"])
    model.log(events(14, 1).drop("y"))
    model.reference.path.unlink()
    (found,) = [verdict for verdict in model.check(now=day(15)) if verdict.slice == "x > 1"]
    assert found.kind == "not_comparable"
    assert found.reason.endswith("the reference has no such value")


def test_performance_has_a_history_too_and_waits_for_its_labels(store: rt.Workspace) -> None:
    model = registered(store, rules=["accuracy >= -4 sigma"], alarm_budget="1 per 3000d")
    live(model, events(14, 13))
    model.check(now=day(27))
    live(model, events(27, 1, turned=("JFK", "LGA")))
    (found,) = of_rule(model.check(now=day(29)), "accuracy")
    assert (found.kind, found.metric) == ("degraded", "accuracy")
    assert "of 13 earlier windows" in found.reason
