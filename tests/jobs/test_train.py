"""Runs that wait for a registered trainer are trained by a service, each once; code is named, never sent."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.dummy import DummyClassifier
from tests.jobs.conftest import alive, runner, wait_until
from tests.jobs.test_runner import turned
from tests.workspace.conftest import day, events, live, registered
from tests.workspace.train import faults

import retrue as rt
from retrue.config import parse
from retrue.jobs.decide import decide
from retrue.jobs.records import find_logs
from retrue.jobs.registry import Task
from retrue.jobs.registry import kinds as every_kind
from retrue.jobs.runner import Runner
from retrue.jobs.train import Trainings, train
from retrue.store.locks import try_locked
from retrue.workspace.clock import micros
from retrue.workspace.prove.asking import ask
from retrue.workspace.train.trainers import queue, train_next, waiting
from retrue.workspace.train.trainers import registered as trainer_named

LEARNER = DummyClassifier()
PAYS = {"when": "benefit", "run": 0.1, "gap": "2d", "point": 0.01}
CONFIG = """
[trainers.prior]
fit = "tests.jobs.test_train:LEARNER"
seconds = 100
memory = 2_000_000_000
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model with labels, in a folder whose retrue.toml names a trainer."""
    (tmp_path / "retrue.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with rt.open(tmp_path / "store") as store:
        made = registered(store, maturity="2d")
        live(made, events(14, 10))
        yield store, made


def test_a_policy_that_names_a_trainer_queues_a_run_where_it_pays(model: Any) -> None:
    """The world turned round: what is queued has half the original rows and half the log, and is started once."""
    store, _ = model
    turned = registered(store, name="turned", maturity="2d", retraining={**PAYS, "trainer": "prior"})
    live(turned, events(14, 10, turned=("JFK", "LGA", "EWR")))
    turned.check(now=day(24))
    task = Task(store, "turned", day(24))
    assert decide(task).startswith("retrain: ROC AUC lies 0.")
    (run,) = turned.runs()
    assert (run.status, run.id, turned.decisions()[0]["run"]) == ("queued", task.body["run"], run.id)
    assert [part["share"] for part in run.manifest["parts"]] == [0.5, 0.5]
    assert decide(Task(store, "turned", day(24))).startswith("not yet, because the last run was")
    assert len(turned.runs()) == 1


def test_a_run_that_is_refused_is_said_and_the_answer_kept(model: Any) -> None:
    """What was collected last is all held out still."""
    store, _ = model
    turned = registered(
        store,
        name="turned",
        maturity="2d",
        retraining={**PAYS, "trainer": "prior", "when": "schedule", "mix": {"parts": {"reference": 1, "late": 1}}},
    )
    live(turned, events(14, 10))
    turned.collect("x > -9", since=day(22), until=day(24), name="late")
    task = Task(store, "turned", day(24))
    assert "no row of 'late' may be learned from" in decide(task)
    assert (turned.runs(), "run" in task.body) == ([], False)
    assert "'late'" in turned.decisions()[0]["refused"]


@pytest.mark.slow
def test_a_queued_run_is_trained_by_the_job_and_then_nothing_is_due(model: Any) -> None:
    store, made = model
    assert list(Trainings(store).due(day(24))) == []
    run = queue(made, "prior", rt.Mix({made.logged(): 1.0}), holdout="2d", now=day(24))
    assert run.status == "queued"
    assert list(Trainings(store).due(day(24))) == ["flights"]
    task = Task(store, "flights", day(24))
    assert train(task) == f"run {run.id} is trained: retrue prove flights {run.id}"
    done = made.run(run.id)
    assert (done.status, done.body["trainer"]["limits"]["seconds"]) == ("trained", 100)
    assert not Trainings(store).still("flights", day(24))
    with pytest.raises(rt.StoreError, match="no run waits"):
        train_next(made)


def test_a_run_that_is_being_trained_waits_no_more(model: Any) -> None:
    """One whose server died does: nobody holds its lock."""
    _, made = model
    run = queue(made, "prior", rt.Mix({made.logged(): 1.0}), holdout="2d", now=day(24))
    with try_locked(run.folder / "lock"):
        assert waiting(made) is None
    found = waiting(made)
    assert found is not None
    assert found.id == run.id


def test_a_trainer_that_isnt_there_any_more_is_a_failed_run(model: Any) -> None:
    _, made = model
    queue(made, "prior", rt.Mix({made.logged(): 1.0}), holdout="2d", now=day(24))
    with pytest.raises(rt.ConfigError, match="no trainer 'prior'"):
        train_next(made, parse({}))
    assert made.run("latest").status == "failed"


def test_a_run_whose_folder_is_gone_has_failed_and_holds_up_no_other(model: Any) -> None:
    store, made = model
    gone, there = (queue(made, "prior", rt.Mix({made.logged(): 1.0}), now=day(24)) for _ in range(2))
    shutil.rmtree(gone.folder)
    assert list(Trainings(store).due(day(24))) == ["flights"]
    assert waiting(made).id == there.id  # type: ignore[union-attr]
    failed = made.run(gone.id)
    assert (failed.status, failed.error) == ("failed", f"its folder is gone: {gone.folder}")


def test_a_trainer_is_named_in_the_settings() -> None:
    known = parse({"trainers": {"a": {"fit": "tests.jobs.test_train:LEARNER"}, "b": {"fit": "nowhere:x"}}})
    assert trainer_named("a", known).fit is not None
    with pytest.raises(rt.ConfigError, match="'nowhere:x' can't be imported"):
        trainer_named("b", known)
    with pytest.raises(rt.ConfigError, match=r"no trainer 'c': expected a, b"):
        trainer_named("c", known)
    with pytest.raises(rt.ConfigError, match=r"unknown key 'fits' in \[trainers.a\]"):
        parse({"trainers": {"a": {"fit": "x:y", "fits": "x"}}})


@pytest.mark.slow
def test_each_line_says_which_model_version_and_run_it_is_about_and_when(model: Any) -> None:
    """Of a training, of a check and a backtest of what came of it, and of what is served of it."""
    store, made = model
    begun, run = micros(datetime.now(UTC)), queue(made, "prior", rt.Mix({made.logged(): 1.0}), now=day(24))
    kinds = [replace(one, rest=lambda _: 0.0) for one in every_kind() if one.name in {"train", "check", "verify"}]
    service = Runner(store, kinds)
    with service.journal.listening():
        turned(service)
        made.run(run.id).promote(override="anna", note="it is only a test")
        table = events(24, 3).drop("y")
        made.log(table.with_columns(p=pl.Series(made.run(run.id).predict(table))), version="2", at=day(27))
        ask(made, "2", None, None)
        turned(service)
        wait_until(lambda: not any(one.thread.is_alive() for one in service.running.values()))
    made.backtest(now=day(30))
    kind = {job.id: job.kind for job in store.jobs().rows} | {"backtest": "backtest"}
    lines = {kind[str(one.job)]: one for one in reversed(find_logs(store.store.catalog, run=run.id).rows)}
    told = {name: (one.model, one.version, one.run) for name, one in lines.items()}
    ours = ("flights", "2", run.id)
    assert told == {"train": ("flights", "1", run.id), "check": ours, "backtest": ours, "verify": ours}
    assert all(begun <= one.at <= micros(datetime.now(UTC)) for one in lines.values())


@pytest.mark.slow
def test_a_training_whose_service_is_killed_is_trained_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill -9 of the process of jobs: nothing of the training lives on, and another process takes the run up."""
    (tmp_path / "retrue.toml").write_text('[trainers.stuck]\nfit = "ours:STUCK"\n', encoding="utf-8")
    shutil.copy(faults.__file__, tmp_path / "ours.py")  # what a process that starts in this folder can import
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    with rt.open(tmp_path / "store") as store:
        made, mark = registered(store, maturity="2d"), tmp_path / "mark"
        live(made, events(14, 10))
        run = queue(made, "stuck", rt.Mix({made.logged(): 1.0}), holdout="2d", now=day(24))
        with runner(tmp_path / "store") as first:
            wait_until(mark.exists, 120)
            pids = [int(pid) for pid in mark.read_text(encoding="utf-8").split()]
            first.kill()
        wait_until(lambda: not any(map(alive, pids)))
        assert (made.run(run.id).status, made.version) == ("training", "1")
        with runner(tmp_path / "store"):
            wait_until(lambda: made.run(run.id).status != "training", 120)
        assert made.run(run.id).status == "trained"
