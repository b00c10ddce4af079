"""A check says what an incident costs and why, in its sentence, and searches for that once."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score
from tests.workspace.conftest import A_DAY, day, events, live, registered

import retrue as rt
from retrue.judge.severity import Severity
from retrue.judge.verdict import VerdictKind
from retrue.store import rows
from retrue.workspace.check.judged import judge_of
from retrue.workspace.explain import causes


def holes(table: pl.DataFrame, **share: float) -> pl.DataFrame:
    """Empty columns at random, each for itself."""
    rng = np.random.default_rng(7)
    gone = {name: pl.Series(rng.random(table.height) < part) for name, part in share.items()}
    return table.with_columns(**{name: pl.when(mask).then(None).otherwise(pl.col(name)) for name, mask in gone.items()})


def test_the_sentence_says_what_it_costs_and_where(store: rt.Workspace) -> None:
    """In one city the model is wrong: the cost is that of scikit-learn, the rows are that city's."""
    model = registered(store)
    bad = events(14, 3, turned=("LGA",))
    live(model, bad)
    model.check(now=day(17))
    (incident,) = model.incidents()
    now, before = (roc_auc_score(table["y"], table["p"]) for table in (bad, events(0, 14)))
    assert incident.cost.change == pytest.approx(now - before, abs=0.002)
    assert incident.cost.interval[0] < incident.cost.change < incident.cost.interval[1] < 0
    assert (incident.cost.estimated, incident.cause.slice) == (False, "city = 'LGA'")
    assert incident.cause.explains == pytest.approx(1.0, abs=0.15)
    assert incident.severity is Severity.CRITICAL
    assert incident.sentence.startswith("Since 15 January 2024, ROC AUC is 2")
    assert "most where city = 'LGA'" in incident.sentence


def test_concept_drift_beside_a_harmless_mix_change_is_not_its_consequence(store: rt.Workspace) -> None:
    """All labels turn, and nearly all rows come from one city, which never was harder than the others."""
    model = registered(store)
    turned = events(14, 2, turned=("JFK", "LGA", "EWR"))
    live(
        model, turned.with_columns(city=pl.when(pl.int_range(pl.len()) % 100 > 0).then(pl.lit("LGA")).otherwise("city"))
    )
    model.check(now=day(16.9))
    (incident,) = model.incidents()
    assert "accuracy" in incident.sentence or "ROC AUC" in incident.sentence
    assert "LGA" in incident.sentence
    assert incident.cause.question == "share"
    assert incident.cause.explains == pytest.approx(0, abs=0.1)
    assert "because" not in incident.sentence


@pytest.mark.parametrize("turned", [(), ("LGA",)])
def test_the_weekday_of_a_day_is_no_cause(store: rt.Workspace, turned: tuple[str, ...]) -> None:
    """All rows of a Monday are of a Monday: in the share search, and where the model is worse."""
    weekday = pl.col("at").dt.weekday().alias("wd")
    reference = events(0, 14).with_columns(weekday)
    model = store.register("w", reference, id="id", time="at", label="y", score="p", window="1d", estimate="off")
    table = events(14, 1, turned=turned).with_columns(weekday)
    live(model, table if turned else holes(table, x=0.4))
    model.check(now=day(15.9))
    (incident,) = model.incidents()
    assert "wd" not in incident.columns
    assert incident.cause.columns == ({"city"} if turned else {"x"})
    assert all("wd" not in found.slice.columns for found in incident.explain().slices)


def test_without_labels_the_impact_of_the_worst_column_is_its_cost(store: rt.Workspace) -> None:
    model = registered(store)
    model.log(events(14, 2, shift=0.5).drop("y"))
    model.check(now=day(17))
    (incident,) = model.incidents()
    assert incident.kind is VerdictKind.DRIFTING
    assert (incident.cost.metric, incident.cost.estimated) == ("accuracy", True)
    assert incident.cause.slice.startswith("x >")
    assert incident.cause.share > incident.cause.interval[0] > incident.cause.normal
    assert "it may cost up to" in incident.sentence


def test_a_model_that_answers_with_a_constant_is_degraded(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 2).with_columns(p=pl.lit(0.5003)))
    model.check(now=day(17))
    degraded = {v.metric: v.reason for one in model.incidents() for v in one.verdicts if v.kind is VerdictKind.DEGRADED}
    assert degraded["roc_auc"].startswith("ROC AUC 0.50 ")


def test_a_metric_whose_change_may_be_none_is_no_cost(store: rt.Workspace) -> None:
    """All scores are different, but share one bin: the area may be what it was, and accuracy is told instead."""
    model = registered(store)
    live(model, events(14, 2).with_columns(p=1 - 1e-7 + pl.col("p") * 1e-8))
    model.check(now=day(17))
    judge, starts = judge_of(model, model.reference_of("1").load()), [int(day(n).timestamp()) for n in (14, 15)]
    assert causes.points(model, "1", "roc_auc", starts)
    found = causes.realised(model, "1", judge, ["roc_auc", "accuracy"], starts, None)
    assert found is not None
    assert found.metric == "accuracy"


def test_an_estimate_counts_before_an_impact(store: rt.Workspace) -> None:
    """By window, weighed by rows; errors of estimates don't average out."""
    model = registered(store)
    with model.store.catalog.write() as tx:
        for start, value, size in ((0, 0.7, 100), (1, 0.8, 300)):
            point = rows.Point(
                "flights", "1", start, "", "estimated_roc_auc", "", value, 0.9, value - 0.02, value + 0.02
            )
            tx.put(rows.Point(**{**point.__dict__, "rows": size}))
    cost = causes.estimate(model, "1", ["roc_auc"], [0, 1])
    assert cost is not None
    assert cost.change == pytest.approx(-0.125)
    assert cost.interval == pytest.approx((-0.145, -0.105))
    assert cost.estimated


def test_the_search_is_made_once_and_again_when_there_is_more_to_see(
    store: rt.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    search = causes.cause_of

    def counted(*given: Any) -> Any:
        made.append(given[3].since)
        return search(*given)

    monkeypatch.setattr(causes, "cause_of", counted)
    model = registered(store)
    for number in range(14, 18):
        model.log(holes(events(number, 1), x=0.4).drop("y"))
        model.check(now=day(number + 1))
    assert len(made) == 2  # in the first window, and when there were four
    assert model.incidents()[0].search.windows == 4


def test_a_search_that_fails_never_fails_the_check(store: rt.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of the reference are gone: the alarm is told, and why its cause isn't known."""
    model = registered(store)
    model.reference.path.unlink()
    model.log(events(14, 2, shift=0.5).drop("y"))
    assert any(verdict.alarms for verdict in model.check(now=day(16)))
    (incident,) = model.incidents()
    assert incident.cause is None
    assert "the reference's rows are gone" in incident.search.failure
    assert incident.to_dict()["search"]["failure"] == incident.search.failure
    assert "; its rows aren't known, for their search failed: " in incident.sentence


def test_two_independent_causes_are_two_incidents(store: rt.Workspace) -> None:
    """Two columns lose values at the same time, on rows that have nothing to do with each other."""
    model = registered(store)
    model.log(holes(events(14, 2), x=0.4, city=0.4).drop("y"))
    model.check(now=day(16))
    found = {one.columns: one for one in model.incidents()}
    assert set(found) == {("x",), ("city",)}
    assert found[("x",)].cause.columns == {"x"}
    assert found[("city",)].cause.columns == {"city"}
    model.check(now=day(16))
    assert {one.id for one in model.incidents()} == {one.id for one in found.values()}


def test_columns_that_fail_on_the_same_rows_are_one_incident(store: rt.Workspace) -> None:
    model = registered(store)
    table = holes(events(14, 2), x=0.4).with_columns(city=pl.when(pl.col("x").is_null()).then(None).otherwise("city"))
    model.log(table.drop("y"))
    model.check(now=day(16))
    (incident,) = model.incidents()
    assert set(incident.columns) == {"x", "city"}


def test_bonds_are_kept_so_that_grouping_again_asks_no_rows(store: rt.Workspace) -> None:
    """The rows of the reference are gone by the second check; the two incidents stay two."""
    model = registered(store)
    model.log(holes(events(14, 2), x=0.4, city=0.4).drop("y"))
    model.check(now=day(16))
    model.reference.path.unlink()
    model.log(holes(events(16, 1), x=0.4, city=0.4).drop("y"))
    model.check(now=day(17))
    assert {one.columns for one in model.incidents()} == {("x",), ("city",)}


def test_columns_that_go_together_in_the_reference_are_one_incident(store: rt.Workspace) -> None:
    """y2 follows x: they drift together, though no row of theirs stands out."""
    table = events(0, 14).with_columns(x2=pl.col("x") * 2 + 1)
    model = store.register("twins", table, id="id", time="at", label="y", score="p", window="1d")
    moved = events(14, 2, shift=0.6).with_columns(x2=pl.col("x") * 2 + 1)
    model.log(moved.drop("y"))
    model.check(now=day(16))
    (incident,) = model.incidents()
    assert {"x", "x2"} <= set(incident.columns)


def test_what_is_over_keeps_its_cost_in_the_past(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 2, turned=("LGA", "JFK")))
    live(model, events(16, 4))
    model.check(now=day(20))
    (incident,) = model.incidents()
    assert incident.sentence.startswith("From 15 to 16 January 2024, ROC AUC was")


def test_an_incident_of_before_it_had_a_cost_is_still_read(store: rt.Workspace) -> None:
    model = registered(store)
    model.log(events(14, 2, shift=0.5).drop("y"))
    model.check(now=day(16))
    (row,) = read(model)
    old = {name: row.body[name] for name in row.body
           if name not in ("severity", "cost", "cause", "search", "real", "note")}  # fmt: skip
    with model.store.catalog.write() as tx:
        tx.put(rows.IncidentRow(row.id, row.model, row.status, row.opened, row.updated, row.closed, old))
    (incident,) = model.incidents()
    assert (incident.cost, incident.cause, incident.severity) == (None, None, Severity.MEDIUM)


def test_the_windows_searched_are_those_about_the_worst(store: rt.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long incident only so many rows are read."""
    from retrue.workspace.explain import evidence

    monkeypatch.setattr(evidence, "SEARCHED", 120)
    model = registered(store)
    for number in range(14, 20):
        model.log(holes(events(number, 1), x=0.9 if number == 16 else 0.3).drop("y"))
    model.check(now=day(20))
    incident = model.incidents()[0].incident
    read = evidence.events_of(model, incident, "1")
    assert read.height == 120
    kept = read["at"].dt.date().unique().sort().to_list()
    assert kept == [day(number).date() for number in (16, 17)]


def read(model: rt.Model) -> list[rows.IncidentRow]:
    with model.store.catalog.read() as tx:
        return list(tx.find(rows.IncidentRow, model=model.name))


def test_a_loss_is_counted_once_where_two_incidents_overlap(store: rt.Workspace) -> None:
    """The model fails in two cities; a feature that is empty now and then beside it costs what it is expected to."""
    model = registered(store)
    worse = events(14, 4, turned=("JFK", "LGA"))
    live(model, worse.head(A_DAY * 3))
    model.check(now=day(17))
    live(model, holes(worse.tail(A_DAY), x=0.3))
    model.check(now=day(18))
    found = {one.kind.value: one for one in model.incidents()}
    assert set(found) == {"degraded", "broken"}
    assert not found["degraded"].cost.estimated
    assert found["broken"].cost is None or found["broken"].cost.estimated
    assert found["degraded"].cost.certain > 5 * (0 if found["broken"].cost is None else found["broken"].cost.certain)
