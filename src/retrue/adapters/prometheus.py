"""Prometheus: families of samples as the text that it scrapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from retrue.adapters.samples import PREFIX, Family
from retrue.errors import ConfigError

if TYPE_CHECKING:
    from prometheus_client import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What the text is sent as."""


def expose(families: Iterable[Family], *registries: object) -> bytes:
    """Write families, and what Prometheus' own registries hold, as text.

    Raises:
        ConfigError: prometheus-client isn't installed.

    >>> from retrue.adapters.samples import Sample
    >>> print(expose([Family("rows", "Rows.", (Sample(2, {"model": 'a"b'}),), counter=True)]).decode(), end="")
    # HELP retrue_rows_total Rows.
    # TYPE retrue_rows_total counter
    retrue_rows_total{model="a\\"b"} 2.0
    """
    try:
        from prometheus_client import CollectorRegistry, generate_latest
    except ImportError as error:
        raise ConfigError("prometheus-client isn't installed", hint='pip install "retrue[server]"') from error

    own = CollectorRegistry(auto_describe=False)
    own.register(_Collected(tuple(families)))
    parts = [generate_latest(own), *(generate_latest(one) for one in registries if isinstance(one, CollectorRegistry))]
    return b"".join(parts)


class _Collected:
    """Families as a collector of prometheus_client."""

    def __init__(self, families: tuple[Family, ...]) -> None:
        self.families = families

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are known when they are collected."""
        return ()

    def collect(self) -> Iterator[Metric]:
        from prometheus_client import Metric

        for family in self.families:
            if not family.samples:
                continue
            metric = Metric(PREFIX + family.name, family.help, "counter" if family.counter else "gauge")
            total = "_total" if family.counter else ""
            for sample in family.samples:
                metric.add_sample(PREFIX + family.name + (sample.suffix or total), dict(sample.labels), sample.value)
            yield metric
