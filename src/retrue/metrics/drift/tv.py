"""Total variation: the share of rows that would have to move."""

from __future__ import annotations

import math

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.state import Floats, added
from retrue.metrics.drift.cells import Cells
from retrue.metrics.drift.divergence import Counts, by_chance, compare, shares, variance
from retrue.metrics.measure import Z95, Measure
from retrue.metrics.registry import metric


def tv_counts(window: Counts, reference: Counts) -> Floats:
    """Total variation of counts [..., k] and counts [..., k].

    >>> round(float(tv_counts([30, 70], [50, 50])), 4)
    0.2
    """
    return np.asarray(np.abs(shares(window) - shares(reference)).sum(axis=-1) / 2)


@metric(
    "tv",
    family="drift",
    range=(0, 1),
    unit="share",
    better="lower",
    error="exact on its cells",
    source="Levin and Peres 2017, Markov Chains and Mixing Times, section 4.1; folded normal bias: Leone et al. 1961",
)
def tv(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Total variation, half the sum of |q - p| over reference deciles or categories: the share of rows that moved.

    Missing, unseen and out-of-range rows are cells of their own.
    """
    return compare(window, reference, of_cells)


def of_cells(c: Cells) -> Measure:
    """The total variation of two samples in cells."""
    q, p = shares(c.window), shares(c.reference)
    n, m = added(c.window), added(c.reference)
    value = float(np.abs(q - p).sum() / 2)
    noise = np.sqrt(q * (1 - q) / n + p * (1 - p) / m)
    sign = np.sign(q - p) / 2
    reach = Z95 * math.sqrt(variance(q, sign) / n + variance(p, sign) / m)
    level = float(noise.sum()) / math.sqrt(2 * math.pi)
    # With nothing changed each |q - p| is half a normal: its mean is noise * sqrt(2 / pi), and all of it may be noise.
    low = value - min(level, value) - reach
    return Measure(value, interval=(max(low, 0.0), min(value + reach, 1.0)), note=by_chance(value, level))
