"""The real thing: Prometheus scrapes a real Retrue, runs every query of the dashboard, and alerts by the rules."""

from __future__ import annotations

import json
import re
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
from retrue.adapters.dashboards import ONE_MODEL, PACK
from retrue.adapters.grafana import dashboard
from retrue.metrics import get
from retrue.workspace.signals import NUMBERS

SENT = 3
"""Events that come while Prometheus looks."""
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
    folder: Path
    inbox: Inbox = field(repr=False)

    def query(self, promql: str) -> list[dict[str, Any]]:
        """What Prometheus answers.

        Raises:
            AssertionError: it doesn't understand the query.
        """
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": promql}).json()
        assert answer["status"] == "success", (promql, answer)
        return list(answer["data"]["result"])

    def send(self, number: int) -> None:
        """Log a loan and its label, and a row that is none."""
        row = json.loads(sold(loans(number, 1)).write_json())[0]
        label = {"id": row["id"], "y": row.pop("y")}
        for kind, body in (("events", [row, {"id": "bad", "at": None}]), ("labels", label)):
            httpx.post(f"{self.url}/api/v1/models/loans/{kind}", json=body, timeout=30).raise_for_status()


def sold(frame: pl.DataFrame) -> pl.DataFrame:
    """Loans with what else the model has: an age, and how long the prediction took."""
    return frame.with_columns(age=pl.col("income") % 50, took=pl.col("income") / 100)


def fill(folder: Path) -> None:
    """A model with a latency whose second day broke: no income, a region and ages that nobody has seen."""
    with rt.open(folder) as store:
        options: dict[str, Any] = {
            "id": "id",
            "time": "at",
            "label": "y",
            "score": "p",
            "window": "1d",
            "latency": "took",
        }
        store.register("loans", sold(loans(-10_080, 10_080)), **options)
        model, day, some = store.model("loans"), pl.col("at") >= START + timedelta(days=1), pl.col("y") == 1
        broken = sold(loans(0, 2_880)).with_columns(
            income=pl.when(day).then(None).otherwise("income"),
            region=pl.when(day & some).then(pl.lit("west")).otherwise("region"),
            age=pl.when(day & some).then(1e6).otherwise("age"),
        )
        model.log(broken, at=START + timedelta(days=2))
        signals = dict.fromkeys(NUMBERS, 1.0)
        model.signals([{"at": START + timedelta(minutes=n), "host": "a", "pid": "1", **signals} for n in range(9)])
        model.check(START + timedelta(days=2, hours=1))
        assert {one.kind.value for one in model.incidents()} >= {"broken"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("prometheus")
    prometheus, alertmanager = program("prometheus"), program("prometheus-alertmanager")
    fill(home / "store")
    port, alerts = free_port(), free_port()
    with serving(home / "store") as served, Inbox() as inbox:
        (home / "rules.yml").write_text(RULES.replace("keep_firing_for: 2m", "keep_firing_for: 5s"), encoding="utf-8")
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
            made = World(served.url, f"http://127.0.0.1:{port}", home / "store", inbox)
            for number in range(3):
                made.send(number - SENT)  # in the week of the reference: no window that broke changes
                until(lambda: made.query("count_over_time(retrue_ingest_rows_total[1m]) >= 2"))
            until(lambda: made.query(f'sum(retrue_events_total{{model="loans"}}) == {2_880 + SENT}'), 40)
            until(lambda: made.query("retrue_job_last_success_timestamp_seconds"), 40)
            until(lambda: made.query('rate(retrue_rows_special_total{what="set aside"}[15m])'), 40)
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
    """Alertmanager tells one receiver, at once, of each alert by itself."""
    return f"""
route: {{receiver: us, group_by: ['...'], group_wait: 0s, group_interval: 1s}}
receivers: [{{name: us, webhook_configs: [{{url: "http://127.0.0.1:{inbox}/"}}]}}]
"""


QUERIES = [
    (panel["title"], target["expr"], target["legendFormat"])
    for board in PACK
    for panel in dashboard(board)["panels"]
    for target in panel["targets"]
]


@pytest.mark.slow
def test_every_query_of_the_dashboards_gives_what_it_is_called_after(world: World) -> None:
    """With the variables filled in as Grafana does; each line has what its legend names."""
    empty, nameless = set(), set()
    for title, expr, legend in QUERIES:
        lines = world.query(expr.replace("$model", "loans").replace("$metric", "roc_auc"))
        named = set(re.findall(r"{{(\w+)}}", legend))
        empty |= set() if lines else {title}
        nameless |= {(title, legend) for line in lines if not named <= line["metric"].keys()}
    assert (empty, nameless) == (set(), set())


def test_the_dashboards_name_metrics_that_there_are() -> None:
    named = {name for _, expr, _ in QUERIES for name in re.findall(r'metric="(\w+)"', expr)}
    assert {get(name).name for name in named} == named >= {"missing", "unseen", "out_of_range", "roc_auc"}


@pytest.mark.slow
def test_the_dashboards_variables_have_values(world: World) -> None:
    """Asked as Grafana asks for `label_values(series, label)`."""
    for variable, expected in zip(dashboard(ONE_MODEL)["templating"]["list"][1:], ("loans", "roc_auc"), strict=True):
        series, label = variable["query"]["query"].removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
        asked = {"match[]": series.replace("$model", "loans")}
        answer = httpx.get(f"{world.prometheus}/api/v1/label/{label}/values", params=asked).json()
        assert expected in answer["data"]


@pytest.mark.slow
def test_prometheus_has_the_figures_that_python_has(world: World) -> None:
    (found,) = world.query('retrue_quality{column="income", metric="missing"}')
    assert float(found["value"][1]) == 1.0
    assert {one["metric"]["kind"] for one in world.query("retrue_incidents")} >= {"broken"}
    (events,) = world.query('retrue_events_total{model="loans"}')
    assert float(events["value"][1]) == 2_880 + SENT


@pytest.mark.slow
def test_requests_are_measured_by_route_and_addresses_are_never_labels(world: World) -> None:
    httpx.get(f"{world.url}/no/such/page/17", timeout=30)
    text = httpx.get(f"{world.url}/metrics", timeout=30).text
    assert 'route="unmatched",status="404"' in text
    assert "/no/such" not in text


@pytest.mark.slow
def test_promtool_has_nothing_to_say_of_the_figures(world: World) -> None:
    text = httpx.get(f"{world.url}/metrics", timeout=30).text
    assert "retrue_latency_bucket" in text
    said = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.slow
def test_alertmanager_tells_once_of_an_incident_and_once_of_its_end(world: World) -> None:
    """However often Prometheus looked meanwhile; somebody resolves the incidents, and that ends the alert."""

    def told() -> list[dict[str, Any]]:
        alerts = [alert for one in list(world.inbox.got) for alert in one["alerts"]]
        return [alert for alert in alerts if alert["labels"]["alertname"] == "RetrueDataBroken"]

    firing = until(told)
    kinds = {(alert["labels"]["model"], alert["labels"]["severity"]) for alert in firing}
    assert [alert["status"] for alert in firing] == ["firing"] * len(kinds)
    assert {model for model, _ in kinds} == {"loans"}
    assert firing[0]["annotations"]["summary"] == "loans: the data is broken"
    with rt.open(world.folder) as store:
        for incident in store.model("loans").incidents(live=True):
            incident.resolve()
    until(lambda: len(told()) >= 2 * len(kinds), 40)
    time.sleep(3)  # a few more evaluations: nothing more is told
    ended = told()[len(kinds) :]
    assert [alert["status"] for alert in ended] == ["resolved"] * len(kinds)
    assert {(alert["labels"]["model"], alert["labels"]["severity"]) for alert in ended} == kinds


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
        for when, fires in (("5m", 1), ("18m", 0))  # looked for 5 minutes back, and kept for 2
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
