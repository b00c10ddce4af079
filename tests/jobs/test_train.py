"""Runs that wait for a registered trainer are trained by a service, each once; code is named, never sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sklearn.dummy import DummyClassifier
from tests.workspace.conftest import day, events, live, registered

import retrue as rt
from retrue.config import parse
from retrue.jobs.registry import Task
from retrue.jobs.train import Trainings, train
from retrue.store.commit import try_locked
from retrue.workspace.trainers import queue, train_next, waiting
from retrue.workspace.trainers import registered as trainer_named

LEARNER = DummyClassifier()
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


def test_a_trainer_is_named_in_the_settings() -> None:
    known = parse({"trainers": {"a": {"fit": "tests.jobs.test_train:LEARNER"}, "b": {"fit": "nowhere:x"}}})
    assert trainer_named("a", known).fit is not None
    with pytest.raises(rt.ConfigError, match="'nowhere:x' can't be imported"):
        trainer_named("b", known)
    with pytest.raises(rt.ConfigError, match=r"no trainer 'c': expected a, b"):
        trainer_named("c", known)
    with pytest.raises(rt.ConfigError, match=r"unknown key 'fits' in \[trainers.a\]"):
        parse({"trainers": {"a": {"fit": "x:y", "fits": "x"}}})
