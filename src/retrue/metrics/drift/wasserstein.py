"""Wasserstein distance, from counts and bin sums.

W = integral of |F - G|. Inside a bin [a, b) the integral of F - G follows exactly from counts and sums,

    integral of F over [a, b) = F(a) (b - a) + (count * b - sum) / n,

so a bin is exact unless F and G cross inside it, and the sum over bins of |integral| is never too large: it is what the
best test function with a slope of +-1 in each bin gives (Kantorovich and Rubinstein 1958). Below the first cut and
above the last the same holds with the sums alone, so values out of range count with their true distance, however far
they lie.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.core.state import Bools, Floats
from retrue.metrics.drift.divergence import Counts, shares
from retrue.metrics.measure import NOTHING, Measure
from retrue.metrics.registry import NUMBERS, metric
from retrue.schema import Kind

HEAVY = 0.05
"""An error above this share of the value is worth a word, if it is more than `SMALL` standard deviations."""
SMALL = 0.01
WIDE = "a lower bound: heavy tails, or values between the usual ones, make wide bins"


class Gap(NamedTuple):
    """A Wasserstein distance in the column's unit: at least `low`, at most `high`, [...]."""

    low: Floats
    high: Floats


def wasserstein_counts(
    cuts: Floats, window: Counts, window_sums: Floats, reference: Counts, reference_sums: Floats
) -> Floats:
    """Wasserstein distance (a lower bound, in the column's unit) of values on `cuts`.

    Args:
        cuts: float64[m], m >= 1.
        window: counts [..., m + 1].
        window_sums: the sum of the values in each bin, [..., m + 1].
        reference: as the window.
        reference_sums: as the window's.

    >>> float(wasserstein_counts(np.array([0.0]), [0, 2], np.array([0.0, 6.0]), [1, 0], np.array([-1.0, 0.0])))
    4.0
    """
    return np.asarray(np.abs(_integrals(cuts, window, window_sums, reference, reference_sums)).sum(axis=-1))


def _integrals(cuts: Floats, window: Counts, window_sums: Floats, reference: Counts, reference_sums: Floats) -> Floats:
    """Integral of G - F over each bin, [..., m + 1]."""
    width = np.concatenate([[0.0], np.diff(cuts), [0.0]])
    # The outer bins end where the grid ends: the integral of 1 - F above the last cut is the mean excess over it.
    end = np.append(cuts, cuts[-1])
    parts = []
    for rows, sums in ((window, window_sums), (reference, reference_sums)):
        counts = np.asarray(rows, np.float64)
        total = np.maximum(counts.sum(axis=-1, keepdims=True), 1e-300)
        before = (np.cumsum(counts, axis=-1) - counts) / total
        parts.append(before * width + (counts * end - sums) / total)
    return np.asarray(parts[1] - parts[0])


def wasserstein_gap(window: ColumnProfile, reference: ColumnProfile, grid: NumericGrid) -> Gap:
    """Both bounds for two profiles with values: exact, but for bins where F and G may cross."""
    cuts, q, p = grid.cuts, shares(window.counts), shares(reference.counts)
    area = np.abs(_integrals(cuts, window.counts, window.sums, reference.counts, reference.sums))
    f, g = np.cumsum(q), np.cumsum(p)
    low = min(window.moments.min, reference.moments.min, float(cuts[0]))
    high = max(window.moments.max, reference.moments.max, float(cuts[-1]))
    edges = np.concatenate([[low], cuts, [high]])
    crossing = crossings(f - q, f, g - p, g) & ~grid.atoms
    bent = _bend(edges, window.counts, window.sums) + _bend(edges, reference.counts, reference.sums)
    most = np.maximum(f - g + p, g - f + q) * np.diff(edges)
    return Gap(np.asarray(area.sum()), np.asarray(np.where(crossing, np.clip(area + bent, area, most), area).sum()))


def _bend(edges: Floats, counts: Counts, sums: Floats) -> Floats:
    """[bins]: at most the integral of |F - its mean| over each bin [edges[i], edges[i + 1]).

    A curve that rises by a share s over a width w, with the mean of its values a part t of the way, is furthest from
    its own mean height when it rises in two steps, at the ends: 2 s w t (1 - t).
    """
    counts, width = np.asarray(counts, np.float64), np.diff(edges)
    filled = (counts > 0) & (width > 0)
    reach = np.where(filled, width * counts, 1.0)
    part = np.where(filled, np.clip((sums - counts * edges[:-1]) / reach, 0.0, 1.0), 0.0)
    return np.asarray(2 * shares(counts) * width * part * (1 - part))


def crossings(f_before: Floats, f_after: Floats, g_before: Floats, g_after: Floats) -> Bools:
    """bool[bins]: where one curve is not above the other throughout the bin."""
    tiny = 1e-12
    return np.asarray((f_before < g_after - tiny) & (g_before < f_after - tiny))


@metric(
    "wasserstein",
    family="drift",
    kinds=(*NUMBERS, Kind.CONSTANT),
    range=(0, None),
    unit="sd",
    better="lower",
    error="a lower bound; within 0.1 % for shifts above 0.1 sd on light tails, the bound is given with each value",
    source="Kantorovich and Rubinstein 1958; Vallender 1974 for the integral of |F - G|",
)
def wasserstein(window: ColumnProfile, reference: ColumnProfile) -> Measure:
    """Wasserstein distance of the values, in standard deviations of the reference: how far rows moved on average.

    Only finite values have a place, so only they count: nulls and infinities are told by `missing`, `infinite` and
    `ks`. Values out of range count with their true distance. Heavy tails make bins wide: the value is a lower bound
    then, and says so.
    """
    if not window.n or not reference.n:
        return NOTHING
    grid = reference.grid
    if not isinstance(grid, NumericGrid) or grid.cuts.size == 0:
        return Measure(
            None, note="the reference has no numbers" if isinstance(grid, NumericGrid) else "for numbers only"
        )
    if not (window.sums.size and reference.sums.size):
        return Measure(None, note="only counts are kept of one side")
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = (float(bound) for bound in wasserstein_gap(window, reference, grid))
    return _in_deviations(low, high, reference.moments.std or 0.0, window, reference)


def _in_deviations(low: float, high: float, std: float, window: ColumnProfile, reference: ColumnProfile) -> Measure:
    if std == 0.0:
        same = window.moments.min == window.moments.max == reference.moments.min
        return Measure(0.0) if same else Measure(None, note=f"the reference is constant; values moved by {low:.3g}")
    if not np.isfinite([low, std]).all():
        return Measure(None, note="values too large for sums")
    value, error = low / std, max(high - low, 0.0) / std
    return Measure(value, error=error, note=WIDE if error > max(HEAVY * value, SMALL) else None)
