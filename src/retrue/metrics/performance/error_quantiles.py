"""Quantiles of the error: how far off, and to which side, the usual and the bad predictions are."""

from __future__ import annotations

from functools import partial
from math import ceil, floor, sqrt

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.core.outcome import RegressionOutcome
from retrue.core.state import Floats
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import single, without
from retrue.metrics.performance.intervals import Z
from retrue.metrics.registry import metric
from retrue.schema import Task

quantile = partial(
    metric,
    family="performance",
    of="outcome",
    tasks=(Task.REGRESSION,),
    unit="value",
    error="at most the width of the error grid's bin",
    source="Hyndman and Fan 1996, type 1",
)


@quantile("error_p10")
def error_p10(outcome: RegressionOutcome) -> Measure:
    """A tenth of the errors (prediction - label) are at or below it.

    >>> from retrue.metrics.performance.arrays import regression
    >>> error_p10(regression([0] * 5, [-2, -1, 0, 1, 2])).value
    -2.0
    """
    return error_quantile(outcome, 0.1)


@quantile("error_p50")
def error_p50(outcome: RegressionOutcome) -> Measure:
    """The median error (prediction - label).

    >>> from retrue.metrics.performance.arrays import regression
    >>> error_p50(regression([0] * 5, [-2, -1, 0, 1, 2])).value
    0.0
    """
    return error_quantile(outcome, 0.5)


@quantile("error_p90")
def error_p90(outcome: RegressionOutcome) -> Measure:
    """A tenth of the errors (prediction - label) are above it.

    >>> from retrue.metrics.performance.arrays import regression
    >>> error_p90(regression([0] * 5, [-2, -1, 0, 1, 2])).value
    2.0
    """
    return error_quantile(outcome, 0.9)


def error_quantile(outcome: RegressionOutcome, share: float) -> Measure:
    """The error that `share` of the errors don't exceed: the ceil(share n)-th smallest.

    Read off the error grid: inside a bin, in proportion. The interval runs between the order statistics that a binomial
    count puts around it, at the outer ends of their bins.
    """
    if outcome.errors.n == 0:
        return without(outcome)
    errors = outcome.errors.by_event()
    n, ends = round(errors.n), bin_ends(errors)
    rank = min(max(ceil(share * n), 1), n)
    value, low, high = at_rank(errors, ends, rank)
    reach = Z * sqrt(n * share * (1 - share)) * sqrt(errors.n / outcome.errors.n)
    first, last = max(floor(n * share - reach), 1), min(ceil(n * share + reach) + 1, n)
    interval = (at_rank(errors, ends, first)[1], at_rank(errors, ends, last)[2])
    return Measure(value, error=max(high - value, value - low), interval=interval if n > 1 else None, note=single(n))


def bin_ends(errors: ColumnProfile) -> Floats:
    """float64[bins, 2]: the least and the greatest value that each bin can hold of the errors seen."""
    cuts = errors.grid.cuts if isinstance(errors.grid, NumericGrid) else np.empty(0)
    low = np.concatenate([[-np.inf], cuts])
    high = np.concatenate([np.nextafter(cuts, -np.inf), [np.inf]])
    ends: Floats = np.clip(np.column_stack([low, high]), errors.moments.min, errors.moments.max)
    return ends


def at_rank(errors: ColumnProfile, ends: Floats, rank: int) -> tuple[float, float, float]:
    """The rank-th smallest error (1 is the least): estimate, least and greatest it can be."""
    below = np.cumsum(errors.counts)
    where = min(int(np.searchsorted(below, rank)), int(np.flatnonzero(errors.counts)[-1]))
    low, high = ends[where].tolist()
    within = (rank - (below[where] - errors.counts[where]) - 0.5) / errors.counts[where]
    return low + min(max(float(within), 0.0), 1.0) * (high - low), low, high
