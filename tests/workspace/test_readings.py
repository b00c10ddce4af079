"""What a store tells monitoring systems: the same figures as Python gives, bounded, and what matters first."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.workspace.conftest import day, events, live, registered

import retrue as rt
from retrue.adapters.samples import Family, Sample, bounded
from retrue.metrics.names import IMPACT
from retrue.workspace.figures import (
    Figures,
    Measured,
    Moved,
    of_columns,
    of_performance,
    told_columns,
    told_performance,
)
from retrue.workspace.readings import Kept, read_some, readings


def found(store: rt.Workspace) -> dict[str, Family]:
    """The families by name."""
    return {one.name: one for one in readings(store)}


def value(family: Family, **labels: str) -> float:
    """The one sample with these labels."""
    chosen = [one for one in family.samples if labels.items() <= one.labels.items()]
    assert len(chosen) == 1, chosen
    return chosen[0].value


def test_an_empty_store_has_no_figures_of_models(store: rt.Workspace) -> None:
    assert {name for name, one in found(store).items() if one.samples} == {"restarts", "readings_behind"}


def test_performance_is_the_newest_that_labels_told(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 2))
    model.check(now=day(17))
    told = model.performance("roc_auc").row(-1, named=True)
    families = found(store)
    where = {"model": "flights", "version": "1", "metric": "roc_auc", "source": "realised"}
    assert value(families["performance"], **where) == told["realised"]
    assert value(families["performance_low"], **where) == told["low"]
    assert value(families["performance_high"], **where) == told["high"]
    assert value(families["performance_reference"], **where) == told["reference"]
    assert value(families["events"], model="flights") == 600
    assert value(families["window_rows"], model="flights") == 300
    assert value(families["window_start_timestamp_seconds"], model="flights") == day(15).timestamp()
    assert value(families["model_out_of_true"], model="flights") == 0


def test_a_column_that_moved_is_told_with_what_it_costs_and_its_incident(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 2, shift=1.0))
    verdicts = model.check(now=day(17))
    families = found(store)
    drifted = next(v for v in verdicts if v.column == "x" and v.metric in ("ks", "psi", "wasserstein") and v.window)
    last = [
        v for v in verdicts if v.column == "x" and v.metric == drifted.metric and v.window == model.span(_start(15))
    ]
    assert value(families["drift"], column="x", metric=drifted.metric or "") == last[0].value
    assert value(families["impact"], column="x") != 0
    assert value(families["model_out_of_true"], model="flights") == 1
    live_ones = model.incidents(live=True)
    assert sum(one.value for one in families["incidents"].samples) == len(live_ones)
    assert {one.labels["kind"] for one in families["incidents"].samples} == {one.kind.value for one in live_ones}


def test_figures_of_columns_stay_while_a_row_is_set_aside_in_a_window_that_is_open(store: rt.Workspace) -> None:
    """Nothing but the row is known of the new window: the figures are those of the last one that was judged."""
    model = registered(store)
    live(model, events(14, 2))
    model.check(now=day(17))
    before = found(store)
    bad = events(17, 1).head(1).with_columns(id=pl.lit("bad"), x=pl.lit("much"))
    assert model.log(bad, at=day(17)).quarantined == 1
    after = found(store)
    assert [before[one].samples for one in ("drift", "quality", "impact")] == [
        after[one].samples for one in ("drift", "quality", "impact")
    ]
    assert before["drift"].samples


def _start(number: int) -> int:
    return int(day(number).timestamp())


def test_a_resolved_incident_is_told_no_more(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 2, shift=3.0))
    model.check(now=day(17))
    for one in model.incidents():
        one.resolve(day(17))
    families = found(store)
    assert value(families["model_out_of_true"], model="flights") == 0
    assert families["incidents"].samples == ()


def test_latency_is_told_as_buckets_of_the_newest_window(store: rt.Workspace) -> None:
    rng = np.random.default_rng(0)
    before = events(0, 14).with_columns(took=pl.Series(rng.exponential(10.0, 14 * 300)))
    model = store.register("m", before, id="id", time="at", label="y", score="p", latency="took", window="1d")
    now = events(14, 1).with_columns(took=pl.Series(rng.exponential(30.0, 300)))
    model.log(now.drop("y"), at=day(15) + timedelta(hours=1))
    family = found(store)["latency"]
    buckets = {one.labels["le"]: one.value for one in family.samples if one.suffix == "_bucket"}
    totals = {one.suffix: one.value for one in family.samples if one.suffix != "_bucket"}
    assert totals == {"_sum": pytest.approx(now["took"].sum()), "_count": 300}
    assert buckets.pop("+Inf") == 300
    assert len(buckets) > 10
    for edge, count in buckets.items():
        assert count == now.filter(pl.col("took") < float(edge) * (1 + 1e-5)).height
    assert list(buckets.values()) == sorted(buckets.values())


def test_names_are_labels_and_never_syntax(store: rt.Workspace) -> None:
    """A column called like an attack is a label like any other, escaped by Prometheus' own writer."""
    from prometheus_client.parser import text_string_to_metric_families

    from retrue.adapters.prometheus import expose

    odd = 'a"} 1\nretrue_evil{x="'
    model = registered(store)
    assert model.name == "flights"
    family = Family("drift", "How far.", (Sample(1.0, {"column": odd}),))
    (read,) = text_string_to_metric_families(expose([family]).decode())
    assert [(one.name, one.labels) for one in read.samples] == [("retrue_drift", {"column": odd})]


def test_what_is_too_much_is_counted(store: rt.Workspace) -> None:
    model = registered(store)
    live(model, events(14, 2, shift=3.0))
    model.check(now=day(17))
    every = readings(store)
    total = sum(len(one.samples) for one in every)
    kept = bounded(every, total // 2)
    assert total // 2 - len(every) <= sum(len(one.samples) for one in kept[:-1]) <= total // 2
    assert kept[0].samples == every[0].samples
    assert kept[-1].samples[0].value == total - sum(len(one.samples) for one in kept[:-1])


def test_a_fleet_shares_what_may_be_exported_among_families_and_models() -> None:
    """200 models x 50 columns x 3 figures are 30,000: of each model the 33 columns that cost most, in all families."""
    latest = {
        f"m{model}": [
            Moved(f"c{column}", metric, 1.0, "roc_auc") for column in range(50) for metric in (IMPACT, "js", "missing")
        ]
        for model in range(200)
    }
    small = Family("incidents", "Incidents.", tuple(Sample(1.0, {"model": f"m{n}"}) for n in range(200)))
    first, *kept, left = bounded(
        [small, *of_columns(told_columns(own, {"model": name}) for name, own in latest.items())], 20_000
    )
    assert first == small
    assert left.samples[0].value == 30_200 - 20_000
    assert [one.name for one in kept] == ["impact", "drift", "quality"]
    for one in kept:
        columns = Counter(sample.labels["column"] for sample in one.samples)
        assert len(one.samples) == 6_600
        assert columns == {f"c{n}": 200 for n in range(33)}


def test_a_fleet_shares_what_may_be_exported_of_performance_and_the_usual_metric_comes_first() -> None:
    """300 models x 12 figures are 3,600: of 1,000 that may be told, each model's first three; of some the fourth."""
    names = ["accuracy", "brier", "f1", "log_loss", "precision", "roc_auc"]
    every = [Measured(source + name, 0.5, None, None, None) for source in ("estimated_", "") for name in names]
    told = [Figures(told_performance(every, {"model": f"m{number}"}), {}) for number in range(300)]
    kept, *_ = bounded(of_performance(told), 1_000)
    metrics = Counter((one.labels["metric"], one.labels["source"]) for one in kept.samples)
    assert metrics == {
        ("roc_auc", "realised"): 300,
        ("roc_auc", "estimated"): 300,
        ("accuracy", "realised"): 300,
        ("accuracy", "estimated"): 100,
    }


def test_models_may_be_read_a_few_at_a_time_before_somebody_asks_for_all(store: rt.Workspace) -> None:
    """What is told then is what is told without it."""
    for name in ("one", "two"):
        live(registered(store, name=name), events(14, 2))
        store.model(name).check(now=day(17))
    kept = Kept()
    assert read_some(store, kept, {}, 1)
    assert list(kept.figures.kept) == ["one"]
    assert not read_some(store, kept, {}, 1)
    told = {one.name: one.samples for one in readings(store)}
    assert {one.name: one.samples for one in readings(store, kept)} == told
    assert told["performance"]


def test_every_figure_is_in_the_docs(store: rt.Workspace) -> None:
    page = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    stems = [f"`retrue_{one.name}{'_total' if one.counter else ''}" for one in readings(store)]
    told = [stem for stem in stems if stem not in page]
    assert {stem.rpartition("_")[0] for stem in told} <= {"`retrue_performance"}  # its ends: `_low`, `_high`
