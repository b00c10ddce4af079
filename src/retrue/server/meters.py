"""Meters: what the web process counts of itself: requests by route, rows that came in, and traces of both.

request ── Metered (ASGI) ── route, status, seconds ──> Meters ──┬── /metrics, next to the readings of the store
                                                                 └── OTLP, where somebody receives it
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retrue.adapters import otel
from retrue.adapters.prometheus import expose
from retrue.adapters.samples import Family, bounded
from retrue.server.states import Watch
from retrue.workspace import Workspace
from retrue.workspace.readings import MOST, Kept, read_some, readings

FRESH = 10.0
"""Seconds for which readings serve every scrape."""
LONGEST = 0.2
"""Seconds for which a scrape reads what models tell that were judged since."""
SOME = 20
"""Models that are read at a time before anybody scrapes."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Buckets of how long answers take."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STREAM = b"text/event-stream"
"""The media type of events: an answer that lasts."""
UNMATCHED = "unmatched"
"""The route of requests that no route took: addresses are strangers' words, and never labels."""


HTTP = "How long the service takes to answer, by route, method and status."
ROWS = "Rows that came over HTTP, by model, kind and what became of them."


class Meters:
    """What is counted; one for each application.

    Args:
        telemetry: what it is sent to, besides.
    """

    def __init__(self, telemetry: otel.Telemetry | None = None) -> None:
        self.registry = CollectorRegistry()
        self.http = _histogram(self.registry, HTTP)
        self.rows = Counter("retrue_ingest_rows", ROWS, ("model", "kind", "outcome"), registry=self.registry)
        self.sent_http = telemetry.histogram("http_seconds", HTTP, "s", SECONDS) if telemetry else None
        self.sent_rows = telemetry.counter("ingest_rows", ROWS, "{row}") if telemetry else None

    def count(self, model: str, kind: str, accepted: int, quarantined: int) -> None:
        """Count the rows of a batch that was acknowledged."""
        for outcome, rows in (("accepted", accepted), ("quarantined", quarantined)):
            self.rows.labels(model, kind, outcome).inc(rows)
            if self.sent_rows is not None:
                self.sent_rows.add(rows, {"model": model, "kind": kind, "outcome": outcome})

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self.http.labels(route, method, str(status)).observe(seconds)
        if self.sent_http is not None:
            self.sent_http.record(seconds, {"route": route, "method": method, "status": str(status)})


def _histogram(registry: CollectorRegistry, text: str) -> Histogram:
    return Histogram("retrue_http_seconds", text, ("route", "method", "status"), registry=registry, buckets=SECONDS)


class Metered:
    """ASGI middleware: how long each answer took, by its route, and a trace of it where somebody receives traces.

    A stream of events is answered when it begins: it lasts as long as somebody listens.
    """

    def __init__(self, app: ASGIApp, meters: Meters, telemetry: otel.Telemetry | None = None) -> None:
        self.app, self.meters, self.telemetry = app, meters, telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"
        with self._span(scope, method) as span:
            answer = Answer(self.meters, scope, method, span)

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    answer.begins(message)
                await send(message)

            try:
                await self.app(scope, receive, sent)
            finally:
                answer.ends()

    def _span(self, scope: Scope, method: str) -> AbstractContextManager[Any]:
        """The trace of a request; nothing where nobody receives it."""
        if self.telemetry is None:
            return nullcontext(None)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return self.telemetry.span(method, headers, **{"http.request.method": method})


@dataclass
class Answer:
    """An answer on its way, which is counted once."""

    meters: Meters
    scope: Scope
    method: str
    span: Any
    status: int = 500
    started: float = field(default_factory=time.perf_counter)
    counted: bool = False

    def begins(self, start: Message) -> None:
        """Note its status, and count it where it is a stream."""
        self.status = start["status"]
        said = dict(start.get("headers", ())).get(b"content-type", b"")
        if said.startswith(STREAM):
            self.ends()
            if self.span is not None:
                self.span.end()

    def ends(self) -> None:
        """Count it, unless it is counted, and say in the trace what it was."""
        if self.counted:
            return
        self.counted, route = True, str(getattr(self.scope.get("route"), "path", UNMATCHED))
        self.meters.answered(route, self.method, self.status, time.perf_counter() - self.started)
        if self.span is not None:
            self.span.update_name(f"{self.method} {route}")
            self.span.set_attribute("http.route", route)
            self.span.set_attribute("http.response.status_code", self.status)


@dataclass
class Readings:
    """What the store knows, read at most every few seconds however many ask.

    Only models that were judged since are read again, for a fifth of a second at most: a scrape never waits for a fleet
    that was judged at once. What is left comes with the next one, and is counted.

    Args:
        workspace: whose.
        watch: tells which models were judged.
    """

    workspace: Workspace
    watch: Watch
    kept: Kept = field(default_factory=Kept)
    families: tuple[Family, ...] = ()
    text: bytes = b""
    read: float = float("-inf")
    lock: Lock = field(default_factory=Lock)

    def fresh(self) -> tuple[Family, ...]:
        """The families, bounded."""
        with self.lock:
            if time.monotonic() - self.read > FRESH:
                told = readings(self.workspace, self.kept, self.watch.judged(), LONGEST)
                self.families, self.text, self.read = bounded(told, MOST), b"", time.monotonic()
            return self.families

    def some(self) -> bool:
        """Read some models that weren't read yet, for whoever scrapes first; gives whether others are left."""
        with self.lock:
            return read_some(self.workspace, self.kept, self.watch.judged(), SOME)

    def exposed(self) -> bytes:
        """The same as Prometheus' text."""
        families = self.fresh()
        with self.lock:
            if families is not self.families:  # somebody has read them anew meanwhile
                return expose(families)
            self.text = self.text or expose(families)
            return self.text
