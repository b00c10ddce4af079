"""Only the features that one watches alarm by themselves: those that are named, or that matter to the model."""

from __future__ import annotations

import polars as pl
import pytest
from tests.workspace.conftest import day, events, live, registered

import retrue as rt
from retrue.judge.assess import Judge
from retrue.judge.settings import Settings


def moved() -> pl.DataFrame:
    """Two days on which both features are others."""
    return events(14, 2, shift=5.0).with_columns(city=pl.lit("EWR")).drop("y")


def told(model: rt.Model) -> dict[str, set[bool]]:
    """Whether verdicts about the two features alarm."""
    found: dict[str, set[bool]] = {"x": set(), "city": set()}
    for verdict in model.check(now=day(17)):
        if verdict.column in found and verdict.kind.alarms:
            found[verdict.column].add(verdict.alarms)
    return found


def test_what_is_not_watched_is_a_notice(store: rt.Workspace) -> None:
    """In the whole and inside slices."""
    model = registered(store, watch=["city"])
    model.log(moved())
    assert told(model) == {"x": {False}, "city": {True}}
    assert {column for one in model.incidents() for column in one.columns if column in ("x", "city")} == {"city"}


def test_all_features_are_watched_unless_something_is_said(store: rt.Workspace) -> None:
    model = registered(store)
    model.log(moved())
    assert told(model) == {"x": {True}, "city": {True}}


def test_what_is_not_watched_costs_the_budget_nothing(store: rt.Workspace) -> None:
    """Two tests less at each look for the one feature left out: of its data and of its distribution."""
    learned = registered(store).reference.load()
    every, some = Judge(learned), Judge(learned, Settings(watch=("x",)))
    assert some.quiet == {"city"}
    assert some.tests == every.tests - 2


def test_the_features_that_matter_to_the_model_are_watched(store: rt.Workspace) -> None:
    model = registered(store, predict=lambda table: 2 * table["x"])
    assert model.options.watch == ("x",)
    live(model, events(14, 1))
    assert store.model("flights").options.watch == ("x",)


def test_a_watched_column_is_a_feature(store: rt.Workspace) -> None:
    with pytest.raises(rt.ConfigError, match=r"'cty' is no feature in watch.*did you mean 'city'"):
        registered(store, watch="cty")
    with pytest.raises(rt.ConfigError, match="features to watch, and a model to choose them by"):
        registered(store, watch="city", predict=lambda table: table["x"])
    assert store.models() == []
