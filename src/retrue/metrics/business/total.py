"""What the events come to: revenue, minutes, units."""

from __future__ import annotations

from retrue.core.column import ColumnProfile
from retrue.core.state import Moments
from retrue.metrics.measure import NOTHING, Z95, Measure
from retrue.metrics.registry import metric
from retrue.schema import Kind


@metric(
    "total",
    kinds=(Kind.NUMERIC, Kind.CONSTANT),
    unit="value",
    error="exact to rounding",
    source="interval: compound Poisson, variance = sum of squares",
)
def total(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Sum of the finite values; the interval counts in that the number of events varies too.

    The reference's is over all of its events: compare totals of windows of one length, and `mean` otherwise.
    """
    if not window.moments.n:
        return NOTHING
    rows, mean = summed(window.moments), window.moments.mean
    value, reach = rows * window.stands_for, Z95 * (window.moments.m2 + rows * mean) ** 0.5 * window.stands_for
    before = summed(reference.moments) * reference.stands_for if reference.moments.n else None
    return Measure(value, before, interval=(value - reach, value + reach))


def summed(moments: Moments) -> float:
    """The sum of the values.

    >>> summed(Moments(n=4, mean=2.5, m2=0.0, min=2.5, max=2.5))
    10.0
    """
    return moments.n * moments.mean
