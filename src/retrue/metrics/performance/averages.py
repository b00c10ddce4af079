"""Averages over classes of precision, recall and F1, and how they vary.

With the shares of rows P (label x prediction), d_k = P_kk, r_k and c_k the sums of row and column k, all three are

    h_k = (u + v) d_k / (u r_k + v c_k)        precision u, v = 0, 1;  recall 1, 0;  F1 1, 1

so one gradient serves all, dh_k / dP_ij = ((u + v) [i = j = k] - h_k (u [i = k] + v [j = k])) / (u r_k + v c_k), and
the delta method gives the variance of any average of them (for F1: Takahashi et al. 2022, "Confidence interval for
micro-averaged F1 and macro-averaged F1 scores").
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from retrue.core.outcome import MulticlassOutcome
from retrue.core.state import Floats, added
from retrue.metrics.measure import Interval, Measure
from retrue.metrics.performance.basis import without
from retrue.metrics.performance.intervals import Z, wilson
from retrue.metrics.performance.score_bins import named


class Kind(NamedTuple):
    """Which of the three: the weights of row and column sums in the denominator."""

    u: float
    v: float


PRECISION, RECALL, F1 = Kind(0, 1), Kind(1, 0), Kind(1, 1)


def average(outcome: MulticlassOutcome, kind: Kind, *, weighted: bool) -> Measure:
    """Average over the classes that occur, equally or by their number of labels; an undefined part counts as 0."""
    n = added(outcome.matrix)
    if n == 0:
        return without(outcome)
    shares = outcome.matrix / n
    rows, columns = shares.sum(axis=1)[:-1], shares.sum(axis=0)[:-1]
    weights = rows if weighted else (rows + columns > 0).astype(np.float64)
    if weights.sum() == 0:
        return Measure(None, note="no label is a class of the reference")
    weights = weights / weights.sum()
    found = by_class(shares, kind)
    value = float((weights * found).sum())
    slope = gradient(shares, kind, weights)
    if weighted:
        slope[:-1] += ((found - value) / rows.sum())[:, None]
    together = variance(shares, slope, n) - float((weights**2 * variances(shares, kind, n)).sum())
    ends = interval(value, weights, found, class_ends(outcome, kind), max(together, 0.0))
    return Measure(value, interval=ends, note=note(outcome, kind))


def interval(value: float, weights: Floats, found: Floats, ends: Floats, together: float) -> Interval:
    """Square and add the classes' own intervals, and what they vary together (`together`, a variance).

    The delta method alone takes a class with three labels, all found, for certain; its Wilson interval doesn't.
    """
    below, above = ((weights * (ends - found)) ** 2).sum(axis=1)
    return max(value - sqrt(below + Z * Z * together), 0.0), min(value + sqrt(above + Z * Z * together), 1.0)


def class_ends(outcome: MulticlassOutcome, kind: Kind) -> Floats:
    """float64[2, C]: the interval of each class by itself; 0 to 1 where it is undefined."""
    hits = outcome.matrix.diagonal()[:-1]
    labels, predictions = outcome.matrix.sum(axis=1)[:-1], outcome.matrix.sum(axis=0)[:-1]
    # F1 is a function of hits / (labels + predictions - hits); the other two have one of the sums below.
    of = kind.u * labels + kind.v * predictions - (kind.u + kind.v - 1) * hits
    pairs = zip(hits.tolist(), of.tolist(), strict=True)
    ends = np.array([wilson(h, n) or (0.0, 1.0) for h, n in pairs]).reshape(-1, 2).T
    return ends if kind != F1 else 2 * ends / (1 + ends)


def variances(shares: Floats, kind: Kind, n: float) -> Floats:
    """float64[C]: the sampling variance of each class by itself, by the delta method."""
    rows, columns, hits = shares.sum(axis=1)[:-1], shares.sum(axis=0)[:-1], shares.diagonal()[:-1]
    of, value = kind.u * rows + kind.v * columns, by_class(shares, kind)
    own = hits * ((kind.u + kind.v) * (1 - value)) ** 2
    missed = value**2 * (kind.u**2 * (rows - hits) + kind.v**2 * (columns - hits))
    found: Floats = np.divide(own + missed, n * of**2, out=np.zeros(of.size), where=of > 0)
    return found


def by_class(shares: Floats, kind: Kind) -> Floats:
    """float64[C]: the metric of each known class, 0 where it is undefined."""
    of = kind.u * shares.sum(axis=1)[:-1] + kind.v * shares.sum(axis=0)[:-1]
    found: Floats = np.divide((kind.u + kind.v) * shares.diagonal()[:-1], of, out=np.zeros(of.size), where=of > 0)
    return found


def gradient(shares: Floats, kind: Kind, weights: Floats) -> Floats:
    """float64[C + 1, C + 1]: how the average moves with each cell, its weights held."""
    of = kind.u * shares.sum(axis=1)[:-1] + kind.v * shares.sum(axis=0)[:-1]
    scale = np.divide(weights, of, out=np.zeros(of.size), where=of > 0)
    fall = scale * by_class(shares, kind)
    slope = np.zeros_like(shares)
    slope[:-1] -= kind.u * fall[:, None]
    slope[:, :-1] -= kind.v * fall[None, :]
    known = np.arange(of.size)
    slope[known, known] += (kind.u + kind.v) * scale
    return slope


def variance(shares: Floats, slope: Floats, n: float) -> float:
    """Variance of a function of multinomial shares with this gradient."""
    mean = float((shares * slope).sum())
    return max(float((shares * slope**2).sum()) - mean**2, 0.0) / n


def note(outcome: MulticlassOutcome, kind: Kind) -> str | None:
    """Name the classes for which the metric is undefined."""
    labels, predictions = outcome.matrix.sum(axis=1)[:-1], outcome.matrix.sum(axis=0)[:-1]
    undefined = (kind.u * labels + kind.v * predictions == 0) & (labels + predictions > 0)
    names = [name for name, odd in zip(outcome.classes, undefined, strict=True) if odd]
    absent = [name for name, n in zip(outcome.classes, labels + predictions, strict=True) if n == 0]
    lacking = "never predicted, counted as 0:" if kind == PRECISION else "no labels, counted as 0:"
    return "; ".join(filter(None, [named(names, lacking), named(absent, "absent, left out:")])) or None
