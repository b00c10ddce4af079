"""Quantiles of the finite values, read from the grid.

The quantile lies in a bin that the counts name; inside it values are taken as evenly spread. The error given is the
distance to the bin's far end: a bound, and 0 where the bin is an atom. The interval is the order statistics' (Woodruff
1952, "Confidence intervals for medians and other position measures"), read the same way.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.core.state import Floats
from retrue.metrics.measure import NOTHING, Z95, Measure
from retrue.metrics.registry import NUMBERS, metric
from retrue.schema import Kind

KINDS = (*NUMBERS, Kind.CONSTANT)
ERROR = "at most the width of the bin it lies in; given with each value, 0 at an atom"
SOURCE = "order statistics; interval: Woodruff 1952"


class Read(NamedTuple):
    """A quantile read from a grid: the value, and the bounds that hold it."""

    value: float
    low: float
    high: float


def quantile(profile: ColumnProfile, q: float) -> Read:
    """The `q` quantile of a numeric profile that has values, as NumPy's `linear` one.

    >>> import polars as pl
    >>> column = pl.Series([1.0, 2.0, 3.0, 4.0, 5.0])
    >>> quantile(NumericGrid.fit(column).count(column), 0.5).value
    3.0
    """
    profile = profile.by_event()
    rank = min(max(q, 0.0), 1.0) * max(profile.n - 1, 0)
    lower, upper = (_row(profile, at) for at in (math.floor(rank), math.ceil(rank)))
    part = rank - math.floor(rank)
    value = lower.value * (1 - part) + upper.value * part
    return Read(value, lower.low * (1 - part) + upper.low * part, lower.high * (1 - part) + upper.high * part)


def _row(profile: ColumnProfile, rank: int) -> Read:
    """The value at `rank` (0 is the least), spread evenly between the ends of its bin."""
    up_to = np.cumsum(profile.counts)
    at = int(np.searchsorted(up_to, rank, side="right"))
    count = profile.counts[at].item()
    low, high = _ends(profile, at)
    if count == 1 and profile.sums.size:
        # The bin's sum is the value.
        single = min(max(float(profile.sums[at]), low), high)
        return Read(single, single, single)
    part = min(max((rank - up_to[at].item() + count + 0.5) / count, 0.0), 1.0)
    return Read(low + (high - low) * part, low, high)


def _ends(profile: ColumnProfile, at: int) -> tuple[float, float]:
    """The least and greatest value that a bin of this profile may hold."""
    cuts: Floats = profile.grid.cuts if isinstance(profile.grid, NumericGrid) else np.empty(0)
    low = float(cuts[at - 1]) if at > 0 else -math.inf
    high = float(np.nextafter(cuts[at], -np.inf)) if at < cuts.size else math.inf
    low, high = max(low, profile.moments.min), min(high, profile.moments.max)
    # The exact ends of what is there may lie a rounding apart.
    return min(low, high), max(low, high)


def measure(window: ColumnProfile, reference: ColumnProfile, q: float) -> Measure:
    """The `q` quantile of both sides, with error bound and interval."""
    if not isinstance(window.grid, NumericGrid):
        return Measure(None, note="for numbers only")
    if not window.n:
        return NOTHING
    found = quantile(window, q)
    reach = Z95 * math.sqrt(q * (1 - q) / window.n)
    interval = (min(quantile(window, q - reach).low, found.value), max(quantile(window, q + reach).high, found.value))
    before = quantile(reference, q).value if reference.n else None
    return Measure(found.value, before, max(found.high - found.value, found.value - found.low), interval)


@metric("p05", family="quality", kinds=KINDS, unit="value", error=ERROR, source=SOURCE)
def p05(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """5 % quantile of the finite values."""
    return measure(window, reference, 0.05)


@metric("p25", family="quality", kinds=KINDS, unit="value", error=ERROR, source=SOURCE)
def p25(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """25 % quantile of the finite values."""
    return measure(window, reference, 0.25)


@metric("median", family="quality", kinds=KINDS, unit="value", error=ERROR, source=SOURCE)
def median(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Median of the finite values."""
    return measure(window, reference, 0.5)


@metric("p75", family="quality", kinds=KINDS, unit="value", error=ERROR, source=SOURCE)
def p75(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """75 % quantile of the finite values."""
    return measure(window, reference, 0.75)


@metric("p95", family="quality", kinds=KINDS, unit="value", error=ERROR, source=SOURCE)
def p95(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """95 % quantile of the finite values."""
    return measure(window, reference, 0.95)
