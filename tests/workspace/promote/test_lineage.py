"""What a promotion did is told from the judged windows before and after it, with intervals."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score
from tests.workspace.conftest import day, events, live, registered
from tests.workspace.promote.test_promotion import LEARNER

import retrue as rt
from retrue.server.pages.refine import view_of
from retrue.server.pages.turn import effect_said
from retrue.workspace.clock import micros
from retrue.workspace.promote.lineage import Effect, Side, effect_of, lineages, pooled


def test_windows_are_pooled_by_their_labelled_rows() -> None:
    """By hand: 0.8 +- 0.1 on 300 rows and 0.6 +- 0.2 on 100 come to 0.75 +- sqrt(30^2 + 20^2) / 400."""
    found = pooled("1", [(0.8, 0.7, 0.9), (0.6, 0.4, 0.8)], [300, 100], estimated=False)
    reach = math.hypot(30, 20) / 400
    assert found.value == pytest.approx(0.75)
    assert found.interval == pytest.approx((0.75 - reach, 0.75 + reach))
    assert pooled("1", [(0.8, None, None)], [1], estimated=True).interval is None


@pytest.mark.parametrize(
    ("metric", "after", "change"),
    [
        ("accuracy", Side("2", 0.8, (0.78, 0.82), 3, False), "better"),
        ("accuracy", Side("2", 0.6, (0.58, 0.62), 3, False), "worse"),
        ("brier", Side("2", 0.6, (0.58, 0.62), 3, False), "better"),
        ("accuracy", Side("2", 0.71, (0.69, 0.73), 3, False), "within noise"),
        ("accuracy", Side("2", 0.8, None, 3, False), "can't tell"),
        ("accuracy", None, "can't tell"),
    ],
)
def test_an_effect_is_told_with_its_interval(metric: str, after: Side | None, change: str) -> None:
    found = Effect(metric, Side("1", 0.7, (0.68, 0.72), 5, False), after)
    assert found.change == change
    if after is not None and after.interval is not None and found.difference is not None:
        reach = math.hypot(0.02, 0.02)
        gap = after.value - 0.7
        assert found.difference[1] == pytest.approx((gap - reach, gap + reach))


def daily(table: pl.DataFrame) -> list[float]:
    """ROC AUC of each day, by scikit-learn."""
    days = table.with_columns(pl.col("at").dt.truncate("1d").alias("day")).partition_by("day", maintain_order=True)
    return [float(roc_auc_score(one["y"], one["p"])) for one in days]


def test_before_and_after_wait_for_labels_that_mature_late(store: rt.Workspace) -> None:
    """Labels take four days. Before: days whose labels came after the promotion, too. After: no early, bent labels."""
    model, world = registered(store, maturity="4d"), events(14, 10, turned=("JFK", "LGA", "EWR"))
    model.log(world.drop("y"), at=day(24))
    known = pl.col("at") < day(20)
    model.label(world.filter(known).select("id", "y"), at=day(24))
    model.check(now=day(24))
    run = model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="2d", now=day(24))
    run.promote()
    later = events(24, 3, turned=("JFK", "LGA", "EWR"))
    later = later.with_columns(p=pl.Series(run.predict(later)))
    model.log(later.drop("y"), at=day(27))
    model.label(later.filter((pl.col("y") == 1) | (pl.col("x") > 1)).select("id", "y"), at=day(27))
    model.check(now=day(27))

    def effect() -> Effect:
        found = effect_of(model, lineages(model)[0])
        assert found is not None
        assert found.metric == "roc_auc"
        return found

    first = effect()
    assert (first.after, first.change) == (None, "can't tell")
    assert first.before is not None
    assert first.before.windows == 6
    model.label(world.filter(~known).select("id", "y"), at=day(28))
    model.label(later.select("id", "y"), at=day(31))
    model.check(now=day(31))
    last = effect()
    assert last.before is not None
    assert last.after is not None
    assert (last.before.windows, last.after.windows) == (10, 3)
    assert last.before.value == pytest.approx(np.mean(daily(world)), abs=0.005)
    assert last.after.value == pytest.approx(np.mean(daily(later)), abs=0.005)
    assert last.change == "better"
    assert "degraded" not in {one.kind.value for one in model.incidents(live=True)}, "a replaced version alarms nobody"


def test_labels_are_not_held_against_estimates() -> None:
    before, after = Side("1", 0.6, (0.58, 0.62), 5, estimated=False), Side("2", 0.8, (0.78, 0.82), 3, estimated=True)
    found = Effect("accuracy", before, after)
    assert (found.difference, found.change) == (None, "can't tell")
    assert effect_said(found) == (
        "accuracy 0.600 before by labels, 0.800 since as estimated: no comparison before labels have matured"
    )


def test_rows_keep_their_incident_when_their_signal_is_watched_no_more(store: rt.Workspace) -> None:
    model = registered(store, maturity="1d")
    live(model, events(14, 10, shift=2.0))
    model.check(now=day(25))
    incident = next(one for one in model.incidents() if one.incident.cause is not None)
    model.watch_signal(incident, name="theirs", since=day(14))
    model.collect_new()
    (theirs,) = model.collections()
    model.retrain(LEARNER, mix=rt.Mix({model.logged(): 0.5, theirs: 0.5}), holdout="2d", now=day(25))
    model.unwatch_signal("theirs")
    (turn,) = lineages(model)
    assert turn.incidents == (incident.id,)
    assert [one.incident for one in turn.parts] == [None, incident.id]
    # The page dates a replay by the replay's time, not by the clock on the wall.
    model.decide(day(26))
    page = view_of(model, None)
    assert page.decided is not None
    assert (page.turns[0].created, page.decided.created) == (micros(day(25)), micros(day(26)))
    assert [(one.name, one.until) for one in page.kept] == [("theirs", day(23).date().isoformat())]
