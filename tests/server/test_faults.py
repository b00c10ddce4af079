"""The machine fails under load: a full disk, a lake that can't be written, a clock set back; and a kill in each.

Three clients send events, labels and feedback all the while (see `hammer`). Whatever happens: each acknowledged row is
there once, labels are joined, and profiles equal a recount from the lake.
"""

from __future__ import annotations

import contextlib
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.conftest import lacking, program
from tests.server.conftest import registered
from tests.server.hammer import Fleet, Sent, fleet, taken, until, verify

import retrue as rt

pytestmark = pytest.mark.slow


def mount(*arguments: object) -> None:
    """Mount something, where this machine lets us."""
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        lacking(f"the right to mount ({done.stderr.strip()})", "run as root")


@contextmanager
def mounted(folder: Path, *arguments: object) -> Iterator[None]:
    """Something mounted at a folder, until the block ends."""
    mount(*arguments, folder)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def loaded(folder: Path, env: dict[str, str] | None = None) -> Iterator[tuple[Fleet, Sent]]:
    """A service under load; all is well when the block begins, and must be again when it ends."""
    registered(folder)
    sent = Sent()
    with fleet(folder, env) as service:
        with sent.sending(service.url):
            sent.progress("200")
            yield service, sent
            sent.progress("202")
            sent.progress("200")
            until(lambda: sent.feedback and sent.bad)
        taken(sent)
    verify(folder, sent)


def kill(service: Fleet, part: str) -> None:
    """Kill a part of the service, and wait until it runs again."""
    (victim,) = until(lambda: service.part(part))
    service.kill_these([victim])
    until(lambda: [one for one in service.part(part) if one != victim])


def fill(path: Path) -> None:
    """Write zeros until the disk has no room for another page."""
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as file:
        for size in (1_000_000, 4_096):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass


def test_a_full_disk_is_said_and_passes_by_itself(tmp_path: Path) -> None:
    """What is refused says so (507), pages go on, a killed part comes back, and room is all it takes to go on."""
    folder = tmp_path / "store"
    folder.mkdir()
    filler = folder / "filler"
    with mounted(folder, "-t", "tmpfs", "-o", "size=80m", "tmpfs"), loaded(folder) as (service, sent):
        fill(filler)
        sent.progress("507")
        with httpx.Client(base_url=service.url, timeout=30) as client:
            refused = client.post("/api/v1/models/loans/events", json={"id": "l-none"})
            assert (refused.status_code, "retry-after" in refused.headers) == (507, True), refused.text
            assert "disk is full" in refused.json()["error"]["message"]
            assert client.get("/api/v1/models").status_code == 200
            assert client.get("/").status_code == 200
        kill(service, random.choice(["server.web", "jobs.commit"]))
        fill(filler)  # what the dead process held
        sent.progress("507")
        filler.unlink()


def test_a_lake_that_cant_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    """Rows are acknowledged into the spool, wait there, and go on when the lake can be written again."""
    with loaded(tmp_path / "store") as (service, sent):
        lake = tmp_path / "store" / "lake"
        with mounted(lake, "--bind", lake):
            mount("-o", "remount,ro,bind", lake)
            kill(service, "jobs.commit")
            sent.progress("202")
            with rt.open(tmp_path / "store") as store:
                before = store.store.pending("loans")
                until(lambda: store.store.pending("loans") > before + 1_000)
            assert httpx.get(f"{service.url}/readyz", timeout=30).status_code == 200


def test_a_clock_that_is_set_back_changes_nothing_that_was_promised(tmp_path: Path) -> None:
    """Rows are taken, keys are known still, and jobs go on at once, not when the old time has come again."""
    found = (Path(program("faketime")).parents[1] / "lib").glob("*/faketime/libfaketime.so.1")
    library = next(found, None) or lacking("libfaketime", "apt-get install faketime")
    folder, clock = tmp_path / "store", tmp_path / "clock"
    clock.write_text("+0", encoding="utf-8")
    faked = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    row, key = {"id": "l9000000", "at": "2026-01-05T00:00:00Z", "income": 1.0, "p": 0.5}, {"Idempotency-Key": "once"}
    with loaded(folder, faked) as (service, sent), httpx.Client(base_url=service.url, timeout=30) as client:
        sent.tried.add(9_000_000)
        until(lambda: client.post("/api/v1/models/loans/events", json=row, headers=key).status_code == 202)
        until(lambda: jobs(folder, "check") > 0)
        clock.with_suffix(".new").write_text("-6h", encoding="utf-8")
        clock.with_suffix(".new").rename(clock)  # at once: it is read all the time
        before = jobs(folder, "check")
        kill(service, random.choice(["server.web", "jobs.commit"]))
        sent.progress("202")
        assert client.post("/api/v1/models/loans/events", json=row, headers=key).json()["repeated"]
        until(lambda: jobs(folder, "check") > before)


def jobs(folder: Path, kind: str) -> int:
    """How many jobs of a kind have ended well."""
    with rt.open(folder) as store:
        return sum(job.status == "done" for job in store.jobs(kind=kind).rows)
