"""Events of an earlier champion whose labels come after a promotion are still collected and learned from."""

from __future__ import annotations

from datetime import datetime

import polars as pl
from tests.workspace.conftest import Begin, day, live
from tests.workspace.promote.test_promotion import LEARNER
from tests.workspace.promote.test_tried import challenged, scored, turned

import retrue as rt
from retrue.refine.collect import Collected
from retrue.workspace.run import Run


def promoted_before_labels(begin: Begin) -> tuple[rt.Model, Run, Collected, pl.DataFrame]:
    """Four days of the champion's whose labels come half a day after it was replaced; some were collected before."""
    model = begin(challenged).model("flights")
    run, late = model.run("latest"), turned(24, 4)
    model.watch_signal("x > 1", name="high", policy="always")
    model.collect_new()
    model.log(late.drop("y"), at=day(28))
    found = model.collect("city = 'JFK'", name="jfk", since=day(24))
    run.promote(now=day(28))
    return model, run, found, late


def test_what_was_collected_of_an_earlier_champion_is_learned_from_once_its_labels_come(begin: Begin) -> None:
    model, run, found, late = promoted_before_labels(begin)
    model.label(late.select("id", "y"), at=day(28.5))
    live(model, scored(run, turned(28, 10)))
    later = model.retrain(LEARNER, mix=rt.Mix({found: 1.0}), holdout="2d", now=day(40))
    assert (later.manifest["rows"], later.manifest["left_out"]) == (found.rows.height, {})
    assert later.rebuild().same


def test_the_log_has_what_an_earlier_champion_scored_after_the_run_was_cut(begin: Begin) -> None:
    """Ten days of its own, and the four that no reference has; after the way back, what came meanwhile."""
    model, run, _, late = promoted_before_labels(begin)
    model.label(late.select("id", "y"), at=day(28.5))
    own = scored(run, turned(28, 10))
    live(model, own)
    assert set(model.logged().frame["id"]) == {*late["id"], *own["id"]}
    assert set(model.logged(since=day(27)).frame["id"]) == {*late.filter(pl.col("at") >= day(27))["id"], *own["id"]}
    later = model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="2d", now=day(40))
    assert later.manifest["rows"] == late.height + own.filter(pl.col("at") < later_cut(later)).height
    assert later.rebuild().same
    assert model.rollback() == "1"
    assert set(own["id"]) < set(model.logged().frame["id"])


def later_cut(run: Run) -> datetime:
    """Where its training ends."""
    return datetime.fromisoformat(run.manifest["cut"])


def test_signals_collect_what_an_earlier_champion_scored_last(begin: Begin) -> None:
    """Nothing had collected those four days when it was replaced."""
    model, _, _, late = promoted_before_labels(begin)
    assert model.collect_new() == {"high": late.filter(pl.col("x") > 1).height}
    assert model.collect_new() == {}


def test_signals_take_no_event_twice_that_a_shadow_scored_too(begin: Begin) -> None:
    """The four days of version 2 beside the champion are the champion's, also once version 2 is the champion."""
    model = begin(challenged).model("flights")
    run, table = model.run("latest"), turned(24, 4)
    model.watch_signal("x > 1", name="high", policy="always")
    model.trial("2", run=run.id, now=day(24))
    model.log(table.drop("y"), at=day(28))
    model.log(scored(run, table).drop("y"), version="2", at=day(28))
    run.promote(now=day(28))
    model.collect_new()
    (high,) = (one for one in model.collections() if one.name == "high")
    assert high.rows.filter(pl.col("at") >= day(24))["id"].is_unique().all()
