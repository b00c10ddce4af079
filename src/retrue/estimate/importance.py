"""Importance: how much each row of the reference tells about the window, from a classifier that tells them apart.

With q(x) the chance that a row x is of the window rather than of the reference (m and n rows),

    w(x) = p_window(x) / p_reference(x) = n / m  q / (1 - q)

(Sugiyama, Suzuki and Kanamori 2012, "Density Ratio Estimation in Machine Learning", section 4.1). The classifier reads
features only: a score is a function of them, and would add noise but nothing to tell. It is cross-fitted, so that no
row is judged by trees that learned it. Where rows have a time, whole blocks of it are left out together: rows of one
hour share its weather, prices and outages, and trees that learned some of them would know the others by that alone
(Roberts et al. 2017, "Cross-validation strategies for data with temporal, spatial ... structure").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrue.core.state import Bools, Floats, Ints

SEED = 20_121
TRAINED = 40_000
"""The most reference rows that the classifier learns from; it judges all of them."""
BLOCKS = 6
"""So many blocks of time make the two halves, by turns."""
CAP = 0.95
"""The greatest chance that counts: no reference row weighs more than 19 n / m."""
LEAST = 1e-3
"""The least weight."""
NEIGHBOURS = 20
"""A row has no neighbours if all but this many reference rows (at most one in 1,000) look less like the window ..."""
DENSER = 10.0
"""... and the window is so many times denser there."""


@dataclass(frozen=True, eq=False)
class Domain:
    """What the classifier says.

    Attributes:
        reference: float64[n], the chance that each reference row is of the window.
        window: float64[m], the same of the window's rows.
    """

    reference: Floats
    window: Floats

    @property
    def weights(self) -> Floats:
        """float64[n]: the density ratio at each reference row."""
        return self.ratio(self.reference)

    def ratio(self, chance: Floats) -> Floats:
        """The density ratio at rows that are of the window with this chance."""
        n, m = self.reference.size, self.window.size
        return np.maximum(n / m * chance / np.maximum(1 - CAP, 1 - chance), LEAST)

    @property
    def evidence(self) -> Floats:
        """float64[n]: the weights scaled to what they are worth: their sum is Kish's effective number of rows."""
        w = self.weights
        found: Floats = w * w.sum() / (w * w).sum()
        return found

    @property
    def effective(self) -> float:
        """Kish's effective number of reference rows."""
        return float(self.evidence.sum())

    @property
    def alone(self) -> Bools:
        """bool[m]: rows in the window's denser parts that look unlike all but a few reference rows."""
        n, m = self.reference.size, self.window.size
        few = max(min(NEIGHBOURS, n // 1_000), 1)
        limit = np.partition(self.reference, n - few)[n - few]
        ratio = n / m * self.window / np.maximum(1 - self.window, 1e-9)
        return np.asarray((self.window > limit) & (ratio > DENSER))


def tell_apart(
    reference: Floats, window: Floats, categorical: Sequence[bool], times: tuple[Floats, Floats] | None = None
) -> Domain:
    """Train the classifier on half of the rows, judge the other half, and the other way round.

    Args:
        reference: float64[n, d], coded features.
        window: float64[m, d].
        categorical: which of the d columns are categories.
        times: float64[n] and float64[m], when these rows were: halves are then blocks of time, else drawn at random.
    """
    n, m = reference.shape[0], window.shape[0]
    if reference.shape[1] == 0:
        return Domain(np.full(n, m / (n + m)), np.full(m, m / (n + m)))
    rng = np.random.default_rng(SEED)
    drawn = rng.permutation(n + m) % 2
    halves = drawn if times is None else np.concatenate([by_blocks(side) for side in times])
    kept = np.ones(n + m, np.bool_)
    kept[:n] = rng.permutation(n) < TRAINED
    rows, label = np.concatenate([reference, window]), np.repeat([0, 1], [n, m])
    chance = np.empty(n + m)
    for half in (0, 1):
        learned = kept & (halves != half)
        chance[halves == half] = one_half(rows[learned], label[learned], rows[halves == half], categorical)
    # What was left out of the training makes the window look larger than it is.
    odds = chance / np.maximum(1 - chance, 1e-9) * min(1.0, TRAINED / n)
    chance = odds / (1 + odds)
    return Domain(chance[:n], chance[n:])


def by_blocks(times: Floats) -> Ints:
    """int64[n]: which half each row is in: blocks of as many rows, in order of time, by turns.

    >>> by_blocks(np.array([12.0, 1.0, 8.0, 2.0, 4.0, 6.0]))
    array([1, 0, 0, 1, 0, 1])
    """
    places = np.empty(times.size, np.int64)
    places[np.argsort(times, kind="stable")] = np.arange(times.size)
    halves: Ints = places * BLOCKS // times.size % 2
    return halves


def one_half(rows: Floats, label: Floats, others: Floats, categorical: Sequence[bool]) -> Floats:
    """The chance of being of the window, for rows that the trees didn't learn from."""
    if label.min() == label.max():
        return np.full(others.shape[0], float(label[0]))
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # OpenMP's threads wait by spinning: on busy cores more of them take longer
        trees = HistGradientBoostingClassifier(
            max_iter=60,
            learning_rate=0.15,
            max_leaf_nodes=31,
            early_stopping=False,
            categorical_features=list(categorical) if any(categorical) else None,
            random_state=0,
        )
        found: Floats = trees.fit(rows, label).predict_proba(others)[:, 1]
    return found
