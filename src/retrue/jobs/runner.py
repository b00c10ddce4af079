"""The runner: the part of the service that runs jobs. `python -m retrue.jobs FOLDER`.

Once a second it asks every kind what is due, takes a lease for as much as its threads can do, those that wait longest
first, and records each run; what still waits gets the threads as they become free. Kinds that take little have threads
of their own, so that a message doesn't wait for a check. SIGTERM lets what runs come to its end; what takes longer than
that is left to another server.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from retrue.adapters import otel
from retrue.adapters.samples import bounded
from retrue.errors import RetrueError, StoreError
from retrue.jobs.ending import until_told
from retrue.jobs.journal import Journal, speaking
from retrue.jobs.leases import LENGTH, Held, LeaseLostError, Leases
from retrue.jobs.records import last_job
from retrue.jobs.registry import Kind, Pool, Task, Watch, kinds
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.workspace import Workspace, clock
from retrue.workspace import open as open_workspace
from retrue.workspace.acting import acting
from retrue.workspace.readings import MOST, readings

TICK = 1.0
"""Seconds from one look at what is due to the next."""
CROWDED = 0.05
"""Seconds until it is seen whether a thread has become free, while something waits for one."""
THREADS: Mapping[Pool, int] = {"heavy": 2, "light": 2, "training": 2, "outside": 4}
"""How many jobs of each pool run at a time."""
DRAIN = 20.0
"""Seconds that jobs have to come to their end after SIGTERM."""

logger = logging.getLogger("retrue.jobs")

Work = tuple[str, str | None]
"""A kind and the model that it is for."""


@dataclass(frozen=True)
class Run:
    """A job in its thread.

    Attributes:
        kind, job, held: what runs, its record, and its lease.
        thread: where.
        began: on a clock that nobody can set.
    """

    kind: Kind
    job: rows.Job
    held: Held
    thread: threading.Thread
    began: float

    @property
    def overdue(self) -> bool:
        """Whether it takes longer than its kind may."""
        return time.monotonic() - self.began > self.kind.limit


@dataclass(eq=False)
class Runner:
    """Runs the jobs of a store.

    Args:
        workspace: the store.
        kinds: the kinds of jobs.
        length: seconds after which another server may take over what this one died over.
        tick: seconds from one look to the next.
        telemetry: traces each job.
        running, hanging: what is in its thread, and what was given up and still is.
        waiting: what is due, and since when.
        tried: what of it was begun, or couldn't be, since the last turn.
        elsewhere: the leases that others held then.
        turned: when that was.
    """

    workspace: Workspace
    kinds: Sequence[Kind]
    length: float = LENGTH
    tick: float = TICK
    telemetry: otel.Telemetry | None = None
    running: dict[Work, Run] = field(default_factory=dict)
    hanging: dict[Work, Run] = field(default_factory=dict)
    waiting: dict[Work, float] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    tried: set[Work] = field(default_factory=set)
    elsewhere: frozenset[str] = frozenset()
    turned: float = float("-inf")

    def __post_init__(self) -> None:
        """Make what remembers."""
        catalog = self.workspace.store.catalog
        self.leases = Leases(catalog, f"{socket.gethostname()}:{os.getpid()}", self.length)
        self.journal = Journal(catalog)
        self.named = {kind.name: kind for kind in self.kinds}
        self.watches: dict[str, Watch] = {kind.name: kind.watch(self.workspace) for kind in self.kinds}

    def run(self, stop: threading.Event) -> None:
        """Run jobs until somebody says stop, and then until what runs has come to its end."""
        with self.journal.listening(), self.leases.beating():
            while not stop.wait(min(CROWDED, self.tick) if self.waiting.keys() - self.tried else self.tick):
                try:
                    if time.monotonic() - self.turned >= self.tick:
                        self.turn()
                        self.journal.write()
                    else:
                        self.fill()
                except RetrueError as error:  # a full disk, a catalog that is locked: it may pass
                    logger.warning("no jobs for now: %s", error)
                    self.tried, self.turned = set(self.waiting), time.monotonic()
            self.drain()

    def turn(self) -> None:
        """Look at what is due, and start it as far as there are threads for it."""
        now = clock.now()
        self.hanging = {work: run for work, run in self.hanging.items() if run.thread.is_alive()}
        for work in [work for work, run in self.alive().items() if run.overdue]:
            self.give_up(work)
        self.elsewhere, silent = self.leases.look()
        self.wait_for(now, [work_of(lease.name) for lease in silent])
        self.tried, self.turned = set(), time.monotonic()
        self.fill()

    def fill(self) -> None:
        """Start what waits, longest first, as far as there are threads for it; each is tried once a turn."""
        now, running = clock.now(), self.alive()
        for work in sorted(self.waiting.keys() - self.tried, key=self.waiting.__getitem__):
            kind = self.named[work[0]]
            here = work in running or work in self.hanging
            if not here and name_of(work) not in self.elsewhere and self.room_for(kind):
                self.tried.add(work)
                self.begin(kind, work, now)

    def alive(self) -> dict[Work, Run]:
        """What runs; what has come to its end is forgotten."""
        self.running = {work: run for work, run in self.running.items() if run.thread.is_alive()}
        return self.running

    def wait_for(self, now: datetime, abandoned: Sequence[Work]) -> None:
        """Note what is due, and since when; what another server died over is."""
        due = [(kind.name, model) for kind in self.kinds for model in self.due(kind, now)]
        due += [work for work in abandoned if work[0] in self.named]
        self.waiting = {work: self.waiting.get(work, time.monotonic()) for work in due}

    def due(self, kind: Kind, now: datetime) -> list[str | None]:
        """The models that a kind is due for; one that can't say leaves the others alone."""
        try:
            return list(self.watches[kind.name].due(now))
        except Exception as error:  # noqa: BLE001 - a fault in one kind must not stop all others
            said = f"what is due of {kind.name} can't be told: {type(error).__name__}: {error}"
            if self.faults.get(kind.name) != said:
                logger.error("%s", said)  # noqa: TRY400 - once, not each second
            self.faults[kind.name] = said
            return []

    def room_for(self, kind: Kind) -> bool:
        """Whether a thread is free for a job of this kind."""
        return sum(self.named[work[0]].pool == kind.pool for work in self.running) < THREADS[kind.pool]

    def begin(self, kind: Kind, work: Work, now: datetime) -> None:
        """Take the lease and start a thread, unless the job rests or another server is at it, or has just done it."""
        with self.workspace.store.catalog.read() as tx:
            last = last_job(tx, *work)
        if not kind.ready(last, now):
            return
        failures = 0 if last is None else int(last.body.get("failures", 0))
        body = {"server": self.leases.owner, "failures": failures}
        job = rows.Job(uuid.uuid4().hex[:12], kind.name, "running", clock.micros(now), clock.micros(now), body, work[1])
        with self.workspace.store.catalog.write() as tx:
            held = self.leases.take(tx, name_of(work), {"job": job.id})
            if held is None:
                return
            if held.before is None and not self.watches[kind.name].still(work[1], now):
                self.leases.release(tx, held)
                return
            self.record(tx, job, held)
        thread = threading.Thread(target=self.work, args=(kind, job, held), name=held.name, daemon=True)
        self.running[work] = Run(kind, job, held, thread, time.monotonic())
        thread.start()

    def give_up(self, work: Work) -> None:
        """Record a run that hangs as failed, and give its lease back; whatever it still finds is not kept.

        A thread can't be ended from outside: it no longer counts as busy, and no other of its work is begun beside it.
        """
        run = self.running[work]
        why = f"it took longer than {run.kind.limit:g} seconds, and was given up; another server may try it"
        failures = int(run.job.body["failures"]) + 1
        body = {**run.job.body, "message": why, "seconds": run.kind.limit, "failures": failures}
        with self.workspace.store.catalog.write() as tx:
            if tx.get(rows.Lease, name=run.held.name, holder=run.held.holder) is None:
                return  # it has just come to its end by itself
            tx.put(replace(run.job, status="failed", updated=clock.micros(clock.now()), body=body))
            self.leases.release(tx, run.held)
        with speaking(run.job, run.job.body):
            logger.error("%s", why)
        self.hanging[work] = self.running.pop(work)

    def record(self, tx: Transaction, job: rows.Job, held: Held) -> None:
        """Note that a job runs; of one that was taken over, that its server died."""
        before = None if held.before is None else tx.get(rows.Job, id=str(held.before.body.get("job")))
        if before is not None and before.status == "running":
            server = before.body.get("server")
            tx.put(ended(before, f"server {server} stopped without a word; taken over by {self.leases.owner}"))
        tx.put(job)

    def work(self, kind: Kind, job: rows.Job, held: Held) -> None:
        """Run one job in this thread, and record it."""
        begun, task = time.monotonic(), Task(self.workspace, job.model, clock.moment(job.due))
        with ExitStack() as stack:
            stack.enter_context(acting("jobs"))
            stack.enter_context(self.leases.fencing(held))
            stack.enter_context(speaking(job, task.body))
            if self.telemetry is not None:
                stack.enter_context(self.telemetry.span(f"job {kind.name}", model=job.model or "", job=job.id))
            try:
                status, message = self.outcome(kind, task)
                seconds = round(time.monotonic() - begun, 3)
                failures = int(job.body["failures"]) + 1 if status == "failed" else 0
                body = {**job.body, **task.body, "message": message, "seconds": seconds, "failures": failures}
                done = replace(job, status=status, updated=clock.micros(clock.now()), body=body)
                self.settle(done, held)
            except LeaseLostError as error:
                logger.warning("%s", error)
            except StoreError as error:  # a full disk, say
                logger.error("what came of this run can't be kept: %s", error)  # noqa: TRY400 - it says all
            finally:
                self.leases.leave(held)

    def outcome(self, kind: Kind, task: Task) -> tuple[str, str]:
        """Status and message of a run. A job that fails is one failed job, and never the runner."""
        try:
            message = kind.run(task)
        except LeaseLostError:
            raise
        except RetrueError as error:
            logger.error("%s", error)  # noqa: TRY400 - what we raise on purpose says all in its words
            return "failed", str(error)
        except Exception as error:
            logger.exception("a fault of Retrue, or of a library")
            return "failed", f"{type(error).__name__}: {error}"
        logger.info("%s", message)
        return "done", message

    def settle(self, job: rows.Job, held: Held) -> None:
        """Note what came of a job and give its lease back, in one transaction."""
        with self.workspace.store.catalog.write() as tx:
            tx.put(job)
            self.leases.release(tx, held)

    def drain(self) -> None:
        """Wait for what runs; what takes too long ends with this process, and is taken over when its lease is."""
        until = time.monotonic() + DRAIN
        threads = [run.thread for run in self.running.values()]
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        for thread in threads:
            if thread.is_alive():
                logger.warning("%s didn't end within %g seconds: it is left to another server", thread.name, DRAIN)


def ended(job: rows.Job, why: str) -> rows.Job:
    """A run that never said how it ended, as failed; it isn't the job's own failure."""
    return replace(job, status="failed", updated=clock.micros(clock.now()), body={**job.body, "message": why})


def name_of(work: Work) -> str:
    """The name of a job's lease."""
    kind, model = work
    return kind if model is None else f"{kind}/{model}"


def work_of(name: str) -> Work:
    """The job that a lease is for.

    >>> work_of("check/flights"), work_of("prune")
    (('check', 'flights'), ('prune', None))
    """
    kind, _, model = name.partition("/")
    return kind, model or None


def serve(folder: str | Path, *, length: float = LENGTH) -> None:
    """Run the jobs of the store in a folder until SIGTERM or SIGINT: what `retrue serve` starts as a process."""
    with (
        until_told(signal.SIGTERM, signal.SIGINT) as stop,
        open_workspace(folder) as workspace,
        otel.sending("jobs", lambda: bounded(readings(workspace), MOST)) as telemetry,
    ):
        Runner(workspace, kinds(), length, telemetry=telemetry).run(stop)
