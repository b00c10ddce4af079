"""Impact: how far the model's metric is expected to move because *this* column's distribution moved.

    impact = sum over bins of (q_b - p_b) r_b

q and p are the shares of the window and the reference, r_b the reference's mean per-event score in bin b (correct or
not, a loss, money), shrunk to the overall mean. A feature that moves a lot where the model does equally well
everywhere costs nothing. Mass that lies where the model was never evaluated has no r_b of its own: it is reported as
`uncovered`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from retrue.metrics.registry import Z95

PSEUDO = 20.0
"""Pseudo-counts that shrink a bin's mean to the overall mean."""
EVALUATED = 5
"""A bin with fewer labelled reference rows than this counts as never evaluated."""

BINS = 32
"""Bins that an ordered column is merged to."""

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
class Impact:
    """The expected change of a metric because one column moved.

    Args:
        value: the change, in the metric's units.
        interval: its 95 % interval.
        metric: the metric.
        better: "higher" or "lower".
        uncovered: share of the window's rows in bins where the model was never evaluated.
        uncovered_before: the same for the reference.
    """

    value: float
    interval: tuple[float, float]
    metric: str
    better: str
    uncovered: float
    uncovered_before: float

    @property
    def loss(self) -> tuple[float, float]:
        """The interval of what is lost: positive is worse, whichever way the metric counts."""
        low, high = self.interval
        return (-high, -low) if self.better == "higher" else (low, high)


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
    reach = Z95 * math.sqrt(max(variance, 0.0))
    blind = scores.n < EVALUATED
    return Impact(
        value,
        (value - reach, value + reach),
        scores.metric,
        scores.better,
        float(q[blind].sum()),
        float(p[blind].sum()),
    )


def merged(reference: Array, bins: int = BINS) -> npt.NDArray[np.intp]:
    """Say where each bin of an ordered column goes: inner bins to `bins` of equal mass, the others stay alone.

    >>> merged(np.array([0, 5, 5, 5, 5, 0, 0, 0, 0, 0, 0]), bins=2).tolist()
    [0, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8]
    """
    inner = reference[1:-6]
    middle = (np.cumsum(inner) - inner / 2) / max(float(inner.sum()), 1.0)
    places = np.concatenate([[-1], np.minimum((middle * bins).astype(np.intp), bins - 1), bins + np.arange(6)])
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
