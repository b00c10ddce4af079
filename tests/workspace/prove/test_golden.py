"""Golden sets: what may be one, what it guards, and that nobody learns from it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tests.workspace.conftest import day, events, live, registered
from tests.workspace.train.test_training import LEARNER

import retrue as rt


def challenger(model: rt.Model) -> Any:
    """A challenger that learned from days 14 to 22."""
    live(model, events(14, 10))
    return model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="2d", now=day(25))


def test_few_rows_and_rows_of_one_class_guard_by_single_errors(store: rt.Workspace) -> None:
    """Neither has an order, by which ROC AUC tells two models apart; the champion was right everywhere, for once."""
    model = registered(store, maturity="1d")
    run = challenger(model)
    for name, few in (("few", events(60, 1).head(45)), ("one class", events(61, 1).filter(pl.col("y") == 1))):
        model.golden(name, few.with_columns(p=pl.col("y") * 0.98 + 0.01))
    found = {one.where: one for one in run.prove().contests if one.where.startswith("golden")}
    assert [(one.metric, one.outcome) for one in found.values()] == [("brier", "worse"), ("brier", "worse")]
    assert any("golden set one class" in reason for reason in run.prove().reasons)


def test_fewer_than_ten_rows_guard_nothing_and_are_refused(store: rt.Workspace) -> None:
    with pytest.raises(rt.SchemaError, match=r"9 rows with a label.*at least 10"):
        registered(store).golden("handful", events(60, 1).head(9))


@pytest.mark.parametrize("named", [True, False])
def test_rows_of_a_golden_set_that_were_learned_from_are_found(store: rt.Workspace, *, named: bool) -> None:
    """By their events where they have ids; else by being equal in all that the model sees."""
    model = registered(store, maturity="1d")
    run = challenger(model)
    old, new, whose = events(14, 10).slice(300, 300), events(60, 1), [] if named else ["id", "at"]
    model.golden("old", old.drop(whose))
    model.golden("new", new.drop(whose))
    assert run.prove().faults == ("it was trained on 300 rows of the golden set 'old'",)


def test_a_golden_set_goes_through_the_same_door_as_events(store: rt.Workspace) -> None:
    """What is hashed there is hashed here, so that it is found, and forgotten."""
    model = registered(store, maturity="1d", privacy={"id": "hash"})
    run = challenger(model)
    model.golden("old", events(15, 1))
    (kept,) = model.golden_sets()
    assert not set(kept.frame["id"]) & set(events(15, 1)["id"])
    assert run.prove().faults == ("it was trained on 300 rows of the golden set 'old'",)
    model.forget(["e4500"])
    assert model.golden_sets()[0].frame.height == 299


def test_a_collection_never_takes_the_place_of_a_golden_set(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 2))
    model.golden("edge", events(60, 1))
    with pytest.raises(rt.ConfigError, match="a golden set is called 'edge'"):
        model.collect("x > 1", name="edge")
    model.watch_signal("x > 1", name="high")
    with pytest.raises(rt.SchemaError, match="a signal is called 'high' already"):
        model.golden("high", events(60, 1))


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a" * 201])
def test_names_can_be_read_and_typed_again(store: rt.Workspace, name: str) -> None:
    model = registered(store)
    live(model, events(14, 2))
    with pytest.raises(rt.ConfigError, match="can't name a golden set"):
        model.golden(name, events(60, 1))
    with pytest.raises(rt.ConfigError, match="can't name a collection"):
        model.collect("x > 1", name=name)
