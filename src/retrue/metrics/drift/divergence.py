"""What PSI, KL, Jensen-Shannon, Hellinger and Cramer's V share: a smooth sum over cells, its noise, and its interval.

Each is `f(q, p)`, a sum over cells of the window's shares q and the reference's p, zero where they are equal. Near
equality `f = c * sum (q - p)^2 / p`, so that without any change samples of n and m rows give about `c (k - 1) (1/n +
1/m)`: the value's *bias*. The interval is the delta method's, with that bias taken off:

    f - bias +- 1.96 sqrt( Var_q(df/dq) / n + Var_p(df/dp) / m )

Near equality its width is that of a non-central chi-square, or wider, so that it keeps its promise there as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.state import Floats, Ints, added
from retrue.metrics.drift.cells import Cells, cells
from retrue.metrics.measure import NOTHING, Z95, Interval, Measure

Counts: TypeAlias = Ints | Floats


@dataclass(frozen=True)
class Divergence:
    """A smooth sum over cells.

    Attributes:
        of: shares q [..., k], p [..., k] -> divergence [...].
        slopes: the same -> its derivatives by q and by p, [..., k] each; 0 where a share is 0.
        curvature: the c above.
        smooth: whether an empty cell counts as half a row, because a logarithm or a ratio needs it.
        distance: what the divergence becomes at last, such as its square root; increasing.
    """

    of: Callable[[Floats, Floats], Floats]
    slopes: Callable[[Floats, Floats], tuple[Floats, Floats]]
    curvature: float
    smooth: bool = False
    distance: Callable[[Floats], Floats] = np.asarray

    def counts(self, window: Counts, reference: Counts) -> Floats:
        """The distance of counts [..., k] from counts [..., k], broadcast."""
        return np.asarray(self.distance(np.maximum(self.of(*self.shares(window, reference)), 0.0)))

    def shares(self, window: Counts, reference: Counts) -> tuple[Floats, Floats]:
        """Counts as shares along the last axis, smoothed where this divergence needs it."""
        if not self.smooth:
            return shares(window), shares(reference)
        w, r = (np.asarray(c, np.float64) for c in np.broadcast_arrays(window, reference))
        return shares(np.where((w == 0) & (r > 0), 0.5, w)), shares(np.where((r == 0) & (w > 0), 0.5, r))

    def measure(self, window: ColumnProfile, reference: ColumnProfile) -> Measure:
        """The distance of two profiles, with its interval."""
        return compare(window, reference, self.measure_cells)

    def measure_cells(self, c: Cells) -> Measure:
        """The distance of two samples in cells, with its interval."""
        q, p = self.shares(c.window, c.reference)
        divergence = max(float(self.of(q, p)), 0.0)
        chance = self.chance(c)
        dq, dp = self.slopes(q, p)
        n, m = added(c.window), added(c.reference)
        reach = Z95 * math.sqrt(variance(q, dq) / n + variance(p, dp) / m)
        ends = (max(divergence - chance - reach, 0.0), max(divergence, divergence - chance + reach))
        value, expected = (float(self.distance(np.asarray(x))) for x in (divergence, chance))
        interval = tuple(float(self.distance(np.asarray(end))) for end in ends)
        return Measure(value, interval=(interval[0], interval[1]), note=by_chance(value, expected))

    def chance(self, c: Cells) -> float:
        """About the divergence that samples of these sizes have when nothing changed."""
        n, m = added(c.window), added(c.reference)
        return self.curvature * (c.window.size - 1) * (1 / n + 1 / m)


def compare(window: ColumnProfile, reference: ColumnProfile, of: Callable[[Cells], Measure]) -> Measure:
    """Measure two profiles in cells, or say why that can't be done."""
    if not window.rows or not reference.rows:
        return NOTHING
    c = cells(window, reference)
    if not c.telling:
        return Measure(None, note=f"too few rows: {min(window.rows, reference.rows):,.0f} in {c.occupied} bins")
    return of(c)


def by_chance(value: float, expected: float) -> str | None:
    """Tell what chance alone gives, where the value is hardly more."""
    return f"about {expected:.2g} by chance alone" if 0 < value < 2 * expected else None


def shares(counts: Counts) -> Floats:
    """Counts as shares along the last axis; no rows give zeros.

    >>> shares(np.array([1, 3])).tolist()
    [0.25, 0.75]
    """
    counts = np.asarray(counts, np.float64)
    return np.asarray(counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1e-300))


def total(terms: Floats) -> Floats:
    """Sum over the cells, the last axis."""
    return np.asarray(terms.sum(axis=-1))


def log_ratio(a: Floats, b: Floats) -> Floats:
    """Give ln(a / b), 0 where either is 0."""
    both = (a > 0) & (b > 0)
    return np.log(np.where(both, a, 1.0)) - np.log(np.where(both, b, 1.0))


def ratio(a: Floats, b: Floats) -> Floats:
    """Divide, 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b))), where=np.asarray(b) > 0)


def variance(p: Floats, slope: Floats) -> float:
    """Variance of `slope` under shares `p`."""
    mean = float((p * slope).sum())
    return float((p * (slope - mean) ** 2).sum())


def clipped(value: float, low: float, high: float) -> Interval:
    """An interval cut to the range of a share."""
    return max(low, 0.0) if value > 0 else 0.0, min(high, 1.0)
