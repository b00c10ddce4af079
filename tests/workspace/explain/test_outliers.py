"""Events judged one by one: a window of size one, and what slices make of the score."""

from __future__ import annotations

import polars as pl
import pytest
from tests.workspace.conftest import DAYS, day, events, live, registered
from tests.workspace.train.test_training import LEARNER

import retrue as rt
from retrue.workspace.explain import outliers


def planted(store: rt.Workspace) -> rt.Model:
    """A model with two usual days, and three events that are like nothing: far out, of no known city, empty."""
    model, usual = registered(store), events(DAYS, 2)
    odd: list[dict[str, object]] = [{"x": 99.0}, {"city": "never"}, {"x": None, "city": None}]
    strange = [
        {"id": f"odd{i}", "at": day(DAYS + 1), "x": 0.0, "city": "JFK", "p": 0.5, **one} for i, one in enumerate(odd)
    ]
    live(model, usual)
    model.log(pl.DataFrame(strange, schema_overrides={"at": usual.schema["at"]}))
    return model


def test_the_oddest_events_come_first_with_the_reason(store: rt.Workspace) -> None:
    found = planted(store).outliers()
    assert found.columns == ["id", "at", "outlier_score", "because"]
    assert set(found["id"].head(3)) == {"odd0", "odd1", "odd2"}
    because = dict(found.select("id", "because").iter_rows())
    assert because["odd0"] == "x 99 is beyond the reference"
    assert because["odd1"] == "city 'never' is new"
    assert "is missing, as in no row of the reference" in because["odd2"]
    assert found.filter(pl.col("outlier_score") <= 0.99)["because"].is_null().all()


def test_a_slice_may_ask_for_the_score(store: rt.Workspace) -> None:
    model = planted(store)
    found = model.collect("outlier_score > 0.999", name="edge")
    assert {"odd0", "odd1", "odd2"} <= set(found.rows["id"])
    assert found.matched <= 8
    assert "outlier_score" not in found.rows.columns
    both = model.collect("outlier_score > 0.999 AND city = 'never'")
    assert both.rows["id"].to_list() == ["odd1"]


def test_events_of_a_time_are_judged_alone(store: rt.Workspace) -> None:
    model = planted(store)
    assert model.outliers(since=day(DAYS), until=day(DAYS + 1)).height == 300
    assert model.outliers(since=day(99)).height == 0


def test_a_single_event_is_an_edge_case_because(store: rt.Workspace) -> None:
    """Neither logged nor windowed: as it would be asked on its way to the model."""
    model = registered(store)
    told = model.outlier({"x": 0.2, "city": "never"})
    assert told.edge_case
    assert str(told).startswith("an edge case because city 'never' is new: odder than 99.9")
    assert not model.outlier({"x": 0.2, "city": "JFK"}).edge_case
    assert model.outlier({"x": None, "city": None}).edge_case
    assert model.events().collect().height == 0


def test_one_event_is_one(store: rt.Workspace) -> None:
    with pytest.raises(rt.TableError, match="300 events"):
        registered(store).outlier(events(DAYS, 1))


def test_what_was_learned_is_kept_until_the_reference_changes(store: rt.Workspace) -> None:
    model = registered(store)
    learned = outliers.standings(model)
    assert outliers.standings(store.model("flights")) is learned
    model.set_reference("1", model.reference.load(), model.reference.frame, stage="champion")
    assert outliers.standings(model) is not learned


def test_the_proof_compares_in_collected_outliers(store: rt.Workspace) -> None:
    """The slice of a collection asks for the score, and a holdout doesn't have it."""
    model = registered(store, maturity="2d")
    live(model, events(DAYS, 10))
    edge = model.collect("outlier_score > 0.5", name="edge")
    run = model.retrain(LEARNER, mix=rt.Mix({model.reference: 0.5, edge: 0.5}), holdout="2d", now=day(24))
    assert "edge cases: edge" in {contest.where for contest in run.prove().contests}
