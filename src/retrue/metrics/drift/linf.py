"""The largest change of one share."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.state import Floats
from retrue.metrics.drift.cells import Cells
from retrue.metrics.drift.divergence import Counts, compare, shares
from retrue.metrics.measure import Measure
from retrue.metrics.registry import metric


def linf_counts(window: Counts, reference: Counts) -> Floats:
    """Largest change of a share from counts [..., k] to counts [..., k].

    >>> round(float(linf_counts([30, 70], [50, 50])), 4)
    0.2
    """
    return np.asarray(np.abs(shares(window) - shares(reference)).max(axis=-1))


@metric(
    "linf",
    family="drift",
    range=(0, 1),
    unit="share",
    better="lower",
    error="exact on its cells",
    source="Chebyshev distance; interval by Bonferroni",
)
def linf(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Largest change of a share over reference deciles or categories.

    It is easy to explain ("JFK fell from 38 % to 21 %") and blind to many small moves; `tv` adds them up.
    """
    return compare(window, reference, of_cells)


def of_cells(c: Cells) -> Measure:
    """The largest change of two samples in cells."""
    q, p = shares(c.window), shares(c.reference)
    value = float(np.abs(q - p).max())
    noise = np.sqrt(q * (1 - q) / c.window.sum() + p * (1 - p) / c.reference.sum())
    # The largest of k differences is off by at most the largest error: 95 % for all k together.
    reach = NormalDist().inv_cdf(1 - 0.025 / max(q.size, 1)) * float(noise.max(initial=0.0))
    return Measure(value, interval=(max(value - reach, 0.0), min(value + reach, 1.0)) if math.isfinite(reach) else None)
