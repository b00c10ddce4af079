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

LEAST = 500
"""Below this many reference rows there is too little to learn a correction from."""


@dataclass(frozen=True, eq=False)
class Correction:
    """For each fold the trees that were learned without it; none where there was too little to learn from."""

    trees: tuple[Any, ...]

    def each(self, rows: Floats, folds: int) -> Floats:
        """float64[folds, n]: what to add to the calibrated logit."""
        if not self.trees:
            return np.zeros((folds, rows.shape[0]))
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            return np.stack([one.predict(rows) for one in self.trees])


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
    parts = [folds != k for k in range(int(folds.max()) + 1)]
    return Correction(tuple(grow(rows[part], residual[part], weight[part], categorical) for part in parts))


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
