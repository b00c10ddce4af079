"""Kolmogorov-Smirnov distance, from counts on the grid."""

from __future__ import annotations

import math

import numpy as np

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.core.state import Bools, Floats
from retrue.metrics.drift.divergence import Counts, shares
from retrue.metrics.measure import NOTHING, Measure
from retrue.metrics.registry import NUMBERS, metric
from retrue.schema import Kind

FIRST = [SPECIALS.index(name) for name in ("null", "mismatch", "nan", "-inf")]
LAST = [SPECIALS.index("+inf")]


def ks_counts(window: Counts, reference: Counts) -> Floats:
    """Largest gap between the cumulative shares of ordered counts [..., bins] and [..., bins].

    >>> round(float(ks_counts([5, 5], [9, 1])), 4)
    0.4
    """
    gaps = np.cumsum(shares(window), axis=-1) - np.cumsum(shares(reference), axis=-1)
    return np.asarray(np.minimum(np.abs(gaps).max(axis=-1), 1.0))


def ordered(counts: Counts, special: Counts) -> Counts:
    """All rows in one order, [..., bins + 5]: null, mismatch, NaN, -inf, the grid's bins, +inf.

    Where nulls stand in a fixed place, a rising share of them is a move of so much mass.
    """
    return np.concatenate([special[..., FIRST], counts, special[..., LAST]], axis=-1)


def ks_error(window: Counts, reference: Counts, points: Bools) -> float:
    """How much larger than `ks_counts` the exact distance of the values may be.

    Inside a bin that holds window share q and reference share p the gap is at most the gap before it plus q, or minus
    p; a bin of one single value has no inside. So the error is below the largest reference bin mass.

    Args:
        window: ordered counts [bins].
        reference: ordered counts [bins].
        points: bool[bins], which bins hold one single value.
    """
    q, p = shares(window), shares(reference)
    after = np.cumsum(q) - np.cumsum(p)
    before = after - q + p
    inside = np.where(points | (q == 0) | (p == 0), 0.0, np.maximum(before + q, p - before))
    return max(float(inside.max(initial=0.0) - np.abs(after).max(initial=0.0)), 0.0)


@metric(
    "ks",
    family="drift",
    kinds=(*NUMBERS, Kind.CONSTANT),
    range=(0, 1),
    unit="share",
    better="lower",
    error="at most the largest reference bin mass, atoms exempt: 0.002",
    source="Smirnov 1939; interval: Dvoretzky-Kiefer-Wolfowitz, Massart 1990, two samples: Wei and Dudley 2012",
)
def ks(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Kolmogorov-Smirnov distance: the largest share of rows that moved across one point.

    All rows count: nulls, values of the wrong type and NaN stand below every number, so missing rising from 0 to 50 %
    is at least 0.5. The interval is that of a whole curve, +- 1.36 sqrt(1/n + 1/m): wide, and right for any shape.
    """
    if not window.rows or not reference.rows:
        return NOTHING
    if not isinstance(reference.grid, NumericGrid):
        return Measure(None, note="for numbers only")
    q, p = ordered(window.counts, window.special), ordered(reference.counts, reference.special)
    points = np.concatenate([np.ones(len(FIRST), np.bool_), reference.grid.atoms, [True]])
    value, error = float(ks_counts(q, p)), ks_error(q, p, points)
    reach = math.sqrt(math.log(2 / 0.05) / 2 * (1 / window.rows + 1 / reference.rows))
    return Measure(value, error=error, interval=(max(value - reach, 0.0), min(value + error + reach, 1.0)))
