"""A domain classifier: how well rows of two tables can be told apart, by which columns, and which rows stick out.

Trained on half of the rows and tried on the other, both ways, so that what it learned by heart doesn't count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from retrue.core.state import Floats, Ints
from retrue.metrics.measure import Z95

SEED = 5


@dataclass(frozen=True, eq=False)
class Apart:
    """What the classifier says of rows that it didn't learn from.

    Attributes:
        auc: how often it takes a window row for one rather than a reference row.
        interval: 95 %.
        p: how often chance alone has an AUC as high.
        lost: float64[columns], the AUC lost where one column is shuffled.
        window: float64[rows], the chance that each window row is of the window.
    """

    auc: float
    interval: tuple[float, float]
    p: float
    lost: Floats
    window: Floats


def told_apart(sides: Sequence[Floats], halves: Sequence[Ints], categorical: Sequence[bool]) -> Apart:
    """Train a classifier to tell the two sides' rows apart.

    Args:
        sides: float64[rows, d] of the window, then of the reference: coded columns, NaN where there is no value.
        halves: int64[rows] of both, 0 or 1: the half of each row.
        categorical: which of the d columns are categories.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    m, n = (len(side) for side in sides)
    rows, label, half_of = np.concatenate(sides), np.repeat([1, 0], [m, n]), np.concatenate(halves)
    rng = np.random.default_rng(SEED)
    chance, parts, lost = np.empty(len(rows)), [], np.zeros(rows.shape[1])
    with threadpool_limits(1):  # OpenMP's threads wait by spinning: on busy cores more of them take longer
        for half in (0, 1):
            held = half_of == half
            trees = HistGradientBoostingClassifier(
                max_iter=100, learning_rate=0.1, max_leaf_nodes=31, min_samples_leaf=50, early_stopping=False,
                random_state=0, categorical_features=list(categorical) if any(categorical) else None,
            ).fit(rows[~held], label[~held])  # fmt: skip
            own = rows[held]
            chance[held] = trees.predict_proba(own)[:, 1]
            parts.append(auc_parts(chance[held], label[held]))
            for column in range(rows.shape[1]):
                shuffled = own.copy()
                shuffled[:, column] = rng.permutation(shuffled[:, column])
                now = auc_parts(trees.predict_proba(shuffled)[:, 1], label[held])[0]
                lost[column] += (parts[-1][0] - now) / 2
    auc, error = (parts[0][0] + parts[1][0]) / 2, math.sqrt(parts[0][1] + parts[1][1]) / 2
    p = 1 - NormalDist().cdf((auc - 0.5) / math.sqrt((m + n + 2) / (12 * m * n)))
    ends = max(auc - Z95 * error, 0.0), min(auc + Z95 * error, 1.0)
    return Apart(auc, ends, p, lost, chance[:m])


def auc_parts(chance: Floats, label: Ints) -> tuple[float, float]:
    """The AUC and its variance (DeLong, DeLong and Clarke-Pearson 1988; by ranks as Sun and Xu 2014).

    >>> auc_parts(np.array([0.9, 0.8, 0.3, 0.1]), np.array([1, 1, 0, 0]))[0]
    1.0
    """
    ours, theirs = chance[label == 1], chance[label == 0]
    share_below, share_above = placed(ours, theirs), 1 - placed(theirs, ours)
    auc = float(share_below.mean())
    return auc, float(share_below.var(ddof=1) / ours.size + share_above.var(ddof=1) / theirs.size)


def placed(values: Floats, others: Floats) -> Floats:
    """float64[values]: the share of the others below each value, ties half."""
    ordered = np.sort(others)
    found: Floats = (ordered.searchsorted(values) + ordered.searchsorted(values, side="right")) / 2 / others.size
    return found
