"""Chi-square, as a statistic and as the effect size that doesn't grow with the rows."""

from __future__ import annotations

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.state import Floats
from retrue.metrics.drift.cells import Cells
from retrue.metrics.drift.divergence import Counts, Divergence, compare, ratio, total
from retrue.metrics.measure import Measure
from retrue.metrics.registry import metric


def chi2_counts(window: Counts, reference: Counts) -> Floats:
    """Pearson's chi-square of homogeneity of counts [..., k] and counts [..., k], over its degrees of freedom.

    >>> round(float(chi2_counts([30, 70], [50, 50])), 4)
    8.3333
    """
    w, r = np.asarray(window, np.float64), np.asarray(reference, np.float64)
    n, m = w.sum(axis=-1, keepdims=True), r.sum(axis=-1, keepdims=True)
    gaps = w * np.sqrt(ratio(m, n)) - r * np.sqrt(ratio(n, m))
    occupied = np.count_nonzero(w + r, axis=-1)
    return np.asarray(total(ratio(gaps**2, w + r)) / np.maximum(occupied - 1, 1))


@metric(
    "chi2",
    family="drift",
    range=(0, None),
    better="lower",
    error="exact on its cells",
    source="Pearson 1900; Cochran 1954 for what is put together",
)
def chi2(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Chi-square statistic of homogeneity per degree of freedom, over deciles or categories; about 1 by chance.

    It grows with the rows: it says how sure a change is, not how large; `cramers_v` says how large.
    """
    return compare(window, reference, of_cells)


def of_cells(c: Cells) -> Measure:
    """The chi-square per degree of freedom of two samples in cells."""
    return Measure(float(chi2_counts(c.window, c.reference)), note=f"{c.window.size - 1} degrees of freedom")


def _of(q: Floats, p: Floats) -> Floats:
    return total(ratio((q - p) ** 2, q + p)) / 2


def _slopes(q: Floats, p: Floats) -> tuple[Floats, Floats]:
    total = 2 * (q + p) ** 2
    return ratio((q - p) * (q + 3 * p), total), ratio((p - q) * (p + 3 * q), total)


def _distance(squared: Floats) -> Floats:
    return np.sqrt(np.minimum(squared, 1.0))


V = Divergence(_of, _slopes, curvature=1 / 4, distance=_distance)


def cramers_v_counts(window: Counts, reference: Counts) -> Floats:
    """Cramer's V of counts [..., k] and counts [..., k], both weighted alike.

    >>> round(float(cramers_v_counts([30, 70], [50, 50])), 4)
    0.2041
    """
    return V.counts(window, reference)


@metric(
    "cramers_v",
    family="drift",
    range=(0, 1),
    better="lower",
    error="exact on its cells",
    source="Cramer 1946, Mathematical Methods of Statistics, section 21.9",
)
def cramers_v(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Cramer's V between "which sample" and the cell, both samples weighted alike: how large a change is.

    Weighted by rows, V would shrink with the window's share of all rows; for equal sizes it is the usual V.
    """
    return V.measure(window, reference)
