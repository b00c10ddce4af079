"""Conformal ranges: for each prediction a range that holds the label as often as asked, and what a window does to it.

    reference: |prediction - label| / E|error|, cross-fitted ──quantile q──> prediction -+ q E|error| in the window

The reference's errors are measured in what was expected of each row, so that ranges are wide where errors are
(Lei, G'Sell, Rinaldo, Tibshirani and Wasserman 2018, "Distribution-free predictive inference for regression", section
5.2). Rows exchangeable with the reference's are covered at the level, whatever the model. Where the inputs moved, the
reference's rows count by the density ratio (Tibshirani, Barber, Candès and Ramdas 2019, "Conformal prediction under
covariate shift", section 2.2). Expected errors are learned on folds, as the reference's own are, and averaged: the
guarantee is near, not exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from retrue.core.outcome_grid import score_rows
from retrue.core.state import Floats
from retrue.errors import MetricError
from retrue.estimate.caution import ROWS
from retrue.estimate.dle import LearnedLosses, Regressor
from retrue.estimate.importance import tell_apart
from retrue.estimate.loss_cells import MAE
from retrue.metrics import Measure
from retrue.metrics.performance.basis import counted
from retrue.metrics.performance.intervals import wilson
from retrue.tables import read

LEVEL = 0.9
TINY = 1e-3
"""No error is expected to be less than this part of the mean one."""


@dataclass(frozen=True, eq=False)
class Ranges:
    """A range for each row of a window.

    Attributes:
        low, high: float64[n]; NaN where there is no prediction, infinite where the reference can't tell a bound.
        level: how often they hold the label.
    """

    low: Floats
    high: Floats
    level: float

    @property
    def width(self) -> Measure:
        """The mean width: an indicator of how sure the model can be in this window."""
        widths = (self.high - self.low)[~np.isnan(self.low)]
        if not widths.size:
            return Measure(None, note="no row has a prediction")
        if np.isinf(widths).any():
            return Measure(None, note=f"{counted(int(np.isinf(widths).sum()), 'row')} without a bound")
        return Measure(float(widths.mean()))

    def coverage(self, label: Floats) -> Measure:
        """The share of known labels (float64[n], NaN where unknown) that lie in their range."""
        known = ~(np.isnan(label) | np.isnan(self.low))
        hits, n = float(((self.low <= label) & (label <= self.high))[known].sum()), int(known.sum())
        return (
            Measure(hits / n, interval=wilson(hits, n)) if n else Measure(None, note="no row has a label and a range")
        )


def ranges(estimator: Regressor, window: Any, level: float = LEVEL, *, weighted: bool = False) -> Ranges:
    """A range for each prediction of a window.

    Args:
        estimator: learned on the reference by `retrue.estimate.fitting.fit`.
        window: its rows: a frame, path or URL.
        level: how often a range is to hold the label, between 0 and 1.
        weighted: count reference rows by how much they look like the window; takes about a second more.

    Raises:
        TableError: the window can't be read.
        MetricError: a level that isn't between 0 and 1.
    """
    check(level)
    learned, frame = estimator.learned, read(window).collect()
    prediction, codes = score_rows(frame, learned.grid.prediction), learned.features.codes(frame)
    usable = np.flatnonzero(np.isfinite(prediction))
    low, high = np.full(frame.height, np.nan), np.full(frame.height, np.nan)
    if not usable.size:
        return Ranges(low, high, level)
    weights, own = np.ones(learned.codes.shape[0]), np.ones(usable.size)
    if weighted:
        domain = tell_apart(learned.codes, codes[usable], learned.features.categorical)
        weights, own = domain.weights, domain.ratio(domain.window)
    expected = learned.believe(codes[usable]).chance[:, MAE]
    reach = quantiles(scores(learned), level, weights, own) * scale(learned, expected)
    low[usable], high[usable] = prediction[usable] - reach, prediction[usable] + reach
    return Ranges(low, high, level)


def expected_coverage(estimator: Regressor, window: Any, level: float = LEVEL) -> Measure:
    """How often unweighted ranges are expected to hold the labels of this window: `level`, unless inputs moved.

    Raises:
        TableError: the window can't be read.
        MetricError: a level that isn't between 0 and 1.
    """
    check(level)
    learned, frame = estimator.learned, read(window).collect()
    codes = learned.features.codes(frame)[np.isfinite(score_rows(frame, learned.grid.prediction))]
    if codes.shape[0] < ROWS:
        return Measure(None, note=f"{counted(codes.shape[0], 'row')} with a prediction, needs {ROWS}")
    found = scores(learned)
    held = found <= quantiles(found, level, np.ones(found.size), np.ones(1))
    domain = tell_apart(learned.codes, codes, learned.features.categorical)
    share = float(domain.weights[held].sum() / domain.weights.sum())
    return Measure(share, reference=level, interval=wilson(share * domain.effective, domain.effective))


def check(level: float) -> None:
    """Raise MetricError unless the level lies between 0 and 1."""
    if not 0 < level < 1:
        raise MetricError(f"a level of {level:g}", where="conformal ranges", expected="between 0 and 1, such as 0.9")


def scale(learned: LearnedLosses, expected: Floats) -> Floats:
    """Expected absolute errors, kept off 0."""
    least = TINY * float(learned.own[:, MAE].mean())
    return np.maximum(expected, least)


def scores(learned: LearnedLosses) -> Floats:
    """float64[n]: the reference's absolute errors in what was expected of them; 0 where a model makes none."""
    size, of = learned.losses[:, MAE], scale(learned, learned.own[:, MAE])
    found: Floats = np.divide(size, of, out=np.zeros_like(size), where=of > 0)
    return found


def quantiles(scores: Floats, level: float, weights: Floats, own: Floats) -> Floats:
    """float64[m]: for each new row the least score that holds it at the level; infinite where none does.

    A new row of weight w has score s or less with probability level if the weights of the reference's scores up to s
    are at least level (sum of weights + w).

    Args:
        scores: float64[n], of the reference.
        level: between 0 and 1.
        weights: float64[n], of the reference's rows.
        own: float64[m], of the new rows.

    >>> quantiles(np.array([3.0, 1.0, 2.0]), 0.5, np.ones(3), np.array([1.0, 9.0])).tolist()
    [2.0, inf]
    """
    order = np.argsort(scores)
    below = np.cumsum(weights[order])
    # Sums of weights are exact to rounding only: without slack, nine of ten ones would not be nine tenths.
    place = np.searchsorted(below, level * (below[-1] + own) * (1 - 1e-12), side="left")
    found: Floats = np.append(scores[order], np.inf)[place]
    return found
