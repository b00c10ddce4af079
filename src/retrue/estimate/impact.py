"""Impact: how far the model's metric is expected to move because *this* column's distribution moved.

    impact = sum over bins of (q_b - p_b) r_b

q and p are the shares of the window and the reference, r_b the reference's mean per-event score in bin b (correct or
not, a loss, money), shrunk to the overall mean. A feature that moves a lot where the model does equally well
everywhere costs nothing. Mass that lies where the model was never evaluated has no r_b of its own: it is reported as
`uncovered`.

A metric g of the confusion matrix (precision, F1 ...) is no mean over events; its cells are. With r_b the shares of the
cells in bin b,

    impact = g(sum of q_b r_b) - g(sum of p_b r_b)

and the delta method gives its variance: with G_q and G_p the gradients of g at the two mixes, it is what sampling does
to the window (the variance of G_q r_b over q), to the reference (of G_p r_b over p), and to r_b (that of a multinomial,
weighed by c_b = q_b G_q - p_b G_p). A mean is the case of one cell and g the identity.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from retrue.metrics.measure import Z95

PSEUDO = 20.0
"""Pseudo-counts that shrink a bin's mean to the overall mean."""
EVALUATED = 5
"""A bin with fewer labelled reference rows than this counts as never evaluated."""

BINS = 32
"""Bins that an ordered column is merged to."""
STEP = 1e-6
"""By how much the share of a cell is moved to see how a metric moves."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class ScoredColumn:
    """A column's `retrue.core.reference.BinScores`, and what its score is.

    Args:
        sums: sum of the score in each bin, [bins].
        n: labelled rows in each bin, [bins].
        squares: sum of the squared score in each bin; left out, the score is 0 or 1 and its own square.
        metric: what the mean of the score is called.
        better: "higher" or "lower".
        ordered: whether neighbouring bins may be merged, to about 32: narrow bins hold few and clustered rows. The
            first bin is then what lies below the reference, and the last six what lies above and the five specials.
    """

    sums: Array
    n: Array
    squares: Array | None = None
    metric: str = "accuracy"
    better: str = "higher"
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class CellColumn:
    """A column's counts of label and prediction by bin, and the metric that is a function of them.

    Args:
        cells: events in each bin and cell of the confusion matrix, [bins, k].
        of: the metric of the shares of the k cells; None where it is undefined.
        metric: what it is called.
        better: "higher" or "lower".
        ordered: as in `ScoredColumn`.
    """

    cells: Array
    of: Callable[[Array], float | None]
    metric: str
    better: str = "higher"
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Impact:
    """The expected change of a metric because one column moved.

    Args:
        value: the change, in the metric's units.
        interval: its 95 % interval.
        metric: the metric.
        better: "higher" or "lower".
        uncovered: share of the window's rows in bins where the model was never evaluated.
        uncovered_before: the same for the reference.
        before: the metric of the reference, from the same bins; None where nobody told it.
    """

    value: float
    interval: tuple[float, float]
    metric: str
    better: str
    uncovered: float
    uncovered_before: float
    before: float | None = None

    @property
    def loss(self) -> tuple[float, float]:
        """The interval of what is lost: positive is worse, whichever way the metric counts."""
        low, high = self.interval
        return (-high, -low) if self.better == "higher" else (low, high)

    def rooted(self) -> Impact | None:
        """The impact in the root of the metric, such as RMSE for the mean squared error, by the delta method.

        >>> Impact(7.0, (6.0, 8.0), "rmse", "lower", 0.0, 0.0, before=9.0).rooted().value
        1.0
        """
        if self.before is None or self.before <= 0 or self.before + self.value <= 0:
            return None
        root = math.sqrt(self.before + self.value)
        value, reach = root - math.sqrt(self.before), (self.interval[1] - self.interval[0]) / (4 * root)
        return replace(self, value=value, interval=(value - reach, value + reach), before=math.sqrt(self.before))


def impact(window: Array, reference: Array, scores: ScoredColumn) -> Impact | None:
    """Estimate the impact of one column.

    Args:
        window: the window's counts on the same bins as `scores`, [bins], those for null and the like included.
        reference: the reference's counts.
        scores: the reference's score by bin.

    Returns:
        None where the window, the reference or the scores are empty.

    >>> scores = ScoredColumn(sums=np.array([900.0, 500.0]), n=np.array([1000, 1000]))
    >>> found = impact(np.array([200, 800]), np.array([1000, 1000]), scores)
    >>> round(found.value, 3), found.uncovered  # 30 % of rows moved from 0.9 to 0.5
    (-0.118, 0.0)
    """
    if scores.ordered:
        places = merged(reference)
        window, reference, scores = _merge(window, places), _merge(reference, places), _merge_scores(scores, places)
    n, m, labelled = float(window.sum()), float(reference.sum()), float(scores.n.sum())
    if min(n, m, labelled) <= 0:
        return None
    q, p = window / n, reference / m
    mean, noise = _shrunk(scores, labelled)
    value = float(((q - p) * mean).sum())
    variance = _variance(q, mean) / n + _variance(p, mean) / m + float(((q - p) ** 2 * noise).sum())
    before = float((p * mean).sum())
    return _impact(value, variance, scores.metric, scores.better, (q, p), scores.n, before)


def impact_of_cells(window: Array, reference: Array, scores: CellColumn) -> Impact | None:
    """Estimate the impact of one column in a metric of the confusion matrix.

    Args:
        window: the window's counts on the same bins as `scores`, [bins], those for null and the like included.
        reference: the reference's counts.
        scores: the reference's confusion matrix by bin.

    Returns:
        None where the window, the reference or the cells are empty, or the metric is undefined on either side.

    >>> def precision(cells):  # tn, fp, fn, tp
    ...     return cells[3] / (cells[1] + cells[3])
    >>> scores = CellColumn(np.array([[500, 100, 0, 400], [500, 250, 0, 250]]), precision, "precision")
    >>> found = impact_of_cells(np.array([0, 1000]), np.array([500, 500]), scores)
    >>> round(found.before, 2), round(found.value, 2)  # 0.65 of 1 before; 0.25 of 0.5 is right in the second bin
    (0.65, -0.15)
    """
    cells = scores.cells
    if scores.ordered:
        places = merged(reference)
        window, reference = _merge(window, places), _merge(reference, places)
        cells = np.stack([_merge(column, places) for column in cells.T], axis=1)
    n, m, labelled = float(window.sum()), float(reference.sum()), cells.sum(axis=1)
    if min(n, m, float(labelled.sum())) <= 0:
        return None
    q, p, weight = window / n, reference / m, labelled + PSEUDO
    share = (cells + PSEUDO * cells.sum(axis=0) / labelled.sum()) / weight[:, None]
    after, before = scores.of(q @ share), scores.of(p @ share)
    if after is None or before is None:
        return None
    slope_q, slope_p = _gradient(scores.of, q @ share, after), _gradient(scores.of, p @ share, before)
    lean = q[:, None] * slope_q - p[:, None] * slope_p
    noise = ((lean**2 * share).sum(axis=1) - (lean * share).sum(axis=1) ** 2) / weight
    variance = _variance(q, share @ slope_q) / n + _variance(p, share @ slope_p) / m + float(noise.sum())
    return _impact(float(after - before), variance, scores.metric, scores.better, (q, p), labelled, float(before))


def _impact(
    value: float, variance: float, metric: str, better: str, shares: tuple[Array, Array], labelled: Array, before: float
) -> Impact:
    """Put the interval and the share of rows where nothing was evaluated beside the value."""
    reach, blind = Z95 * math.sqrt(max(variance, 0.0)), labelled < EVALUATED
    after, base = (float(share[blind].sum()) for share in shares)
    return Impact(value, (value - reach, value + reach), metric, better, after, base, before)


def _gradient(of: Callable[[Array], float | None], share: Array, value: float) -> Array:
    """How a metric moves with the share of each cell, by forward differences; 0 where it would be undefined."""
    slope = np.zeros(share.size)
    for cell in range(share.size):
        moved = share.copy()
        moved[cell] += STEP
        there = of(moved)
        slope[cell] = 0.0 if there is None else (there - value) / STEP
    return slope


def merged(reference: Array, bins: int = BINS) -> npt.NDArray[np.intp]:
    """Say where each bin of an ordered column goes: inner bins to `bins` of equal mass, the others stay alone.

    On a grid that was learned from more than this reference its ends may be empty: they count as below and above.

    >>> merged(np.array([0, 5, 5, 5, 5, 0, 0, 0, 0, 0, 0]), bins=2).tolist()
    [0, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8]
    >>> merged(np.array([0, 0, 5, 5, 5, 5, 0, 0, 0, 0, 0, 0, 0]), bins=2).tolist()
    [0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8]
    """
    inner = reference[1:-6]
    middle = (np.cumsum(inner) - inner / 2) / max(float(inner.sum()), 1.0)
    inside = np.minimum((middle * bins).astype(np.intp), bins - 1)
    held = np.flatnonzero(inner)
    if held.size:
        inside[: held[0]], inside[held[-1] + 1 :] = -1, bins
    places = np.concatenate([[-1], inside, bins + np.arange(6)])
    return np.unique(places, return_inverse=True)[1].astype(np.intp)


def _merge(values: Array, places: npt.NDArray[np.intp]) -> Array:
    return np.bincount(places, values)


def _merge_scores(scores: ScoredColumn, places: npt.NDArray[np.intp]) -> ScoredColumn:
    squares = None if scores.squares is None else _merge(scores.squares, places)
    sums, n = _merge(scores.sums, places), _merge(scores.n, places)
    return replace(scores, sums=sums, n=n, squares=squares, ordered=False)


def _shrunk(scores: ScoredColumn, labelled: float) -> tuple[Array, Array]:
    """Give each bin's mean, shrunk to the overall mean, and the variance of that mean."""
    squares = scores.sums if scores.squares is None else scores.squares
    overall = float(scores.sums.sum()) / labelled
    spread = max(float(squares.sum()) / labelled - overall**2, 0.0)
    weight = scores.n + PSEUDO
    mean = (scores.sums + PSEUDO * overall) / weight
    within = np.clip((squares + PSEUDO * (spread + overall**2)) / weight - mean**2, 0.0, None)
    return mean, within / weight


def _variance(share: Array, mean: Array) -> float:
    return max(0.0, float((share * mean**2).sum() - (share * mean).sum() ** 2))
