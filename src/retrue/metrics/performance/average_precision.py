"""Average precision."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from retrue.core.state import Bools, Floats
from retrue.metrics.measure import Measure
from retrue.metrics.performance.confusion import PARAMETERS, Labelled
from retrue.metrics.performance.intervals import of_logit
from retrue.metrics.performance.score_bins import ScoreBins, score_bins, unscored
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "average_precision",
    family="performance",
    of="outcome",
    tasks=(Task.BINARY,),
    range=(0, 1),
    better="higher",
    error="from the least and the greatest that any order of the rows within each score bin would give",
    source="sklearn.metrics.average_precision_score; interval: Boyd, Eng and Page 2013",
    at={Task.MULTICLASS: PARAMETERS[Task.MULTICLASS]},
)
def average_precision(outcome: Labelled, at: str | None = None) -> Measure:
    """Mean over positives of the precision at their score: the area under the precision-recall curve, as steps.

    sum over thresholds, from the highest, of (recall - recall before) x precision. Within a bin of several scores
    positives and negatives are taken to alternate. The interval is by the delta method on the logit scale.
    `average_precision@cat` is of a class against the rest.

    >>> from retrue.metrics.performance.arrays import binary
    >>> round(average_precision(binary([0, 0, 1, 1], scores=[0.1, 0.6, 0.4, 0.9])).value, 4)
    0.8333
    """
    bins = score_bins(outcome, at)
    if not bins.n0 or not bins.n1:
        return unscored(outcome, bins)
    steps = descending(bins)
    tied, mixed = at_end(steps), alternating(steps)
    value = float(np.where(steps.single, tied, mixed).sum()) / bins.n1
    low = float(np.where(steps.single, tied, negatives_first(steps)).sum()) / bins.n1
    high = float(np.where(steps.single, tied, positives_first(steps)).sum()) / bins.n1
    interval = of_logit(value, variance(steps, tied, bins), bins.n1)
    return Measure(value, error=max(high - value, value - low, 0.0), interval=interval)


class Steps(NamedTuple):
    """Score bins from high to low: positives and negatives in each, and above it."""

    pos: Floats
    neg: Floats
    pos_above: Floats
    all_above: Floats
    single: Bools


def descending(bins: ScoreBins) -> Steps:
    """Turn the bins round and count what lies above each."""
    pos, neg = bins.positives[::-1], bins.negatives[::-1]
    above, rows = np.cumsum(pos) - pos, np.cumsum(pos + neg) - pos - neg
    return Steps(pos, neg, above, rows, bins.single[::-1])


def at_end(s: Steps) -> Floats:
    """Sum over a bin's positives of the precision at its end: the bin is one tie."""
    return s.pos * (s.pos_above + s.pos) / (s.all_above + s.pos + s.neg)


def positives_first(s: Steps) -> Floats:
    """The most that the sum can be: a tie of the positives, before any negative."""
    return s.pos * (s.pos_above + s.pos) / np.maximum(s.all_above + s.pos, 1)


def negatives_first(s: Steps) -> Floats:
    """The least that the sum can be: sum over i = 1..p of (pos_above + i) / (all_above + negatives + i)."""
    start = s.all_above + s.neg
    return s.pos - (start - s.pos_above) * harmonic(start, s.pos)


def alternating(s: Steps) -> Floats:
    """Where the i-th of p positives comes after i / (p + 1) of the n negatives, as in a random order on average."""
    each = 1 + s.neg / (s.pos + 1)
    start = s.all_above / each
    return (s.pos + (s.pos_above - start) * harmonic(start, s.pos)) / each


def harmonic(start: Floats, n: Floats) -> Floats:
    """Sum over i = 1..n of 1 / (start + i).

    >>> harmonic(np.array([0.0, 2.0]), np.array([2.0, 1.0])).round(9)
    array([1.5       , 0.33333333])
    """
    return digamma(start + n + 1) - digamma(start + 1)


def digamma(x: Floats) -> Floats:
    """The logarithmic derivative of the gamma function for x >= 1, to 1e-11 (Abramowitz and Stegun 6.3.5, 6.3.18)."""
    shifted = x + 8
    down = sum(1 / (x + i) for i in range(8))
    square = 1 / (shifted * shifted)
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square / 240)))
    return np.log(shifted) - 0.5 / shifted - series - down


def variance(s: Steps, tied: Floats, bins: ScoreBins) -> float:
    """Sampling variance by the delta method: how AP moves with the share of rows in each cell, each bin one tie.

    A row in bin c changes the precision at c and at all bins below. With T positives and N rows down to a bin's end:
    dAP / d(positive in c) = (T / N - AP + sum over b from c down of pos_b (N - T) / N^2) / share of positives, and
    dAP / d(negative in c) = -(sum over b from c down of pos_b T / N^2) / share of positives.
    """
    n = bins.n0 + bins.n1
    total, hits = s.all_above + s.pos + s.neg, s.pos_above + s.pos
    value = float(tied.sum()) / bins.n1
    gain = np.cumsum((s.pos * (total - hits) / total**2)[::-1])[::-1]
    loss = np.cumsum((s.pos * hits / total**2)[::-1])[::-1]
    share = bins.n1 / n
    of_pos, of_neg = (hits / total - value + gain) / share, -loss / share
    mean = float((s.pos * of_pos + s.neg * of_neg).sum()) / n
    square = float((s.pos * of_pos**2 + s.neg * of_neg**2).sum()) / n
    return max(square - mean**2, 0.0) / n
