"""MLflow fails in all the ways that servers do: nothing is half promoted, and what is tried again is there once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.jobs.conftest import runner, wait_until
from tests.workspace.promote.test_registry import better

import retrue as rt
from retrue.workspace.promote import registry
from retrue.workspace.promote.registry import REGISTERED, WAITING, follow

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
]
FOLLOW = """
import sys
import retrue as rt
from retrue.workspace.promote.registry import follow
with rt.open(sys.argv[1]) as store:
    follow(store.model("flights"))
"""


class Between(ThreadingHTTPServer):
    """A real server between client and MLflow, which does to requests what somebody says.

    Attributes:
        behind: MLflow's address.
        fault: what becomes of a request, by method and path: None, "500", "hang", or "lost": done, but not answered.
        met: set once a fault was.
    """

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.behind = behind
        self.fault: Callable[[str, str], str | None] = lambda *_: None
        self.met, self.over = threading.Event(), threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no fault of ours."""


class Passing(BaseHTTPRequestHandler):
    """Passes a request on, and the answer back."""

    server: Between

    def pass_on(self) -> None:
        """Do it."""
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        fault = self.server.fault(self.command, self.path)
        if fault is not None:
            self.server.met.set()
        self.close_connection = True
        if fault == "500":
            self.send_response(500)
            self.end_headers()
            self.wfile.write(b"a fault of the server")
        elif fault == "hang":
            self.server.over.wait(60)
        else:
            status, kind, given = self.asked(body)
            if fault != "lost":
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(given)))
                self.end_headers()
                self.wfile.write(given)

    def asked(self, body: bytes) -> tuple[int, str, bytes]:
        """What MLflow says."""
        there = HTTPConnection(urlsplit(self.server.behind).netloc, timeout=60)
        try:
            there.request(self.command, self.path, body, {"content-type": self.headers.get("content-type") or ""})
            answer = there.getresponse()
            return answer.status, answer.getheader("content-type") or "", answer.read()
        finally:
            there.close()

    do_GET = do_POST = do_PUT = do_DELETE = pass_on  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def between(server: str) -> Iterator[Between]:
    """It, before a real MLflow."""
    made = Between(server)
    yield made
    made.over.set()
    made.shutdown()
    made.server_close()


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A promoted run that no MLflow knows."""
    with rt.open(tmp_path_factory.mktemp("promoted") / "store") as store, pytest.MonkeyPatch.context() as patch:
        patch.delenv(registry.URI, raising=False)
        run = better(store)
        run.promote()
        yield run


@pytest.fixture
def place(
    request: pytest.FixtureRequest, between: Between, promoted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A name of its own in MLflow for each test, in a folder whose retrue.toml says so; the run is to be told anew."""
    name = f"test{abs(hash(request.node.name)) % 10**9}"
    said = {"tracking_uri": between.url, "experiment": name, "registered_model": name}
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items())
    (tmp_path / "retrue.toml").write_text(f"[mlflow]\n{lines}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with promoted.model.store.catalog.write() as tx:
        registry.mark(tx, promoted.id)
    between.met.clear()
    between.over.clear()
    yield name
    between.fault = lambda *_: None
    between.over.set()


def state(run: Any) -> dict[str, Any]:
    """What the catalog says of it."""
    return dict(run.model.run(run.id).body["registry"])


def there_once(between: Between, name: str, run: Any) -> None:
    """One run, finished; one version; the alias; all of its artefacts."""
    from mlflow import MlflowClient

    assert state(run)["state"] == REGISTERED
    there = MlflowClient(between.behind, between.behind)
    (version,) = there.search_model_versions(f"name = '{name}'")
    (made,) = there.search_runs([there.get_experiment_by_name(name).experiment_id])  # type: ignore[union-attr]
    assert (version.run_id, made.info.status) == (made.info.run_id, "FINISHED")
    assert there.get_registered_model(name).aliases == {"champion": version.version}
    files = {one.path for one in there.list_artifacts(made.info.run_id, "model")}
    assert files >= {"model/MLmodel", "model/model.joblib", "model/scoring.json"}


@pytest.mark.parametrize(
    ("what", "method", "path"),
    [
        ("500", "", ""),
        ("hang", "", ""),
        ("lost", "POST", "/runs/create"),
        ("500", "PUT", "/mlflow-artifacts/"),
        ("hang", "PUT", "MLmodel"),
        ("lost", "POST", "/model-versions/create"),
        ("500", "POST", "/registered-models/alias"),
        ("lost", "POST", "/registered-models/alias"),
    ],
)
def test_what_fails_is_told_later_and_is_there_once(
    between: Between, place: str, promoted: Any, what: str, method: str, path: str
) -> None:
    """Everything answers 500, or hangs; an answer is lost; an upload fails halfway; the alias isn't taken."""
    from mlflow import MlflowClient

    between.fault = lambda asked, where: what if method in asked and path in where else None
    follow(promoted.model)
    said = state(promoted)
    assert between.met.is_set()
    assert (said["state"], said["tries"], promoted.model.version) == (WAITING, 1, "2")
    assert said["error"].startswith("MLflow didn't take it: ")
    if "alias" not in path:
        there = MlflowClient(between.behind, between.behind)
        assert not any(one.aliases for one in there.search_registered_models(f"name = '{place}'"))
    between.fault = lambda *_: None
    follow(promoted.model)
    there_once(between, place, promoted)


@pytest.mark.parametrize("path", ["/runs/log-batch", "/registered-models/alias"])
def test_kill_9_while_it_is_told_leaves_nothing_twice(between: Between, place: str, promoted: Any, path: str) -> None:
    """The process dies over a request; what comes after it goes on where it was."""
    between.fault = lambda _, where: "hang" if path in where else None
    command = [sys.executable, "-c", FOLLOW, str(promoted.model.store.folder)]
    with subprocess.Popen(command, env={**os.environ, "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}) as process:
        assert between.met.wait(60)
        process.send_signal(signal.SIGKILL)
    assert (state(promoted)["state"], promoted.model.version) == (WAITING, "2")
    between.fault = lambda *_: None
    follow(promoted.model)
    there_once(between, place, promoted)


def test_the_service_tries_again_once_mlflow_is_back(between: Between, place: str, promoted: Any) -> None:
    """The job fails, with why; ten seconds later it is done."""
    from retrue.jobs.records import find_jobs

    between.fault = lambda *_: "500"
    catalog = promoted.model.store.catalog
    with runner(promoted.model.store.folder):
        wait_until(lambda: find_jobs(catalog, kind="mlflow", status="failed").rows)
        (failed,) = find_jobs(catalog, kind="mlflow", status="failed").rows
        assert "not yet in MLflow: MLflow didn't take it" in str(failed.body["message"])
        between.fault = lambda *_: None
        wait_until(lambda: state(promoted)["state"] == REGISTERED)
    there_once(between, place, promoted)
