"""What is no usable value: nulls, NaN, infinities, values of the wrong type; each as a share of all rows."""

from __future__ import annotations

from retrue.core.column import ColumnProfile
from retrue.metrics.measure import Measure
from retrue.metrics.quality.shares import share
from retrue.metrics.registry import NUMBERS, metric
from retrue.schema import Kind


def _share(window: ColumnProfile, reference: ColumnProfile, *names: str) -> Measure:
    """Share of rows that are one of `names`, among SPECIALS."""
    hits, before = (sum(p.special_count(name) for name in names) for p in (window, reference))
    return share(hits, window.rows, before, reference.rows)


@metric("missing", family="quality", range=(0, 1), unit="share", better="lower", source="interval: Wilson 1927")
def missing(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Share of rows that are null; a column that isn't there is all null."""
    return _share(window, reference, "null")


@metric("mismatch", family="quality", range=(0, 1), unit="share", better="lower", source="interval: Wilson 1927")
def mismatch(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Share of rows whose value has the wrong type, such as text where the reference has numbers."""
    return _share(window, reference, "mismatch")


@metric("nan", family="quality", range=(0, 1), unit="share", better="lower", source="interval: Wilson 1927")
def nan(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Share of rows that are NaN, which is not null."""
    return _share(window, reference, "nan")


@metric(
    "infinite",
    family="quality",
    kinds=(*NUMBERS, Kind.CONSTANT),
    range=(0, 1),
    unit="share",
    better="lower",
    source="interval: Wilson 1927",
)
def infinite(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Share of rows that are plus or minus infinity."""
    return _share(window, reference, "+inf", "-inf")
