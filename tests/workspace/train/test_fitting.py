"""A training in a process of its own: whatever happens to it is one failed run, with its reason."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.dummy import DummyClassifier
from tests.workspace.conftest import day, events, live, registered

import retrue as rt
from retrue.store.commit import try_locked
from retrue.workspace.train.fitting import CHALLENGER


class Late:
    """A model of the tests' own: it can be imported where it is loaded."""

    def __init__(self, given: float = 0.5) -> None:
        self.given = given

    def predict(self, table: pl.DataFrame) -> Any:
        """Say the same of all."""
        return np.full(table.height, self.given)


def fit(table: pl.DataFrame, weights: Any) -> Any:
    """Learn."""
    sys.stdout.write(f"learning from {table.height} rows\n")
    return DummyClassifier().fit(table.select("x", "city"), table["y"], weights)


def crash(table: pl.DataFrame, weights: Any) -> Any:
    """As a library in C does it."""
    sys.stderr.write("about to crash\n")
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(table: pl.DataFrame, weights: Any) -> Any:
    """Wait for what never comes, with a child that does the same."""
    subprocess.run([sys.executable, "-c", "import time; time.sleep(600)"], check=True)


def gorge(table: pl.DataFrame, weights: Any) -> Any:
    """Take memory until somebody says stop."""
    held = [np.ones(2_000_000) for _ in range(40)]  # 640 MB
    time.sleep(600)
    return held


def nothing(table: pl.DataFrame, weights: Any) -> Any:
    """End the process without a word."""
    os._exit(0)


def nan(table: pl.DataFrame, weights: Any) -> Any:
    """A model that says nothing."""
    return Late(float("nan"))


def killed(table: pl.DataFrame, weights: Any) -> Any:
    """As the system does it when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


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
        (rt.Trainer(crash), "it crashed: SIGSEGV"),
        (rt.Trainer(killed), r"it was killed \(SIGKILL\): by the system for want of memory, or by somebody"),
        (rt.Trainer(nothing), r"it ended \(exit status 0\) without leaving a model"),
        (rt.Trainer(nan), r"the trained model gives NaN or infinite for 601 of 601 rows"),
        (rt.Trainer(hang, seconds=3), "it took longer than its limit of 3 seconds"),
        (rt.Trainer(gorge, memory=500_000_000), r"it held \d+ MB of memory, more than its limit of 500 MB"),
    ],
    ids=["crash", "kill -9", "nothing", "NaN", "hang", "memory"],
)
@pytest.mark.slow
def test_whatever_happens_to_a_training_is_one_failed_run(turned: rt.Model, trainer: rt.Trainer, why: str) -> None:
    """The reason and the last lines are kept; champion and collected rows are as they were."""
    before = (turned.version, turned.collections()[0].rows.height)
    with pytest.raises(rt.TrainingError, match=f"training failed: {why}"):
        retrained(turned, trainer)
    run = turned.run("latest")
    assert run.status == "failed"
    assert run.error is not None
    assert not (run.folder / "model.joblib").exists()
    assert (turned.version, turned.collections()[0].rows.height) == before


def test_what_a_training_says_is_in_the_log_and_its_scores_in_the_holdout(turned: rt.Model) -> None:
    """It is told with model, version, run and time; limits, time and memory are kept with the run."""
    from retrue.jobs.records import find_logs

    run = retrained(turned, rt.Trainer(fit, seconds=60))
    lines = find_logs(turned.store.catalog, run=run.id, text="learning from").rows
    assert [(line.model, line.version, line.run) for line in lines] == [("flights", "1", run.id)]
    assert run.log[0].startswith("learning from ")
    trainer = run.body["trainer"]
    assert (trainer["kind"], trainer["status"], trainer["limits"]["seconds"]) == ("fit", "trained", 60)
    assert trainer["libraries"]["sklearn"]
    assert trainer["memory"] > 50e6
    held = pl.read_parquet(run.folder / "holdout.parquet")
    assert held[CHALLENGER].to_list() == pytest.approx(run.predict(held.select("x", "city")).tolist())
    assert run.prove().contests[0].where == "holdout"


@pytest.mark.slow
def test_a_failed_run_is_resumed_on_the_same_rows(turned: rt.Model, tmp_path: Path) -> None:
    """And one that is being trained isn't trained twice."""
    mark = tmp_path / "tried"

    def second_time(table: pl.DataFrame, weights: Any) -> Any:
        if not mark.exists():
            mark.touch()
            raise RuntimeError("the first time fails")
        return fit(table, weights)

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
    with pytest.raises(rt.ConfigError, match="0 seconds for a training"):
        rt.Trainer(fit, seconds=0)
