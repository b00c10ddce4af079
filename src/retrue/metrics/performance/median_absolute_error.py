"""Median absolute error: how far off the usual prediction is, whatever a few absurd labels do."""

from __future__ import annotations

from math import ceil, floor, sqrt

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.outcome import RegressionOutcome
from retrue.core.state import Counts, Floats
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import single, without
from retrue.metrics.performance.error_quantiles import bin_ends
from retrue.metrics.performance.intervals import Z
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "median_absolute_error",
    family="performance",
    of="outcome",
    tasks=(Task.REGRESSION,),
    range=(0, None),
    unit="value",
    better="lower",
    error="at most the width of the error grid's bins around it",
    source="sklearn.metrics.median_absolute_error, as an order statistic (Hyndman and Fan 1996, type 1)",
)
def median_absolute_error(outcome: RegressionOutcome) -> Measure:
    """Half of the predictions are off by at most this: a few huge errors don't move it.

    >>> from retrue.metrics.performance.arrays import regression
    >>> median_absolute_error(regression([0] * 5, [-1, 1, 2, -3, 1e6])).value
    2.0
    """
    return size_quantile(outcome, 0.5)


def size_quantile(outcome: RegressionOutcome, share: float) -> Measure:
    """The size |prediction - label| that `share` of the errors don't exceed: the ceil(share n)-th smallest.

    The grid has signed errors, so a size is sought in the bins of both signs. No error of a bin is smaller than the
    bin's end next to 0 or greater than its other one; sorting the bins by either bounds every order statistic. The
    interval runs between those that a binomial count puts around it, at their outer bounds.
    """
    if outcome.errors.n == 0:
        return without(outcome)
    sizes = Sizes(outcome.errors.by_event())
    n = round(sizes.n)
    value, low, high = sizes.at_rank(min(max(ceil(share * n), 1), n))
    reach = Z * sqrt(n * share * (1 - share)) * sqrt(sizes.n / outcome.errors.n)
    first, last = max(floor(n * share - reach), 1), min(ceil(n * share + reach) + 1, n)
    interval = (sizes.at_rank(first)[1], sizes.at_rank(last)[2])
    return Measure(value, error=max(high - value, value - low), interval=interval if n > 1 else None, note=single(n))


class Sizes:
    """How large errors are, read off the counts of signed ones.

    Args:
        errors: the profile of the errors, a count for each event.
    """

    def __init__(self, errors: ColumnProfile) -> None:
        held = np.flatnonzero(errors.counts)
        ends, self.counts = bin_ends(errors)[held], errors.counts[held]
        self.n = float(errors.n)
        sizes = np.abs(ends)
        self.greatest = sizes.max(axis=1)
        self.least = np.where((ends[:, 0] <= 0) & (ends[:, 1] >= 0), 0.0, sizes.min(axis=1))
        self.ends = ends

    def at_rank(self, rank: int) -> tuple[float, float, float]:
        """The rank-th smallest size (1 is the least): estimate, least and greatest that it can be."""
        low, high = (ranked(ends, self.counts, rank) for ends in (self.least, self.greatest))
        return min(max(self.between(rank - 0.5), low), high), low, high

    def between(self, count: float) -> float:
        """The size that so many errors don't exceed, if they were spread evenly over each bin."""
        sizes = np.unique(np.abs(self.ends))
        return float(np.interp(count, self.up_to(sizes), sizes))

    def up_to(self, sizes: Floats) -> Floats:
        """float64[sizes]: how many errors are no larger, if they were spread evenly over each bin."""
        below = up_to(self.ends, self.counts, sizes)
        above = up_to(-self.ends[::-1, ::-1], self.counts[::-1], sizes)
        found: Floats = below + above - self.counts.sum()
        return found


def up_to(ends: Floats, counts: Counts, values: Floats) -> Floats:
    """float64[values]: how many errors are at most so much, if they were spread evenly over each bin (n x 2 ends)."""
    reached = np.cumsum(counts, dtype=np.float64)
    return np.interp(values, ends.ravel(), np.column_stack([reached - counts, reached]).ravel())


def ranked(ends: Floats, counts: Counts, rank: int) -> float:
    """The rank-th smallest where each bin's events all lie at one end."""
    order = np.argsort(ends, kind="stable")
    at = int(np.searchsorted(np.cumsum(counts[order]), rank))
    return float(ends[order[min(at, order.size - 1)]])
