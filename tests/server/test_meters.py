"""How long answers take is measured to their end; a stream of events, which has none for hours, to its beginning."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.types import Message, Receive, Scope, Send

from retrue.adapters.otel import Telemetry
from retrue.server.meters import Metered, Meters

Seen = tuple[float, list[str]]
"""How many answers were counted, and the traces that had ended."""


class Watched:
    """An application that answers in two parts, and what is known of its answer between them, and at the end."""

    def __init__(self, form: str) -> None:
        self.form, self.ended = form, InMemorySpanExporter()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.ended))
        telemetry = Telemetry(tracers, MeterProvider())
        self.meters = Meters(telemetry)
        self.whole = Metered(self.answer, self.meters, telemetry)
        self.between: Seen = (-1, [])

    async def answer(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer a request."""
        headers = [(b"content-type", self.form.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        self.between = self.seen()
        await send({"type": "http.response.body", "body": b"event: state\n\n"})
        if scope["path"] == "/fails":
            raise RuntimeError("power cut")

    def seen(self) -> Seen:
        """What is known by now."""
        labels = {"route": "unmatched", "method": "GET", "status": "200"}
        counted = self.meters.registry.get_sample_value("retrue_http_seconds_count", labels)
        return counted or 0, [span.name for span in self.ended.get_finished_spans()]

    def ask(self, path: str = "/") -> tuple[Seen, Seen]:
        """What is known of an answer as it has begun, and when it has ended."""

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(_: Message) -> None:
            return

        scope = {"type": "http", "method": "GET", "path": path, "headers": []}
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, self.whole(scope, receive, send)).result()
        return self.between, self.seen()


def test_an_answer_is_measured_to_its_end() -> None:
    assert Watched("text/html").ask() == ((0, []), (1, ["GET unmatched"]))


def test_a_stream_is_measured_to_its_beginning_and_once(caplog: pytest.LogCaptureFixture) -> None:
    """Whether somebody looks at a page for a second or a day says nothing of how quick the service is."""
    begun = (1, ["GET unmatched"])
    assert Watched("text/event-stream; charset=utf-8").ask() == (begun, begun)
    assert not caplog.records


def test_what_an_answer_raises_is_in_its_trace() -> None:
    watched = Watched("text/html")
    with pytest.raises(RuntimeError):
        watched.ask("/fails")
    (span,) = watched.ended.get_finished_spans()
    assert [event.name for event in span.events] == ["exception"]
