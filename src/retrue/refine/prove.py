"""Prove: champion and challenger on the same rows that neither has learned from, with paired intervals.

Both models predict the same events, so their difference is far better known than either value: the variance of the
difference is taken over events, not over models.

* ROC AUC: the paired test of DeLong, DeLong and Clarke-Pearson (1988), computed by midranks (Sun and Xu 2014).
* Means over events (accuracy, Brier score, absolute error): mean and standard error of the per-event difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np

from retrue.core.state import Bools, Floats

MIN_ROWS = 50
"""Fewer rows than this prove nothing."""
Pair: TypeAlias = tuple[float, float, float]
"""Champion's value, challenger's value, standard error of their difference."""


@dataclass(frozen=True)
class Contest:
    """One metric on one set of rows.

    Attributes:
        where: the rows: "holdout", "edge cases", or a slice.
        metric: the metric.
        higher_is_better: which way it counts.
        champion: the champion's value; None where it can't be told.
        challenger: the challenger's.
        difference: challenger - champion.
        interval: of the difference, widened so that all intervals of its family hold together with 95 %.
        n: rows.
        note: why there is no value.
    """

    where: str
    metric: str
    higher_is_better: bool
    champion: float | None
    challenger: float | None
    difference: float | None
    interval: tuple[float, float] | None
    n: int
    note: str | None = None

    @property
    def gain(self) -> tuple[float, float] | None:
        """The interval of what is gained: positive is better, whichever way the metric counts."""
        if self.interval is None:
            return None
        low, high = self.interval
        return (low, high) if self.higher_is_better else (-high, -low)

    @property
    def outcome(self) -> str:
        """`better`, `worse`, `even`, or `unknown`."""
        if self.gain is None:
            return "unknown"
        return "better" if self.gain[0] > 0 else "worse" if self.gain[1] < 0 else "even"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the outcome."""
        return {**asdict(self), "outcome": self.outcome}


@dataclass(frozen=True)
class Duel:
    """The scores of both models on labelled events: float64[rows] each; the label is 0 or 1, or a number."""

    label: Floats
    champion: Floats
    challenger: Floats

    def on(self, rows: Bools) -> Duel:
        """The same on some of the rows."""
        return Duel(self.label[rows], self.champion[rows], self.challenger[rows])


def prove(duel: Duel, task: str, places: Mapping[str, Bools]) -> list[Contest]:
    """Compare both models on all rows and in each place.

    Args:
        duel: labels and scores of rows that neither model has learned from.
        task: "binary" or "regression".
        places: bool[rows] for each set of rows; the first is the whole, the others form one family of comparisons.

    Returns:
        the contests of the first place with every metric of the task, then the main metric in every other place.
    """
    metrics = METRICS[task]
    main = next(iter(metrics))
    contests: list[Contest] = []
    for i, (where, rows) in enumerate(places.items()):
        # Several places are several chances to be wrong: each interval is widened (Bonferroni).
        level = 0.95 if i == 0 else 1 - 0.05 / (len(places) - 1)
        names = list(metrics) if i == 0 else [main]
        contests.extend(contest(where, name, task, duel.on(rows), level) for name in names)
    return contests


def contest(where: str, metric: str, task: str, duel: Duel, level: float = 0.95) -> Contest:
    """Compare both models in one place by one metric, with an interval of this level."""
    compute, higher = METRICS[task][metric]
    n = int(duel.label.size)
    if n < MIN_ROWS:
        return Contest(where, metric, higher, None, None, None, None, n, f"{n} rows, needs {MIN_ROWS}")
    pair = compute(duel)
    if pair is None:
        return Contest(where, metric, higher, None, None, None, None, n, "only one class among the labels")
    champion, challenger, error = pair
    difference, reach = challenger - champion, NormalDist().inv_cdf((1 + level) / 2) * error
    return Contest(where, metric, higher, champion, challenger, difference, (difference - reach, difference + reach), n)


def paired_auc(duel: Duel) -> Pair | None:
    """ROC AUC of both models and the standard error of the difference; None with one class only.

    >>> label, old, new = np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.1, 0.2, 0.3, 0.4])
    >>> paired_auc(Duel(label, old, new))[:2]
    (0.75, 1.0)
    """
    positive = duel.label == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) < 2:
        return None
    first, second = (placements(scores, positive) for scores in (duel.champion, duel.challenger))
    up, down = second[0] - first[0], second[1] - first[1]
    error = float(np.sqrt(up.var(ddof=1) / m + down.var(ddof=1) / n))
    return float(first[0].mean()), float(second[0].mean()), error


def placements(scores: Floats, positive: Bools) -> tuple[Floats, Floats]:
    """Placement values: for each positive the share of negatives below, for each negative that of positives above."""
    up, down = scores[positive], scores[~positive]
    rank, own_up, own_down = midranks(scores), midranks(up), midranks(down)
    return (rank[positive] - own_up) / down.size, 1.0 - (rank[~positive] - own_down) / up.size


def midranks(values: Floats) -> Floats:
    """Ranks from 1, ties at their mean.

    >>> midranks(np.array([3.0, 1.0, 3.0]))
    array([2.5, 1. , 2.5])
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], np.float64)


def paired_mean(champion: Floats, challenger: Floats) -> Pair:
    """Means of two per-event values and the standard error of their difference."""
    step = challenger - champion
    return float(champion.mean()), float(challenger.mean()), float(step.std(ddof=1) / np.sqrt(step.size))


def brier(duel: Duel) -> Pair | None:
    """Mean squared error of the probability."""
    return paired_mean((duel.champion - duel.label) ** 2, (duel.challenger - duel.label) ** 2)


def accuracy(duel: Duel) -> Pair | None:
    """Share of right predictions at 0.5."""
    right = [((scores >= 0.5) == (duel.label == 1)).astype(np.float64) for scores in (duel.champion, duel.challenger)]
    return paired_mean(right[0], right[1])


def mae(duel: Duel) -> Pair | None:
    """Mean absolute error."""
    return paired_mean(np.abs(duel.champion - duel.label), np.abs(duel.challenger - duel.label))


def mse(duel: Duel) -> Pair | None:
    """Mean squared error."""
    return paired_mean((duel.champion - duel.label) ** 2, (duel.challenger - duel.label) ** 2)


METRICS: Mapping[str, Mapping[str, tuple[Callable[[Duel], Pair | None], bool]]] = {
    "binary": {"roc_auc": (paired_auc, True), "brier": (brier, False), "accuracy": (accuracy, True)},
    "regression": {"mae": (mae, False), "mse": (mse, False)},
}
"""By task: each metric with whether higher is better; the first one decides."""
