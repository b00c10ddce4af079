"""Prometheus: families of samples as the text that it scrapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from retrue.adapters.samples import PREFIX, Family
from retrue.errors import ConfigError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What the text is sent as."""


def expose(families: Iterable[Family], *registries: object) -> bytes:
    """Write families, and what Prometheus' own registries hold, as text.

    Raises:
        ConfigError: there are registries, and prometheus-client isn't installed.

    >>> from retrue.adapters.samples import Sample
    >>> print(expose([Family("rows", "Rows.", (Sample(2, {"model": 'a"b'}),), counter=True)]).decode(), end="")
    # HELP retrue_rows_total Rows.
    # TYPE retrue_rows_total counter
    retrue_rows_total{model="a\\"b"} 2.0
    """
    own = "".join(chain.from_iterable(lines_of(family) for family in families if family.samples)).encode()
    if not registries:
        return own
    try:
        from prometheus_client import CollectorRegistry, generate_latest
    except ImportError as error:
        raise ConfigError("prometheus-client isn't installed", hint='pip install "retrue[server]"') from error

    return b"".join([own, *(generate_latest(one) for one in registries if isinstance(one, CollectorRegistry))])


def lines_of(family: Family) -> Iterator[str]:
    """A family's lines: what it says, its type, and its samples."""
    name = PREFIX + family.name
    total = "_total" if family.counter else ""
    text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {name}{total} {text}\n# TYPE {name}{total} {family.kind}\n"
    if not family.histogram:  # most figures: joined, as a fleet has twenty thousand
        yield "".join([f"{name}{total}{sample.text}\n" for sample in family.samples])
        return
    for sample in family.samples:
        yield f"{name}{sample.suffix}{sample.text}\n"
