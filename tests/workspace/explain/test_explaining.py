"""An incident is explained: since when, which rows, which features, what it costs."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from sklearn.metrics import roc_auc_score
from tests.workspace.conftest import day, events, live, registered

import retrue as rt
from retrue.judge.verdict import VerdictKind


def slipped(store: rt.Workspace) -> rt.Model:
    """A model that is wrong on days 14 and 15 in one city."""
    model = registered(store)
    live(model, events(14, 2, turned=("LGA",)))
    model.check(now=day(17))
    return model


def test_the_planted_slice_and_since_when_are_named(store: rt.Workspace) -> None:
    """From day 19 on the model is wrong in one city only."""
    model = registered(store)
    for number in range(14, 24):
        live(model, events(number, 1, turned=("LGA",) if number >= 19 else ()))
    model.check(now=day(25))
    incident = next(one for one in model.incidents() if one.kind is VerdictKind.DEGRADED)
    found = incident.explain()
    assert "<iframe " in found._repr_html_()
    assert repr(found).startswith("<Explanation: ")
    assert found.since == day(19).isoformat()
    assert found.slices[0].slice.sql == "city = 'LGA'"
    assert set(found.examples["city"]) == {"LGA"}
    assert json.loads(json.dumps(found.to_dict()))["slices"][0]["slice"] == "city = 'LGA'"


def test_the_cost_is_the_change_of_the_main_metric(store: rt.Workspace) -> None:
    model, bad = registered(store), events(14, 2, turned=("LGA", "JFK"))
    live(model, bad)
    model.check(now=day(17))
    found = model.incidents()[0].explain()
    assert found.cost is not None
    now, before = (roc_auc_score(table["y"], table["p"]) for table in (bad, events(0, 14)))
    assert (found.cost.metric, found.cost.estimated) == ("roc_auc", False)
    assert found.cost.change == pytest.approx(now - before, abs=0.002)
    assert found.cost.interval is not None
    assert found.cost.interval[0] <= found.cost.change <= found.cost.interval[1] < 0
    assert found.cost == model.incidents()[0].cost


def test_what_is_resolved_is_said_in_the_past(store: rt.Workspace) -> None:
    model = slipped(store)
    before = model.incidents(live=True)[0]
    before.resolve(day(17))
    after = model.incident(before.id)
    assert before.sentence.startswith("Since ")
    assert after.sentence.startswith("From 15 to 17 January 2024, ")
    assert " was " in after.sentence


def test_the_feature_that_moved_is_named(store: rt.Workspace) -> None:
    model = registered(store)
    model.log(events(14, 2, shift=30).drop("y"))
    model.check(now=day(17))
    found = model.incidents(live=True)[0].explain()
    assert found.features[0].column == "x"
    assert "x" in found.slices[0].slice.columns


def test_a_model_without_labels_is_explained_too(store: rt.Workspace) -> None:
    table = events(0, 14).drop("y", "p")
    model = store.register("bare", table, id="id", time="at", window="1d")
    moved = events(14, 2).drop("y", "p").with_columns(city=pl.lit("EWR"))
    model.log(moved)
    model.check(now=day(17))
    found = model.incidents()[0].explain()
    assert found.cost is None
    assert found.features[0].column == "city"
    assert found.slices[0].slice.sql == "city = 'EWR'"


def test_an_explanation_reads_as_text(store: rt.Workspace) -> None:
    """Not as the dump of a dataclass."""
    found = slipped(store).incidents()[0].explain()
    assert " ".join(str(found).split()).startswith(f"{found.incident.sentence}.")
    assert "Next: retrue " in str(found)
    assert "Verdict(" not in str(found)


def test_all_that_is_given_as_plain_values_is_json(store: rt.Workspace) -> None:
    """Times of example rows included, and no NaN."""
    model = slipped(store)
    verdicts, incident = model.check(now=day(18)), model.incidents()[0]
    explained = incident.explain()
    assert explained.examples.height
    report = rt.compare(events(0, 2), events(2, 2), time="at", label="y", score="p")
    one = report.columns["x"]
    given: list[Any] = [*verdicts, incident, incident.incident, explained, *explained.slices, report, one]
    given += [one.metrics["ks"], *report.performance.values(), model.schema, model.options]
    for value in given:
        json.dumps(value.to_dict(), allow_nan=False)


def test_early_labels_tell_no_loss(store: rt.Workspace) -> None:
    """A third of the labels came, all of predictions that went wrong: no slice, example or cost is by them."""
    model = registered(store)
    table = events(14, 2, shift=0.8).with_columns(city=pl.lit("LGA"))
    model.log(table.drop("y"))
    wrong = table.filter((pl.col("p") > 0.5).cast(int) != pl.col("y"))
    model.label(wrong.select("id", "y"))
    model.check(now=day(17))
    incident = next(one for one in model.incidents() if "city" in one.columns)
    found = incident.explain()
    assert found.slices
    assert all(one.loss is None for one in found.slices)
    assert incident.cause.loss is None
    assert set(found.examples["id"]) - set(wrong["id"])  # the worst of the early ones aren't shown for it
