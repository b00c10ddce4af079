"""OpenTelemetry: a receiver built from the official protobuf messages gets traces and metrics that mean the same."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import polars as pl
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric, NumberDataPoint
from tests.server.conftest import loans, registered, serving

from retrue.adapters.otel import ENDPOINT, Telemetry, wanted
from retrue.adapters.samples import Family, Sample
from retrue.server.meters import SECONDS


class Receiver(ThreadingHTTPServer):
    """Takes what OTLP over HTTP sends, and keeps it decoded."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.traces: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Decodes one request."""

    server: Receiver

    def do_POST(self) -> None:
        """Take a message in."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        if self.path == "/v1/traces":
            self.server.traces.append(ExportTraceServiceRequest.FromString(body))
        else:
            self.server.metrics.append(ExportMetricsServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        monkeypatch.setenv(ENDPOINT, server.url)
        yield server
        server.shutdown()
        thread.join()


def test_it_is_off_until_a_receiver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    assert not wanted()


def test_metrics_arrive_with_their_labels_units_and_kinds(receiver: Receiver) -> None:
    drift = Family("drift", "How far.", (Sample(0.25, {"model": "m", "column": "a<b>"}),))
    rows = Family("events", "Events.", (Sample(7.0, {"model": "m"}),), counter=True, unit="{row}")
    telemetry = Telemetry.start("jobs", lambda: (drift, rows))
    telemetry.close()
    (sent,) = receiver.metrics
    (resource,) = sent.resource_metrics
    said = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert (said["service.name"], said["retrue.process"]) == ("retrue", "jobs")
    found = {one.name: one for one in resource.scope_metrics[0].metrics}
    (point,) = found["retrue.drift"].gauge.data_points
    assert (point.as_double, {one.key: one.value.string_value for one in point.attributes}) == (
        0.25,
        {"model": "m", "column": "a<b>"},
    )
    assert found["retrue.events"].sum.is_monotonic
    assert found["retrue.events"].unit == "{row}"
    assert [one.as_double for one in found["retrue.events"].sum.data_points] == [7.0]


def test_each_export_reads_once_and_anew(receiver: Receiver) -> None:
    read = 0

    def families() -> tuple[Family, ...]:
        nonlocal read
        read += 1
        return tuple(Family(name, "?", (Sample(float(read)),)) for name in ("a", "b"))

    telemetry = Telemetry.start("jobs", families)
    telemetry.meters.force_flush()
    telemetry.close()
    first, second = (
        [
            point.as_double
            for one in sent.resource_metrics[0].scope_metrics[0].metrics
            for point in one.gauge.data_points
        ]
        for sent in receiver.metrics
    )
    assert (first, second) == ([2.0, 2.0], [3.0, 3.0])


def test_a_span_goes_on_with_the_trace_of_its_caller_and_notes_what_failed(receiver: Receiver) -> None:
    telemetry = Telemetry.start("web")
    carrier = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}  # the W3C's example
    with pytest.raises(RuntimeError), telemetry.span("POST /x", carrier, model="m"):
        raise RuntimeError("power cut")
    telemetry.close()
    (span,) = receiver.traces[0].resource_spans[0].scope_spans[0].spans
    assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == (
        "POST /x",
        "0af7651916cd43dd8448eb211c80319c",
        "b7ad6b7169203331",
    )
    assert [event.name for event in span.events] == ["exception"]


def figures(receiver: Receiver, process: str) -> dict[str, Metric]:
    """The newest state of each metric that a process of the service sent."""
    found = dict[str, Metric]()
    for resource in (one for sent in list(receiver.metrics) for one in sent.resource_metrics):
        said = {one.key: one.value.string_value for one in resource.resource.attributes}
        if said["retrue.process"] == process:
            found |= {one.name: one for scope in resource.scope_metrics for one in scope.metrics}
    return found


def labels(point: NumberDataPoint | HistogramDataPoint) -> dict[str, str]:
    """What a figure is of."""
    return {one.key: one.value.string_value for one in point.attributes}


def test_the_service_sends_its_traces_and_figures_and_those_of_its_models(receiver: Receiver, tmp_path: Path) -> None:
    """Each process sends its own: web requests and rows, commit its cycles, jobs what the store knows."""
    registered(tmp_path / "store")
    rows = loans(0, 3).with_columns(pl.col("at").cast(pl.String)).drop("y").to_dicts()
    with serving(tmp_path / "store", env={ENDPOINT: receiver.url, "OTEL_METRIC_EXPORT_INTERVAL": "500"}) as served:
        httpx.get(f"{served.url}/healthz", timeout=30)
        httpx.post(f"{served.url}/api/v1/models/loans/events", json=[*rows, 7], timeout=30)
        until = time.monotonic() + 30
        while not all(figures(receiver, one) for one in ("web", "commit", "jobs")) and time.monotonic() < until:
            time.sleep(0.1)
    assert {"retrue.model_out_of_true", "retrue.events"} <= figures(receiver, "jobs").keys()
    web = figures(receiver, "web")
    taken = {
        (labels(one)["model"], labels(one)["outcome"]): one.as_int for one in web["retrue.ingest_rows"].sum.data_points
    }
    assert taken == {("loans", "accepted"): 3, ("loans", "quarantined"): 1}
    answers = {labels(one)["route"]: one for one in web["retrue.http_seconds"].histogram.data_points}
    assert labels(answers["/healthz"]) == {"route": "/healthz", "method": "GET", "status": "200"}
    assert answers["/healthz"].count == 1
    assert list(answers["/healthz"].explicit_bounds) == list(SECONDS)
    cycles = [labels(one) for one in figures(receiver, "commit")["retrue.commit_seconds"].histogram.data_points]
    assert cycles == [{"model": "loans", "status": "done"}]
    spans = {one.name for sent in receiver.traces for one in sent.resource_spans[0].scope_spans[0].spans}
    assert {"GET /healthz", "POST /api/v1/models/{model}/events", "commit"} <= spans
