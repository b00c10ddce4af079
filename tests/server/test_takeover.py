"""Two `retrue serve` on one folder, and one of them dies at work: the other takes over what it was at."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from tests.jobs.conftest import MINUTE, events, floor, register
from tests.server.conftest import registered
from tests.server.hammer import SERVE, Fleet, Sent, fleet, until, verify

import retrue as rt
from retrue.jobs.records import find_jobs
from retrue.store import rows

LEASE = 3.0
"""Seconds without a sign of life after which work is taken over, here: it is 20 by itself."""
SHORT = f"""
from retrue.server import supervise
whole = supervise.parts
def parts(*given):
    web, commit, jobs = whole(*given)
    return web, commit, supervise.Part(jobs.name, (*jobs.command, "--lease", "{LEASE}"))
supervise.parts = parts
{SERVE}"""
NAMES, WINDOWS = ("a", "b", "c", "d"), 40


@pytest.mark.slow
def test_a_killed_servers_work_is_taken_over_and_each_window_judged_once(tmp_path: Path) -> None:
    """All of one server is killed while it judges, under load; the other goes on, no sooner than the lease allows."""
    folder, sent, now = tmp_path / "store", Sent(), datetime.now(UTC)
    registered(folder)
    with rt.open(folder) as store:
        for number, name in enumerate(NAMES):
            model = register(store, name)
            model.log(events(floor(now) - (WINDOWS + 1) * MINUTE, WINDOWS, seed=number), at=now)
        with fleet(folder, code=SHORT) as one, fleet(folder, code=SHORT) as two, sent.sending(one.url, two.url):
            lease = kill_at_work(store, one, two)
            until(lambda: len(judged(store)) == len(NAMES) * WINDOWS and not running(store))
            sent.progress()
        (dead,) = [job for job in runs(store) if "stopped without a word" in job.body.get("message", "")]
        again = min((job for job in runs(store) if job.model == dead.model and job != dead), key=lambda job: job.due)
        assert dead.id == lease.body["job"]
        # `until` is its last sign of life and the lease's length: what was recorded has that order.
        assert lease.until <= dead.updated
        assert dead.updated / 1e6 <= lease.until / 1e6 + LEASE + 60  # a turn of the runner, and a very slow machine
        assert (again.status, again.body["server"] != dead.body["server"]) == ("done", True)
        kept = sum(created == dead.due for created in judged(store).values())  # what the dead one had found by then
        done = sum(int(job.body["windows"]) for job in runs(store) if job.status == "done")
        assert done + kept == len(NAMES) * WINDOWS
    assert len(sent.events) > 100
    verify(folder, sent)


def kill_at_work(store: rt.Workspace, *fleets: Fleet) -> rows.Lease:
    """Kill all of the first server that checks one of our models; gives the lease that it leaves."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for lease in leases(store):
            pid = int(str(lease.body["owner"]).rpartition(":")[2])
            server = next(one for one in fleets if pid in {part.pid for part in one.victims()})
            worker = psutil.Process(pid)
            worker.suspend()
            left = [one for one in leases(store) if one.holder == lease.holder]
            if left:
                server.kill_these(server.victims())
                return left[0]
            worker.resume()  # it had just come to its end
        time.sleep(0.01)
    pytest.fail("nobody checked anything")


def leases(store: rt.Workspace) -> list[rows.Lease]:
    """Who checks one of our models now."""
    with store.store.catalog.read() as tx:
        return [one for one in tx.find(rows.Lease) if one.name in {f"check/{name}" for name in NAMES}]


def runs(store: rt.Workspace) -> tuple[rows.Job, ...]:
    """The checks of our models."""
    found = find_jobs(store.store.catalog, kind="check", models=NAMES, limit=1_000)
    return found.rows


def judged(store: rt.Workspace) -> dict[tuple[str, int], int]:
    """When each window was judged."""
    with store.store.catalog.read() as tx:
        return {(row.model, row.start): row.created for row in tx.find(rows.VerdictRow, model=NAMES)}


def running(store: rt.Workspace) -> int:
    """How many checks of our models run."""
    return sum(job.status == "running" for job in runs(store))
