"""What a sample with known probabilities says of all rows that it was drawn from, with a 95 % interval.

    total = sum y / p                 Horvitz and Thompson 1952, "A generalization of sampling without replacement"
    mean  = (sum y / p) / (sum 1 / p) Hajek 1971: the same, over what the sample says the rows are
    var   = sum (1 - p) / p^2 (y - mean)^2 / (sum 1 / p)^2    rows uncorrelated (Sarndal, Swensson and Wretman 1992,
                                                              section 5.7)
    share Wilson's interval at value (1 - value) / var rows (Korn and Graubard 1998)
    count also that of the share of 0/1 values, times the rows: of rare ones the total's own is too narrow

A share of a few hits says little of its own variance: that of hits as likely in any row counts as `PRIOR` hits more,
and the interval is never narrower than the variance that was seen asks for.

The interval is about the rows that were there, not about a world that they came from: of all rows it has no width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrue.core.state import Floats
from retrue.errors import TableError
from retrue.metrics.performance.intervals import of_fraction, student

PRIOR = 5.0
"""So many hits weighs the variance that a share has whatever the hits' own weights are."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """What a sample says.

    Args:
        value: the mean, or the total; None where the sample has no row with a value.
        interval: its 95 % interval; None with the value.
        n: rows of the sample that have a value.
    """

    value: float | None
    interval: tuple[float, float] | None
    n: int

    def __str__(self) -> str:
        """Say it.

        >>> print(Weighted(0.25, (0.2, 0.31), 400))
        0.25 (0.2 to 0.31, 400 rows sampled)
        """
        if self.value is None or self.interval is None:
            return "no row has a value"
        low, high = self.interval
        return f"{self.value:.4g} ({low:.4g} to {high:.4g}, {self.n:,} rows sampled)"


def weighted_mean(values: Floats, probability: Floats) -> Weighted:
    """Estimate the mean over all rows that were sampled from.

    Args:
        values: float64[n], of the sampled rows; NaN where one has none, which is left out.
        probability: float64[n], above 0 and at most 1.

    Raises:
        TableError: a probability that is none.

    >>> print(weighted_mean(np.array([1.0, 0.0]), np.array([0.5, 1.0])).value)
    0.6666666666666666
    """
    y, p = usable(values, probability)
    if not y.size:
        return Weighted(None, None, 0)
    w = 1 / p
    value, size = float((w * y).sum() / w.sum()), float(w.sum())
    spread = float((w**2 * (1 - p)).sum()) / size**2
    variance = float((w**2 * (1 - p) * (y - value) ** 2).sum()) / size**2
    if np.isin(y, (0.0, 1.0)).all() and spread > 0:
        hits, plain = float(min(y.sum(), (1 - y).sum())), value * (1 - value) * spread
        steadied = max(variance, (hits * variance + PRIOR * plain) / (hits + PRIOR))
        return Weighted(value, of_fraction(value, steadied, 1 / spread), y.size)
    reach = student(max(y.size - 1, 1)) * math.sqrt(variance)
    return Weighted(value, (value - reach, value + reach), y.size)


def weighted_total(values: Floats, probability: Floats) -> Weighted:
    """Estimate the sum over all rows that were sampled from; arguments as in `weighted_mean`.

    Raises:
        TableError: a probability that is none.

    >>> weighted_total(np.full(50, 2.5), np.full(50, 0.5)).value
    250.0
    """
    y, p = usable(values, probability)
    if not y.size:
        return Weighted(None, None, 0)
    value = float((y / p).sum())
    reach = student(max(y.size - 1, 1)) * math.sqrt(float(((1 - p) / p**2 * y**2).sum()))
    low, high = value - reach, value + reach
    if np.isin(y, (0.0, 1.0)).all():
        share, rows = weighted_mean(np.nan_to_num(values), probability), float((1 / probability).sum())
        ends = share.interval or (0.0, 0.0)
        low, high = min(low, ends[0] * rows), max(high, ends[1] * rows)
        low = max(low, float(y.sum()))  # that many were seen
    return Weighted(value, (low, high), y.size)


def usable(values: Floats, probability: Floats) -> tuple[Floats, Floats]:
    """The rows that have a value."""
    if values.size != probability.size or not (np.isfinite(probability) & (probability > 0) & (probability <= 1)).all():
        raise TableError("a sample without inclusion probabilities", expected="one above 0 and at most 1 for each row")
    known = np.isfinite(values)
    return values[known], probability[known]
