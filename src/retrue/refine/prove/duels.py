"""Two models on the same labelled events, and the metrics that tell them apart.

Both predict the same events, so their difference is far better known than either value: the variance of the
difference is taken over events, not over models.

* ROC AUC: the paired test of DeLong, DeLong and Clarke-Pearson (1988), computed by midranks (Sun and Xu 2014). Of
  several classes: the mean of each against the rest; what one event adds to the areas of all classes is summed before
  the variance is taken, for the areas share their events.
* Means over events (accuracy, Brier score, log loss, absolute error): mean and standard error of the difference.
* What has no closed form (average precision, macro F1, median absolute error): both models on the same resampled
  events, m out of n where there are many (Bickel, Götze and van Zwet 1997), with a fixed seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from retrue.core.losses import own_loss
from retrue.core.state import Bools, Floats, Ints

Pair: TypeAlias = tuple[float, float, float]
"""Champion's value, challenger's value, standard error of their difference."""
Role: TypeAlias = Literal["decides", "guards", "told"]
"""What a metric is for: the one that decides, those that may not be lost by it, and those that are only told."""
DRAWS = 120
"""Resamples of a bootstrap: they know a standard error within 6.5 %."""
MOST = 4_000
"""Events in a resample at most."""
SURE = 1e-15
"""A probability counts as at least so much in a log loss, as in scikit-learn."""


@dataclass(frozen=True)
class Duel:
    """The scores of both models on labelled events.

    Attributes:
        label: float64[rows]: 0 or 1, the place of the class among the classes, or a number.
        champion: float64[rows], or float64[rows, classes].
        challenger: the same.
    """

    label: Floats
    champion: Floats
    challenger: Floats

    def on(self, rows: Bools | Ints) -> Duel:
        """The same on some of the rows, or on rows by their places."""
        return Duel(self.label[rows], self.champion[rows], self.challenger[rows])

    @property
    def known(self) -> Bools:
        """bool[rows]: where the label and what both models said are known."""
        return np.isfinite(self.label) & said(self.champion) & said(self.challenger)


def said(scores: Floats) -> Bools:
    """bool[rows]: where a model said something."""
    columns = scores[:, None] if scores.ndim == 1 else scores
    return np.asarray(np.isfinite(columns).all(axis=1), np.bool_)


def paired_auc(duel: Duel) -> Pair | None:
    """ROC AUC of both models and the standard error of the difference; None with one class only.

    >>> label, old, new = np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.1, 0.2, 0.3, 0.4])
    >>> paired_auc(Duel(label, old, new))[:2]
    (0.75, 1.0)
    """
    return paired_areas([(duel.label == 1, duel.champion, duel.challenger)])


def paired_auc_macro(duel: Duel) -> Pair | None:
    """Mean over the classes that occur of the ROC AUC of each against the rest."""
    classes = range(duel.champion.shape[1])
    return paired_areas([(duel.label == c, duel.champion[:, c], duel.challenger[:, c]) for c in classes])


def paired_areas(contests: list[tuple[Bools, Floats, Floats]]) -> Pair | None:
    """Mean areas of both models over several questions about the same events; those of one answer are left out."""
    asked = [one for one in contests if 2 <= one[0].sum() <= one[0].size - 2]
    if not asked:
        return None
    pairs = [(area(first, positive), area(second, positive)) for positive, first, second in asked]
    champion, challenger = (float(np.mean([pair[side][0] for pair in pairs])) for side in (0, 1))
    adds = sum(second[1] - first[1] for first, second in pairs) / len(pairs)
    return champion, challenger, float(np.sqrt(np.sum(np.square(adds))))


def area(scores: Floats, positive: Bools) -> tuple[float, Floats]:
    """The area under the ROC curve, and what each event adds to its error: the squares sum to DeLong's variance."""
    up, down = placements(scores, positive)
    value, adds = float(up.mean()), np.empty(scores.size)
    adds[positive] = (up - value) / np.sqrt(up.size * (up.size - 1.0))
    adds[~positive] = (down - value) / np.sqrt(down.size * (down.size - 1.0))
    return value, adds


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


def mean_of(loss: Callable[[Floats, Floats], Floats]) -> Callable[[Duel], Pair | None]:
    """A metric that is the mean over events of what one event says, of label and score."""
    return lambda duel: paired_mean(loss(duel.label, duel.champion), loss(duel.label, duel.challenger))


def squared(label: Floats, scores: Floats) -> Floats:
    """Squared error of a probability, or of a number."""
    return np.square(scores - label)


def absolute(label: Floats, scores: Floats) -> Floats:
    """Absolute error."""
    return np.abs(scores - label)


def right(label: Floats, scores: Floats) -> Floats:
    """1 where the prediction is right: at 0.5, or the most probable class."""
    if scores.ndim == 1:
        return np.asarray((scores >= 0.5) == (label == 1), np.float64)
    return np.asarray(scores.argmax(axis=1) == label, np.float64)


def surprise(label: Floats, scores: Floats) -> Floats:
    """-log of what the true class got, the scores of a row normalised to 1; NaN where they are no probabilities."""
    rows, losses = own_loss(label.astype(np.int64), scores)
    found = np.full(label.size, np.nan)
    found[rows] = np.minimum(losses, -np.log(SURE))
    return found


def log_loss(duel: Duel) -> Pair | None:
    """Mean log loss; None where a model gives no probabilities for some row."""
    pair = mean_of(surprise)(duel)
    return None if pair is None or not np.isfinite(pair).all() else pair


def resampled(statistic: Callable[[Floats, Floats], float]) -> Callable[[Duel], Pair | None]:
    """A metric of label and scores as a whole, its error by a paired bootstrap."""

    def compute(duel: Duel) -> Pair | None:
        n = duel.label.size
        size, rng, steps = min(n, MOST), np.random.default_rng(0), np.empty(DRAWS)
        for i in range(DRAWS):
            one = duel.on(rng.integers(0, n, size))
            steps[i] = statistic(one.label, one.challenger) - statistic(one.label, one.champion)
        whole = [statistic(duel.label, scores) for scores in (duel.champion, duel.challenger)]
        if not np.isfinite([*whole, *steps]).all():
            return None
        return whole[0], whole[1], float(steps.std(ddof=1) * np.sqrt(size / n))

    return compute


def average_precision(label: Floats, scores: Floats) -> float:
    """Area under the precision-recall curve, by steps; as scikit-learn's `average_precision_score`."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, values=True))
    hits = np.cumsum(label[order] == 1)[ends]
    if hits[-1] == 0:
        return float("nan")
    return float(np.sum(np.diff(hits, prepend=0) / hits[-1] * hits / (ends + 1)))


def f1_macro(label: Floats, scores: Floats) -> float:
    """Mean over the classes that occur or are predicted of their F1."""
    chosen, c = scores.argmax(axis=1), scores.shape[1]
    cells = np.bincount(label.astype(np.int64) * c + chosen, minlength=c * c).reshape(c, c)
    both = cells.sum(axis=0) + cells.sum(axis=1)
    return float(np.mean(2 * cells.diagonal()[both > 0] / both[both > 0]))


def median_error(label: Floats, scores: Floats) -> float:
    """Median absolute error."""
    return float(np.median(np.abs(scores - label)))


@dataclass(frozen=True)
class Compared:
    """How two models are compared by one metric."""

    compute: Callable[[Duel], Pair | None]
    higher_is_better: bool
    role: Role


METRICS: Mapping[str, Mapping[str, Compared]] = {
    "binary": {
        "roc_auc": Compared(paired_auc, True, "decides"),
        "brier": Compared(mean_of(squared), False, "guards"),
        "accuracy": Compared(mean_of(right), True, "guards"),
        "average_precision": Compared(resampled(average_precision), True, "told"),
    },
    "multiclass": {
        "roc_auc_macro": Compared(paired_auc_macro, True, "decides"),
        "log_loss": Compared(log_loss, False, "guards"),
        "accuracy": Compared(mean_of(right), True, "guards"),
        "f1_macro": Compared(resampled(f1_macro), True, "told"),
    },
    "classes": {  # of several, without scores
        "accuracy": Compared(mean_of(right), True, "decides"),
        "f1_macro": Compared(resampled(f1_macro), True, "told"),
    },
    "regression": {
        "mae": Compared(mean_of(absolute), False, "decides"),
        "mse": Compared(mean_of(squared), False, "guards"),
        "median_absolute_error": Compared(resampled(median_error), False, "told"),
    },
}
"""By task: each metric, the one that decides first."""
