"""Small fits tell what a new model would win; one that fails costs the answer nothing but its curve, and is told."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from tests.workspace.conftest import Begin, day, events, live, registered
from tests.workspace.train import faults

import retrue as rt
from retrue.cli.app import app
from retrue.jobs.records import find_logs
from retrue.workspace.decide.deciding import weigh
from retrue.workspace.decide.fits import drawn

BENEFIT = {"when": "benefit", "run": 0.1, "gap": "2d", "point": 0.01, "trainer": "ours"}
CONFIG = '[trainers.ours]\nfit = "tests.workspace.decide.test_fits:{}"\nseconds = {}\n'
LEARNER = LogisticRegression()
CURSED = "ours, and no trainer"


def turned_round(store: rt.Workspace) -> None:
    """A model whose world turned round on day 14, with labels for the three smallest fits."""
    model = registered(store, events(0, 14).drop("city"), slices=[], maturity="1d", retraining=BENEFIT)
    live(model, events(14, 4, turned=("JFK", "LGA", "EWR")).drop("city"))
    model.check(now=day(18.6))


@pytest.fixture
def turned(begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> rt.Model:
    """That model, in a folder whose retrue.toml names its trainer."""
    named(tmp_path, "LEARNER")
    monkeypatch.chdir(tmp_path)
    return begin(turned_round).model("flights")


def named(folder: Path, what: str, seconds: float = 60) -> None:
    """Name what is fitted in a folder's retrue.toml."""
    (folder / "retrue.toml").write_text(CONFIG.format(what, seconds), encoding="utf-8")


def test_the_policy_s_trainer_is_fitted_in_a_process_of_its_own(turned: rt.Model) -> None:
    """Half of what they learn is the world as it was, and a quarter of the log is proven on: 50 to 250 labels."""
    said = turned.decide(day(18.6)).answer
    curve = said.situation.curve
    assert curve is not None
    assert curve.rows == (50, 100, 250)
    assert said.situation.unfitted is None
    assert "; without small fits: " in weigh(turned, day(18.6)).because
    here = turned.decide(day(18.6), fit=rt.Trainer(LEARNER, isolated=False)).answer
    assert here.situation.curve == curve


@pytest.mark.parametrize(
    ("fit", "why"),
    [
        (rt.Trainer(faults.crash), "it crashed in native code: SIGSEGV"),
        (rt.Trainer(faults.hang, seconds=1), "it took longer than its limit of 1 seconds"),
        (rt.Trainer(faults.nan), "gives NaN or infinite for "),
        (rt.Trainer(faults.nothing_here, isolated=False), "KeyError: 'x' (faults.py, line "),
    ],
    ids=["crash", "hang", "NaN", "raises, in this process"],
)
def test_a_fit_that_fails_leaves_the_decision_without_a_curve(turned: rt.Model, fit: rt.Trainer, why: str) -> None:
    """The answer is kept, by the gap to the reference, and says why."""
    assert turned.decide(day(18.6), fit=fit).answer.situation.curve is None
    (kept,) = turned.decisions()
    assert "a run is expected to win" in kept["text"]
    assert "; small fits told nothing: " in kept["because"]
    assert why in kept["because"]
    if "SIGSEGV" in why:
        lines = find_logs(turned.store.catalog, model="flights", text="about to crash").rows
        assert [(line.job, line.version, line.run) for line in lines] == [("decide", "1", None)]


def test_a_trainer_that_isnt_there_is_told_and_the_decision_kept(turned: rt.Model, tmp_path: Path) -> None:
    for what in ("CURSED", "nowhere"):
        named(tmp_path, what)
        assert "small fits told nothing: " in turned.decide(day(18.6)).answer.because
    (tmp_path / "retrue.toml").unlink()
    assert "small fits told nothing: no trainer 'ours'" in turned.decide(day(18.6)).answer.because
    assert len(turned.decisions()) == 3


def test_the_command_line_fits_too(turned: rt.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "retrue.toml").unlink()
    with pytest.raises(SystemExit):
        app(["decide", "flights", "--store", str(turned.store.folder), "--now", day(18.6).isoformat()])
    assert "small fits told nothing" in " ".join(capsys.readouterr().out.split())


def test_rows_that_a_killed_process_left_are_swept_away(
    turned: rt.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name, age in (("retrue-fits-old", 10 * 3_600), ("retrue-fits-new", 60), ("else", 10 * 3_600)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    turned.decide(day(18.6), fit=rt.Trainer(LEARNER, isolated=False))
    assert {one.name for one in tmp_path.iterdir() if one.is_dir()} >= {"retrue-fits-new", "else"}
    assert [one.name for one in tmp_path.glob("retrue-fits-*")] == ["retrue-fits-new"]


def test_what_fails_as_a_run_is_started_leaves_the_answer(turned: rt.Model) -> None:
    def start(_: rt.Mix) -> Any:
        return turned.retrain(faults.crash, mix=rt.Mix({turned.logged(): 1.0}), holdout="1d", now=day(18.6))

    always = {"when": "schedule", "gap": "1s"}
    found = turned.decide(day(18.6), policy=always, start=start)
    assert "training failed: it crashed in native code" in str(found.refused)
    assert turned.decisions()[0]["answer"] == "retrain"


@given(st.integers(1, 300), st.integers(0, 200), st.integers(1, 80))
def test_next_weeks_rows_are_mostly_this_weeks(old: int, new: int, most: int) -> None:
    """What is taken of a longer log is new, or was taken before; by features alone; and it is as many as may be."""
    frame = pl.DataFrame({"x": range(old + new), "y": [n % 2 for n in range(old + new)]})
    before, after = (drawn(frame.head(n), most, ["x"]) for n in (old, old + new))
    assert (before.height, after.height) == (min(old, most), min(old + new, most))
    assert set(after.filter(pl.col("x") < old)["x"]) <= set(before["x"])
    assert drawn(frame.with_columns(y=7), most, ["x"])["x"].equals(after["x"])


def test_a_run_learns_from_the_mix_that_small_fits_found_better(turned: rt.Model, tmp_path: Path) -> None:
    """The world turned round: its original data teach what is wrong now. A policy's own mix is left as it is."""
    mixes = list[dict[str, float]]()

    def start(mix: rt.Mix) -> Any:
        mixes.append({part.name: share for part, share in mix.parts})
        raise rt.ConfigError("nothing is fitted here")

    fit = rt.Trainer(DecisionTreeClassifier(max_depth=3), isolated=False)
    own = {**BENEFIT, "mix": {"parts": {"reference": 0.25, "log": 0.75}}}
    answers = [turned.decide(day(18.6), policy=policy, fit=fit, start=start).answer for policy in (None, own)]
    assert [one.situation.curve and one.original for one in answers] == [0.0, 0.5]
    assert mixes == [{"log": 1.0}, {turned.reference.name: 0.25, "log": 0.75}]
