"""Confidence sequences: intervals of a mean that hold at all times together, so that looking early costs nothing.

A 95 % interval that is looked at each day excludes the truth some day far more often than 5 %. One of a *sequence*
leaves it out at any time with at most 5 %, so a trial may be stopped whenever it says enough.

* `exact`, for values between known ends: the empirical-Bernstein confidence sequence of Howard, Ramdas, McAuliffe and
  Sekhon (2021), "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49(2),
  theorem 4, with the gamma-exponential mixture boundary of their proposition 9. It holds for every n, and for the mean
  of means that drift.
* `asymptotic`, for any others with a variance: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform
  central limit theory and asymptotic confidence sequences", Annals of Statistics 52(6), theorem 2.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrue.core.state import Bools, Floats, Ints

LEAST = 50
"""Fewer values than this tell nothing; an asymptotic sequence begins there."""
VARIANCE = 40.0
"""The sum of squares at which an exact sequence is narrowest for its place: 2,000 differences of variance 0.02."""
ROWS = 2_000
"""The number of values at which an asymptotic one is."""
STEPS = 40
"""Halvings of the search for a boundary: to a trillionth."""


@dataclass(frozen=True)
class Path:
    """A confidence sequence where somebody looks: `n` values, their mean, and the interval's ends."""

    n: Ints
    mean: Floats
    low: Floats
    high: Floats

    @property
    def excludes_zero(self) -> Bools:
        """Whether the mean is certainly not 0, at each look."""
        return (self.low > 0) | (self.high < 0)


def exact(values: Floats, looks: Ints, alpha: float, span: float = 2.0) -> Path:
    """The confidence sequence of a mean of bounded values.

    Args:
        values: float64[n] in the order in which they came.
        looks: int64[k], after how many of them to look, ascending, at least 1.
        alpha: what it may leave out the mean with, at any look.
        span: how far apart the ends are that they lie between.

    >>> values = np.tile([0.5, -0.3], 500)
    >>> path = exact(values, np.array([100, 1_000]), 0.05)
    >>> path.low.round(2).tolist(), path.high.round(2).tolist()
    ([-0.09, 0.05], [0.29, 0.15])
    """
    sums = np.cumsum(values)
    counts = np.arange(1, values.size + 1)
    before = np.concatenate([[0.0], sums[:-1] / counts[:-1]])  # a guess of each value from those before it
    spread = np.cumsum((values - before) ** 2)[looks - 1]
    mean, reach = sums[looks - 1] / looks, boundary(spread, alpha / 2, span) / looks
    return Path(looks, mean, mean - reach, mean + reach)


def boundary(spread: Floats, alpha: float, scale: float) -> Floats:
    """How far a sum strays from what is expected with at most `alpha`, ever, by the sum of squares it has come to.

    The gamma-exponential mixture's own inverse, by halving.

    Args:
        spread: float64[k], the sums of squares.
        alpha: for one side.
        scale: c of the sub-exponential bound: the span of the values.
    """
    target = -math.log(alpha)
    low, high = np.zeros_like(spread), np.full_like(spread, scale)
    while (short := log_mixture(high, spread, alpha, scale) < target).any():
        high = np.where(short, 2 * high, high)
    for _ in range(STEPS):
        middle = (low + high) / 2
        short = log_mixture(middle, spread, alpha, scale) < target
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return high


def log_mixture(sums: Floats, spread: Floats, alpha: float, scale: float) -> Floats:
    """Log of the gamma-exponential mixture supermartingale; Howard and others (2021), proposition 9."""
    from scipy.special import gammainc, gammaln

    odds = 2 * math.log(1 / alpha)
    rho = VARIANCE / (odds + math.log(1 + odds)) / scale**2
    shape, past = spread / scale**2 + rho, sums / scale + spread / scale**2
    constant = rho * math.log(rho) - gammaln(rho) - math.log(gammainc(rho, rho))
    found = constant + gammaln(shape) + np.log(gammainc(shape, past + rho)) - shape * np.log(past + rho) + past
    return np.asarray(found, np.float64)


def asymptotic(values: Floats, looks: Ints, alpha: float) -> Path:
    """The confidence sequence of a mean of any values that have a variance; it holds from `LEAST` values on.

    Args:
        values: float64[n] in the order in which they came.
        looks: int64[k], after how many of them to look, ascending, at least 1.
        alpha: what it may leave out the mean with, at any look from `LEAST` on.

    >>> path = asymptotic(np.tile([2.0, -1.0], 5_000), np.array([100, 10_000]), 0.05)
    >>> path.low.round(2).tolist(), path.high.round(2).tolist()
    ([-0.18, 0.45], [1.18, 0.55])
    """
    sums, squares = np.cumsum(values)[looks - 1], np.cumsum(values**2)[looks - 1]
    mean = sums / looks
    deviation = np.sqrt(np.maximum(squares / looks - mean**2, 0.0))
    reach = deviation * unit_reach(looks.astype(np.float64), alpha)
    return Path(looks, mean, mean - reach, mean + reach)


def unit_reach(n: Floats, alpha: float) -> Floats:
    """Half the width of an asymptotic confidence sequence of values with standard deviation 1: their equation (2.2)."""
    odds = -2 * math.log(alpha)
    rho2 = (odds + math.log(odds) + 1) / ROWS
    grown = n * rho2 + 1
    return np.sqrt(2 * grown / (n**2 * rho2) * np.log(np.sqrt(grown) / alpha))


def rows_until(reach: float, spread: float, alpha: float, *, bounded: bool) -> float:
    """About how many values it takes until half the interval's width is so small.

    Args:
        reach: half the width that is wanted, above 0.
        spread: the variance of a value.
        alpha: as above.
        bounded: whether the exact sequence is used, of values in [-1, 1].

    >>> round(rows_until(0.05, 0.16, 0.05, bounded=True), -2)
    1000.0
    """
    counts = np.geomspace(LEAST, 1e9, 200)
    if bounded:
        half = boundary(counts * max(spread, 1e-12), alpha / 2, 2.0) / counts
    else:
        half = math.sqrt(spread) * unit_reach(counts, alpha)
    fine = np.flatnonzero(half <= reach)
    return float(counts[fine[0]]) if fine.size else math.inf
