"""A challenger that is tried in production is promoted as the version that it was tried as: its effect begins then."""

from __future__ import annotations

import polars as pl
import pytest
from tests.workspace.conftest import Begin, day, events, live, registered
from tests.workspace.promote.test_promotion import EVERYWHERE, LEARNER

import retrue as rt
from retrue.server.pages.run_evidence import evidence_of
from retrue.server.pages.trials import going_on, trial_row
from retrue.server.pages.turn import turn_of
from retrue.workspace.promote.lineage import effect_of, lineages
from retrue.workspace.run import Run


def turned(first: int, days: int) -> pl.DataFrame:
    """The world turned round."""
    return events(first, days, turned=EVERYWHERE)


def challenged(store: rt.Workspace) -> None:
    """A champion that is wrong everywhere, and a run that has learned from that; labels ripen in a day."""
    model = registered(store, maturity="1d")
    live(model, turned(14, 10))
    model.check(now=day(25))
    model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="2d", now=day(25))


def scored(run: Run, table: pl.DataFrame) -> pl.DataFrame:
    """The same events as a run's model scores them."""
    return table.with_columns(p=pl.Series(run.predict(table)))


def both_log(model: rt.Model, run: Run, first: int, days: int) -> None:
    """Events that the champion scores, and the run's model as version 2; their labels come half a day later."""
    table = turned(first, days)
    model.log(scored(run, table).drop("y"), version="2", at=day(first + days))
    live(model, table)


@pytest.mark.parametrize("replay", [True, False])
def test_a_shadow_that_is_better_is_promoted_and_its_effect_begins_then(begin: Begin, *, replay: bool) -> None:
    """Four days beside the champion, three after it: the effect is that of the three, also where nobody says when."""
    model = begin(challenged).model("flights")
    run = model.run("latest")
    trial = model.trial("2", run=run.id, now=day(24))
    both_log(model, run, 24, 4)
    (row,) = going_on(model)
    assert (row.run, row.status, row.advice) == (run.id, "running", "not judged yet")
    trial.update(day(30))
    (turn,) = lineages(model)
    (seen,) = evidence_of(model, turn).trials
    assert seen.said == "version 2 runs beside version 1, as a shadow"
    assert seen.advice.startswith("stop: version 2 is better by ")
    step = next(one for one in turn_of("flights", turn, None, {}, "1").steps if one.name == "Trial")
    assert (step.state, step.text[:28]) == ("running", "Stop: version 2 is better by")
    model.check(now=day(29))
    assert run.promote(now=day(28) if replay else None) == "2"
    (ended,) = model.trials()
    assert (ended.status, ended.body["until"]) == ("stopped", day(28).isoformat())
    after = turned(28, 3)
    live(model, scored(run, after))
    model.check(now=day(33))
    (turn,) = lineages(model)
    found = effect_of(model, turn)
    assert found is not None
    assert found.before is not None
    assert found.after is not None
    assert (found.after.windows, found.change) == (3, "better")
    assert found.before.windows == 14
    assert [one.id for one in turn.trials] == [trial.id]


def test_a_name_that_something_else_was_logged_as_is_not_given_to_a_promotion(begin: Begin) -> None:
    """Version 2 is somebody's experiment, and so is 3, which hasn't scored anything yet."""
    model = begin(challenged).model("flights")
    model.log(turned(24, 1).drop("y").with_columns(p=pl.lit(0.5)), version="2", at=day(25))
    model.trial("3", now=day(25))
    assert model.run("latest").promote() == "4"
    assert lineages(model)[0].tried_until is None


def test_a_trial_against_a_champion_that_is_replaced_ends(begin: Begin) -> None:
    """Version 5 was tried beside version 1; version 2 takes over, and is rolled back while 6 is tried beside it."""
    model = begin(challenged).model("flights")
    model.trial("5", now=day(24))
    assert model.run("latest").promote(now=day(25)) == "2"
    (other,) = model.trials()
    assert (other.status, other.body["until"]) == ("stopped", day(25).isoformat())
    assert (
        trial_row(other).said == "version 5 ran beside version 1, as a shadow (stopped: version 2 became the champion)"
    )
    assert other.update(day(30)).advice == "undecided: 0 rows with matured labels, needs 50"
    model.trial("6", now=day(26))
    model.rollback(now=day(27))
    assert [(one.status, one.body["note"]) for one in model.trials()] == [
        ("stopped", "version 1 became the champion"), ("stopped", "version 2 became the champion")
    ]  # fmt: skip


def test_a_shadow_that_nobody_tied_to_its_run_is_told_by_its_scores(begin: Begin) -> None:
    """Version 2 is another's; what was logged as "candidate" has this run's scores to the last digit."""
    model = begin(challenged).model("flights")
    run = model.run("latest")
    model.log(turned(24, 1).drop("y").with_columns(p=pl.lit(0.5)), version="2", at=day(25))
    model.log(scored(run, turned(24, 1)).drop("y"), version="candidate", at=day(25))
    assert run.promote() == "candidate"
    assert lineages(model)[0].tried_until == day(25)


def test_a_run_is_tried_as_one_version_and_a_version_is_of_one_run(begin: Begin) -> None:
    model = begin(challenged).model("flights")
    run = model.run("latest")
    model.trial("2", run="latest", now=day(24))
    assert model.run(run.id).kept["tried"] == "2"
    with pytest.raises(rt.RefusedError, match="its events are logged as version 2"):
        model.trial("3", run=run.id)
    with pytest.raises(rt.RefusedError, match="version 1 is registered as another model"):
        model.trial("1", run=run.id)
    other = model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout="2d", seed=1, now=day(25))
    with pytest.raises(rt.RefusedError, match=f"version 2 is that of run {run.id}"):
        model.trial("2", run=other.id)
