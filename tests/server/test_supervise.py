"""The parts of the service: started quickly, started again when they die, ended in order and together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import polars as pl
import psutil
import pytest
from tests.server.conftest import loans, registered, serving

import retrue as rt
from retrue.server import deaths
from retrue.server.supervise import Child, Part, Supervisor, how
from retrue.workspace.restarts import restarts

EVENTS = "/api/v1/models/loans/events"


def part_of(pid: int, module: str) -> psutil.Process | None:
    """The child of a supervisor that runs a module."""
    for one in psutil.Process(pid).children():
        try:
            if module in one.cmdline():
                return one
        except psutil.Error:  # it has just ended
            continue
    return None


def wait_for(seen: Callable[[], object], seconds: float = 12) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < until, "it didn't happen in time"
        time.sleep(0.05)


def counted(folder: Path) -> int:
    """How many events the windows have."""
    with rt.open(folder) as store:
        return sum(window.events for window in store.store.windows("loans"))


def test_a_part_that_keeps_dying_is_started_again_later_each_time() -> None:
    child = Child(Part("web", ["web"]))
    pauses = [child.postpone(child.started + 0.01) for _ in range(10)]
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses[-1] == 30
    assert child.postpone(child.started + 60) == 0.1


def test_a_signal_is_told_by_name() -> None:
    assert (how(0), how(-signal.SIGKILL)) == ("exit status 0", "SIGKILL")


def test_a_death_is_told_with_how_and_when_it_starts_again() -> None:
    told: list[tuple[str, str]] = []

    def died(part: str, said: str) -> None:
        told.append((part, said))
        supervisor.stopping = True

    supervisor = Supervisor([Part("jobs", [sys.executable, "-c", "raise SystemExit(3)"])], died)
    assert supervisor.run() == 0
    assert told == [("jobs", "jobs ended (exit status 3), starts again in 0.1 s")]


@pytest.mark.parametrize(("ahead", "started"), [(3_600.0, 0), (0.0, 1)])
def test_the_others_wait_while_the_part_that_answers_loads(
    monkeypatch: pytest.MonkeyPatch, ahead: float, started: int
) -> None:
    """They start once its head start is over, and not before."""
    monkeypatch.setattr("retrue.server.supervise.HEAD_START", ahead)
    starts: dict[str, int] = {}

    def died(_part: str, _said: str) -> None:
        starts.update({child.part.name: child.starts for child in supervisor.children})
        supervisor.stopping = True

    quick, slow = "raise SystemExit(3)", "import time; time.sleep(60)"
    supervisor = Supervisor(
        [Part("web", [sys.executable, "-c", quick], first=True), Part("jobs", [sys.executable, "-c", slow])], died
    )
    assert supervisor.run() == 0
    assert starts == {"web": 1, "jobs": started}


# Both parts write to one pipe: a line at once, as print writes its end by itself.
DEAF = """
import signal, sys
from retrue.server.supervise import Part, Supervisor

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGCHLD])
once = "import os, sys; os.write(1, b'started\\\\n'); os.read(0, 1) or sys.exit(3)"
lasting = "import os, time; os.write(1, b'lasts\\\\n'); time.sleep(600)"
sys.exit(Supervisor([Part("one", [sys.executable, "-c", once]), Part("other", [sys.executable, "-c", lasting])]).run())
"""


def test_a_service_whose_signals_were_blocked_starts_its_parts_again_and_ends() -> None:
    """A process manager or a test may start us with signals blocked: none would ever come."""
    command = [sys.executable, "-c", DEAF]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        patience = threading.Timer(60, process.kill)
        patience.start()
        lines = {process.stdout.readline() for _ in range(2)}
        process.stdin.close()  # one part ends of itself
        again = process.stdout.readline()
        children = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGTERM)
        status = process.wait()
        patience.cancel()
    assert lines == {"started\n", "lasts\n"}
    assert again == "started\n"
    assert status == 0
    assert psutil.wait_procs(children, 10)[1] == []


LOADED = """
import gc, sys
from retrue.server import web

class Look:
    def find_spec(self, name, path=None, target=None):
        if name == "retrue.server.answering":
            print("while it loads", gc.isenabled())

sys.meta_path.insert(0, Look())
status = web.main([sys.argv[1], sys.argv[2], "{}"])
print("then", status, gc.isenabled(), gc.get_freeze_count() > 10_000)
"""


@pytest.mark.slow
def test_the_web_process_collects_garbage_again_once_it_is_loaded(tmp_path: Path) -> None:
    """Not while it loads; what is loaded is left out of it for good. A store that can't be served is said."""
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "_store.json").write_text("{}")
    with socket.socket() as sock:
        command = [sys.executable, "-c", LOADED, str(tmp_path), str(sock.fileno())]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=180, pass_fds=[sock.fileno()]
        )
    assert done.stdout.splitlines() == ["while it loads False", "then 2 True True"], done.stderr
    assert "the catalog is missing" in done.stderr


def test_deaths_are_kept_as_lines_and_counted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with rt.open(tmp_path) as store:
        for _ in range(2):
            assert deaths.main([str(tmp_path), "web", "web ended (SIGKILL), starts again in 0.1 s"]) == 0
        found = store.logs(level="error", job="serve").rows
        assert [one.text for one in found] == ["web ended (SIGKILL), starts again in 0.1 s"] * 2
        with store.store.catalog.read() as tx:
            assert (restarts(tx, "web"), restarts(tx, "jobs")) == (2, 0)
    assert deaths.main([str(tmp_path / "none"), "web", "web ended"]) == 1
    assert "can't be kept: no store here" in capfd.readouterr().err


@pytest.mark.slow
def test_killed_parts_come_back_and_nothing_is_lost(tmp_path: Path) -> None:
    """Web and commit are killed; what was acknowledged is in the profiles, once; the end is clean, and all end."""
    registered(tmp_path)
    with serving(tmp_path) as served:
        begun = time.monotonic()
        assert httpx.get(f"{served.url}/healthz", timeout=30).status_code == 200
        started = time.monotonic() - begun
        for number, module in enumerate(("retrue.server.web", "retrue.jobs.commit")):
            wait_for(lambda module=module: part_of(served.pid, module))  # type: ignore[misc]
            killed = part_of(served.pid, module)
            body = (
                loans(100 * number, 100).drop("y").with_columns(pl.col("at").cast(pl.String)).to_dict(as_series=False)
            )
            assert httpx.post(served.url + EVENTS, json={"columns": body}, timeout=30).status_code == 202
            assert killed is not None
            killed.kill()
            assert httpx.get(f"{served.url}/healthz", timeout=30).status_code == 200
        wait_for(lambda: counted(tmp_path) == 200, 20)
        with rt.open(tmp_path) as store:
            wait_for(lambda: store.logs(text="ended (SIGKILL)", job="serve").total == 2)
        metrics = httpx.get(f"{served.url}/metrics", timeout=30).text
        assert 'retrue_restarts_total{part="web"} 1.0' in metrics
        assert "web ended (SIGKILL)" in httpx.get(f"{served.url}/jobs", timeout=30).text
        children = psutil.Process(served.pid).children()
    assert started < 30, "on a busy machine; alone it takes less than 3 s"
    assert not [one for one in children if one.is_running()]


@pytest.mark.slow
def test_the_parts_die_with_their_supervisor(tmp_path: Path) -> None:
    registered(tmp_path)
    with serving(tmp_path) as served:
        httpx.get(f"{served.url}/healthz", timeout=30)
        children = psutil.Process(served.pid).children()
        os.kill(served.pid, signal.SIGKILL)
        wait_for(lambda: not any(one.is_running() for one in children))


@pytest.mark.slow
def test_a_store_that_cannot_be_served_ends_the_service(tmp_path: Path) -> None:
    """It says why, once."""
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "_store.json").write_text("{}")
    command = [sys.executable, "-m", "retrue", "serve", str(tmp_path), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert (done.returncode, "the catalog is missing" in done.stderr) == (2, True)


def test_what_was_acknowledged_is_in_the_profiles_when_that_is_asked_for(client: httpx.Client) -> None:
    """`ack=lake` answers 200 once the commit cycle has it."""
    row = {"id": "lake-1", "at": "2026-01-05T10:00:00Z", "income": 1.0, "region": "north", "p": 0.5}
    said = client.post(EVENTS, params={"ack": "lake"}, json=row)
    assert (said.status_code, said.json()["ack"]) == (200, "lake")


@pytest.mark.parametrize("module", ["retrue.jobs", "retrue.jobs.commit"])
def test_a_part_that_cannot_reach_the_database_is_started_again(tmp_path: Path, module: str) -> None:
    """It may be back soon: as a wrong use, the part's first start would have ended the whole service."""
    command = [sys.executable, "-m", module, str(tmp_path / "store")]
    gone = {**os.environ, "RETRUE_CATALOG": "postgresql://retrue@127.0.0.1:1/gone"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=gone)
    assert (done.returncode, done.stderr[:7]) == (1, "error: ")
