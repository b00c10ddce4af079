"""Hammer: load a service with all that may come in, while it is killed or its machine fails; then count what is there.

    Sender ── events, labels, feedback; four forms; bad rows; ack=lake ──> Fleet ──> verify: each once, as recounted

What was acknowledged is known to the senders alone: `verify` compares the store with that.
"""

from __future__ import annotations

import io
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import polars as pl
import psutil
import pytest
from tests.server.conftest import SERVES, loans
from tests.server.ending import SPEAKS, end, standing

import retrue as rt
from retrue.core.profile import Profile

BATCH = 20
SENDERS = 3
DISTINCT = 4_000
LOANS = loans(0, DISTINCT)
"""What is sent, again and again under new ids: made once, so that the machine works for the service."""
TRUTH = LOANS["y"].to_list()
BAD = 7
"""The row of a bad batch that has no time, and is set aside."""
SERVE = """
import runpy
from retrue.server import deaths, supervise
supervise.LONGEST = supervise.HEAD_START = 0.1
deaths.Deaths.__call__ = lambda *_: None
runpy.run_module("retrue", run_name="__main__")
"""
"""`python -m retrue`, but all parts start at once, and again at once, and no process (0.8 s of CPU) notes who died:
the pauses and the notes are `test_supervise`'s business."""
HELD = f"""
from retrue.server import supervise
whole = supervise.parts
def parts(folder, *given):
    web, commit, jobs = whole(folder, *given)
    held = ("/bin/sh", "-c", 'while [ -e "$0" ]; do sleep 0.1; done; exec "$@"', folder + "/held", *commit.command)
    return web, supervise.Part(commit.name, held), jobs
supervise.parts = parts
{SERVE}"""
"""The same, but nothing moves to the lake while the store's folder has a file `held`."""
BUSY = frozenset({429, 503, 507})
"""Answers that say: not now, send it again."""
JSON = "application/json"


def until(what: Callable[[], Any], seconds: float = 60) -> Any:
    """What a question answers once that is something."""
    end = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.02)
    assert found, f"nothing after {seconds} s"
    return found


def columns(frame: pl.DataFrame) -> tuple[bytes, str]:
    """Rows as JSON, by column."""
    return msgspec.json.encode({"columns": frame.to_dict(as_series=False)}), JSON


def rows(frame: pl.DataFrame) -> tuple[bytes, str]:
    """Rows as JSON, row by row."""
    return msgspec.json.encode(frame.to_dicts()), JSON


def lines(frame: pl.DataFrame) -> tuple[bytes, str]:
    """Rows as NDJSON."""
    return msgspec.json.Encoder().encode_lines(frame.to_dicts()), "application/x-ndjson"


def arrow(frame: pl.DataFrame) -> tuple[bytes, str]:
    """Rows as an Arrow IPC stream."""
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return buffer.getvalue(), "application/vnd.apache.arrow.stream"


FORMS = (columns, rows, lines, arrow)


@dataclass
class Sent:
    """What was sent, and what of it was acknowledged: numbers of loans.

    Attributes:
        tried: all that was sent.
        events, labels, feedback: what was acknowledged of each kind.
        bad: events that were acknowledged as set aside; `badly` are those that were tried.
        answers: how often each status was answered.
        wrong: answers that should not have been.
    """

    tried: set[int] = field(default_factory=set)
    events: set[int] = field(default_factory=set)
    labels: set[int] = field(default_factory=set)
    feedback: set[int] = field(default_factory=set)
    bad: set[int] = field(default_factory=set)
    badly: set[int] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def progress(self, answer: str = "202") -> None:
        """Wait until something is answered so again."""
        before = self.answers[answer]
        until(lambda: self.answers[answer] > before or self.wrong)

    @contextmanager
    def sending(self, *urls: str) -> Iterator[list[Sender]]:
        """Send as fast as it goes, to these in turn, until the block ends and what is on its way is answered."""
        stop = threading.Event()
        senders = [Sender(urls[own % len(urls)], own, self, stop) for own in range(SENDERS)]
        for sender in senders:
            sender.start()
        try:
            yield senders
        finally:
            stop.set()
            for sender in senders:
                sender.join(40)
        assert not any(sender.is_alive() for sender in senders)


class Sender(threading.Thread):
    """Sends batch after batch, each until it is acknowledged: first the events, then their labels and feedback.

    The first sender waits for the lake with some of its batches; the others never do.
    """

    def __init__(self, url: str, own: int, sent: Sent, stop: threading.Event) -> None:
        super().__init__(name=f"sender {own}")
        self.url, self.own, self.sent, self.stop = url, own, sent, stop

    def run(self) -> None:
        first, number = self.own * 1_000_000, 0
        with httpx.Client(base_url=f"{self.url}/api/v1/models/loans", timeout=10) as client:
            while not self.stop.is_set():
                self.batch(client, first, number)
                first, number = first + BATCH, number + 1

    def batch(self, client: httpx.Client, first: int, number: int) -> None:
        """Send a batch of events, and what belongs to them."""
        sent, numbers, form = self.sent, set(range(first, first + BATCH)), FORMS[number % len(FORMS)]
        ids = pl.Series("id", [f"l{n}" for n in range(first, first + BATCH)])
        loans = LOANS.slice(first % DISTINCT, BATCH).with_columns(ids)
        bad = {first + BAD} if number % 5 == 0 else set[int]()
        time = pl.when(ids.is_in([f"l{n}" for n in bad])).then(None).otherwise("at").alias("at")
        with sent.lock:
            sent.tried |= numbers
            sent.badly |= bad
        lake = {"ack": "lake"} if self.own == 0 and number % 6 == 0 else {}
        if not self.post(client, "events", form(loans.with_columns(time).drop("y")), f"e{first}", len(bad), lake):
            return
        with sent.lock:
            sent.events |= numbers - bad
            sent.bad |= bad
        if self.post(client, "labels", form(loans.select("id", "y")), f"y{first}"):
            with sent.lock:
                sent.labels |= numbers
        clicks = pl.DataFrame({"id": ids, "clicks": range(BATCH)})
        if number % 4 == 1 and self.post(client, "feedback", form(clicks), f"f{first}"):
            with sent.lock:
                sent.feedback |= numbers

    def post(
        self,
        client: httpx.Client,
        kind: str,
        body: tuple[bytes, str],
        key: str,
        bad: int = 0,
        params: Mapping[str, str] | None = None,
    ) -> bool:
        """Send one batch until it is acknowledged; False where the test ended before."""
        headers = {"Idempotency-Key": key, "Content-Type": body[1]}
        while True:
            try:
                answer = client.post(f"/{kind}", content=body[0], headers=headers, params=params)
            except httpx.TransportError:
                if self.stop.is_set():
                    return False
                time.sleep(0.02)
                continue
            with self.sent.lock:
                self.sent.answers[str(answer.status_code)] += 1
            if answer.status_code == (200 if params else 202):
                told = answer.json()
                if (told["accepted"], told["quarantined"]) != (BATCH - bad, bad):
                    self.sent.wrong.append(answer.text)
                return True
            if answer.status_code not in BUSY:
                self.sent.wrong.append(f"{answer.status_code}: {answer.text[:500]}")
                return False
            time.sleep(0.05)


@dataclass
class Fleet:
    """`retrue serve` on a port of its own, started again whenever all of it is dead.

    Attributes:
        folder: the store; a `retrue.toml` beside it counts.
        port: where it listens.
        env: more of its environment.
        code: what is run.
    """

    folder: Path
    port: int
    env: Mapping[str, str] = field(default_factory=dict)
    code: str = SERVE
    process: subprocess.Popen[str] | None = None
    starts: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Start it, unless it runs."""
        if self.process is not None and self.process.poll() is None:
            return
        until(self.is_free)  # until the children of the one that was killed have let go of the port
        command = [sys.executable, "-c", self.code, "serve", str(self.folder), "--port", str(self.port)]
        env = {**os.environ, **SPEAKS, **self.env}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, cwd=self.folder.parent)
        assert self.process.stdout
        assert SERVES.search(self.process.stdout.readline()), "it doesn't start again"
        self.starts += 1

    def is_free(self) -> bool:
        """Whether nobody listens on its port."""
        try:
            socket.create_server(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def victims(self) -> list[psutil.Process]:
        """The supervisor, and each of its children."""
        if self.process is None:
            return []
        try:
            supervisor = psutil.Process(self.process.pid)
            return [supervisor, *supervisor.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def part(self, name: str) -> list[psutil.Process]:
        """The child that runs a module, if it runs."""
        return [one for one in self.victims() if name in words(one)]

    def kill(self, chance: random.Random) -> None:
        """Kill one of them, or all at once."""
        alive = self.victims()
        weights = {"server.web": 3, "jobs.commit": 3, "any": 3, "all": 1}
        choice = chance.choices(list(weights), list(weights.values()))[0]
        self.kill_these(alive if choice == "all" else self.part(choice) or (alive and [chance.choice(alive)]))

    def kill_these(self, chosen: list[psutil.Process]) -> None:
        """Kill some of them."""
        for victim in chosen:
            try:
                victim.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        if self.process is not None and self.process.pid in {victim.pid for victim in chosen}:
            self.process.wait(20)
            if self.process.stdout:
                self.process.stdout.close()

    def down(self) -> None:
        """End it, as somebody would who means it well."""
        if self.process is not None and self.process.poll() is None:
            end(self.process)
        if self.process is not None and self.process.stdout:
            self.process.stdout.close()


def words(process: psutil.Process) -> str:
    """The command line of a process; nothing where it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@contextmanager
def fleet(folder: Path, env: Mapping[str, str] | None = None, code: str = SERVE) -> Iterator[Fleet]:
    """A service that is ended with the block, and nothing of it left."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        made = Fleet(folder, int(sock.getsockname()[1]), env or {}, code)
    made.up()
    try:
        yield made
    except Exception as error:  # why nothing came of it
        error.add_note("\n\n".join(standing(one.pid) for one in made.victims()))
        raise
    finally:
        left = made.victims()
        made.down()
        # Parts whose supervisor ended before them are told by the kernel, and have 20 s to come to their end:
        # libfaketime lets a supervisor's wait fail now and then (EINVAL).
        _, alive = psutil.wait_procs(left, 40)
        orphans = [words(one) for one in alive]
        for one in alive:
            one.kill()
        assert orphans == []


def counts(profile: Profile) -> dict[str, Any]:
    """What a profile has counted: exact whatever the order of adding."""
    found = {name: (one.counts.tolist(), one.special.tolist()) for name, one in profile.columns.items()}
    outcome = profile.outcome
    return {"rows": profile.rows, "columns": found, "labelled": None if outcome is None else outcome.labelled}


def state(model: rt.Model) -> dict[tuple[str, int, str], dict[str, Any]]:
    """The counts of every window."""
    return {(one.version, one.start, one.slice): counts(one.profile) for one in model.store.profiles(model.name)}


def numbers(ids: pl.Series) -> set[int]:
    """The loans' numbers; an id that is there twice fails the test."""
    assert ids.is_unique().all(), "a row is there twice"
    return {int(id_[1:]) for id_ in ids}


def verify(folder: Path, sent: Sent) -> None:
    """Compare the store with what was sent, and its profiles with a recount."""
    assert sent.wrong == []
    with rt.open(folder) as store:
        model = store.model("loans")
        events = model.events().collect()
        there = numbers(events["id"])
        assert sent.events <= there, "an acknowledged row is lost"
        assert there <= sent.tried - sent.badly
        labelled = {int(id_[1:]): y for id_, y in events.select("id", "y").rows() if y is not None}
        assert sent.labels - sent.badly <= labelled.keys(), "an acknowledged label is lost"
        assert all(y == TRUTH[n % DISTINCT] for n, y in labelled.items())
        assert sent.feedback <= numbers(store.store.feedback("loans").collect()["id"]) <= sent.tried
        assert sent.bad <= numbers(model.quarantine()["id"]) <= sent.badly
        before = state(model)
        assert sum(one["rows"] for (_, _, slice_), one in before.items() if not slice_) == len(there)
        store.store.recount("loans")
        assert state(model) == before


def taken(sent: Sent) -> dict[str, int]:
    """How much of each kind was acknowledged: a test that sent nothing shows nothing."""
    found = {"events": sent.events, "labels": sent.labels, "feedback": sent.feedback, "bad": sent.bad}
    told = {kind: len(one) for kind, one in found.items()}
    if not all(told.values()):
        pytest.fail(f"not all kinds were acknowledged: {told}")
    return told
