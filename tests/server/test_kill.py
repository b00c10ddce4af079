"""Load at full speed and `kill -9` at random moments: each acknowledged row is there once, profiles equal a recount."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import psutil
import pytest
from tests.server.conftest import SERVES, loans, registered

import retrue as rt
from retrue.core.profile import Profile

KILLS = 50
WHILE_IT_WORKS = 0.9
"""Share of kills that wait until the service works again; the others may hit it while it starts."""
BATCH = 20
SENDERS = 3
LOANS = loans(0, 4_000).with_columns(pl.col("at").cast(pl.String)).to_dict(as_series=False)
"""What is sent, again and again under new ids: made once, so that the machine works for the service."""
SERVE = """
import runpy
from retrue.server import supervise
supervise.LONGEST = 0.1
runpy.run_module("retrue", run_name="__main__")
"""
"""`python -m retrue`, but what keeps dying starts again at once: the growing pause is `test_supervise`'s business."""
BUSY = frozenset({429, 503, 507})
"""Answers that say: not now, send it again."""


@dataclass
class Sent:
    """What was sent, and what of it was acknowledged."""

    tried: set[int] = field(default_factory=set)
    events: set[int] = field(default_factory=set)
    labels: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    wrong: list[str] = field(default_factory=list)


class Sender(threading.Thread):
    """Sends batch after batch, each until it is acknowledged: first the events, then their labels."""

    def __init__(self, url: str, own: int, sent: Sent, stop: threading.Event) -> None:
        super().__init__(name=f"sender {own}")
        self.url, self.own, self.sent, self.stop = url, own, sent, stop

    def run(self) -> None:
        first = self.own * 1_000_000
        with httpx.Client(base_url=f"{self.url}/api/v1/models/loans", timeout=10) as client:
            while not self.stop.is_set():
                numbers = range(first, first + BATCH)
                first += BATCH
                events = {name: [values[n % 4_000] for n in numbers] for name, values in LOANS.items()}
                events["id"] = [f"l{n}" for n in numbers]
                labels = {"id": events["id"], "y": events.pop("y")}
                with self.sent.lock:
                    self.sent.tried |= set(numbers)
                if self.post(client, "events", events, f"e{first}"):
                    with self.sent.lock:
                        self.sent.events |= set(numbers)
                    if self.post(client, "labels", labels, f"y{first}"):
                        with self.sent.lock:
                            self.sent.labels |= set(numbers)

    def post(self, client: httpx.Client, kind: str, columns: dict[str, list[Any]], key: str) -> bool:
        """Send one batch until it is acknowledged; False where the test ended before."""
        while True:
            try:
                answer = client.post(f"/{kind}", json={"columns": columns}, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                if self.stop.is_set():
                    return False
                time.sleep(0.02)
                continue
            if answer.status_code == 202:
                told = answer.json()
                if told["accepted"] != BATCH:
                    self.sent.wrong.append(answer.text)
                return True
            if answer.status_code not in BUSY:
                self.sent.wrong.append(f"{answer.status_code}: {answer.text[:500]}")
                return False
            time.sleep(0.05)


@dataclass
class Fleet:
    """`retrue serve` on a port of its own, started again whenever all of it is dead."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = None
    starts: int = 0

    def up(self) -> None:
        """Start it, unless it runs."""
        if self.process is not None and self.process.poll() is None:
            return
        command = [sys.executable, "-c", SERVE, "serve", str(self.folder), "--port", str(self.port)]
        for _ in range(100):  # until the children of the one that was killed have let go of the port
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            if process.stdout and SERVES.search(process.stdout.readline()):
                self.process, self.starts = process, self.starts + 1
                return
            process.wait(20)
            if process.stdout:
                process.stdout.close()
            time.sleep(0.1)
        pytest.fail("it doesn't start again")

    def victims(self) -> list[psutil.Process]:
        """The supervisor, and each of its children."""
        if self.process is None:
            return []
        try:
            supervisor = psutil.Process(self.process.pid)
            return [supervisor, *supervisor.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self, chance: random.Random) -> None:
        """Kill one of them, or all at once."""
        alive = self.victims()
        named = {name: [one for one in alive if name in words(one)] for name in ("server.web", "jobs.commit")}
        weights = {"server.web": 3, "jobs.commit": 3, "any": 3, "all": 1}
        choice = chance.choices(list(weights), list(weights.values()))[0]
        chosen = alive if choice == "all" else named.get(choice) or (alive and [chance.choice(alive)])
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
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        if self.process is not None and self.process.stdout:
            self.process.stdout.close()


def words(process: psutil.Process) -> str:
    """The command line of a process; nothing where it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@contextmanager
def fleet(folder: Path) -> Iterator[Fleet]:
    """A service that is ended with the block, and nothing of it left."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        made = Fleet(folder, int(sock.getsockname()[1]))
    made.up()
    try:
        yield made
    finally:
        left = made.victims()
        made.down()
        _, alive = psutil.wait_procs(left, 10)
        for one in alive:
            one.kill()
        assert not alive


def counts(profile: Profile) -> dict[str, Any]:
    """What a profile has counted: exact whatever the order of adding."""
    columns = {name: (one.counts.tolist(), one.special.tolist()) for name, one in profile.columns.items()}
    outcome = profile.outcome
    return {"rows": profile.rows, "columns": columns, "labelled": None if outcome is None else outcome.labelled}


def state(model: rt.Model) -> dict[tuple[str, int, str], dict[str, Any]]:
    """The counts of every window."""
    return {(one.version, one.start, one.slice): counts(one.profile) for one in model.store.profiles(model.name)}


def verify(folder: Path, sent: Sent) -> None:
    """Compare the store with what was sent, and its profiles with a recount."""
    assert sent.wrong == []
    with rt.open(folder) as store:
        model = store.model("loans")
        rows = model.events().collect()
        numbers = {int(id_[1:]) for id_ in rows["id"]}
        assert rows["id"].is_unique().all(), "a row is there twice"
        assert sent.events <= numbers, "an acknowledged row is lost"
        assert numbers <= sent.tried
        labelled = {int(id_[1:]): y for id_, y in rows.select("id", "y").rows() if y is not None}
        assert sent.labels <= labelled.keys(), "an acknowledged label is lost"
        truth = dict(zip(loans(0, 4_000)["id"], loans(0, 4_000)["y"], strict=True))
        assert all(y == truth[f"l{n % 4_000}"] for n, y in labelled.items())
        before = state(model)
        assert before
        store.store.recount("loans")
        assert state(model) == before
        assert len(model.quarantine()) == 0


def progress(sent: Sent) -> None:
    """Wait until something is acknowledged again."""
    before, until = len(sent.events), time.monotonic() + 60
    while len(sent.events) == before and not sent.wrong and time.monotonic() < until:
        time.sleep(0.01)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_or_doubled_however_it_is_killed(tmp_path: Path) -> None:
    """50 kills of the server, its children, or all of them at once, while three clients send as fast as they can."""
    folder, sent, stop, chance = (
        tmp_path / "store",
        Sent(),
        threading.Event(),
        random.Random(os.environ.get("SEED", "4")),
    )
    registered(folder)
    with fleet(folder) as service:
        senders = [Sender(f"http://127.0.0.1:{service.port}", own, sent, stop) for own in range(SENDERS)]
        for sender in senders:
            sender.start()
        for _ in range(KILLS):
            if chance.random() < WHILE_IT_WORKS:
                progress(sent)
            time.sleep(chance.uniform(0.0, 0.4))
            service.kill(chance)
            service.up()
        progress(sent)
        stop.set()
        for sender in senders:
            sender.join(30)
        assert service.starts > 2
    assert len(sent.events) > 1_000
    assert len(sent.labels) > 500
    verify(folder, sent)
