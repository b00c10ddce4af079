"""The loss model: the expected loss of a row, learned from features and prediction, and never read in-sample.

    reference rows ──5 folds──> boosted trees without each fold ──mean──> E[loss | x] of a window's rows
                                        └── the fold itself: the reference's own, cross-fitted

Losses are at least 0 and their spread grows with their mean, so trees grow on the Poisson deviance (a log link: no
expected loss is negative, and a few huge ones don't drown the rest); the signed error has both signs and gets squared
error. Where there is too little to learn, every row has the mean loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrue.core.state import Floats, Ints

LEAST = 500
"""Below this many reference rows there is too little to learn from."""
LEARNED = 30_000
"""The most reference rows that are learned from: more take longer, and told no more in trials."""


def one_thread() -> AbstractContextManager[Any]:
    """Keep trees to one thread: OpenMP's threads wait by spinning, and on busy cores more of them take longer."""
    import sklearn.ensemble  # noqa: F401 - what it loads must be there to be limited
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


@dataclass(frozen=True, eq=False)
class LossModel:
    """E[loss | x], with what the folds of the reference disagree on.

    Attributes:
        means: float64[folds], the mean loss without each fold.
        trees: those that were learned without each fold; none where there was too little to learn from.
        unit, shift: from what trees say to the loss; such that the reference's own losses have the right mean.
    """

    means: Floats
    trees: tuple[Any, ...] = ()
    unit: float = 1.0
    shift: float = 0.0

    def each(self, rows: Floats) -> Floats:
        """float64[folds, n]: the expected loss of coded rows (float64[n, d]) by the model without each fold.

        Call it within `one_thread()`.
        """
        if not self.trees:
            return np.repeat(self.means[:, None], rows.shape[0], axis=1)
        return np.stack([self.unit * one.predict(rows) + self.shift for one in self.trees])


def learn_loss(rows: Floats, loss: Floats, folds: Ints, categorical: Sequence[bool]) -> tuple[LossModel, Floats]:
    """Learn one loss of the reference's rows; call it within `one_thread()`.

    Args:
        rows: float64[n, d], coded features and predictions.
        loss: float64[n], finite.
        folds: int64[n], 0 to k - 1, none of them empty.
        categorical: which of the d columns are categories.

    Returns:
        The model, and float64[n], the reference's own expected loss, cross-fitted.
    """
    parts = [folds != k for k in range(int(folds.max()) + 1)]
    means = np.array([loss[part].mean() for part in parts])
    unit = float(loss.mean()) if loss.min() >= 0 else float(loss.std())
    if rows.shape[0] < LEAST or np.ptp(loss) == 0 or not unit > 0:
        return LossModel(means), means[folds]
    kind = "poisson" if loss.min() >= 0 else "squared_error"
    trees = tuple(grow(rows[part], loss[part] / unit, kind, categorical) for part in parts)
    raw = LossModel(means, trees, unit)
    own = np.empty_like(loss)
    for k, part in enumerate(parts):
        own[~part] = trees[k].predict(rows[~part]) * unit
    if kind == "poisson":
        right = float(loss.mean() / own.mean())
        return LossModel(means, trees, raw.unit * right), own * right
    shift = float(loss.mean() - own.mean())
    return LossModel(means, trees, raw.unit, shift), own + shift


def grow(rows: Floats, loss: Floats, kind: str, categorical: Sequence[bool]) -> Any:
    """Grow the trees of one fold."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    trees = HistGradientBoostingRegressor(
        loss=kind,
        max_iter=100,
        learning_rate=0.2,
        max_leaf_nodes=15,
        min_samples_leaf=50,
        l2_regularization=5.0,
        early_stopping=True,
        validation_fraction=0.15,
        n_iter_no_change=6,
        categorical_features=list(categorical) if any(categorical) else None,
        random_state=0,
    )
    return trees.fit(rows, loss)
