"""A challenger learns from matured labels only, nothing of the holdout, and is proven on what came later."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from tests.workspace.conftest import A_DAY, Begin, day, events, live, registered

import retrue as rt
from retrue.refine.promote import Gate
from retrue.workspace.collect.collecting import Logged
from retrue.workspace.train.parts import barren

CODES = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough")
LEARNER = rt.Trainer(make_pipeline(CODES, LogisticRegression()), isolated=False)
"""In this process: `test_fitting.py` tests those of their own, which take a second each."""
EVERYWHERE = ("JFK", "LGA", "EWR")


def ids(first: float, last: float) -> set[str]:
    """The ids of these days."""
    return {f"e{row}" for row in range(round(first * A_DAY), round(last * A_DAY))}


def trained_rows(run: Any) -> pl.DataFrame:
    """What the run was trained on."""
    return pl.read_parquet(run.folder / "training.parquet")


def turned_round(store: rt.Workspace) -> None:
    """A model whose world turned round on day 14, ten days ago; labels come after half a day and ripen in two."""
    live(registered(store, maturity="2d"), events(14, 10, turned=EVERYWHERE))


@pytest.fixture
def turned(begin: Begin) -> rt.Model:
    """That model."""
    return begin(turned_round).model("flights")


def mixed(model: rt.Model) -> rt.Mix:
    """Mostly what was logged."""
    return rt.Mix({model.reference: 0.01, model.logged(): 0.99})


def test_only_matured_labels_before_the_holdout_are_learned_from(turned: rt.Model) -> None:
    """At day 24 the labels of days 14 to 22 are ripe; the last two of those days are held out."""
    run = turned.retrain(LEARNER, mix=mixed(turned), holdout="2d", now=day(24))
    learned = set(trained_rows(run)["id"])
    assert learned == ids(0, 14) | (learned & ids(14, 20))
    assert len(learned & ids(14, 20)) == pytest.approx(6 * A_DAY, abs=2)
    held = pl.read_parquet(run.folder / "holdout.parquet")
    assert not learned & set(held["id"])
    assert set(held["id"]) <= ids(19.9, 22)
    assert (run.manifest["matured"], run.manifest["rows"]) == (day(22).isoformat(), len(learned))
    assert [part["rows"] for part in run.manifest["parts"]] == [14 * A_DAY, len(learned) - 14 * A_DAY]


def test_a_share_of_a_small_log_is_as_much_as_a_gate_asks_for(store: rt.Workspace) -> None:
    """A quarter of 300 events could prove nothing, whatever they show: 106 are 100 with a label if 95 % have one."""
    model = registered(store, maturity="1h")
    live(model, events(14, 1, turned=EVERYWHERE))
    run = model.retrain(LEARNER, mix=mixed(model), holdout=0.25, now=day(16))
    assert pl.read_parquet(run.folder / "holdout.parquet").height == 106
    assert run.prove().passed


def test_labels_that_are_known_early_are_not_learned_from(store: rt.Workspace) -> None:
    """All labels of the last days are known, but those of their like may still be corrected."""
    model = registered(store, maturity="5d")
    live(model, events(14, 10), delay=0)
    run = model.retrain(LEARNER, mix=mixed(model), holdout="1d", now=day(24))
    assert not set(trained_rows(run)["id"]) & ids(19, 24)
    assert not set(pl.read_parquet(run.folder / "holdout.parquet")["id"]) & ids(19, 24)


def test_how_long_labels_take_is_learned_from_those_that_came(store: rt.Workspace) -> None:
    """Each day's labels came two days after its end, so nearly three days after its first events."""
    model = registered(store)
    for number in range(14, 20):
        live(model, events(number, 1), delay=2)
    run = model.retrain(LEARNER, mix=mixed(model), holdout="1d", now=day(30))
    assert day(27) <= datetime.fromisoformat(run.manifest["matured"]) <= day(27.1)


def test_corrected_labels_are_learned_as_they_are_now(turned: rt.Model) -> None:
    """Even in a collection that was made before the correction."""
    edge = turned.collect("city = 'JFK'", name="JFK")
    flipped = events(15, 1, turned=EVERYWHERE).select("id", y=1 - pl.col("y"))
    turned.label(flipped)
    run = turned.retrain(LEARNER, mix=rt.Mix({edge: 1.0}), holdout="2d", now=day(24))
    known = trained_rows(run).join(flipped, on="id", suffix="_now")
    assert known.height > A_DAY / 3
    assert known["y"].to_list() == known["y_now"].to_list()


def test_the_holdout_is_kept_out_of_every_part(turned: rt.Model) -> None:
    """Even of rows that somebody brings along."""
    brought = Logged("brought along", events(14, 10, turned=EVERYWHERE))
    run = turned.retrain(LEARNER, mix=rt.Mix({brought: 1.0}), holdout="2d", now=day(24))
    held = set(pl.read_parquet(run.folder / "holdout.parquet")["id"])
    assert len(held) == pytest.approx(2 * A_DAY, abs=2)
    assert not set(trained_rows(run)["id"]) & held


def test_a_fit_sees_features_label_and_weights_only(turned: rt.Model) -> None:
    seen: list[Any] = []

    def fit(table: pl.DataFrame, weights: Any) -> Any:
        seen.extend([table.columns, table.height, weights.mean()])
        return LogisticRegression().fit(table.select("x"), table["y"])

    run = turned.retrain(rt.Trainer(fit, isolated=False), mix=mixed(turned), holdout="2d", now=day(24))
    assert run.challenger.feature_names_in_.tolist() == ["x"]  # and it is asked about these
    assert seen[0] == ["x", "city", "y"]
    assert seen[2] == pytest.approx(1)


def test_a_fit_sees_two_classes_written_in_one_way(store: rt.Workspace) -> None:
    """Labels that are neither don't count; those that are written otherwise are what they mean."""
    words = pl.when(pl.col("y") == 1).then(pl.lit("yes")).otherwise(pl.lit("no")).alias("y")
    model = store.register(
        "m", events(0, 14).with_columns(words), id="id", time="at", label="y", score="p", window="1d"
    )
    later = events(14, 10).with_columns(y=pl.when(pl.col("y") == 1).then(pl.lit("True")).otherwise(pl.lit("n")))
    pending = pl.when(pl.int_range(pl.len()) % 20 == 0).then(pl.lit("pending")).otherwise(pl.col("y"))
    live(model, later.with_columns(y=pending))
    run = model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="2d", now=day(40))
    assert set(trained_rows(run)["y"]) == {"yes", "no"}


def test_the_same_mix_has_the_same_digests(turned: rt.Model) -> None:
    runs = [turned.retrain(LEARNER, mix=mixed(turned), holdout="2d", now=day(24)) for _ in range(2)]
    assert runs[0].id != runs[1].id
    assert runs[0].manifest == runs[1].manifest
    assert [run.id for run in turned.runs()] == [runs[1].id, runs[0].id]
    assert turned.run("latest").id == runs[1].id


def test_a_better_challenger_is_proven_on_later_rows(turned: rt.Model) -> None:
    edge = turned.collect("city = 'JFK'", name="JFK")
    run = turned.retrain(LEARNER, mix=rt.Mix({turned.reference: 0.01, edge: 0.99}), holdout="2d", now=day(24))
    proof = run.prove()
    assert proof.passed, proof.reasons
    assert proof.holdout[0] >= str(day(19.9))[:10]
    main = proof.contests[0]
    assert (main.where, main.metric, main.outcome) == ("holdout", "roc_auc", "better")
    places = [contest.where for contest in proof.contests]
    assert {"edge cases: JFK", "city = 'LGA'", "city = 'EWR'"} <= set(places)
    assert proof.to_dict()["contests"][0]["champion"] == pytest.approx(main.champion)
    assert turned.run(run.id).status == "proven"


def test_a_useless_challenger_is_refused_with_reasons(turned: rt.Model) -> None:
    """It says the same of everybody."""
    run = turned.retrain(
        rt.Trainer(DummyClassifier(), isolated=False), mix=rt.Mix({turned.reference: 1.0}), holdout="2d", now=day(24)
    )
    worse = turned.retrain(LEARNER, mix=rt.Mix({turned.reference: 1.0}), holdout="2d", now=day(24))
    with pytest.raises(rt.RefusedError, match=worse.id) as refused:
        worse.promote()
    assert "ROC AUC is not proven better on the holdout" in refused.value.reasons[0]
    assert turned.version == "1"
    assert turned.run(worse.id).status == "refused"
    assert run.prove().contests[0].challenger == 0.5


def test_a_holdout_whose_labels_still_come_refuses(store: rt.Workspace) -> None:
    model, table = registered(store, maturity="2d"), events(14, 10, turned=EVERYWHERE)
    model.log(table.drop("y"))
    model.label(table.select("id", "y")[: 7 * A_DAY])
    run = model.retrain(LEARNER, mix=mixed(model), holdout="2d", now=day(24))
    with pytest.raises(rt.RefusedError) as refused:
        run.promote()
    assert any("of the holdout's events have a label" in reason for reason in refused.value.reasons)
    lenient = model.retrain(LEARNER, mix=mixed(model), holdout="2d", now=day(24), gate=Gate(coverage=0.1))
    assert lenient.promote() == "2"


def test_nothing_to_learn_from_is_refused(store: rt.Workspace) -> None:
    model, table = registered(store, maturity="30d"), events(14, 2)
    for told in ("no logged event has a label yet", "no label has matured"):
        with pytest.raises(rt.RefusedError, match="nothing to learn from") as refused:
            model.retrain(LEARNER, mix=rt.Mix({model.reference: 1.0}), now=day(17))
        assert refused.value.reasons[0].startswith(told)
        live(model, table)
    with pytest.raises(rt.RefusedError, match="takes all of the log"):
        model.retrain(LEARNER, mix=rt.Mix({model.reference: 1.0}), holdout="30d", now=day(60))


def test_a_part_without_matured_labels_is_refused(store: rt.Workspace) -> None:
    """A collection of the last days, whose labels aren't there yet."""
    model = registered(store, maturity="1d")
    live(model, events(14, 10))
    model.log(events(24, 2).drop("y"), at=day(26))
    late = model.collect("x > 0", since=day(24), name="the last days")
    said = f"no row of 'the last days' may be learned from: {late.rows.height} not matured, or held out"
    with pytest.raises(rt.RefusedError, match=said) as refused:
        model.retrain(LEARNER, mix=rt.Mix({model.logged(): 0.5, late: 0.5}), holdout="2d", now=day(26))
    assert "the proof keeps events since 2024-01-23 23:55" in str(refused.value)
    none = model.collect("x > 1000", name="none such")
    with pytest.raises(rt.RefusedError, match=r"'none such' has no rows\. Hint: mix without it$"):
        model.retrain(LEARNER, mix=rt.Mix({model.logged(): 0.5, none: 0.5}), holdout="2d", now=day(26))


def test_a_collection_of_the_days_that_are_held_out_has_nothing_to_learn_from_yet(store: rt.Workspace) -> None:
    """By the books of its days: what a form offers no share, and a training refuses."""
    model = registered(store, maturity="1h")
    live(model, events(14, 10))
    for name, since in (("late", 23), ("early", 15)):
        model.watch_signal("x > 0", name=name, since=day(since))
    model.collect_new()
    assert barren(model, 0.25) == {"late": "all its rows are kept for the proof"}
    assert barren(model, 0.05) == {}
    parts = {part.name: part for part in model.collections()}
    with pytest.raises(rt.RefusedError, match="no row of 'late' may be learned from"):
        model.retrain(LEARNER, mix=rt.Mix({model.logged(): 0.5, parts["late"]: 0.5}), holdout=0.25, now=day(30))
    model.retrain(LEARNER, mix=rt.Mix({model.logged(): 0.5, parts["early"]: 0.5}), holdout=0.25, now=day(30))


def test_predicting_with_a_run_is_predicting_with_its_model(turned: rt.Model) -> None:
    run = turned.retrain(LEARNER, mix=mixed(turned), holdout="2d", now=day(24))
    table = events(30, 1)
    expected = run.challenger.predict_proba(table.select("x", "city"))[:, 1]
    assert run.predict(table).tolist() == expected.tolist()


def test_a_model_without_label_cannot_be_retrained(store: rt.Workspace) -> None:
    model = store.register("bare", events(0, 14).drop("y"), id="id", time="at")
    with pytest.raises(rt.SchemaError, match="needs a label, a time and one score"):
        model.retrain(LEARNER, mix=rt.Mix({model.reference: 1.0}), now=day(20) + timedelta(days=1))


def test_old_events_logged_with_their_labels_have_matured(store: rt.Workspace) -> None:
    """Labels that come years after their events, but for every event, tell no delay: all can be learned from."""
    model = registered(store)
    model.log(events(14, 10))  # today: events of 2013 with their labels
    run = model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout=0.25)
    assert run.manifest["rows"] == pytest.approx(7.5 * A_DAY, rel=0.01)


def test_a_part_of_few_rows_and_much_weight_is_refused() -> None:
    """Two rows at half the weight would each count as thousands."""
    few, many = Logged("few", pl.DataFrame({"x": [1.0, 2.0]})), Logged("many", pl.DataFrame({"x": [0.0] * 6_000}))
    with pytest.raises(rt.ConfigError, match="2 rows for 50% of the weight: each would count as 1,500"):
        rt.Mix({few: 0.5, many: 0.5}).build(["x"])


def better(model: rt.Model) -> Any:
    """A run that passes the gate."""
    edge = model.collect("city = 'JFK'", name="JFK")
    return model.retrain(LEARNER, mix=rt.Mix({model.reference: 0.01, edge: 0.99}), holdout="2d", now=day(24))


def test_a_run_is_promoted_once(turned: rt.Model) -> None:
    """The second time there is nothing to do, and it stays promoted whatever is proven again."""
    run = better(turned)
    assert run.promote() == "2"
    for again in (run, turned.run(run.id)):
        with pytest.raises(rt.RefusedError, match="version 2 already"):
            again.promote()
    run.prove()
    assert turned.run(run.id).status == "promoted"
    assert [version.version for version in turned.versions()] == ["1", "2"]


def test_a_run_whose_champion_was_replaced_is_refused(turned: rt.Model) -> None:
    """It was compared with a model that nobody uses any more."""
    first, second = better(turned), better(turned)
    first.promote()
    with pytest.raises(rt.RefusedError, match="version 2 has taken over from version 1"):
        second.promote()
    assert turned.version == "2"


@pytest.mark.parametrize("seed", [-1, 0.5, 2**32])
def test_a_seed_that_is_none_is_refused_at_once(turned: rt.Model, seed: Any) -> None:
    with pytest.raises(rt.ConfigError, match="expected a whole number from 0"):
        turned.retrain(LEARNER, mix=mixed(turned), seed=seed)


def test_a_run_keeps_the_gate_it_was_given(turned: rt.Model) -> None:
    """Whoever promotes it later, from another process, too."""
    run = turned.retrain(LEARNER, mix=mixed(turned), holdout="2d", now=day(24), gate=Gate(rows=10**6))
    with pytest.raises(rt.RefusedError, match="needs 1,000,000"):
        turned.run(run.id).promote()


def test_rare_labels_that_come_late_are_waited_for(store: rt.Workspace) -> None:
    """Nine of ten labels come at once and are all 0; the ones take ten days: windows are not ripe at nine of ten."""
    model, table = registered(store), events(14, 20)
    model.log(table.drop("y"))
    late = table.with_row_index().with_columns(y=(pl.col("index") % 12 == 0).cast(pl.Int64))
    for label, delay in ((0, 0.5), (1, 10.0)):
        for number in range(14, 34):
            told = late.filter((pl.col("y") == label) & (pl.col("at").dt.truncate("1d") == day(number)))
            if number + delay < 34:
                model.label(told.select("id", "y"), at=day(number + 1 + delay))
    run = model.retrain(LEARNER, mix=mixed(model), holdout="4d", now=day(34))
    held = pl.read_parquet(run.folder / "holdout.parquet")
    assert set(held["y"]) == {0, 1}
    assert held["y"].null_count() == 0


def test_a_training_set_that_looks_nothing_like_production_is_refused_before_it_is_fitted(turned: rt.Model) -> None:
    """Another unit for every number: nothing is fitted, and the columns are named with what they have in common."""
    frame = turned.logged().frame
    numbers = [name for name in turned.schema.features if frame.schema[name].is_numeric()]
    other = Logged("warehouse", frame.with_columns(pl.col(numbers) * 1_000 + 7, city=pl.lit("Newark")))

    def never(table: pl.DataFrame, weights: Any) -> Any:
        raise AssertionError("it was fitted")

    with pytest.raises(rt.RefusedError, match=r"looks nothing like the .* events since .*\(0 % in common\)"):
        turned.retrain(rt.Trainer(never, isolated=False), mix=rt.Mix({other: 1.0}), holdout="2d", now=day(24))
    assert turned.runs() == []
    assert turned.retrain(LEARNER, mix=mixed(turned), holdout="2d", now=day(24)).body["unlike"] == {}


def test_what_was_served_is_never_called_unlike_what_is_served(store: rt.Workspace) -> None:
    """All numbers are others since the day before yesterday: a proof may say whether old rows teach of that."""
    model = registered(store, slices=[], maturity="1d")
    live(model, pl.concat([events(14, 8), events(22, 3).with_columns(pl.col("x") + 100, city=pl.lit("Newark"))]))
    run = model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="2d", now=day(26))
    assert (run.status, set(run.body["unlike"])) == ("trained", {"x", "city"})
