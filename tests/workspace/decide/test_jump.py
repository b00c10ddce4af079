"""A world that jumps after a long calm: the policy's runs are proven on what came since, while the log is of before."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.tree import DecisionTreeClassifier
from tests.workspace.conftest import DAYS, day, events, live, registered

import retrue as rt

JUMP = 28
"""The day from which on a state is the usual one that was rare, and there labels are the opposite of the score."""
POLICY = {"when": "benefit", "run": 0.1, "gap": "1d", "point": 0.01, "refit": False}
LEARNER = rt.Trainer(DecisionTreeClassifier(max_depth=6, min_samples_leaf=10), isolated=False)


def coming(first: int, days: int) -> pl.DataFrame:
    """Events of the world as it is on those days."""
    jumped = first >= JUMP
    table = events(first, days, turned=("JFK", "LGA", "EWR") if jumped else ()).drop("city")
    rare = np.random.default_rng(first).random(table.height) < 0.01
    return table.with_columns(state=pl.Series(9.0 * (rare != jumped)) + pl.col("x").abs().clip(0, 1))


def run_of(model: rt.Model, now: float, holdout: str | float) -> tuple[str, Any]:
    """What the policy says, and the run that it starts; None where it waits."""
    runs = list[Any]()

    def start(mix: rt.Mix) -> Any:
        runs.append(model.retrain(LEARNER, mix=mix, holdout=holdout, now=day(now)))
        return runs[0]

    answer = model.decide(day(now), fit=LEARNER, start=start).answer.answer
    return answer, runs[0] if runs else None


@pytest.mark.slow
def test_a_jump_is_answered_in_the_second_window_after_it(store: rt.Workspace) -> None:
    """A window each day, labels a day later: the second one has events enough both to learn from and to prove on."""
    model = registered(store, coming(0, DAYS), slices=[], maturity="1d", retraining=POLICY)
    live(model, coming(DAYS, JUMP - DAYS))
    model.check(now=day(JUMP + 0.6))
    assert run_of(model, JUMP + 0.6, "newest") == ("wait", None)  # calm: nothing is to be won
    live(model, coming(JUMP, 2))
    model.check(now=day(JUMP + 2.6))
    answer, run = run_of(model, JUMP + 2.6, "newest")
    assert answer == "retrain"
    proof = run.prove()
    assert proof.passed, proof.reasons
    main = proof.contests[0]
    assert main.n == 300  # of the last day: all of them since the jump
    assert main.champion < 0.2
    assert main.challenger > 0.7
    other = model.retrain(LEARNER, mix=rt.Mix({model.logged(): 1.0}), holdout=0.25, now=day(JUMP + 2.6)).prove()
    assert other.contests[0].n == 1_170  # a quarter of the log: what is learned from is all of before
    assert not other.passed
