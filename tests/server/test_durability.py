"""What a 202 means: the disk has it. And two servers on one folder are as good as one."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import polars as pl
import psutil
import pytest
from tests.conftest import lacking
from tests.server.conftest import loans, registered, serving

import retrue as rt

EVENTS = "/api/v1/models/loans/events"
CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(?:\((\d+)<(.*?)>[,) ]| resumed>)")
"""A line of strace: the thread, the call, and what it is about unless an earlier line told."""
CALLS = "trace=fsync,fdatasync,pwrite64,recvfrom,read,sendto,write,writev"
SENDERS, EACH = 8, 6


def web_of(pid: int) -> int:
    """The process that answers."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for child in psutil.Process(pid).children():
            if "retrue.server.web" in child.cmdline():
                return child.pid
        time.sleep(0.05)
    raise AssertionError("no web process")


@pytest.mark.slow
def test_the_spool_is_synced_before_each_answer(tmp_path: Path) -> None:
    """strace: between a request's arrival and its 202 rows are written and then synced; alone, and in a crowd."""
    strace = shutil.which("strace") or lacking("strace", "apt-get install strace")
    registered(tmp_path / "store")
    trace = tmp_path / "trace"
    row = {"at": "2026-01-05T00:00:00Z", "income": 1.0, "region": "north", "p": 0.5}
    with serving(tmp_path / "store") as served:

        def send(sender: int, rows: int = EACH) -> None:
            with httpx.Client(base_url=served.url, timeout=60) as client:
                for number in range(rows):
                    assert client.post(EVENTS, json={**row, "id": f"{sender}-{number}"}).status_code == 202

        send(-1, 1)
        command = [strace, "-f", "-y", "-s", "40", "-e", CALLS, "-o", str(trace), "-p", str(web_of(served.pid))]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            if "attached" not in tracer.stderr.readline():
                lacking("the right to trace processes", "run as root, or allow ptrace")
            send(0)
            with ThreadPoolExecutor(SENDERS) as pool:
                list(pool.map(send, range(1, SENDERS + 1)))
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)
    steps = list(traced(trace.read_text(errors="replace").splitlines()))
    answered = [where for step, where in steps if step == "answer"]
    assert len(answered) == (SENDERS + 1) * EACH
    assert unsynced(steps) == []
    syncs = sum(step == "sync" for step, _ in steps)
    assert syncs < len(answered), "no two requests shared a sync: this shows nothing of a group commit"


def traced(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What happened, in order: a "request" came or its "answer" left (and where), the spool had a "write" or a "sync".

    A request, a write and a sync count when their call has come to its end, an answer when it begins.
    """
    begun = dict[str, tuple[str, str]]()
    for line in lines:
        found = CALL.search(line)
        if found is None:
            continue
        thread, call, number, where = found.groups()
        if number is not None and "HTTP/1.1 202" in line and call in {"sendto", "write", "writev"}:
            yield "answer", f"{number} {where}"
        if "<unfinished" in line:
            begun[thread] = call, f"{number} {where}"
            continue
        call, where = begun.pop(thread, (call, "")) if number is None else (call, f"{number} {where}")
        if call in {"recvfrom", "read"} and "POST /api" in line:
            yield "request", where
        elif "spool.db-wal" in where and call == "pwrite64":
            yield "write", ""
        elif "spool.db-wal" in where and call in {"fsync", "fdatasync"} and line.endswith("= 0"):
            yield "sync", ""


def unsynced(steps: Iterable[tuple[str, str]]) -> list[str]:
    """The connections that were answered although nothing was written and then synced since their request came."""
    wrong, safe = list[str](), dict[str, str]()
    for step, where in steps:
        if step == "request":
            safe[where] = "came"
        elif step == "answer":
            wrong += [where] if safe.pop(where, "") != "synced" else []
        else:
            before, after = {"write": ("came", "written"), "sync": ("written", "synced")}[step]
            safe |= {one: after for one, state in safe.items() if state == before}
    return wrong


def test_a_trace_is_read_as_it_is_meant() -> None:
    """Answers that come before their sync are found, in a trace as strace writes it."""
    lines = [
        '7 recvfrom(11<socket:[1]>, "POST /api/v1/mod"..., 65536, 0, NULL, NULL) = 300',
        '9 pwrite64(5</s/spool.db-wal>, "x", 4096, 32) = 4096',
        "9 fdatasync(5</s/spool.db-wal> <unfinished ...>",
        '7 recvfrom(12<socket:[2]>, "POST /api/v1/mod"..., 65536, 0, NULL, NULL) = 300',
        "9 <... fdatasync resumed>) = 0",
        '7 sendto(11<socket:[1]>, "HTTP/1.1 202 Acc"..., 300, 0, NULL, 0) = 300',
        '7 sendto(12<socket:[2]>, "HTTP/1.1 202 Acc"..., 300, 0, NULL, 0) = 300',
    ]
    steps = list(traced(lines))
    assert [step for step, _ in steps] == ["request", "write", "request", "sync", "answer", "answer"]
    assert unsynced(steps) == ["12 socket:[2]"]


@pytest.mark.slow
def test_two_servers_on_one_folder_lose_and_double_nothing(tmp_path: Path) -> None:
    """Rows go to both at once, some with the same key to each; every acknowledged row is in the lake once."""
    registered(tmp_path)
    table = loans(0, 600).drop("y").with_columns(pl.col("at").cast(pl.String))
    with serving(tmp_path) as one, serving(tmp_path) as two:

        def send(number: int) -> list[dict[str, bool]]:
            body = {"columns": table[10 * number : 10 * number + 10].to_dict(as_series=False)}
            headers = {"idempotency-key": f"batch-{number}"}
            urls = (one.url, two.url) if number % 2 else (one.url,)
            answers = [httpx.post(url + EVENTS, json=body, headers=headers, timeout=30) for url in urls]
            assert {answer.status_code for answer in answers} == {202}
            return [answer.json() for answer in answers]

        with ThreadPoolExecutor(6) as pool:
            said = list(pool.map(send, range(60)))
    with rt.open(tmp_path) as store:
        events = store.model("loans").events().collect()
        booked = sum(window.events for window in store.store.windows("loans"))
        counters = store.store.counters("loans")
    assert (events.height, events["id"].n_unique(), booked) == (600, 600, 600)
    assert [[answer["repeated"] for answer in both] for both in said[1::2]] == [[False, True]] * 30
    assert counters.get("events repeated", 0) == 0
