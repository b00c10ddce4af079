"""A training in a process of its own: whatever happens to it is one failed run, with its reason."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.dummy import DummyClassifier
from tests.conftest import ON_LINUX_X86, needed
from tests.refine.train.nets import greedy, module
from tests.workspace.conftest import day, events, live, registered
from tests.workspace.train import faults

import retrue as rt
from retrue.refine.train import score, train
from retrue.refine.train.desk import Desk
from retrue.store.locks import try_locked
from retrue.workspace.prove.sides import CHALLENGER


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model with ten days of labelled events, and a collection."""
    with rt.open(tmp_path_factory.mktemp("fitting") / "store") as store:
        model = registered(store, maturity="2d")
        live(model, events(14, 10, turned=("JFK",)))
        model.collect("city = 'JFK'", name="JFK")
        yield model


def retrained(model: rt.Model, what: Any, **options: Any) -> Any:
    """Train on the log."""
    return model.retrain(what, mix=rt.Mix({model.logged(): 1.0}), holdout="2d", now=day(24), **options)


@pytest.mark.parametrize(
    ("trainer", "why"),
    [
        (rt.Trainer(faults.crash), "it crashed in native code: SIGSEGV; its log says where"),
        (rt.Trainer(faults.killed), r"it was killed \(SIGKILL\), by somebody or for want of memory"),
        (rt.Trainer(faults.nothing), r"it ended \(exit status 0\) without leaving a model"),
        (rt.Trainer(faults.ask), "EOFError"),
        (rt.Trainer(faults.hang, seconds=1), "it took longer than its limit of 1 seconds"),
        (rt.Trainer(faults.gorge, memory=300_000_000), r"it held \d+ MB of memory, more than its limit of 300 MB"),
    ],
    ids=["crash", "kill -9", "nothing", "asks", "hang", "memory"],
)
def test_whatever_happens_to_a_training_is_one_failed_run(turned: rt.Model, trainer: rt.Trainer, why: str) -> None:
    """The reason and the last lines are kept; champion and collected rows are as they were."""
    before = (turned.version, turned.collections()[0].rows.height)
    with pytest.raises(rt.TrainingError, match=f"training failed: {why}"):
        retrained(turned, trainer)
    run = turned.run("latest")
    assert run.status == "failed"
    assert run.error is not None
    if "SIGSEGV" in why:
        assert any(line.endswith(" in crash") for line in run.log)
    assert not (run.folder / "model.joblib").exists()
    assert (turned.version, turned.collections()[0].rows.height) == before


def test_a_model_that_says_no_number_is_a_failed_run(turned: rt.Model) -> None:
    with pytest.raises(rt.SchemaError, match=r"the trained model gives NaN or infinite for 601 of 601 rows"):
        retrained(turned, rt.Trainer(faults.nan, isolated=False))
    assert turned.run("latest").status == "failed"


def test_scores_that_are_no_probabilities_are_told(turned: rt.Model) -> None:
    """The champion's are; a model that says 7 of every row is trained, and its run says so."""
    from retrue.jobs.records import find_logs

    run = retrained(turned, rt.Trainer(faults.seven, isolated=False))
    said = [line.text for line in find_logs(turned.store.catalog, run=run.id).rows if line.level == "warning"]
    assert "601 of 601 scores of the holdout are no probabilities, as the champion's are: scores outside 0 to 1" in said


def test_what_a_training_says_is_in_the_log_and_its_scores_in_the_holdout(turned: rt.Model) -> None:
    """It is told with model, version, run and time; limits, time and memory are kept with the run."""
    from retrue.jobs.records import find_logs

    run = retrained(turned, rt.Trainer(faults.fit, seconds=60))
    lines = find_logs(turned.store.catalog, run=run.id, text="learning from").rows
    assert [(line.model, line.version, line.run) for line in lines] == [("flights", "1", run.id)]
    assert run.log[0].startswith("learning from ")
    trainer = run.body["trainer"]
    assert (trainer["kind"], trainer["status"], trainer["limits"]["seconds"]) == ("fit", "trained", 60)
    assert trainer["libraries"]["polars"]
    assert trainer["memory"] > 50e6
    held = pl.read_parquet(run.folder / "holdout.parquet")
    assert held[CHALLENGER].to_list() == pytest.approx(run.predict(held.select("x", "city")).tolist())


@pytest.mark.slow
def test_a_failed_run_is_resumed_on_the_same_rows(turned: rt.Model, tmp_path: Path) -> None:
    """And one that is being trained isn't trained twice."""
    mark = tmp_path / "tried"

    def second_time(table: pl.DataFrame, weights: Any) -> Any:
        if not mark.exists():
            mark.touch()
            raise RuntimeError("the first time fails")
        return faults.fit(table, weights)

    with pytest.raises(rt.TrainingError, match=r"RuntimeError: the first time fails \(test_fitting.py, line \d+\)"):
        retrained(turned, second_time)
    run = turned.run("latest")
    with try_locked(run.folder / "lock"), pytest.raises(rt.RefusedError, match="being trained already"):
        run.resume()
    done = run.resume()
    assert (done.status, done.error, done.manifest) == ("trained", None, run.manifest)
    with pytest.raises(rt.RefusedError, match="is trained"):
        done.resume()


def test_what_cant_be_sent_to_another_process_is_refused(turned: rt.Model) -> None:
    import threading

    lock = threading.Lock()

    def closed(table: pl.DataFrame, weights: Any) -> Any:
        return lock

    with pytest.raises(rt.SchemaError, match="can't be sent to a process of its own"):
        retrained(turned, closed)
    with pytest.raises(rt.ConfigError, match="as a trainer"):
        retrained(turned, DummyClassifier)
    with pytest.raises(rt.ConfigError, match=r"as a trainer: expected fit\(table, weights\)"):
        retrained(turned, lambda table: table)
    with pytest.raises(rt.ConfigError, match="0 seconds for a training"):
        rt.Trainer(faults.fit, seconds=0)


NOTEBOOK = '''
import sys
import retrue as rt
from tests.refine.train.nets import greedy, module
from tests.workspace.conftest import day

def cell(text, number):
    exec(compile(text, f"<cell {number}>", "exec"), globals())

cell("""
HIGH = 0.75

class Mine:
    def __init__(self, said):
        self.said = said

    def predict(self, table):
        return table["x"].to_numpy() * 0 + self.said

def helper(weights):
    return HIGH * weights.mean()

def fit(table, weights):
    print("learning in a notebook")
    return Mine(helper(weights))
""", 1)
with rt.open(sys.argv[1]) as store:
    model = store.model("flights")
    told = {"mix": rt.Mix({model.logged(): 1.0}), "holdout": "2d", "now": day(24)}
    run = model.retrain(fit, **told)
    assert model.run(run.id).challenger.said == HIGH
    cell("def fit(table, weights):\\n    return unknown", 2)
    try:
        model.retrain(fit, **told)
    except rt.TrainingError as error:
        print(error)
print(run.id)
'''
"""A script whose functions and classes are defined as a notebook defines them: in `__main__`, in no file."""


@pytest.mark.slow
def test_a_fit_of_a_notebook_goes_along_whole(turned: rt.Model, tmp_path: Path) -> None:
    """With what it refers to; its model is loaded in a process that never saw the notebook."""
    script = tmp_path / "notebook.py"
    script.write_text(NOTEBOOK, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script, turned.store.folder], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *said, run_id = done.stdout.splitlines()
    assert "NameError: name 'unknown' is not defined (<cell 2>, line 2)" in "".join(said)
    run = turned.run(run_id)
    assert run.log == ("learning in a notebook",)
    assert run.predict(events(30, 1)[:2]).tolist() == [0.75, 0.75]


RECIPES = {
    "lightgbm": (rt.LightGBM({"num_threads": 1}, 20), "20/20 rounds"),
    "xgboost": (rt.XGBoost({"nthread": 1}, 20), "20/20 rounds"),
    "torch": (rt.Torch(module, epochs=3, rate=0.01), "3/3 epochs, loss 0."),
}
"""Recipes by the library that they need, and the last line of their progress; Keras, below, is cut off besides."""


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_trains_in_a_process_of_its_own_and_is_proven(turned: rt.Model, name: str) -> None:
    """Its progress is in the log, its limits are kept with it, and its seed gives what the same seed gives here."""
    needed(name, locked=name != "xgboost" or ON_LINUX_X86)
    recipe, progress = RECIPES[name]
    run = retrained(turned, rt.Trainer(recipe, seconds=100, memory=4_000_000_000), seed=3)
    assert [line for line in run.log if line.startswith(progress)], run.log
    trainer = run.body["trainer"]
    assert trainer["limits"] == {"seconds": 100, "memory": 4_000_000_000}
    assert trainer["libraries"][name]
    assert run.prove().contests[0].n > 500
    assert_same_as_here(run, recipe)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras itself
def test_keras_is_ended_at_its_limit_of_memory_and_goes_on_from_its_last_epoch(
    turned: rt.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four epochs, of which two were before it took too much, are what four in one go are."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    needed("keras")
    mark = tmp_path / "gorged"
    fit = rt.Keras(greedy(mark), epochs=4, batch=128)
    with pytest.raises(rt.TrainingError, match=r"more than its limit of 1,100 MB; set another limit .*take fewer rows"):
        retrained(turned, rt.Trainer(fit, memory=1_100_000_000), seed=5)
    run = turned.run("latest")
    assert (run.status, turned.version, epochs_of(run)) == ("failed", "1", [1, 2])
    run = run.resume()
    assert (run.status, epochs_of(run)) == ("trained", [1, 2, 2, 3, 4])  # it says how many were done before
    assert "2/4 epochs were done before; going on" in run.log
    assert run.body["trainer"]["limits"]["memory"] == 1_100_000_000
    assert run.prove().contests[0].n > 500
    assert_same_as_here(run, fit)


def assert_same_as_here(run: Any, fit: Any) -> None:
    """What a run's process trained says what the same seed gives in this one."""
    held, (table, weights) = pl.read_parquet(run.folder / "holdout.parquet"), Desk(run.folder).training()
    here = train(fit, table.select("x", "city", "y"), weights, ["x", "city"], "y", seed=run.manifest["seed"])
    assert held[CHALLENGER].to_list() == pytest.approx(score(here, held, ["x", "city"]).tolist(), abs=1e-4)


@pytest.mark.slow
def test_lightning_trains_in_a_process_of_its_own_and_goes_on_after_it_was_killed(
    turned: rt.Model, tmp_path: Path
) -> None:
    needed("lightning")
    fit = rt.Torch(faults.lightning_module(str(tmp_path / "killed")), epochs=4, batch=512)
    with pytest.raises(rt.TrainingError, match=r"it was killed \(SIGKILL\)"):
        retrained(turned, fit)
    run = turned.run("latest")
    assert epochs_of(run) == [1, 2]
    run = run.resume()
    assert (run.status, epochs_of(run)) == ("trained", [1, 2, 3, 4])  # none twice: it went on from the second
    assert run.predict(events(30, 1)).shape == (300,)


def epochs_of(run: Any) -> list[int]:
    """The epochs that its log tells of."""
    told = (re.match(r"(\d+)/4 epochs", line) for line in run.log)
    return [int(found[1]) for found in told if found is not None]
