"""Least, greatest, mean and standard deviation of the finite values: exact, from the column's moments.

Dates and times are in seconds since 1970-01-01 UTC, durations in seconds.
"""

from __future__ import annotations

from retrue.core.column import ColumnProfile
from retrue.core.state import Moments
from retrue.metrics.measure import NOTHING, Z95, Interval, Measure
from retrue.metrics.registry import NUMBERS, metric
from retrue.schema import Kind

KINDS = (*NUMBERS, Kind.CONSTANT)


@metric("min", family="quality", kinds=KINDS, unit="value")
def least(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Least finite value."""
    if not window.moments.n:
        return NOTHING
    return Measure(window.moments.min, reference.moments.min if reference.moments.n else None)


@metric("max", family="quality", kinds=KINDS, unit="value")
def greatest(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Greatest finite value."""
    if not window.moments.n:
        return NOTHING
    return Measure(window.moments.max, reference.moments.max if reference.moments.n else None)


@metric(
    "mean",
    family="quality",
    kinds=KINDS,
    unit="value",
    error="exact to rounding",
    source="interval: central limit theorem",
)
def mean(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Mean of the finite values."""
    if not window.moments.n:
        return NOTHING
    before = reference.moments.mean if reference.moments.n else None
    return Measure(window.moments.mean, before, interval=mean_interval(window.moments))


def mean_interval(moments: Moments) -> Interval | None:
    """The mean's 95 % interval, from the sample variance; None below two values.

    >>> mean_interval(Moments(n=4, mean=1.0, m2=0.0, min=1.0, max=1.0))
    (1.0, 1.0)
    """
    if moments.n < 2:
        return None
    reach = Z95 * (moments.m2 / (moments.n - 1) / moments.n) ** 0.5
    return moments.mean - reach, moments.mean + reach


@metric(
    "std",
    family="quality",
    kinds=KINDS,
    range=(0, None),
    unit="value",
    error="exact to rounding",
    source="Chan, Golub and LeVeque 1979 for merging",
)
def std(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Population standard deviation of the finite values (divided by n)."""
    return NOTHING if window.moments.std is None else Measure(window.moments.std, reference.moments.std)
