"""What the store knows decides whether to retrain; the answer is kept, and the run that it started is learned from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tests.workspace.conftest import Begin, day, events, live, registered

import retrue as rt
from retrue.refine.policy import DAY
from retrue.store.rows import RunRow
from retrue.workspace.decide.deciding import usual_mix, weigh

BENEFIT = {"when": "benefit", "run": 0.1, "gap": "2d", "point": 0.01}
EVERYWHERE = ("JFK", "LGA", "EWR")


def turned_round(store: rt.Workspace) -> None:
    """A model whose world turned round on day 14; labels ripen in two days, and are checked on day 24."""
    model = registered(store, maturity="2d", retraining=BENEFIT)
    live(model, events(14, 10, turned=EVERYWHERE))
    model.check(now=day(24))


@pytest.fixture
def turned(begin: Begin) -> rt.Model:
    """That model."""
    return begin(turned_round).model("flights")


def train(model: rt.Model, now: float) -> Any:
    """Learn from x alone on what was logged."""
    learner = make_pipeline(make_column_transformer(("passthrough", ["x"])), LogisticRegression())
    return model.retrain(
        rt.Trainer(learner, isolated=False), mix=rt.Mix({model.logged(): 1.0}), holdout="2d", now=day(now)
    )


def test_a_world_that_turned_is_worth_a_run(turned: rt.Model) -> None:
    """The AUC of 0.9 fell to 0.1: by labels of the last two matured days, on 300 rows a day."""
    found = turned.decide(day(24))
    said = found.answer
    assert said.answer == "retrain"
    gap = said.situation.gap
    assert gap is not None
    assert (gap.metric, gap.source) == ("roc_auc", "labels")
    assert gap.value == pytest.approx(0.8, abs=0.1)
    assert said.situation.traffic == pytest.approx(300, rel=0.05)
    assert said.situation.rows == 8 * 300
    assert str(found).startswith("retrain: ROC AUC lies 0.")
    assert turned.decisions()[0]["expected"]["worth"] == pytest.approx(said.expected.worth)  # type: ignore[union-attr]


def test_a_world_as_it_was_waits(store: rt.Workspace) -> None:
    model = registered(store, maturity="2d", retraining=BENEFIT)
    live(model, events(14, 4))
    model.check(now=day(20))
    assert model.decide(day(20)).answer.answer == "wait"
    assert model.decisions()[0]["text"].startswith("not yet, because ")


def test_nothing_is_known_of_a_model_that_nobody_uses(store: rt.Workspace) -> None:
    found = registered(store).decide(day(14))
    assert "only 0 rows with matured labels" in found.answer.because
    assert (found.answer.situation.traffic, found.answer.expected) == (0.0, None)


def test_broken_data_hold_a_run_back(turned: rt.Model) -> None:
    """On the last two days every x is missing."""
    live(turned, events(24, 2, turned=EVERYWHERE).with_columns(x=pl.lit(None, pl.Float64)))
    turned.check(now=day(27))
    found = turned.decide(day(27), start=lambda _: pytest.fail("a run was started"))
    (broken,) = found.answer.situation.broken
    assert "x" in broken
    assert f"the data are broken ({broken})" in found.answer.because


def test_labels_that_still_come_don_t_count_where_maturity_is_learned(store: rt.Workspace) -> None:
    """Half of the labels come at once and half after six days: of ten days, four have all of theirs."""
    model, rows = registered(store, maturity=None, retraining=BENEFIT), events(14, 10).with_row_index("n")
    model.log(rows.drop("y", "n"), at=day(24))
    for late in (0, 6):
        for number in range(14, 24):
            part = rows.filter(
                pl.col("at").is_between(day(number), day(number + 1), closed="left"), pl.col("n") % 2 == late // 6
            )
            if number + 1 + late <= 24:
                model.label(part.select("id", "y"), at=day(number + 1 + late))
    model.check(now=day(24))
    assert model.decide(day(24)).answer.situation.rows == pytest.approx(3 * 300, abs=300)


def test_labels_count_that_a_window_has_before_all_of_its_are_due(store: rt.Workspace) -> None:
    """Of weeks from a Monday on: at day 24, what happened until day 22 has matured, and so has a day of the second."""
    model = registered(store, maturity="2d", window="7d", retraining=BENEFIT)
    live(model, events(14, 10, turned=EVERYWHERE))
    assert weigh(model, day(24)).situation.rows == 8 * 300


def test_labels_of_an_earlier_champion_s_events_that_come_late_count(turned: rt.Model) -> None:
    """The run knew those until day 22; two days later the rest have matured, which its champion scored."""
    run = train(turned, 24)
    assert run.promote(now=day(24)) == "2"
    known = weigh(turned, day(26)).situation
    assert (known.rows, known.labels) == (2 * 300, 2 * 300)


def test_a_run_that_can_t_be_started_leaves_the_answer(turned: rt.Model) -> None:
    def start(_: rt.Mix) -> Any:
        raise rt.ConfigError("1 rows for 20 % of the weight: each would count as 542")

    found = turned.decide(day(24), start=start)
    assert (found.answer.answer, found.run) == ("retrain", None)
    assert "each would count as 542" in str(turned.decisions()[0]["refused"])


def test_collections_join_the_usual_mix_once_their_labels_have_matured(turned: rt.Model) -> None:
    """Labels take two days, a quarter of the rest is the holdout: nothing of the last day can be learned from."""
    turned.collect("x > -9", since=day(23), name="young")
    assert [share for _, share in usual_mix(turned, day(24), turned.options.policy).parts] == [0.5, 0.5]
    turned.collect("x > -9", since=day(14), name="ripe")
    mix = usual_mix(turned, day(24), turned.options.policy)
    assert [(part.name, share) for part, share in mix.parts][2:] == [("ripe", 0.2)]


def test_a_trainer_tells_what_is_to_be_won_too(turned: rt.Model) -> None:
    assert weigh(turned, day(24), fit=rt.Trainer(DummyClassifier())).situation.rows == 8 * 300


def test_by_hand_nothing_is_started(turned: rt.Model) -> None:
    found = turned.decide(
        day(24), policy={"when": "manual", "run": 0.1}, start=lambda _: pytest.fail("a run was started")
    )
    assert (found.answer.answer, found.run) == ("retrain", None)


def test_the_least_time_between_two_runs_is_kept_by_the_time_that_was_told(turned: rt.Model) -> None:
    found = turned.decide(day(24), start=lambda _: train(turned, 24))
    run = turned.run(str(found.run))
    run.prove()
    assert turned.decisions()[0]["run"] == run.id
    again = turned.decide(day(25)).answer
    assert "the last run was 24 hours ago, and at least 2 days" in again.because
    assert again.situation.since == DAY
    past = again.situation.past
    assert len(past) == 1
    assert past[0].gap == pytest.approx(found.answer.situation.gap.value)  # type: ignore[union-attr]
    assert past[0].gain > 0.5


def test_a_run_by_hand_is_a_past_retraining_too(turned: rt.Model) -> None:
    """Its gap is what its champion's windows tell of the time; a run that failed has used no labels."""
    run = train(turned, 24)
    assert turned.decide(day(26.1)).answer.situation.past == (), "it isn't proven yet"
    run.prove()
    said = turned.decide(day(26.1)).answer.situation
    (past,) = said.past
    assert past.gap == pytest.approx(0.8, abs=0.1)
    assert past.rows == 8 * 300
    assert past.gain > 0.5
    assert said.labels < said.rows
    with turned.store.catalog.write() as tx:
        tx.put(replace(tx.find(RunRow, model="flights")[0], status="failed"))
    assert turned.decide(day(26.1)).answer.situation.labels == said.rows


def test_a_policy_that_is_not_understood_is_refused(store: rt.Workspace) -> None:
    with pytest.raises(rt.ConfigError, match="unknown key 'wen'"):
        registered(store, retraining={"wen": "benefit"})


def test_a_policy_says_what_its_runs_learn_from(store: rt.Workspace) -> None:
    """Parts by name, all that was collected together, and settings as `rt.Mix` has them."""
    own = {
        "parts": {"reference": 1, "log": 2, "collected": 1},
        "balance": "time",
        "most": {"reference": 700, "log": 500, "collected": 90},
    }
    model = registered(store, retraining={"when": "benefit", "mix": own})
    live(model, events(14, 2))
    alone = usual_mix(model, day(24), model.options.policy)
    assert [(part.name, share) for part, share in alone.parts] == [("reference of version 1", 1), ("log", 2)]
    model.collect("x > 0", name="positive")
    model.collect("x > 3", name="few")
    mix = usual_mix((model := store.model("flights")), day(24), model.options.policy)
    assert [(part.name, share) for part, share in mix.parts] == [
        ("reference of version 1", 1),
        ("log", 2),
        ("positive", 1.0),
    ]
    assert (mix.balance, mix.ceilings()) == ("time", {"reference of version 1": 700, "log": 500, "positive": 90})


def test_a_mix_that_can_t_be_is_refused_when_it_is_said(store: rt.Workspace) -> None:
    """What can't be known then, a part that is collected later, is told in the answer."""
    for mix, said in (
        ({"log": 1}, "shares by part"),
        ({"parts": {"log": -1}}, "a positive number"),
        ({"parts": {"log": 1}, "balanced": "class"}, "unknown key 'balanced'.*did you mean 'balance'"),
        ({"parts": {"log": 1}, "unique": "maybe"}, "equal or near"),
        ({"parts": {"log": 1}, "most": {"lag": 5}}, "rows of 'lag'"),
    ):
        with pytest.raises(rt.ConfigError, match=said):
            registered(store, retraining={"mix": mix})
    model = registered(store, retraining={"mix": {"parts": {"log": 1, "storms": 1}}})
    with pytest.raises(rt.ConfigError, match="unknown part 'storms'"):
        usual_mix(model, day(24), model.options.policy)
