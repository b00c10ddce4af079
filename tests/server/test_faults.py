"""The machine fails, the service doesn't: a full disk, a lake that can't be written, a clock that is set back."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from tests.conftest import program
from tests.server.conftest import Served, loans, registered, serving

import retrue as rt

pytestmark = pytest.mark.slow


def until(what: Callable[[], Any], seconds: float = 45) -> Any:
    """What a question answers once that is something."""
    end = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.1)
    assert found, f"nothing after {seconds} s"
    return found


def mount(*arguments: object) -> None:
    """Mount something, where this machine lets us."""
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the right to mount: {done.stderr.strip()}")


@contextmanager
def mounted(folder: Path, *arguments: object) -> Iterator[None]:
    """Something mounted at a folder, until the block ends."""
    mount(*arguments, folder)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def columns(rows: pl.DataFrame) -> dict[str, Any]:
    """Rows as a request's body."""
    return {"columns": {name: [str(v) if name == "at" else v for v in rows[name]] for name in rows.columns}}


def send(client: httpx.Client, rows: pl.DataFrame, **options: Any) -> httpx.Response:
    """Log rows."""
    return client.post("/api/v1/models/loans/events", json=columns(rows.drop("y")), **options)


def kept(folder: Path) -> list[str]:
    """The ids of the events in the lake, in order."""
    with rt.open(folder) as store:
        return sorted(store.model("loans").events().collect()["id"])


@contextmanager
def client_of(served: Served) -> Iterator[httpx.Client]:
    """Talk to a server."""
    with httpx.Client(base_url=served.url, timeout=30) as client:
        yield client


def test_a_full_disk_is_said_and_passes_by_itself(tmp_path: Path) -> None:
    """Nothing acknowledged is lost, what is refused says so, pages go on, and room on the disk is all it takes."""
    folder = tmp_path / "store"
    folder.mkdir()
    with mounted(folder, "-t", "tmpfs", "-o", "size=40m", "tmpfs"):
        registered(folder)
        filler, acknowledged = folder / "filler", list[str]()
        with serving(folder) as served, client_of(served) as client:
            until(lambda: send(client, loans(0, 1)).status_code == 202)
            acknowledged += ["l0"]
            filler.write_bytes(bytes(os.statvfs(folder).f_bavail * os.statvfs(folder).f_bsize - 200_000))
            refused = None
            for first in range(100, 200_000, 2_000):
                answer = send(client, loans(first, 2_000))
                if answer.status_code != 202:
                    refused = answer
                    break
                acknowledged += [f"l{n}" for n in range(first, first + 2_000)]
            assert refused is not None
            assert (refused.status_code, "retry-after" in refused.headers) == (507, True), refused.text
            assert "disk is full" in refused.json()["error"]["message"]
            assert client.get("/api/v1/models").status_code == 200
            assert client.get("/").status_code == 200
            filler.unlink()
            until(lambda: send(client, loans(300_000, 1)).status_code == 202)
            acknowledged += ["l300000"]
        assert kept(folder) == sorted(acknowledged)


def test_a_lake_that_cant_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    """Rows are acknowledged into the spool, wait there, and go on when the lake can be written again."""
    folder = tmp_path / "store"
    registered(folder)
    with serving(folder) as served, client_of(served) as client:
        until(lambda: send(client, loans(0, 10)).status_code == 202)
        with mounted(folder / "lake", "--bind", folder / "lake"):
            mount("-o", "remount,ro,bind", folder / "lake")
            assert send(client, loans(10, 10)).status_code == 202
            time.sleep(1.5)
            with rt.open(folder) as store:
                assert store.store.pending("loans") > 0
            assert client.get("/readyz").status_code == 200
        until(lambda: send(client, loans(20, 10), params={"ack": "lake"}).status_code == 200)
    assert kept(folder) == sorted(f"l{n}" for n in range(30))


def test_a_clock_that_is_set_back_changes_nothing_that_was_promised(tmp_path: Path) -> None:
    """Keys are known still, rows are taken, and jobs go on at once, not when the old time has come again."""
    library = Path(program("faketime")).parents[1] / "lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
    if not library.exists():
        pytest.skip(f"needs {library}")
    folder, clock = tmp_path / "store", tmp_path / "clock"
    registered(folder)
    clock.write_text("+0", encoding="utf-8")
    faked = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with serving(folder, env=faked) as served, client_of(served) as client:
        key = {"Idempotency-Key": "once"}
        until(lambda: send(client, loans(0, 10), headers=key).status_code == 202)
        until(lambda: jobs(folder, "check") > 0)
        clock.write_text("-6h", encoding="utf-8")
        before = jobs(folder, "check")
        assert send(client, loans(0, 10), headers=key).json()["repeated"]
        assert send(client, loans(1440, 1440), params={"ack": "lake"}).status_code == 200
        until(lambda: jobs(folder, "check") > before)
    assert kept(folder) == sorted(f"l{n}" for n in [*range(10), *range(1440, 2880)])


def jobs(folder: Path, kind: str) -> int:
    """How many jobs of a kind have ended well."""
    with rt.open(folder) as store:
        return sum(job.status == "done" for job in store.jobs(kind=kind).rows)
