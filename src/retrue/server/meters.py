"""Meters: what the web process counts of itself: requests by route, rows that came in, and traces of both.

request ── Metered (ASGI) ── route, status, seconds ──> Meters ──> /metrics, next to the readings of the store
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
from retrue.adapters.samples import Family, bounded
from retrue.workspace import Workspace
from retrue.workspace.readings import MOST, readings

FRESH = 10.0
"""Seconds for which readings serve every scrape."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Buckets of how long answers take."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
"""The route of requests that no route took: addresses are strangers' words, and never labels."""


@dataclass(frozen=True)
class Meters:
    """What is counted; one for each application."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    http: Histogram = field(init=False)
    rows: Counter = field(init=False)

    def __post_init__(self) -> None:
        """Make the meters."""
        put = object.__setattr__
        text = "How long the service takes to answer, by route, method and status."
        put(self, "http", _histogram(self.registry, text))
        text = "Rows that came over HTTP, by model, kind and what became of them."
        labels = ("model", "kind", "outcome")
        put(self, "rows", Counter("retrue_ingest_rows", text, labels, registry=self.registry))

    def count(self, model: str, kind: str, accepted: int, quarantined: int) -> None:
        """Count the rows of a batch that was acknowledged."""
        self.rows.labels(model, kind, "accepted").inc(accepted)
        self.rows.labels(model, kind, "quarantined").inc(quarantined)


def _histogram(registry: CollectorRegistry, text: str) -> Histogram:
    return Histogram("retrue_http_seconds", text, ("route", "method", "status"), registry=registry, buckets=SECONDS)


class Metered:
    """ASGI middleware: how long each answer took, by its route, and a trace of it where somebody receives traces."""

    def __init__(self, app: ASGIApp, meters: Meters, telemetry: otel.Telemetry | None = None) -> None:
        self.app, self.meters, self.telemetry = app, meters, telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, started = 500, time.perf_counter()

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"] if scope["method"] in METHODS else "other"
        with self._span(scope, method) as span:
            try:
                await self.app(scope, receive, sent)
            finally:
                route = str(getattr(scope.get("route"), "path", UNMATCHED))
                self.meters.http.labels(route, method, str(status)).observe(time.perf_counter() - started)
                if span is not None:
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)
                    span.set_attribute("http.response.status_code", status)

    def _span(self, scope: Scope, method: str) -> AbstractContextManager[Any]:
        """The trace of a request; nothing where nobody receives it."""
        if self.telemetry is None:
            return nullcontext(None)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return self.telemetry.span(method, headers, **{"http.request.method": method})


@dataclass
class Readings:
    """What the store knows, read at most every few seconds however many ask."""

    workspace: Workspace
    families: tuple[Family, ...] = ()
    read: float = float("-inf")
    lock: Lock = field(default_factory=Lock)

    def fresh(self) -> tuple[Family, ...]:
        """The families, bounded."""
        with self.lock:
            if time.monotonic() - self.read > FRESH:
                self.families, self.read = bounded(readings(self.workspace), MOST), time.monotonic()
            return self.families
