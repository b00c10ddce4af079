"""Calibration: from a model's score to P(y = 1), learned on the reference and never read in-sample.

    reference rows ──5 folds──> a curve without each fold ──mean──> window
                                      └── the fold itself: the reference's own, cross-fitted

What the folds disagree on is the calibration's error: a delete-a-group jackknife (Kott 2001). From profiles, the
counts of a score's bins are split into folds at random with a fixed seed, which is the same as splitting their rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrue.core.outcome import BinaryOutcome
from retrue.core.state import Floats, Ints

FOLDS = 5
EDGE = 1e-3
"""Probabilities are kept this far from 0 and 1: a reference can't tell what never happens."""
SEED = 20_120
RIDGE = 25.0
"""Prior precision that holds the two numbers of Platt's scaling near 0."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A rising function, linear between points and flat beyond them.

    >>> Curve(np.array([0.0, 1.0]), np.array([0.2, 0.4]))(np.array([0.5, 7.0]))
    array([0.3, 0.4])
    """

    x: Floats
    y: Floats

    def __call__(self, score: Floats) -> Floats:
        """float64[n]: P(y = 1) at each score."""
        return np.interp(score, self.x, self.y)


def isotonic(score: Floats, label: Floats, weight: Floats | None = None) -> Curve:
    """The rising curve with the least (weighted) squared error: Zadrozny and Elkan 2002.

    Args:
        score: float64[n].
        label: float64[n], 0 or 1, or shares of ones.
        weight: float64[n], how much each counts.
    """
    from scipy.optimize import isotonic_regression  # scikit-learn's takes three times as long to import

    points, place = np.unique(score, return_inverse=True)
    n = np.bincount(place, weight)
    mean = np.bincount(place, label if weight is None else weight * label) / n
    return Curve(points, np.asarray(isotonic_regression(mean, weights=n).x, np.float64))


def within(chance: Floats) -> Floats:
    """Probabilities kept off 0 and 1."""
    return np.clip(chance, EDGE, 1 - EDGE)


def logits(chance: Floats) -> Floats:
    """ln(p / (1 - p)) of probabilities, kept finite."""
    p = within(chance)
    found: Floats = np.log(p / (1 - p))
    return found


def expits(z: Floats) -> Floats:
    """The inverse of `logits`."""
    found: Floats = 1 / (1 + np.exp(-np.clip(z, -700, 700)))
    return found


@dataclass(frozen=True, eq=False)
class Calibration:
    """A calibration with what its folds disagree on.

    Attributes:
        curves: for each fold the curve that was learned without it.
    """

    curves: tuple[Curve, ...]

    def each(self, score: Floats) -> Floats:
        """float64[folds, n]: P(y = 1) by each curve."""
        return np.stack([curve(score) for curve in self.curves])

    def __call__(self, score: Floats) -> Floats:
        """float64[n]: P(y = 1), the mean of the curves."""
        found: Floats = self.each(score).mean(axis=0)
        return found

    def own(self, score: Floats, folds: Ints) -> Floats:
        """float64[n]: P(y = 1) of the reference's rows, each by the curve that hasn't seen it."""
        found: Floats = self.each(score)[folds, np.arange(folds.size)]
        return found


def split(rows: int, folds: int = FOLDS) -> Ints:
    """int64[rows]: a fold for each row, at random and always the same."""
    return np.random.default_rng(SEED).permutation(rows) % folds


def calibrate(score: Floats, label: Floats, folds: Ints) -> Calibration:
    """Learn a calibration from rows.

    Args:
        score: float64[n].
        label: float64[n], 0 or 1.
        folds: int64[n], 0 to k - 1.
    """
    parts = [folds != k for k in range(int(folds.max()) + 1)]
    return Calibration(tuple(isotonic(score[part], label[part]) for part in parts))


@dataclass(frozen=True, eq=False)
class BinScale:
    """The score bins of a binary outcome: where they are, how many rows they hold, and how many are positive.

    Attributes:
        bins: int64[b], the bins that hold rows. scores: float64[b], the mean score in each.
        rows: float64[b], rows with or without a label. labels: int64[b, 2], rows by label.
    """

    bins: Ints
    scores: Floats
    rows: Floats
    labels: Ints

    @classmethod
    def of(cls, outcome: BinaryOutcome) -> BinScale:
        """Read the bins that hold rows."""
        counts, sums = outcome.counts[:-1], outcome.score_sums[:-1].sum(axis=1)
        held = np.flatnonzero(counts.sum(axis=1))
        rows = counts[held].sum(axis=1).astype(np.float64)
        with np.errstate(invalid="ignore"):
            scores = sums[held] / rows
        edges = np.concatenate([outcome.cuts[:1], outcome.cuts, outcome.cuts[-1:]])
        middle = (edges[held] + edges[held + 1]) / 2
        labels = np.rint(counts[held, :2]).astype(np.int64)  # weighted outcomes count in parts of rows
        return cls(held, np.where(np.isfinite(scores), scores, middle), rows, labels)


def calibrate_bins(reference: BinaryOutcome, folds: int = FOLDS) -> Calibration:
    """Learn a calibration from the counts of score bins: needs no rows."""
    scale = BinScale.of(reference)
    parts = thinned(scale.labels, folds)
    return Calibration(tuple(curve_of(scale.scores, scale.labels - part) for part in parts))


def curve_of(scores: Floats, labels: Ints) -> Curve:
    """The isotonic curve of bins by their labels."""
    n = labels.sum(axis=1)
    held = n > 0
    return isotonic(scores[held], labels[held, 1] / n[held], n[held].astype(np.float64))


def thinned(counts: Ints, folds: int) -> list[Ints]:
    """Share counts out among folds at random, always in the same way; they add up to `counts`."""
    shares = np.random.default_rng(SEED).multinomial(counts, np.full(folds, 1 / folds))
    return [shares[..., k] for k in range(folds)]


@dataclass(frozen=True)
class Platt:
    """A line on the logit scale: ln odds = z + shift + slope z (Platt 1999, around a calibration instead of a score).

    >>> Platt(0.0, 0.0)(np.array([0.0]))
    array([0.5])
    """

    shift: float
    slope: float

    def __call__(self, z: Floats) -> Floats:
        """float64[n]: P(y = 1) at each calibrated logit."""
        return expits(z + self.shift + self.slope * z)


def platt(z: Floats, label: Floats, weight: Floats, ridge: float = RIDGE) -> Platt:
    """Fit the line by weighted maximum likelihood with a ridge, by Newton's method.

    Args:
        z: float64[n], calibrated logits of the reference's rows.
        label: float64[n], 0 or 1.
        weight: float64[n], how many rows of evidence each is.
        ridge: the prior precision of both numbers.
    """
    x, theta = np.column_stack([np.ones_like(z), z]), np.zeros(2)
    for _ in range(50):
        p = expits(z + x @ theta)
        slope = x.T @ (weight * (label - p)) - ridge * theta
        curvature = (x * (weight * p * (1 - p))[:, None]).T @ x + ridge * np.eye(2)
        step = np.linalg.solve(curvature, slope)
        theta = theta + step
        if np.abs(step).max() < 1e-9:
            break
    return Platt(float(theta[0]), float(theta[1]))
