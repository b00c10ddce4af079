"""The service takes what is new in sources by itself; one that fails says so, and harms no other."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from tests.jobs.conftest import events, register

import retrue as rt
from retrue.jobs import registry
from retrue.jobs.runner import Runner
from retrue.workspace import clock

START = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.fixture
def pulls(store: rt.Workspace) -> Runner:
    """What runs the jobs that pull, and no others."""
    return Runner(store, [kind for kind in registry.kinds() if kind.name.startswith("pull-")])


def turn(runner: Runner) -> None:
    """Start what is due, and wait for it."""
    runner.turn()
    for run in list(runner.running.values()):
        run.thread.join(30)


def said(store: rt.Workspace, model: str) -> list[tuple[str, str]]:
    """Status and message of a model's jobs, oldest first."""
    return [(job.status, job.body["message"]) for job in reversed(store.jobs(model=model).rows)]


def test_what_is_new_is_taken_again_and_again(store: rt.Workspace, pulls: Runner, tmp_path: Path) -> None:
    events(START, 1).write_parquet(tmp_path / "a.parquet")
    register(store, sources={"events": {"files": f"{tmp_path}/*.parquet", "every": "1s"}})
    turn(pulls)
    assert said(store, "flights") == [("done", "60 events taken")]
    for _ in range(2):
        wait(pulls)
    assert said(store, "flights") == [("done", "60 events taken"), ("done", "nothing new")]
    (job,) = store.jobs(limit=1).rows
    assert (job.kind, job.body["rows"]) == ("pull-events", 0)


def wait(runner: Runner) -> None:
    """Turn until something ran."""
    before = runner.workspace.jobs(limit=1).rows[0].id
    for _ in range(40):
        turn(runner)
        if runner.workspace.jobs(limit=1).rows[0].id != before:
            return
        time.sleep(0.1)
    raise AssertionError("nothing ran")


def test_a_source_that_is_away_fails_in_words_and_others_go_on(
    store: rt.Workspace, pulls: Runner, tmp_path: Path
) -> None:
    events(START, 1).write_parquet(tmp_path / "a.parquet")
    register(store, "good", sources={"events": {"files": f"{tmp_path}/*.parquet"}})
    register(store, "bad", sources={"events": {"files": f"{tmp_path}/gone/*.parquet"}})
    turn(pulls)
    assert said(store, "good") == [("done", "60 events taken")]
    ((status, why),) = said(store, "bad")
    assert status == "failed"
    assert "no such folder" in why


def test_the_file_says_where_rows_are_and_a_mistake_in_it_fails_the_job(
    store: rt.Workspace, pulls: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths are relative to retrue.toml, wherever the service was started."""
    register(store)
    events(START, 1).write_parquet(tmp_path / "a.parquet")
    monkeypatch.chdir(tmp_path)
    Path("retrue.toml").write_text('[models.flights.sources.events]\nfiles = "a.parquet"\nevry = "1s"\n')
    turn(pulls)
    assert {status for status, _ in said(store, "flights")} == {"failed"}
    assert "unknown key 'evry'" in said(store, "flights")[0][1]
    Path("retrue.toml").write_text('[models.flights.sources.events]\nfiles = "a.parquet"\n')
    model = store.model("flights")
    task = registry.Task(store, "flights", clock.now())
    pull: Callable[[registry.Task], str] = next(k for k in pulls.kinds if k.name == "pull-events").run
    assert isinstance(pull, partial)
    assert pull(task) == "60 events taken"
    assert model.sources()["events"].to_dict()["files"] == str(tmp_path / "a.parquet")
