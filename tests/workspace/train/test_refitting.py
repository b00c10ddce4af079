"""A run that is fitted again: what is served has learned from the holdout, too, and what is proven is its twin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.dummy import DummyClassifier
from tests.workspace.conftest import A_DAY, Begin, day, events
from tests.workspace.train.test_training import EVERYWHERE, LEARNER, ids, turned_round

import retrue as rt
from retrue.refine.policy import RetrainingPolicy
from retrue.server.pages.run import again_of
from retrue.store import rows
from retrue.workspace.decide.deciding import usual_mix
from retrue.workspace.promote.lineage import lineages
from retrue.workspace.run import Run
from retrue.workspace.train.refitting import FOLDER


@pytest.fixture
def turned(begin: Begin) -> rt.Model:
    """A model whose world turned round on day 14, ten days ago; labels ripen in two."""
    return begin(turned_round).model("flights")


def mixed(model: rt.Model, *, refit: bool = True) -> rt.Mix:
    """Mostly what was logged."""
    return rt.Mix({model.reference: 0.01, model.logged(): 0.99}, refit=refit)


def trained(model: rt.Model, fit: Any = LEARNER, *, refit: bool = True) -> Run:
    """A run at day 24 whose last two matured days are held out."""
    return model.retrain(fit, mix=mixed(model, refit=refit), holdout="2d", now=day(24))


def held(run: Run) -> pl.DataFrame:
    """The holdout, with what was proven to be said of it."""
    return pl.read_parquet(run.folder / "holdout.parquet")


def fails_on_more(error: Exception | None, seen: list[int]) -> rt.Trainer:
    """Fits once, as `LEARNER` does; after that it fails, or learns nothing."""

    def fit(table: pl.DataFrame, weights: Any) -> Any:
        seen.append(table.height)
        if len(seen) == 1:
            return LEARNER.fit.fit(table.select("x", "city"), table["y"], logisticregression__sample_weight=weights)
        if error is not None:
            raise error
        return DummyClassifier().fit(table.select("x", "city"), 1 - table["y"])

    return rt.Trainer(fit, isolated=False)


def test_what_is_served_has_learned_from_the_holdout_and_what_is_proven_has_not(turned: rt.Model) -> None:
    """The proof is the same as that of a run that wasn't fitted again; the model that is promoted is another one."""
    once, twice = trained(turned, refit=False), trained(turned)
    assert twice.manifest["digest"] == once.manifest["digest"] != twice.body["refit"]["manifest"]["digest"]
    assert twice.prove().contests == once.prove().contests
    assert not set(pl.read_parquet(twice.folder / "training.parquet")["id"]) & set(held(twice)["id"])
    assert set(twice.learned["id"]) == ids(0, 22)
    expected = LEARNER.fit.fit  # by hand, on the rows and weights that the manifest tells of
    known = twice.learned
    weights = known["_weight"].to_numpy()
    model = expected(known.select("x", "city"), known["y"], logisticregression__sample_weight=weights)
    assert np.allclose(twice.predict(events(30, 1)), model.predict_proba(events(30, 1).select("x", "city"))[:, 1])
    assert held(twice)["_challenger"].to_list() == once.predict(held(once)).tolist()
    assert not np.allclose(twice.predict(held(twice)), held(twice)["_challenger"].to_numpy())
    assert not (twice.folder / FOLDER).exists()


def test_a_promoted_one_is_what_is_verified_and_its_reference_is_of_the_twin(turned: rt.Model) -> None:
    """It does well on what it has learned, so that how well it is to do is read from what its twin said."""
    run = trained(turned)
    version = run.promote(now=day(24))
    later = events(24, 1)
    turned.log(later.drop("y").with_columns(p=pl.Series(run.predict(later))), at=day(25))
    assert turned.verify(version).same
    proof = run.kept["proof"]["contests"][0]
    assert turned.datasets(version)["test"].metrics["roc_auc"] == pytest.approx(proof["challenger"], abs=1e-3)


def test_both_sets_are_built_again(turned: rt.Model) -> None:
    run = trained(turned)
    again = run.body["refit"]
    assert run.rebuild().changed == ()
    again["manifest"]["parts"][1]["digest"] = "another"
    assert [one.split(" changed")[0] for one in run.rebuild().changed] == ["fitted again: part 'log'"]


@pytest.mark.parametrize(
    ("error", "why"),
    [(ValueError("too many rows"), "too many rows"), (None, "from that of the fit that hasn't seen it")],
)
def test_a_second_fit_that_goes_wrong_leaves_the_twin(turned: rt.Model, error: Exception | None, why: str) -> None:
    """What was proven is promoted then, and the run's log says why."""
    seen: list[int] = []
    run = trained(turned, fails_on_more(error, seen))
    assert len(seen) == 2
    assert seen[1] > seen[0]
    assert why in run.body["refit"]["why"]
    assert run.predict(held(run)).tolist() == held(run)["_challenger"].to_list()
    assert set(run.learned["id"]) <= ids(0, 20)
    assert not (run.folder / FOLDER).exists()
    with turned.store.catalog.read() as tx:
        assert any(why in one.text for one in tx.find(rows.Log, run=run.id, level="warning"))
    assert run.promote(now=day(24)) == "2"


def test_rows_of_a_golden_set_are_not_learned_with_the_holdout(turned: rt.Model) -> None:
    """Else the challenger couldn't be compared on them, nor could the next one."""
    turned.golden("yesterday", events(14, 10, turned=EVERYWHERE)[7 * A_DAY : 8 * A_DAY])
    run = trained(turned)
    assert "rows of the golden set 'yesterday'" in run.body["refit"]["why"]
    assert run.prove().faults == ()


def test_a_process_of_its_own_fits_both(turned: rt.Model) -> None:
    """And nothing of a notebook stays behind in the run's folder."""
    run = trained(turned, LEARNER.fit)
    assert run.body["refit"]["why"] is None
    assert set(run.learned["id"]) == ids(0, 22)
    assert not list(run.folder.rglob("fit.pickle"))
    (turn,) = lineages(turned)
    assert again_of(turn).startswith("fitted again, on 6,600 rows"), "the run's page"
    assert again_of(replace(turn, status="training")) == ""


@pytest.mark.parametrize("said", [True, False])
def test_a_policy_says_whether_its_runs_are_fitted_again(turned: rt.Model, *, said: bool) -> None:
    """They are unless it says no: with the usual mix, and with one of its own."""
    for mix in ({}, {"mix": {"parts": {"log": 1}}}):
        policy = RetrainingPolicy.of(mix if said else {**mix, "refit": False})
        assert usual_mix(turned, day(24), policy).refit is said
