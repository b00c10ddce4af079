"""After a promotion new windows meet the new reference, old ones stay as they were, and there is a way back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from tests.workspace.conftest import Begin, day, events, live, registered

import retrue as rt
from retrue.core.profile import Profile
from retrue.judge.verdict import VerdictKind
from retrue.metrics import get
from retrue.refine.promote import Gate
from retrue.report.proof import came_of
from retrue.server.pages.turn import promotion_step, sentence_of
from retrue.store.rows import Audit, Point
from retrue.workspace.clock import micros
from retrue.workspace.notes import find_markers
from retrue.workspace.promote import promotion
from retrue.workspace.promote.lineage import lineages

CODES = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough")
LEARNER = rt.Trainer(make_pipeline(CODES, LogisticRegression()), isolated=False)
EVERYWHERE = ("JFK", "LGA", "EWR")


def promoted(store: rt.Workspace, *, shift: float = 0.0) -> tuple[rt.Model, Any]:
    """A model whose world turned round on day 14, and was learned anew on day 24."""
    model, run = ready(store, shift=shift)
    run.promote(now=day(25))
    return model, run


def ready(store: rt.Workspace, *, shift: float = 0.0) -> tuple[rt.Model, Any]:
    """The same just before it is promoted, or proven."""
    model = registered(store, maturity="1d")
    live(model, events(14, 10, turned=EVERYWHERE, shift=shift))
    model.check(now=day(24.9))
    # What shifted lies outside of what the reference has shown, and counts as broken: it is learned from knowingly.
    mix = rt.Mix({model.reference: 0.01, model.logged(): 0.99}, broken=bool(shift))
    return model, model.retrain(LEARNER, mix=mix, holdout="3d", now=day(25))


def learned_anew(begin: Begin) -> tuple[rt.Model, Any]:
    """A copy of that."""
    model = begin(promoted).model("flights")
    return model, model.run("latest")


def counted(model: rt.Model) -> dict[tuple[str, int, str], Profile]:
    """All profiles of the store, by version, window and slice."""
    found = [one for version in ("1", "2") for one in model.store.profiles(model.name, version=version)]
    return {(one.version, one.start, one.slice): one.profile for one in found}


def agree(left: dict[Any, Profile], right: dict[Any, Profile]) -> bool:
    """Whether two stores' profiles are the same: counts exactly."""
    return left.keys() == right.keys() and all(profile.agrees(right[key]) for key, profile in left.items())


def test_a_promoted_challenger_is_the_champion(begin: Begin) -> None:
    model, run = learned_anew(begin)
    assert (model.version, run.model.run(run.id).status) == ("2", "promoted")
    assert [(row.version, row.stage) for row in model.versions()] == [("1", "retired"), ("2", "champion")]
    table = events(24, 1)
    assert model.artefact().predict_proba(table.select("x", "city"))[:, 1].tolist() == run.predict(table).tolist()
    assert model.artefact("1") is None


def test_windows_of_the_new_version_meet_its_own_reference(begin: Begin) -> None:
    """In a world that is still turned round the old scores alarm; the new ones are in true, against the holdout."""
    model, run = learned_anew(begin)
    assert "degraded" in {incident.kind.value for incident in model.incidents()}
    table = events(24, 3, turned=EVERYWHERE)
    live(model, table.with_columns(p=pl.Series(run.predict(table))))
    found = model.check(now=day(27.9))
    waiting = [verdict for verdict in found if verdict.kind is not VerdictKind.TRUE]
    assert {verdict.reason for verdict in waiting} == {
        "3 good windows to tell how columns usually go together, needs 6"
    }
    assert {verdict.window[0] for verdict in found if verdict.window} == {day(n).isoformat() for n in range(24, 27)}
    assert model.incidents(live=True) == []
    assert len(model.incidents()) >= 1, "what was is not forgotten"
    with model.store.catalog.read() as tx:
        points = tx.find(Point, model="flights", version="2", metric="accuracy")
    challenger = next(one.challenger for one in run.prove().contests if one.metric == "accuracy")
    assert [point.reference for point in points] == [pytest.approx(challenger)] * 3


def test_the_new_reference_holds_each_row_once(begin: Begin) -> None:
    model, run = learned_anew(begin)
    rows = model.reference.frame
    assert rows["id"].null_count() == 0
    assert rows["id"].is_duplicated().sum() == 0
    assert rows.height == run.manifest["rows"] + pl.read_parquet(run.folder / "holdout.parquet").height
    again = rt.Mix({model.reference_of("1"): 0.5, model.reference: 0.5}).build(["x"], key="id")
    assert [part["rows"] for part in again.manifest["parts"]] == [4_200, rows.height - 4_200]


def test_the_new_reference_s_performance_is_that_of_the_holdout(begin: Begin) -> None:
    """Any model does well on what it has learned."""
    model, run = learned_anew(begin)
    outcome = model.reference.load().profile.outcome
    assert outcome is not None
    assert outcome.labelled == run.prove().contests[0].n


def test_the_same_grids_leave_profiles_as_they_were(begin: Begin) -> None:
    model, _ = learned_anew(begin)
    assert model.reference_of("1").load().grids.digest == model.reference.load().grids.digest
    before = counted(model)
    model.store.recount("flights")
    assert agree(before, counted(model))


def test_outgrown_grids_are_fitted_anew_and_all_versions_counted_on_them(store: rt.Workspace) -> None:
    """Its x moved by 20 standard deviations: on the old grid all of it lies in one bin."""
    model, _ = promoted(store, shift=20.0)
    old, new = model.reference_of("1").load(), model.reference.load()
    assert old.grids.digest == new.grids.digest
    x = new.profile.columns["x"]
    assert (x.out_of_range, x.rows) == (0, model.reference.frame.height)
    assert old.profile.rows == 4_200
    before = counted(model)
    assert {version for version, _, _ in before} == {"1"}
    model.store.recount("flights")
    assert agree(before, counted(model))
    model.log(events(25, 1, shift=20.0).drop("y"))
    window = next(one for one in model.store.profiles("flights", version="2") if one.slice == "")
    assert window.profile.columns["x"].out_of_range <= 5


def test_a_model_that_keeps_a_sample_stays_on_its_grids(store: rt.Workspace) -> None:
    """It can't be counted anew; that is said, and holds no promotion up."""
    model = registered(store, maturity="1d", keep="50 %")
    live(model, events(14, 10, turned=EVERYWHERE, shift=20.0))
    run = model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="3d", now=day(25), gate=Lenient())
    assert run.promote() == "2"
    old, new = model.reference_of("1").load(), model.reference.load()
    assert old.grids.digest == new.grids.digest
    assert promotion.outgrown(new)
    assert any("outside its grid, which stays" in line.text for line in store.logs(model="flights").rows)


def test_a_promotion_that_dies_halfway_changes_nothing(store: rt.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its grids are outgrown: all references go to the new ones together with the crown, or none does."""
    model = registered(store, maturity="1d")
    live(model, events(14, 10, turned=EVERYWHERE, shift=20.0))
    mix = rt.Mix({model.reference: 0.01, model.logged(): 0.99})
    run = model.retrain(LEARNER, mix=mix, holdout="3d", now=day(25))
    before, grids = counted(model), model.reference.load().grids.digest
    with monkeypatch.context() as patched:
        patched.setattr(promotion, "audit", dies)
        with pytest.raises(OSError, match="power cut"):
            run.promote()
    assert [(row.version, row.stage) for row in model.versions()] == [("1", "champion")]
    assert model.reference.load().grids.digest == grids
    assert agree(before, counted(model))
    assert model.check(now=day(24.9))
    assert (run.promote(), model.reference_of("1").load().grids.digest == grids) == ("2", False)


def dies(*_: Any, **__: Any) -> None:
    """The power is cut."""
    raise OSError("power cut")


def test_of_two_promotions_at_once_one_is_refused(store: rt.Workspace) -> None:
    """The champion's reference is that of the run that won."""
    model = registered(store, maturity="1d")
    live(model, events(14, 10, turned=EVERYWHERE))
    runs = [
        model.retrain(
            LEARNER, mix=rt.Mix({model.reference: share, model.logged(): 1 - share}), holdout="3d", now=day(25)
        )
        for share in (0.01, 0.02)
    ]
    with ThreadPoolExecutor(2) as both:
        done = [both.submit(run.promote) for run in runs]
    lost = [one.exception() for one in done]
    assert sorted(type(one).__name__ for one in lost) == ["NoneType", "RefusedError"]
    won = runs[lost.index(None)]
    learned, _ = promotion.reference_of_run(won, model.reference.load().grids)
    assert model.reference.load().profile.agrees(learned.profile)
    assert [row.version for row in model.versions() if row.stage == "champion"] == ["2"]


def test_what_a_run_was_promoted_on_stays_with_it(begin: Begin) -> None:
    model, run = learned_anew(begin)
    before = model.run(run.id).body["proof"]
    model.golden("other", events(60, 1))
    assert run.prove().to_dict() != before
    assert (model.run(run.id).status, model.run(run.id).body["proof"]) == ("promoted", before)


def test_rolling_back_makes_the_version_before_the_champion(begin: Begin) -> None:
    model, _ = learned_anew(begin)
    assert model.rollback(now=day(25)) == "1"
    marks = find_markers(model.store.catalog, model.name)
    assert [(one.text, one.at) for one in marks if "rolled" in one.text] == [
        ("rolled back from version 2 to 1", micros(day(25)))
    ]
    assert [(row.version, row.stage) for row in model.versions()] == [("1", "champion"), ("2", "retired")]
    with pytest.raises(rt.RefusedError, match="nothing to roll back to"):
        model.rollback()
    live(model, events(25, 1, turned=EVERYWHERE))
    assert "degraded" in {verdict.kind.value for verdict in model.check(now=day(27))}


def test_a_rollback_is_undone_by_promoting_the_run_again(begin: Begin) -> None:
    """On the proof that is kept; no other run, and nothing is trained or proven again."""
    model, run = learned_anew(begin)
    model.check(now=day(25))
    before = model.reference_of("2").load().profile
    for number in (26, 27):
        model.rollback(now=day(number))
        assert came_of(model.run(run.id).to_dict()) == f"version 2, rolled back 2024-01-{number + 1}"
        turn = next(one for one in lineages(model) if one.id == run.id)
        assert sentence_of(turn, None, "1") == f"Run {run.id} became version 2, and was rolled back"
        assert promotion_step(model.name, turn, "1").command == f"retrue promote flights {run.id}"
        proof = model.run(run.id).body["proof"]
        assert run.promote(now=day(number)) == "2"
        assert model.version == "2"
        assert model.run(run.id).body["proof"] == proof
        assert came_of(model.run(run.id).to_dict()) == "version 2"
    assert model.reference_of("2").load().profile.agrees(before)
    assert [(row.version, row.stage) for row in model.versions()] == [("1", "retired"), ("2", "champion")]
    marks = [one.text for one in find_markers(model.store.catalog, model.name)]
    assert marks.count("version 2 promoted again") == 2
    with pytest.raises(rt.RefusedError, match="it is version 2 already"):
        run.promote()


def test_rolling_back_brings_incidents_of_the_version_back(begin: Begin) -> None:
    """The last windows of version 1 alarmed; its promotion to version 2 ended that, and its return doesn't."""
    model, _ = learned_anew(begin)
    (before,) = (one for one in model.incidents() if one.kind is VerdictKind.DEGRADED)
    assert not before.live
    model.rollback()
    (after,) = (one for one in model.incidents() if one.kind is VerdictKind.DEGRADED)
    assert (after.id, after.live, after.until) == (before.id, True, None)
    assert after.sentence.startswith("Since ")
    assert (after.cost, after.cause) == (before.cost, before.cause)


def test_a_second_promotion_is_the_third_version(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """The world turned back; what is retrained on begins with the second reference."""
    model, run = learned_anew(begin)
    table = events(25, 8)
    live(model, table.with_columns(p=pl.Series(run.predict(table))))
    mix = rt.Mix([(model.logged(), 0.99), (model.reference, 0.01)])
    again = model.retrain(LEARNER, mix=mix, holdout="3d", now=day(34))
    assert [part["rows"] for part in again.manifest["parts"]][1] == model.reference.frame.height
    assert again.promote() == "3"
    with monkeypatch.context() as patched:  # it looked just before the third came
        patched.setattr(type(model), "version", "2")
        with pytest.raises(rt.RefusedError, match="version 3 has become the champion meanwhile"):
            model.rollback()
    assert model.rollback() == "2"


def test_a_promotion_is_in_the_audit_log_and_marked_on_time_axes(store: rt.Workspace) -> None:
    model, run = promoted(store)
    with model.store.catalog.read() as tx:
        said = tx.find(Audit, model="flights", action="promoted")
    assert [(row.body["version"], row.body["run"]) for row in said] == [("2", run.id)]
    assert [(one.kind, one.text) for one in store.markers("flights")] == [("deployment", "version 2 promoted")]
    assert datetime.fromisoformat(run.manifest["cut"]) < day(25)


WORDS: dict[str, tuple[Any, Any]] = {"text": ("bad", "good"), "flag": (True, False), "number": (1, 0)}


def spoken(said: str, table: pl.DataFrame) -> pl.DataFrame:
    """The same events, with the label, the score or the prediction in other words."""
    sure, words = pl.col("p") >= 0.5, WORDS[said.split(maxsplit=1)[0]]
    yes, no = (pl.lit(word) for word in words)
    told = table.with_columns(
        y=pl.when(pl.col("y") == 1).then(yes).otherwise(no), g=pl.when(sure).then(yes).otherwise(no)
    )
    return told.drop("p") if said.endswith("without score") else told


@pytest.mark.parametrize("said", ["text", "flag", "number", "text without score", "number without score"])
def test_a_promoted_version_is_measured_by_its_own_words(store: rt.Workspace, said: str) -> None:
    """Scores and predictions of the reference are the challenger's, whatever labels are called and come first."""
    score = None if said.endswith("without score") else "p"
    roles: dict[str, Any] = {"score": score, "prediction": "g", "positive": "bad" if said.startswith("text") else None}
    model = store.register(
        "flights", spoken(said, events(0, 14)), id="id", time="at", label="y", window="1d", maturity="1d", **roles
    )
    live(model, spoken(said, events(14, 10, turned=EVERYWHERE)))
    mix = rt.Mix({model.reference: 0.01, model.logged(): 0.99})
    run = model.retrain(LEARNER, mix=mix, holdout="3d", now=day(25))
    contests = {one.metric: one for one in run.prove().contests if one.where == "holdout"}
    held = pl.read_parquet(run.folder / "holdout.parquet")
    assert contests["accuracy"].champion == pytest.approx((held["g"] == held["y"]).mean())
    assert contests["roc_auc"].outcome == "better"
    run.promote()
    outcome = model.reference.load().profile.outcome
    own = get("accuracy").compute(outcome).value
    assert own == pytest.approx(contests["accuracy"].challenger)
    assert set(model.reference.frame["g"]) == set(held["y"])


def test_a_regression_is_retrained_and_promoted(store: rt.Workspace) -> None:
    def valued(table: pl.DataFrame, sign: int) -> pl.DataFrame:
        noise = pl.Series(np.random.default_rng(7).normal(0, 0.3, table.height))
        return table.with_columns(y=sign * pl.col("x") + pl.col("p") + noise, g=pl.col("x") + pl.col("p")).drop("p")

    roles: dict[str, Any] = {"label": "y", "prediction": "g", "task": "regression", "window": "1d", "maturity": "1d"}
    model = store.register("flights", valued(events(0, 14), 1), id="id", time="at", **roles)
    live(model, valued(events(14, 10), -1))
    learner = make_pipeline(CODES, LinearRegression())
    run = model.retrain(
        rt.Trainer(learner, isolated=False), mix=rt.Mix({model.logged(): 1.0}), holdout="3d", now=day(25)
    )
    main = run.prove().contests[0]
    assert (main.metric, main.outcome) == ("mae", "better")
    assert run.promote() == "2"
    own = get("mae").compute(model.reference.load().profile.outcome).value
    assert own == pytest.approx(main.challenger)


def test_versions_that_go_wrong_alike_in_one_window_have_incidents_of_their_own(store: rt.Workspace) -> None:
    """A promotion at noon: what was said of the old version's day stays."""
    model, table = registered(store, maturity="1d"), events(24, 1, turned=EVERYWHERE)
    live(model, events(14, 10))
    live(model, table[:150], delay=0)
    model.check(now=day(25))
    run = model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="3d", now=day(26), gate=Lenient())
    run.promote()
    first = [one.to_dict() for one in model.incidents()]
    assert [one["state"] for one in first] == ["resolved"], [one["sentence"] for one in first]
    live(model, table[150:], delay=0)
    for now in (25.9, 26.9):
        model.check(now=day(now))
        found = model.incidents()
        assert len({one.id for one in found}) == 2
        assert first[0] in [one.to_dict() for one in found]
        assert [one.state.value for one in model.incidents(live=True)] == ["open"]
        live(model, events(25, 1, turned=EVERYWHERE))


class Lenient(Gate):
    """A gate that nobody guards."""

    def reasons(self, *_: Any) -> list[str]:
        """Never refuse."""
        return []
