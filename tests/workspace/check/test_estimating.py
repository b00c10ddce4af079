"""Performance without labels in `check`: estimated while they are missing, held against them once they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.workspace.conftest import START, day, events, live, registered

import retrue as rt
from retrue.core.outcome import BinaryOutcome
from retrue.errors import ConfigError
from retrue.estimate.cbpe import cbpe
from retrue.metrics import get
from retrue.store import rows
from retrue.workspace.check import estimating

EVERYWHERE = ("JFK", "LGA", "EWR")


def of(verdicts: Sequence[rt.Verdict], prefix: str) -> list[rt.Verdict]:
    """The verdicts on metrics whose names begin so."""
    return [verdict for verdict in verdicts if verdict.metric and verdict.metric.startswith(prefix)]


def kinds(verdicts: Sequence[rt.Verdict], prefix: str) -> set[str]:
    """What kinds they are of."""
    return {verdict.kind.value for verdict in of(verdicts, prefix)}


def log(model: rt.Model, table: pl.DataFrame) -> None:
    """Log events without their labels."""
    model.log(table.drop("y"))


def label(model: rt.Model, table: pl.DataFrame) -> None:
    """Log the labels."""
    model.label(table.select("id", "y"))


def estimates(model: rt.Model) -> dict[int, rows.EstimateRow]:
    """The estimates in the catalog, by day."""
    with model.store.catalog.read() as tx:
        found = tx.find(rows.EstimateRow, model=model.name)
    return {round((row.start - START.timestamp()) / 86_400): row for row in found}


def unsure(first: int, days: int, *, hard: float = 0.2, concept: float = 0.0) -> pl.DataFrame:
    """Make events of two kinds: easy ones, whose score tells the label, and hard ones, where it tells nothing.

    Args:
        first: the day they begin at.
        days: how many days.
        hard: the share of hard ones: the more there are, the worse the model does, and the inputs show it.
        concept: the share of easy ones whose label is turned round: the inputs don't show that.
    """
    table = events(first, days)
    rng = np.random.default_rng(900 + first)
    is_hard, turned = rng.random(table.height) < hard, rng.random(table.height) < concept
    x = table["x"].to_numpy()
    easy = (rng.random(table.height) < 1 / (1 + np.exp(-4 * x))).astype(int)
    label = np.where(is_hard, rng.integers(0, 2, table.height), np.where(turned, 1 - easy, easy))
    kind = np.where(is_hard, "hard", "easy")
    return table.with_columns(city=pl.Series(kind), y=pl.Series(label), p=pl.Series(1 / (1 + np.exp(-4 * x))))


@pytest.fixture
def cheap(store: rt.Workspace) -> rt.Model:
    """A model whose performance is estimated from score bins; labels are final after two days."""
    return registered(store, estimate="cbpe", maturity="2d")


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rt.Model]:
    """A model that is estimated from rows: two calm days, one of hard rows, one where labels turned; none known yet."""
    with rt.open(Path(tmp_path_factory.mktemp("moved")) / "store") as store:
        roles: dict[str, Any] = {"id": "id", "time": "at", "label": "y", "score": "p", "window": "1d", "maturity": "2d"}
        model = store.register("moved", unsure(0, 14), features=["x", "city"], **roles)
        for table in of_moved():
            log(model, table)
        yield model


def of_moved() -> list[pl.DataFrame]:
    """The events of that model, by day from the 14th on."""
    return [unsure(14, 1), unsure(15, 1), unsure(16, 1, hard=0.9), unsure(17, 1, concept=0.3)]


# --- while labels are missing -----------------------------------------------------------------------------------------


def test_a_calm_window_without_labels_is_estimated_and_in_true(cheap: rt.Model) -> None:
    log(cheap, events(14, 1))
    verdicts = cheap.check(now=day(15))
    assert {v.metric for v in of(verdicts, "estimated_")} == {"estimated_roc_auc", "estimated_accuracy"}
    assert kinds(verdicts, "estimated_") == {"true"}
    assert all(v.window == cheap.span(round(day(14).timestamp())) for v in of(verdicts, "estimated_"))
    assert cheap.incidents() == []


def test_the_figure_is_that_of_the_estimator_alone(cheap: rt.Model) -> None:
    """Its value and interval, beside what the reference has; and it is kept as a point."""
    log(cheap, events(14, 1))
    cheap.check(now=day(15))
    outcome = cheap.store.profiles("flights", slice="")[0].profile.outcome
    reference = cheap.reference.load().profile.outcome
    assert isinstance(outcome, BinaryOutcome)
    assert reference is not None
    said = cbpe(outcome, reference)["accuracy"]
    (row,) = cheap.performance("accuracy").to_dicts()
    assert (row["estimated"], row["estimated_low"], row["estimated_high"]) == (said.value, *(said.interval or ()))
    assert row["reference"] == get("accuracy").compute(reference).value
    assert (row["realised"], row["concept_drift"], row["rows"], row["coverage"]) == (None, None, 300, 0.0)


def test_an_estimate_is_made_once_and_again_when_events_come_late(cheap: rt.Model) -> None:
    table = events(14, 1)
    log(cheap, table[:200])
    cheap.check(now=day(15))
    made = estimates(cheap)[14]
    label(cheap, table[:20])  # early labels change nothing of it
    assert kinds(cheap.check(now=day(15.1)), "estimated_") == {"true"}
    assert estimates(cheap)[14] == made
    log(cheap, table[200:])
    cheap.check(now=day(15.2))
    again = estimates(cheap)[14]
    assert (made.events, again.events, again.body["rows"]) == (200, 300, 300)


def test_a_window_that_cant_be_told_is_in_the_table_with_the_reason(cheap: rt.Model) -> None:
    log(cheap, events(14, 1)[:20])
    cheap.check(now=day(15))
    (row,) = cheap.performance("accuracy").to_dicts()
    assert (row["realised"], row["estimated"], row["rows"]) == (None, None, 20)
    assert row["reason"] == "can't be estimated: the window has 20 rows with a score, needs 30"


def test_off_estimates_nothing(store: rt.Workspace) -> None:
    model = registered(store, estimate="off", maturity="2d")
    log(model, events(14, 1))
    verdicts = model.check(now=day(15))
    assert of(verdicts, "estimated_") == []
    assert estimates(model) == {}
    assert model.performance().height == 0


def test_an_unknown_way_is_refused(store: rt.Workspace) -> None:
    with pytest.raises(ConfigError, match=r"unknown estimate 'cpbe'.*cbpe"):
        registered(store, estimate="cpbe")


def test_too_few_rows_are_not_comparable(cheap: rt.Model) -> None:
    log(cheap, events(14, 1)[:20])
    told = of(cheap.check(now=day(15)), "estimated_")
    assert [(v.kind.value, v.reason) for v in told] == [
        ("not_comparable", "can't be estimated: the window has 20 rows with a score, needs 30")
    ]


def test_scores_that_are_missing_are_not_comparable(cheap: rt.Model) -> None:
    """And cost no other verdict."""
    log(cheap, events(14, 1).with_columns(p=pl.lit(None, pl.Float64)))
    verdicts = cheap.check(now=day(15))
    assert [v.reason for v in of(verdicts, "estimated_")] == ["can't be estimated: none of the 300 rows has a score"]
    assert {v.column for v in verdicts} >= {"x", "city", "p"}


def test_a_reference_without_labels_has_nothing_to_estimate_from(store: rt.Workspace) -> None:
    table = events(0, 14).with_columns(y=pl.lit(None, pl.Int64))
    model = store.register("bare", table, id="id", time="at", label="y", score="p", window="1d", positive=1)
    log(model, events(14, 1))
    assert of(model.check(now=day(15)), "estimated_") == []


def test_a_moved_base_rate_is_a_notice(cheap: rt.Model) -> None:
    """Three of four negatives are left out: the scores are the mixture that another base rate makes."""
    table = events(14, 12)
    kept = table.filter((pl.col("y") == 1) | (pl.int_range(pl.len()) % 4 == 0))
    log(cheap, kept.with_columns(at=START + timedelta(days=14.5)))
    (said,) = of(cheap.check(now=day(15)), "estimated_base_rate")
    assert (said.notice, said.alarms) == (True, False)
    assert said.interval is not None
    assert said.interval[0] < float(kept["y"].mean()) < said.interval[1]  # type: ignore[arg-type]


# --- when labels come -------------------------------------------------------------------------------------------------


def test_labels_replace_the_estimate_and_say_what_it_missed(cheap: rt.Model) -> None:
    table = events(14, 1)
    log(cheap, table)
    cheap.check(now=day(15))
    label(cheap, table)
    verdicts = cheap.check(now=day(15.5))
    assert of(verdicts, "estimated_") == []
    assert kinds(verdicts, "concept_drift_") == {"true"}
    (row,) = cheap.performance("roc_auc").to_dicts()
    assert row["concept_drift"] == pytest.approx(row["realised"] - row["estimated"])
    with cheap.store.catalog.read() as tx:
        kept = {one.body["metric"] for one in tx.find(rows.VerdictRow, model="flights")}
    assert not {metric for metric in kept if metric and metric.startswith("estimated_")}


def test_labels_that_turned_round_are_concept_drift(cheap: rt.Model) -> None:
    """The scores look as ever, so the estimate is calm; labels say otherwise, and both are one incident."""
    table = events(14, 1, turned=EVERYWHERE)
    log(cheap, table)
    assert kinds(cheap.check(now=day(15)), "estimated_") == {"true"}
    label(cheap, table)
    verdicts = cheap.check(now=day(16))
    drift = of(verdicts, "concept_drift_")
    assert {verdict.kind.value for verdict in drift} == {"degraded"}
    assert all("what the scores don't explain is more than" in verdict.reason for verdict in drift)
    assert verdicts[0].metric in ("roc_auc", "accuracy"), "what labels say comes first"
    assert len(cheap.incidents()) == 1


def test_estimates_that_labels_refuted_do_not_alarm_any_more(cheap: rt.Model) -> None:
    """Three days are far off; the fourth is told as such, and the record goes on."""
    tables = [events(number, 1, turned=EVERYWHERE) for number in range(14, 18)]
    for number, table in enumerate(tables[:3], 14):
        log(cheap, table)
        cheap.check(now=day(number + 1))
        label(cheap, table)
        cheap.check(now=day(number + 1.5))
    log(cheap, tables[3])
    told = of(cheap.check(now=day(18)), "estimated_")
    assert {verdict.kind.value for verdict in told} == {"not_comparable"}
    assert all("labels refuted the last 3 estimates" in verdict.reason for verdict in told)
    assert estimates(cheap)[17].body["withheld"].keys() >= {"roc_auc", "accuracy"}


def test_a_refuted_record_silences_what_was_estimated_before_it(cheap: rt.Model) -> None:
    """Four days are estimated, then labels of three come; the fourth is judged again when its first labels do."""
    tables = [events(number, 1, turned=EVERYWHERE) for number in range(14, 18)]
    for table in tables:
        log(cheap, table)
    assert kinds(cheap.check(now=day(18)), "estimated_") == {"true"}
    for table in tables[:3]:
        label(cheap, table)
    label(cheap, tables[3][:10])
    told = [v for v in of(cheap.check(now=day(18.1)), "estimated_") if v.kind is rt.VerdictKind.NOT_COMPARABLE]
    assert {verdict.metric for verdict in told} == {"estimated_roc_auc", "estimated_accuracy"}


def test_few_labels_leave_concept_drift_less_sure(store: rt.Workspace) -> None:
    """Half of the labels, when no more will come: what chance leaves open about the others is in the interval."""
    wide = []
    for share in (1, 2):
        model = (
            registered(store, estimate="cbpe", maturity="2d")
            if share == 1
            else store.register(
                "half",
                events(0, 14),
                id="id",
                time="at",
                label="y",
                score="p",
                window="1d",
                estimate="cbpe",
                maturity="2d",
            )
        )
        table = events(14, 1)
        log(model, table)
        label(model, table[::share])
        (drift,) = of(model.check(now=day(17)), "concept_drift_accuracy")
        assert drift.interval is not None
        wide.append(drift.interval[1] - drift.interval[0])
    assert wide[1] > 1.1 * wide[0]


def test_windows_whose_labels_are_there_already_are_estimated_from_score_bins(store: rt.Workspace) -> None:
    """However performance is estimated: a backfill reads no rows."""
    model = registered(store, estimate="auto", maturity="2d")
    live(model, events(14, 6))
    verdicts = model.check(now=day(30))
    assert len(of(verdicts, "concept_drift_roc_auc")) == 6
    assert {row.body["method"] for row in estimates(model).values()} == {"cbpe"}
    assert model.performance("roc_auc")["estimated"].null_count() == 0


def test_a_check_that_was_stopped_is_done_again_whole(cheap: rt.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Estimates are kept with the verdicts or not at all."""
    log(cheap, events(14, 1))
    with monkeypatch.context() as patch:
        patch.setattr("retrue.workspace.check.judged.points_of", crash)
        with pytest.raises(RuntimeError, match="power cut"):
            cheap.check(now=day(15))
    assert estimates(cheap) == {}
    assert kinds(cheap.check(now=day(15)), "estimated_") == {"true"}
    assert list(estimates(cheap)) == [14]


def crash(*_: Any) -> Any:
    """Stop as a power cut does."""
    message = "power cut"
    raise RuntimeError(message)


# --- from rows --------------------------------------------------------------------------------------------------------


def test_inputs_that_make_it_worse_alarm_before_labels_and_labels_confirm(moved: rt.Model) -> None:
    """Hard rows go from 20 to 90 %: the estimate says so, and is right. Turned labels show only once they come."""
    verdicts = moved.check(now=day(18))
    alarmed = [v for v in of(verdicts, "estimated_") if v.alarms]
    assert {v.window and v.window[0] for v in alarmed} == {day(16).isoformat()}
    assert all(
        v.reason.startswith("estimated ") and "without labels: mean of the outcome model" in v.reason for v in alarmed
    )
    assert {row.body["method"] for row in estimates(moved).values()} == {"auto"}
    for table in of_moved():
        label(moved, table)
    again = moved.check(now=day(19))
    assert {v.metric for v in of(again, "estimated_")} == set()
    worse = {v.window and v.window[0] for v in again if v.alarms and v.metric in ("roc_auc", "accuracy")}
    assert worse == {day(16).isoformat(), day(17).isoformat()}
    drift = {v.window and v.window[0] for v in of(again, "concept_drift_") if v.alarms}
    assert drift == {day(17).isoformat()}, "the inputs explain the 16th"
    told = next(v.reason for v in of(again, "concept_drift_") if v.alarms)
    assert "what the inputs don't explain is more than" in told


def test_only_the_newest_windows_are_estimated_from_rows(store: rt.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """And from score bins where the reference's rows are gone."""
    monkeypatch.setattr(estimating, "FROM_ROWS", 1)
    model = registered(store, estimate="auto")
    log(model, events(14, 2))
    model.check(now=day(16))
    assert {number: row.body["method"] for number, row in estimates(model).items()} == {14: "cbpe", 15: "auto"}
    model.reference.path.unlink()
    log(model, events(16, 1))
    model.check(now=day(17))
    assert estimates(model)[16].body["method"] == "cbpe"


def test_an_estimator_that_fails_costs_nothing_else(store: rt.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimating, "estimator_of", lambda *_: Failing())
    model = registered(store, estimate="auto")
    log(model, events(14, 1))
    verdicts = model.check(now=day(15))
    assert [v.reason for v in of(verdicts, "estimated_")] == [
        "can't be estimated: the estimator failed: RuntimeError: power cut"
    ]
    assert {v.column for v in verdicts} >= {"x", "city", "p"}


class Failing:
    """An estimator that always fails."""

    def estimate(self, *_: Any, **__: Any) -> Any:
        """Fail."""
        crash()
