"""The real thing: Prometheus scrapes a real Retrue, runs every query of the dashboard, and alerts by the rules."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from tests.conftest import program
from tests.server.conftest import START, loans, serving

import retrue as rt
from retrue.adapters.grafana import dashboard

RULES = files("retrue.adapters").joinpath("rules.yml").read_text(encoding="utf-8")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(what: Callable[[], Any], seconds: float = 20) -> Any:
    """What a question answers once that is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = what()
        except httpx.TransportError:
            found = None
        if found:
            return found
        time.sleep(0.1)
    pytest.fail(f"nothing after {seconds} s")


@contextmanager
def running(*command: str) -> Iterator[None]:
    """A process, until the block ends."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


class Inbox(ThreadingHTTPServer):
    """What Alertmanager calls."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), InboxHandler)
        self.got: list[dict[str, Any]] = []


class InboxHandler(BaseHTTPRequestHandler):
    """Takes one notification."""

    server: Inbox

    def do_POST(self) -> None:
        """Keep it."""
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class World:
    """A Retrue that a Prometheus scrapes, whose alerts an Alertmanager sends on."""

    url: str
    prometheus: str
    inbox: Inbox = field(repr=False)

    def query(self, promql: str) -> list[dict[str, Any]]:
        """What Prometheus answers.

        Raises:
            AssertionError: it doesn't understand the query.
        """
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": promql}).json()
        assert answer["status"] == "success", (promql, answer)
        return list(answer["data"]["result"])


def fill(folder: Path) -> None:
    """A model with a latency whose income broke on the second day: one broken, one degraded day."""
    with rt.open(folder) as store:
        options: dict[str, Any] = {
            "id": "id",
            "time": "at",
            "label": "y",
            "score": "p",
            "window": "1d",
            "latency": "took",
        }
        took = pl.col("income") / 100
        store.register("loans", loans(-10_080, 10_080).with_columns(took=took), **options)
        model, now = store.model("loans"), loans(0, 2_880).with_columns(took=took)
        broken = pl.when(pl.col("at") >= START + timedelta(days=1)).then(None).otherwise(pl.col("income"))
        model.log(now.with_columns(income=broken), at=START + timedelta(days=2))
        model.check(START + timedelta(days=2, hours=1))
        assert {one.kind.value for one in model.incidents()} >= {"broken"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("prometheus")
    prometheus, alertmanager = program("prometheus"), program("prometheus-alertmanager")
    fill(home / "store")
    port, alerts = free_port(), free_port()
    with serving(home / "store") as served, Inbox() as inbox:
        (home / "rules.yml").write_text(RULES, encoding="utf-8")
        (home / "prometheus.yml").write_text(configuration(served.url, alerts), encoding="utf-8")
        (home / "alertmanager.yml").write_text(routing(inbox.server_port), encoding="utf-8")
        thread = threading.Thread(target=inbox.serve_forever)
        thread.start()
        own = (
            f"--storage.path={home / 'am'}",
            f"--config.file={home / 'alertmanager.yml'}",
            "--cluster.listen-address=",
        )
        with (
            running(alertmanager, *own, f"--web.listen-address=127.0.0.1:{alerts}"),
            running(
                prometheus,
                f"--config.file={home / 'prometheus.yml'}",
                f"--storage.tsdb.path={home / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ),
        ):
            made = World(served.url, f"http://127.0.0.1:{port}", inbox)
            until(lambda: made.query("count_over_time(retrue_model_out_of_true[1m]) >= 3"))
            yield made
        inbox.shutdown()
        thread.join()


def configuration(url: str, alertmanager: int) -> str:
    """Prometheus scrapes every second, and evaluates the rules as often."""
    return f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs: [{{job_name: retrue, static_configs: [{{targets: ["{url.removeprefix("http://")}"]}}]}}]
"""


def routing(inbox: int) -> str:
    """Alertmanager tells one receiver, at once."""
    return f"""
route: {{receiver: us, group_by: [model], group_wait: 0s, group_interval: 1s}}
receivers: [{{name: us, webhook_configs: [{{url: "http://127.0.0.1:{inbox}/"}}]}}]
"""


QUERIES = [(panel["title"], target["expr"]) for panel in dashboard()["panels"] for target in panel["targets"]]
QUIET = {"What do labels say beyond the estimate?", "Rows set aside", "Jobs", "Batches that wait for the lake"}
"""Panels that may be empty: nothing of the kind has happened here, or not yet."""


@pytest.mark.slow
def test_every_query_of_the_dashboard_gives_what_it_is_called_after(world: World) -> None:
    """With the variables filled in as Grafana does; which ones are empty is known."""
    empty = set()
    for title, expr in QUERIES:
        filled = expr.replace("$model", "loans").replace("$metric", "roc_auc")
        if not world.query(filled):
            empty.add(title)
    assert empty <= QUIET


@pytest.mark.slow
def test_the_dashboards_variables_have_values(world: World) -> None:
    """Asked as Grafana asks for `label_values(series, label)`."""
    for variable, expected in zip(dashboard()["templating"]["list"][1:], ("loans", "roc_auc"), strict=True):
        series, label = variable["query"]["query"].removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
        asked = {"match[]": series.replace("$model", "loans")}
        answer = httpx.get(f"{world.prometheus}/api/v1/label/{label}/values", params=asked).json()
        assert expected in answer["data"]


@pytest.mark.slow
def test_prometheus_has_the_figures_that_python_has(world: World) -> None:
    (found,) = world.query('retrue_quality{column="income", metric="missing"}')
    assert float(found["value"][1]) == 1.0
    assert {one["metric"]["kind"] for one in world.query("retrue_incidents")} >= {"broken"}
    (events,) = world.query("retrue_events_total")
    assert float(events["value"][1]) == 2_880


@pytest.mark.slow
def test_alertmanager_tells_of_the_incident_once_for_each_kind_and_severity(world: World) -> None:
    told = until(lambda: [alert for one in world.inbox.got for alert in one["alerts"]])
    broken = [alert for alert in told if alert["labels"]["alertname"] == "RetrueDataBroken"]
    assert {alert["labels"]["model"] for alert in broken} == {"loans"}
    assert broken[0]["annotations"]["summary"] == "loans: the data is broken"
    assert broken[0]["status"] == "firing"


@pytest.mark.slow
def test_requests_are_measured_by_route_and_addresses_are_never_labels(world: World) -> None:
    httpx.get(f"{world.url}/no/such/page/17", timeout=30)
    text = httpx.get(f"{world.url}/metrics", timeout=30).text
    assert 'route="unmatched",status="404"' in text
    assert "/no/such" not in text


def test_the_rules_are_sound(tmp_path: Path) -> None:
    promtool = program("promtool")
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    said = subprocess.run(
        [promtool, "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr


KINDS = {
    "RetrueDataBroken": "broken",
    "RetrueModelDegraded": "degraded",
    "RetrueTrafficUnknown": "unknown",
    "RetrueModelSilent": "silent",
    "RetrueInputsDrifting": "drifting",
}


def test_each_kind_of_incident_has_an_alert_that_ends_with_it(tmp_path: Path) -> None:
    """By Prometheus' own unit tests of rules: an incident for 10 minutes is an alert for 10 minutes."""
    alarming = {kind.value for kind in rt.VerdictKind if kind.alarms}
    assert set(KINDS.values()) == alarming
    promtool = program("promtool")
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    series = [
        {"series": f'retrue_incidents{{model="m", kind="{kind}", severity="high"}}', "values": "1x10 _x20"}
        for kind in alarming
    ]
    asked = [
        {
            "eval_time": when,
            "alertname": name,
            "exp_alerts": [{"exp_labels": {"model": "m", "severity": "high"}, "exp_annotations": words(name)}] * fires,
        }
        for name in KINDS
        for when, fires in (("5m", 1), ("16m", 0))
    ]
    tests = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [
        {"interval": "1m", "input_series": series, "alert_rule_test": asked}
    ]}  # fmt: skip
    (tmp_path / "tests.yml").write_text(json.dumps(tests), encoding="utf-8")
    said = subprocess.run(
        [promtool, "test", "rules", "tests.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr


def words(alert: str) -> dict[str, str]:
    """What an alert says of the model `m`, as the file has it."""
    import yaml

    rules = [rule for group in yaml.safe_load(RULES)["groups"] for rule in group["rules"]]
    said = next(rule["annotations"] for rule in rules if rule["alert"] == alert)
    filled = {"{{ $labels.model }}": "m", "{{ $value }}": "1", "{{ $labels.severity }}": "high"}
    for field_, text in said.items():
        for name, value in filled.items():
            text = text.replace(name, value)  # noqa: PLW2901
        said[field_] = text
    return dict(said)
