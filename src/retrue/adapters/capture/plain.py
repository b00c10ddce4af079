"""Any JSON: each document is an event; what isn't at the top is named by its path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from retrue.adapters.capture.exchange import Exchange
from retrue.adapters.capture.registry import capture_format


@capture_format("json", source="https://www.rfc-editor.org/rfc/rfc8259", flat=True)
def plain(document: Mapping[str, Any]) -> Iterator[Exchange]:
    """Any JSON: each document is an event, its columns the values by their paths (`request.user.age`, `scores.0`)."""
    yield Exchange("", [dict(flat(document))], [{}])


def flat(held: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each plain value with its path.

    >>> dict(flat({"a": {"b": 1}, "c": [2, {"d": 3}]}))
    {'a.b': 1, 'c.0': 2, 'c.1.d': 3}
    """
    if isinstance(held, Mapping):
        inner: Any = held.items()
    elif isinstance(held, list):
        inner = enumerate(held)
    else:
        yield path, held
        return
    for name, value in inner:
        yield from flat(value, f"{path}.{name}" if path else str(name))
