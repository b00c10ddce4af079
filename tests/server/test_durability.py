"""What a 202 means: the disk has it. And two servers on one folder are as good as one."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
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
SYNC = re.compile(r"\b(fsync|fdatasync)\(\d+<([^>]*)>\) += 0")
ANSWER = re.compile(r"\b(?:sendto|write|writev|send)\(\d+<[^>]*>, .*HTTP/1\.1 202")


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
def test_the_spool_is_synced_before_the_answer(tmp_path: Path) -> None:
    """strace: between a request's arrival and its 202 the spool's log is synced, each time."""
    strace = shutil.which("strace") or lacking("strace", "apt-get install strace")
    registered(tmp_path / "store")
    trace = tmp_path / "trace"
    row = {"at": "2026-01-05T00:00:00Z", "income": 1.0, "region": "north", "p": 0.5}
    with serving(tmp_path / "store") as served, httpx.Client(base_url=served.url, timeout=30) as client:
        assert client.post(EVENTS, json={**row, "id": "before"}).status_code == 202
        calls = "trace=fsync,fdatasync,sendto,write,writev"
        command = [strace, "-f", "-y", "-s", "40", "-e", calls, "-o", str(trace), "-p", str(web_of(served.pid))]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            if "attached" not in tracer.stderr.readline():
                lacking("the right to trace processes", "run as root, or allow ptrace")
            for number in range(5):
                assert client.post(EVENTS, json={**row, "id": f"traced-{number}"}).status_code == 202
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)
    order = "".join(kind for line in trace.read_text().splitlines() for kind in kind_of(line))
    assert re.fullmatch(r"(s+a){5}s*", order), order


def kind_of(line: str) -> str:
    """What a traced call is: "s" syncs the spool, "a" answers 202."""
    synced = SYNC.search(line)
    if synced is not None and "spool.db" in synced[2]:
        return "s"
    return "a" if ANSWER.search(line) else ""


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
