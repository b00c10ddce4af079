"""OpenTelemetry: a receiver built from the official protobuf messages gets traces and metrics that mean the same."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.server.conftest import registered, serving

from retrue.adapters.otel import ENDPOINT, Telemetry, wanted
from retrue.adapters.samples import Family, Sample


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
        thread = threading.Thread(target=server.serve_forever)
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
    assert telemetry.meters is not None
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


def test_the_service_sends_traces_of_its_requests_and_the_figures_of_its_models(
    receiver: Receiver, tmp_path: Path
) -> None:
    registered(tmp_path / "store")
    with serving(tmp_path / "store", env={ENDPOINT: receiver.url, "OTEL_METRIC_EXPORT_INTERVAL": "500"}) as served:
        httpx.get(f"{served.url}/healthz", timeout=30)
        until = time.monotonic() + 20
        while not receiver.metrics and time.monotonic() < until:
            time.sleep(0.1)
    metrics = {one.name for sent in receiver.metrics for one in sent.resource_metrics[0].scope_metrics[0].metrics}
    assert {"retrue.model_out_of_true", "retrue.events"} <= metrics
    spans = {one.name for sent in receiver.traces for one in sent.resource_spans[0].scope_spans[0].spans}
    assert "GET /healthz" in spans
