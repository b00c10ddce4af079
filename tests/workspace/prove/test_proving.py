"""A proof compares with more than the champion: baselines, golden sets, incidents, rules, calibration, pace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from tests.workspace.conftest import day, events, live, registered

import retrue as rt
from retrue.judge.cause import Cause
from retrue.judge.incident import Incident, State
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.store import rows
from retrue.store.rows import Audit
from retrue.workspace.decide.fits import pilot
from retrue.workspace.prove.proving import BEFORE, guilty, masks, unasked

CODES = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough")
LEARNER = rt.Trainer(make_pipeline(CODES, LogisticRegression()), isolated=False)
EVERYWHERE = ("JFK", "LGA", "EWR")
RULES = ("roc_auc >= 0.5", "mean(x) <= -3", "roc_auc[city = 'JFK'] >= 0.99")


def trained(model: rt.Model, **options: Any) -> Any:
    """A run on what was logged."""
    return model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="3d", now=day(25), **options)


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rt.Model]:
    """A model whose world turned round on day 14; events of day 25 have no label yet."""
    with rt.open(tmp_path_factory.mktemp("proving") / "store") as store:
        model = registered(store, maturity="1d", rules=list(RULES), estimate="auto")
        for number in range(14, 25):
            live(model, events(number, 1, turned=EVERYWHERE))
        model.log(events(25, 1, turned=EVERYWHERE).drop("y"), at=day(26))
        yield model


@pytest.fixture(scope="module")
def run(turned: rt.Model) -> Any:
    """A run that learned what turned."""
    turned.golden("chosen", events(60, 1, turned=EVERYWHERE))
    turned.golden("unsaid", events(61, 1, turned=EVERYWHERE).drop("p"))
    turned.golden("leaked", events(15, 1, turned=EVERYWHERE))
    return trained(turned)


@pytest.fixture(scope="module")
def proof(run: Any) -> Any:
    """Its proof."""
    return run.prove()


def test_baselines_say_what_is_said_without_a_model(proof: Any) -> None:
    """The usual says the same of all: an area of a half. Labels are known within a day: the season is a week."""
    found = {one.rival: one for one in proof.baselines}
    assert list(found) == ["the usual", "the last label", "a week before"]
    assert found["the usual"].champion == 0.5
    assert {one.outcome for one in found.values()} == {"better"}
    assert proof.to_dict()["baselines"][0]["rival"] == "the usual"


def test_a_proof_is_told_in_words(proof: Any) -> None:
    assert repr(proof).startswith(("<Proof: May be promoted: ", "<Proof: Refused: "))
    assert "On the events of " in str(proof)


def test_both_calibrations_are_told(proof: Any) -> None:
    """The champion says the opposite of what happens; the challenger is about right."""
    champion, challenger = proof.calibrations
    assert champion.slope < 0 < challenger.slope
    assert champion.interval[0] > 0.1
    assert challenger.interval[0] < 0.05
    assert challenger.n == proof.contests[0].n


def test_a_champion_without_its_trained_model_has_no_pace(proof: Any, run: Any) -> None:
    assert (proof.pace.champion, proof.pace.ratio) == (None, None)
    assert proof.pace.challenger > 0
    assert proof.pace.sizes == (None, (run.folder / "model.joblib").stat().st_size)


def test_the_model_s_own_rules_are_judged_on_what_the_challenger_says(proof: Any, run: Any) -> None:
    """A rule about an input says nothing of the challenger; one that it breaks in a slice does."""
    held = pl.read_parquet(run.folder / "holdout.parquet")
    assert [verdict.alarms for verdict in proof.rules.values()] == [False, True, True]
    own = roc_auc_score(held["y"], held["_challenger"])
    assert proof.rules["roc_auc >= 0.5"].value == pytest.approx(own, abs=0.005)
    told = [reason for reason in proof.reasons if "breaks the rule" in reason]
    assert len(told) == 1
    assert told[0].startswith("it breaks the rule roc_auc[city = 'JFK'] >= 0.99: ROC AUC is")


def test_golden_sets_are_compared_on_their_own_rows(proof: Any, run: Any) -> None:
    found = {one.where: one for one in proof.contests if one.where.startswith("golden set")}
    chosen = events(60, 1, turned=EVERYWHERE)
    assert found["golden set chosen"].champion == pytest.approx(roc_auc_score(chosen["y"], chosen["p"]))
    assert found["golden set chosen"].challenger == pytest.approx(roc_auc_score(chosen["y"], run.predict(chosen)))
    assert found["golden set chosen"].outcome == "better"
    assert found["golden set unsaid"].note is not None
    assert "nobody knows what the champion says" in found["golden set unsaid"].note


def test_a_challenger_that_learned_from_a_golden_set_is_refused(proof: Any) -> None:
    assert proof.faults == ("it was trained on 300 rows of the golden set 'leaked'",)
    assert proof.faults[0] in proof.reasons


def test_recent_events_without_labels_are_estimated_for_both(proof: Any) -> None:
    """On the same 300 events: the challenger is expected to be far better."""
    assert proof.recent == 300
    assert proof.estimates is not None
    champion, challenger = (one["roc_auc"].value for one in proof.estimates)
    if champion is not None and challenger is not None:
        assert challenger > champion
    said = proof.to_dict()["estimated"]
    assert (said["events"], set(said)) == (300, {"events", "champion", "challenger"})


def test_golden_sets_are_no_collections_and_keep_their_names(turned: rt.Model, run: Any) -> None:
    assert run.model.name == turned.name
    assert [one.to_dict() for one in turned.golden_sets()] == [
        {"name": "chosen", "rows": 300}, {"name": "unsaid", "rows": 300}, {"name": "leaked", "rows": 300}
    ]  # fmt: skip
    assert turned.collections() == []
    with pytest.raises(rt.SchemaError, match="column 'x' is missing"):
        turned.golden("odd", events(60, 1).drop("x"))
    with pytest.raises(rt.SchemaError, match="0 rows with a label"):
        turned.golden("odd", events(60, 1).with_columns(y=pl.lit(None, pl.Int64)))


def test_the_slices_of_incidents_are_places_unless_they_were_false_alarms(store: rt.Workspace) -> None:
    model = registered(store)
    span = (day(14).isoformat(), day(15).isoformat())
    cause = Cause("city = 'JFK'", "share", 0.9, (0.8, 0.95), 0.5)
    alarm = Verdict(VerdictKind.DEGRADED, "worse", window=span)
    one = Incident(
        "i1", "flights", VerdictKind.DEGRADED, State.OPEN, span[0], span[1], (), (alarm,), "worse", cause=cause
    )
    others = [replace(one, id="i2"), replace(one, id="i3", real=False, cause=replace(cause, slice="x > 1"))]
    with model.store.catalog.write() as tx:
        for i, each in enumerate([one, *others]):
            tx.put(rows.IncidentRow(each.id, "flights", "open", i, i, None, {**each.to_dict(), "version": "1"}))
    assert list(guilty(model).values()) == ["city = 'JFK'"]
    assert next(iter(guilty(model))).endswith(": city = 'JFK'")


def test_slices_that_can_t_be_compared_are_listed_with_the_reason(run: Any) -> None:
    table = pl.read_parquet(run.folder / "holdout.parquet")
    many = {"odd": "nosuch > 1", **{f"{number}": f"x > {number}" for number in range(30)}}
    found = masks(replace(run, body={**run.body, "slices": many}), table)
    assert len(found.told) == 23
    assert found.untold["edge cases: odd"] == "not compared: the holdout has no column 'nosuch'"
    assert found.untold["edge cases: 29"] == "not compared: 24 slices are the most"
    assert unasked("edge cases: odd", "binary", "why").outcome == "unknown"


@pytest.mark.parametrize(
    ("who", "note"), [("", "why"), ("anonymous", "why"), ("user", "why"), ("anna", " "), (None, "x")]
)
def test_nobody_overrides_the_gate_and_nobody_without_a_reason(run: Any, who: str | None, note: str) -> None:
    with pytest.raises(rt.ConfigError, match="the gate is overridden"):
        run.promote(override=who, note=note)


def test_a_named_person_overrides_the_gate_with_a_note(turned: rt.Model, run: Any, proof: Any) -> None:
    """It is in the audit log and with the version; what was recorded of its data can be told."""
    assert not proof.passed
    with pytest.raises(rt.RefusedError, match="is not promoted"):
        run.promote()
    assert run.promote(override="anna", note="the golden set was chosen from the log") == "2"
    with turned.store.catalog.read() as tx:
        (said,) = tx.find(Audit, model="flights", action="promoted")
    assert (said.body["override"], said.body["note"]) == ("anna", "the golden set was chosen from the log")
    champion = next(one for one in turned.versions() if one.stage == "champion")
    assert champion.body["override"]["who"] == "anna"
    sets = turned.datasets("2")
    held = pl.read_parquet(run.folder / "holdout.parquet")
    assert list(sets) == ["training", "test"]
    assert sets["test"].metrics["accuracy"] == pytest.approx(accuracy_score(held["y"], held["_challenger"] >= 0.5))
    assert sets["training"].rows == run.manifest["rows"] == sets["training"].profile(turned).rows
    turned.record("validation", held, version="2")
    assert list(turned.datasets("2")) == ["training", "validation", "test"]
    with pytest.raises(rt.ConfigError, match="unknown part 'tests'"):
        turned.record("tests", held)


def test_the_version_before_is_a_baseline_and_the_champion_has_a_pace(store: rt.Workspace) -> None:
    """After two promotions the first challenger stands beside the third."""
    model = registered(store, maturity="1d")
    live(model, events(14, 10, turned=EVERYWHERE))
    mix = rt.Mix({model.reference: 0.01, model.logged(): 0.99})
    first = model.retrain(LEARNER, mix=mix, holdout="3d", now=day(25))
    first.promote()
    table = events(25, 8)
    live(model, table.with_columns(p=pl.Series(first.predict(table))))
    again = model.retrain(LEARNER, mix=rt.Mix([(model.logged(), 1.0)]), holdout="3d", now=day(34))
    proof = again.prove()
    assert proof.pace is not None
    assert proof.pace.ratio is not None
    assert BEFORE not in {one.rival for one in proof.baselines}  # version 1 has no trained model here
    again.promote()
    live(model, events(34, 8).with_columns(p=pl.Series(again.predict(events(34, 8)))))
    third = model.retrain(LEARNER, mix=rt.Mix([(model.logged(), 1.0)]), holdout="3d", now=day(43))
    before = {one.rival: one for one in third.prove().baselines}[BEFORE]
    held = pl.read_parquet(third.folder / "holdout.parquet")
    assert before.champion == pytest.approx(roc_auc_score(held["y"], first.predict(held)))


def test_what_is_served_is_what_was_tested_and_rows_that_differ_are_named(store: rt.Workspace) -> None:
    """Three rows are served by something else."""
    model = registered(store, maturity="1d")
    with pytest.raises(rt.RefusedError, match="the trained model of version 1 isn't here"):
        model.verify()
    live(model, events(14, 10, turned=EVERYWHERE))
    run = trained(model)
    run.promote()
    assert model.verify().sentence == "Nothing to compare: no event of version 2 has a logged score."
    table = events(25, 1)
    scores = run.predict(table)
    model.log(table.with_columns(p=pl.Series(scores)).drop("y"))
    found = model.verify()
    assert (found.same, found.compared, found.equal, found.unsaid) == (True, 300, 300, 0)
    late = events(26, 1)
    other = run.predict(late)
    other[[5, 7, 9]] += (0.1, -0.3, 0.2)
    model.log(late.with_columns(p=pl.Series(other)).drop("y"))
    found = model.verify(since=day(26))
    assert (found.same, found.compared, found.equal) == (False, 300, 297)
    assert found.differing["id"].to_list() == [late["id"][row] for row in (7, 9, 5)]
    assert found.largest == pytest.approx(0.3)
    assert found.sentence.startswith("What is served is not what was tested: 3 of 300 logged scores (1 %)")
    assert model.verify(until=day(26)).same
    assert found.to_dict()["differing"][0]["distance"] == pytest.approx(0.3)


def test_several_classes_are_proven_promoted_and_verified(store: rt.Workspace) -> None:
    """The world turned by one class; scores are one for each."""

    def classes(table: pl.DataFrame, turn: int) -> pl.DataFrame:
        third = ((pl.col("x") > -0.5).cast(pl.Int64) + (pl.col("x") > 0.5).cast(pl.Int64)).alias("k")
        table = table.with_columns(third)
        near = [pl.when(pl.col("k") == i).then(0.8).otherwise(0.1).alias(f"p_{name}") for i, name in enumerate("abc")]
        odd = pl.col("id").hash(1) % 4 == 0  # a quarter of the labels is chance
        label = (
            pl.when(odd)
            .then(pl.col("id").hash(2) % 3)
            .otherwise((pl.col("k") + turn) % 3)
            .replace_strict({0: "a", 1: "b", 2: "c"})
            .alias("y")
        )
        return table.with_columns(*near, label).drop("k", "p")

    roles: dict[str, Any] = {"id": "id", "time": "at", "label": "y", "score": {name: f"p_{name}" for name in "abc"}}
    model = store.register(
        "kinds", classes(events(0, 14), 0), window="1d", maturity="1d", estimate="off", task="multiclass", **roles
    )
    live(model, classes(events(14, 10), 1))
    learner = make_pipeline(CODES, RandomForestClassifier(5, max_depth=3, random_state=0))
    curve = pilot(model, rt.Trainer(learner, isolated=False), day(25))
    assert curve is not None
    assert curve.rows == (100, 250, 500, 1_000)
    assert curve.original == 0.0, "the world as it was teaches nothing of the world as it is"
    assert min(curve.gains) > 0.1
    boosted = pilot(model, rt.Trainer(rt.LightGBM(rounds=10), isolated=False), day(25))
    assert boosted is not None
    assert (boosted.rows, max(boosted.gains) > 0.1) == (curve.rows, True)
    run = model.retrain(
        rt.Trainer(learner, isolated=False), mix=rt.Mix({model.logged(): 1.0}), holdout="3d", now=day(25)
    )
    proof = run.prove()
    main = proof.contests[0]
    assert (main.metric, main.outcome) == ("roc_auc_macro", "better")
    assert {one.metric for one in proof.contests} >= {"log_loss", "accuracy", "f1_macro"}
    assert proof.calibrations[1] is not None
    assert run.promote() == "2", proof.reasons
    table = classes(events(25, 1), 1)
    said = run.predict(table)
    model.log(table.with_columns(pl.Series(f"p_{name}", said[:, i]) for i, name in enumerate("abc")).drop("y"))
    assert model.verify().same
