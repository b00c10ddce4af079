"""The runner: what is due is run once, over all servers; a killed one's work is taken over; failures stay jobs."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.jobs.conftest import MINUTE, events, floor, register, runner, wait_until

import retrue as rt
from retrue.errors import StoreFullError
from retrue.jobs.records import find_logs
from retrue.jobs.registry import Kind, Task, every
from retrue.jobs.runner import Runner
from retrue.store import rows
from retrue.workspace import clock


@dataclass
class Said:
    """What is due, as the test says."""

    models: list[str | None] = field(default_factory=list)

    def due(self, now: datetime) -> Iterator[str | None]:
        yield from self.models

    def still(self, model: str | None, now: datetime) -> bool:
        return model in self.models


def turned(made: Runner) -> None:
    """One turn, until all that it began is over."""
    made.turn()
    for run in made.running.values():
        run.thread.join(10)
    made.journal.write()


def jobs(store: rt.Workspace) -> list[tuple[str, str, str]]:
    """Kind, status and message of all runs, newest first."""
    return [(job.kind, job.status, str(job.body["message"])) for job in store.jobs().rows]


def test_a_run_is_recorded_with_what_it_said(store: rt.Workspace) -> None:
    import logging

    register(store)
    said = Said(["flights"])

    def work(task: Task) -> str:
        logging.getLogger("retrue.jobs.test").warning("half of %s is done", task.model)
        task.body["halves"] = 2
        said.models.clear()
        return "all is done"

    made = Runner(store, [Kind("work", "Work.", work, lambda _: said)])
    with made.journal.listening():
        turned(made)
        turned(made)
    (job,) = store.jobs().rows
    assert (job.kind, job.model, job.status, job.body["halves"]) == ("work", "flights", "done", 2)
    assert 0 <= job.body["seconds"] < 5
    assert job.due <= job.updated
    assert [(line.level, line.text) for line in store.logs(job=job.id, model="flights").rows] == [
        ("info", "all is done"),
        ("warning", "half of flights is done"),
    ]
    with store.store.catalog.read() as tx:
        assert tx.find(rows.Lease) == ()


def test_a_job_that_fails_is_one_failed_job_and_is_tried_again_later_and_later(
    store: rt.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: now)

    def broken(task: Task) -> str:
        raise KeyError("x")

    made = Runner(store, [Kind("broken", "Fail.", broken, lambda _: Said([None]))])
    runs = []
    for second in range(80):
        now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
        turned(made)
        runs.append(store.jobs(status="failed").total)
    assert [second for second in range(1, 80) if runs[second] > runs[second - 1]] == [10, 30, 70]  # 10, 20, 40 apart
    assert "KeyError" in jobs(store)[0][2]


def test_a_run_whose_end_cannot_be_kept_is_taken_over(store: rt.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full just then must not leave the job to nobody for ever."""
    register(store)
    said, ran = Said(["flights"]), list[int]()

    def work(task: Task) -> str:
        ran.append(1)
        return "done"

    made = Runner(store, [Kind("work", "Work.", work, lambda _: said, rest=lambda _: 0.0)], length=0.2)

    def full(*_: object) -> None:
        raise StoreFullError("the disk is full")

    with made.leases.beating():
        with monkeypatch.context() as patch:
            patch.setattr(made.leases, "release", full)
            turned(made)
        assert ran == [1]

        def again() -> bool:
            turned(made)
            return len(ran) > 1

        wait_until(again, 5)
    assert [status for _, status, _ in jobs(store)] == ["done", "failed"]


def test_a_job_that_hangs_fails_and_the_runner_survives(store: rt.Workspace) -> None:
    """Its lease is free at once, what it finds later is not kept, and others have its place."""
    register(store)
    go, ran = threading.Event(), list[str]()

    def hang(task: Task) -> str:
        go.wait(30)
        with task.workspace.store.catalog.write() as tx:
            tx.add(rows.Log(1, "info", "too late"))
        return "done"

    hanging = [Kind(f"hang{n}", "Hang.", hang, lambda _: Said(["flights"]), limit=0.05) for n in range(2)]

    def work(task: Task) -> str:
        ran.append("good")
        return "done"

    good = Kind("good", "Work.", work, every(60, "good"))
    made = Runner(store, [*hanging, good])
    with made.journal.listening():
        made.turn()
        assert len(made.running) == 2, "both threads are taken"
        time.sleep(0.1)
        made.turn()
        failed = store.jobs(status="failed")
        assert failed.total == 2
        assert "it took longer than 0.05 seconds" in failed.rows[0].body["message"]
        with store.store.catalog.read() as tx:
            assert not [lease for lease in tx.find(rows.Lease) if lease.name.startswith("hang")]
        made.turn()
        assert len(made.hanging) == 2, "none is begun again beside the one that hangs"
        go.set()
        for run in made.hanging.values():
            run.thread.join(10)
        turned(made)
    assert ran == ["good"]
    assert store.logs(text="too late").total == 0
    assert store.jobs(status="failed").total == 2
    assert store.logs(text="was given up", level="error", model="flights").total == 2


def test_a_broken_kind_leaves_the_others_alone(store: rt.Workspace) -> None:
    class Broken(Said):
        def due(self, now: datetime) -> Iterator[str | None]:
            raise KeyError("x")

    good = Kind("good", "Work.", lambda _: "done", every(60, "good"))
    turned(Runner(store, [Kind("bad", "Fail.", lambda _: "", lambda _: Broken()), good]))
    assert [job[0] for job in jobs(store)] == ["good"]


def test_who_waits_longest_comes_first_and_what_is_light_waits_for_nobody(store: rt.Workspace) -> None:
    for name in ("a", "b", "c", "d"):
        register(store, name)
    go, begun = threading.Event(), list[str | None]()

    def heavy(task: Task) -> str:
        begun.append(task.model)
        go.wait(10)
        said.models.remove(task.model)
        return ""

    said = Said(["d", "c"])
    quick = Kind("quick", "Be quick.", lambda _: "", every(60, "quick"), pool="light")
    made = Runner(store, [Kind("heavy", "Work.", heavy, lambda _: said), quick])
    said.models = ["d"]
    made.turn()
    said.models = ["a", "b", "c", "d"]
    made.turn()
    wait_until(lambda: len(begun) == 2 and store.jobs(kind="quick", status="done").total == 1)
    assert set(begun) == {"d", "a"}
    go.set()
    for _ in range(3):
        turned(made)
    assert set(begun[2:]) == {"b", "c"}


def test_a_thread_that_becomes_free_takes_what_waits_before_the_next_turn(store: rt.Workspace) -> None:
    """Of a thousand models that are due at once, two would be checked a turn; what is due isn't asked again for it."""
    for name in ("a", "b", "c"):
        register(store, name)
    asked, begun = list[int](), list[str | None]()

    class Asked(Said):
        def due(self, now: datetime) -> Iterator[str | None]:
            asked.append(1)
            return super().due(now)

    def work(task: Task) -> str:
        begun.append(task.model)
        return ""

    made = Runner(store, [Kind("heavy", "Work.", work, lambda _: Asked(["a", "b", "c"]))])
    turned(made)
    assert begun == ["a", "b"]
    for _ in range(2):  # each is tried once a turn, so the second time there is nothing to do
        made.fill()
        for run in made.running.values():
            run.thread.join(10)
    assert begun == ["a", "b", "c"]
    assert len(asked) == 1


def test_a_fit_that_hangs_keeps_no_check_waiting(store: rt.Workspace) -> None:
    """Two trainings may run at a time; what checks has threads of its own."""
    for name in ("a", "b"):
        register(store, name)
    go, hanging = threading.Event(), list[str | None]()

    def hang(task: Task) -> str:
        hanging.append(task.model)
        go.wait(10)
        return ""

    said = Said(["a", "b"])
    check = Kind("quick", "Be quick.", lambda _: "", every(60, "quick"))
    made = Runner(store, [Kind("fit", "Train.", hang, lambda _: said, pool="training"), check])
    made.turn()
    wait_until(lambda: len(hanging) == 2 and store.jobs(kind="quick", status="done").total == 1)
    said.models = []
    go.set()
    turned(made)


def test_what_is_due_each_hour_runs_once_over_all_servers(store: rt.Workspace) -> None:
    hourly = Kind("hourly", "Work.", lambda _: "done", every(3600, "hourly"))
    first, second = Runner(store, [hourly]), Runner(store, [hourly])
    for one in (first, second, first, second):
        turned(one)
    assert store.jobs().total == 1


def test_a_job_that_was_done_by_another_meanwhile_is_not_done_again(store: rt.Workspace) -> None:
    """What was due when it was looked at isn't any more once the lease is taken."""
    hourly = Kind("hourly", "Work.", lambda _: "done", every(3600, "hourly"))
    first, second = Runner(store, [hourly]), Runner(store, [hourly])
    second.leases.look()
    second.wait_for(clock.now(), [])
    turned(first)
    second.begin(hourly, ("hourly", None), clock.now())
    assert store.jobs().total == 1
    assert second.leases.held == {}


# --- processes --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_windows_are_checked_as_they_close_and_sigterm_ends_it(folder: Path, store: rt.Workspace) -> None:
    model, now = register(store), datetime.now(UTC)
    model.log(events(floor(now) - 10 * MINUTE, 9), at=now)
    with runner(folder) as process:
        wait_until(lambda: store.jobs(kind="check", status="done").total)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert "9 windows judged" in store.jobs(kind="check").rows[0].body["message"]
    with store.store.catalog.read() as tx:
        assert tx.find(rows.Lease) == ()


def test_log_lines_are_found_by_what_they_hold(store: rt.Workspace) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    lines = [
        rows.Log(clock.micros(at), "info", "50 % of windows judged", job="abc1", model=None),
        rows.Log(clock.micros(at) + 1, "error", "no such FILE", job="abd2", run="r1"),
    ]
    with store.store.catalog.write() as tx:
        for line in lines:
            tx.add(line)

    def found(**asked: object) -> list[str]:
        return [line.text[:3] for line in find_logs(store.store.catalog, **asked).rows]  # type: ignore[arg-type]

    assert found() == ["no ", "50 "]
    assert found(text="% OF") == found(job="abc") == found(until=at + timedelta(microseconds=1)) == ["50 "]
    assert found(level="warning") == found(run="r") == found(since=at + timedelta(microseconds=1)) == ["no "]
    assert found(text="_0") == []
    page = find_logs(store.store.catalog, limit=1, offset=1)
    assert (page.total, page.offset, len(page.rows)) == (2, 1, 1)
    with pytest.raises(rt.ConfigError, match="expected debug, info"):
        found(level="loud")
    with pytest.raises(rt.ConfigError, match="expected running"):
        store.jobs(status="lost")


def test_pages_for_some_models_are_full(store: rt.Workspace) -> None:
    """What is of other models, or of none, takes no place on them and isn't counted."""
    for name in ("mine", "other"):
        register(store, name)
    with store.store.catalog.write() as tx:
        for number in range(12):
            model = ("mine", "other", None)[number % 3]
            tx.add(rows.Log(number, "info", str(number), model=model))
            tx.add(rows.Job(f"j{number:02}", "check", "done", number, number, model=model))
    for page in (store.logs(models={"mine"}, limit=3), store.jobs(models={"mine"}, limit=3)):
        assert (page.total, [one.model for one in page.rows]) == (4, ["mine"] * 3)
    assert store.jobs(models=set()).total == 0
    assert store.jobs(models=None).total == 12
    assert store.logs(models={"mine"}, model="other").total == 0
