"""The outcome model: P(y = 1 | x, score) by boosted trees that start from the calibrated score and correct it.

If P(y | x) stays what it was, this is right under any covariate shift; a calibration of the score alone is right only
where P(y | score) stays. Trees start at the calibrated logits z and learn the rest from one Newton step of the
logistic loss: least squares of (y - p) / (p (1 - p)) with weights p (1 - p) (Friedman, Hastie and Tibshirani 2000,
"Additive logistic regression", section 4). Early stopping leaves them at nothing where there is nothing to learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrue.core.state import Floats, Ints
from retrue.estimate.calibrate import within

STEPS = 255
"""The most values of a column that trees are grown on: what scikit-learn cuts a column to anyway, but faster.

Given weights it looks for 254 weighted percentiles of each column of each fold, one by one: nine tenths of the time.
"""
LEAST = 500
"""Below this many reference rows there is too little to learn a correction from."""


@dataclass(frozen=True, eq=False)
class Correction:
    """For each fold the trees that were learned without it, and the columns' cuts that all of them see rows by.

    None where there was too little to learn from.
    """

    trees: tuple[Any, ...]
    cuts: tuple[Floats | None, ...] = ()

    def each(self, rows: Floats, folds: int) -> Floats:
        """float64[folds, n]: what to add to the calibrated logit."""
        if not self.trees:
            return np.zeros((folds, rows.shape[0]))
        from threadpoolctl import threadpool_limits

        steps = in_steps(rows, self.cuts)
        with threadpool_limits(1):
            return np.stack([one.predict(steps) for one in self.trees])


def learn_correction(
    rows: Floats, chance: Floats, label: Floats, folds: Ints, categorical: Sequence[bool]
) -> Correction:
    """Learn what the calibrated score misses.

    Args:
        rows: float64[n, d], coded features and scores of the reference.
        chance: float64[n], the cross-fitted calibrated score.
        label: float64[n], 0 or 1.
        folds: int64[n].
        categorical: which of the d columns are categories.
    """
    if rows.shape[0] < LEAST:
        return Correction(())
    p = within(chance)
    weight = p * (1 - p)
    residual = (label - p) / weight
    cuts = cuts_of(rows, categorical)
    steps = in_steps(rows, cuts)
    parts = [folds != k for k in range(int(folds.max()) + 1)]
    trees = tuple(grow(steps[part], residual[part], weight[part], categorical) for part in parts)
    return Correction(trees, cuts)


def cuts_of(rows: Floats, categorical: Sequence[bool]) -> tuple[Floats | None, ...]:
    """Where each column is cut into steps of about as many rows; None for categories, and where values are so few."""
    found: list[Floats | None] = []
    for column, is_category in zip(rows.T, categorical, strict=True):
        values = column[~np.isnan(column)]
        few = is_category or np.unique(values).size <= STEPS
        found.append(None if few else np.unique(np.quantile(values, np.arange(1, STEPS) / STEPS)))
    return tuple(found)


def in_steps(rows: Floats, cuts: Sequence[Floats | None]) -> Floats:
    """float64[n, d]: the step that each value lies in, columns that aren't cut as they are; missing stays missing.

    >>> in_steps(np.array([[0.5, 7.0], [2.5, 8.0], [np.nan, 9.0]]), [np.array([1.0, 2.0]), None])
    array([[ 0.,  7.],
           [ 2.,  8.],
           [nan,  9.]])
    """
    found = np.array(rows, np.float64)
    for place, edges in enumerate(cuts):
        if edges is not None:
            column = found[:, place]
            found[:, place] = np.where(np.isnan(column), np.nan, np.searchsorted(edges, column, side="right"))
    return found


def grow(rows: Floats, residual: Floats, weight: Floats, categorical: Sequence[bool]) -> Any:
    """Grow the trees of one fold, on one thread (see `importance.one_half`)."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    trees = HistGradientBoostingRegressor(
        max_iter=200,
        learning_rate=0.1,
        max_leaf_nodes=15,
        min_samples_leaf=50,
        l2_regularization=5.0,
        early_stopping=True,
        validation_fraction=0.15,
        n_iter_no_change=20,
        categorical_features=list(categorical) if any(categorical) else None,
        random_state=0,
    )
    with threadpool_limits(1):
        return trees.fit(rows, residual, sample_weight=weight)
