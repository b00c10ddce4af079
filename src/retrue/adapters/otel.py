"""OpenTelemetry: traces and metrics over OTLP, to whatever receives it (Datadog, New Relic, Honeycomb, CloudWatch ...).

Where to is said by OpenTelemetry's own variables, as everywhere: `OTEL_EXPORTER_OTLP_ENDPOINT` turns it on,
`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_SERVICE_NAME` and the others count as documented
there. Metrics are named as for Prometheus, with dots: `retrue.performance`, `retrue.incidents`.

    web      a trace of each request, how long they took, the rows that came
    commit   a trace of each cycle, how long they took
    jobs     a trace of each job, and the figures of the store
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrue.adapters.samples import Family
from retrue.errors import ConfigError
from retrue.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Observation
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The variable that turns it on."""

Read = Callable[[], Iterable[Family]]


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody named a receiver.

    >>> wanted({}), wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
    (False, True)
    """
    return bool(environment.get(ENDPOINT))


@dataclass(frozen=True)
class Telemetry:
    """Traces and metrics that are sent while it is open; `close` sends the rest."""

    tracers: TracerProvider
    meters: MeterProvider

    @classmethod
    def start(cls, part: str, read: Read | None = None) -> Telemetry:
        """Begin to send.

        Args:
            part: the process: "web", "jobs" ...; what they send says so.
            read: gives families whenever metrics are sent, beside what the process counts itself.

        Raises:
            ConfigError: the extra isn't installed.
        """
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise ConfigError(
                "OpenTelemetry isn't installed", where=ENDPOINT, hint='pip install "retrue[otel]"'
            ) from error
        told = {"service.name": os.environ.get("OTEL_SERVICE_NAME", "retrue"), "service.version": VERSION}
        resource = Resource.create({**told, "retrue.process": part})
        tracers = TracerProvider(resource=resource)
        tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(tracers, metered(read, resource))

    @contextmanager
    def span(self, name: str, carrier: Mapping[str, str] | None = None, **attributes: Any) -> Iterator[Any]:
        """Trace a piece of work; what it raises is noted in the span, which may be ended before the block is.

        Args:
            name: what is done.
            carrier: headers of the request that asked for it; its trace goes on.
            attributes: what is known of it.
        """
        from opentelemetry.propagate import extract
        from opentelemetry.trace import use_span

        context = extract(carrier) if carrier else None
        span = self.tracers.get_tracer("retrue").start_span(name, context, attributes=attributes)
        try:
            with use_span(span):
                yield span
        finally:
            if span.is_recording():
                span.end()

    def histogram(self, name: str, text: str, unit: str, bounds: Sequence[float]) -> Histogram:
        """Count values by size: what a process measures itself; the name is without `retrue.`."""
        meter = self.meters.get_meter("retrue", VERSION)
        return meter.create_histogram("retrue." + name, unit, text, explicit_bucket_boundaries_advisory=bounds)

    def counter(self, name: str, text: str, unit: str) -> Counter:
        """Count what only ever rises; the name is without `retrue.`."""
        return self.meters.get_meter("retrue", VERSION).create_counter("retrue." + name, unit, text)

    def close(self) -> None:
        """Send what is left, and end."""
        self.tracers.shutdown()
        self.meters.shutdown()


@contextmanager
def sending(part: str, read: Read | None = None) -> Iterator[Telemetry | None]:
    """Telemetry as long as the block lasts; None where nobody named a receiver. As `Telemetry.start`."""
    if not wanted():
        yield None
        return
    telemetry = Telemetry.start(part, read)
    try:
        yield telemetry
    finally:
        telemetry.close()


def metered(read: Read | None, resource: Any) -> MeterProvider:
    """Send at each interval what is counted, and families."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource)
    if read is None:
        return provider
    meter, latest = provider.get_meter("retrue", VERSION), Latest(read)
    for family in read():
        make = meter.create_observable_counter if family.counter else meter.create_observable_gauge
        make("retrue." + family.name, [latest.observe(family.name)], unit=family.unit, description=family.help)
    return provider


@dataclass
class Latest:
    """The families as of the last time that the first of them was asked for: one reading serves one export."""

    read: Read
    families: Mapping[str, Family] | None = None
    asked: frozenset[str] = frozenset()

    def observe(self, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        """What the SDK calls to learn the figures of a family."""
        from opentelemetry.metrics import Observation

        def observed(_: CallbackOptions) -> Iterable[Observation]:
            if self.families is None or name in self.asked:  # asked for again: the next export has begun
                self.families, self.asked = {one.name: one for one in self.read()}, frozenset()
            self.asked |= {name}
            samples = self.families[name].samples if name in self.families else ()
            told = (one for one in samples if one.suffix in ("", "_bucket"))  # a sum has no name of its own here
            return [Observation(one.value, dict(one.labels)) for one in told]

        return observed
