"""How many events got an answer."""

from __future__ import annotations

from retrue.core.column import ColumnProfile
from retrue.metrics.quality.shares import share
from retrue.metrics.registry import Measure, metric


@metric(
    "response_rate",
    range=(0, 1),
    unit="share",
    source="interval: Wilson 1927",
)
def response_rate(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Share of rows that have a value at all, such as events with feedback; 1 - `missing`."""
    given, before = (p.rows - p.special_count("null") for p in (window, reference))
    return share(given, window.rows, before, reference.rows)
