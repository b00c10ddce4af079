"""Label shift: did the base rate move, as far as predictions alone can tell?

If classes became more or less frequent but look as they did, the window's scores are a mixture of the reference's
scores by label, q = (1 - r) f0 + r f1, with r the new base rate. Lipton, Wang and Smola (2018), "Detecting and
correcting for label shift with black box predictors", solve this for the predicted classes; here the black box is the
bin of the score, which tells more, by generalised least squares; what is left over says whether it was that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrue.core.outcome import BinaryOutcome
from retrue.core.state import Floats, Ints
from retrue.metrics.measure import Interval
from retrue.metrics.performance.intervals import Z

GROUPS = 20
"""Score bins are merged to at most this many groups of equal reference mass."""
LEAST = 50
"""Rows of each class in the reference, and of the window, below which nothing is said."""
SURE = 1e-3
"""A base rate that hasn't moved is said to have moved this often."""
FITS = 0.05
"""Scores that are such a mixture are taken for another change this often."""


@dataclass(frozen=True)
class LabelShift:
    """What the window's base rate would be if nothing but base rates moved.

    Attributes:
        base_rate: of the window, with its 95 % `interval`.
        before: that of the reference.
        moved: p-value of "the base rate is what it was".
        explained: p-value of "the scores are a mixture of the reference's scores by label".
    """

    base_rate: float
    interval: Interval
    before: float
    moved: float
    explained: float

    @property
    def evident(self) -> bool:
        """The scores moved, and a moved base rate explains how."""
        return self.moved < SURE and self.explained > FITS and self.interval[0] > 0 and self.interval[1] < 1


def label_shift(window: BinaryOutcome, reference: BinaryOutcome) -> LabelShift | None:
    """Estimate the base rate from scores alone; labels of the window aren't looked at.

    Returns:
        None where there are too few rows, or the classes' scores don't differ.
    """
    f, q = reference.scored.astype(np.float64), window.counts[:-1].sum(axis=1).astype(np.float64)
    totals, m = f.sum(axis=0), float(q.sum())
    if min(*totals, m) < LEAST:
        return None
    groups = merged(f.sum(axis=1))
    parts = (f[:, 0] / totals[0], f[:, 1] / totals[1], q / m)
    f0, f1, shares = (np.bincount(groups, part).astype(np.float64) for part in parts)
    before = float(totals[1] / totals.sum())
    return mixture(f0, f1, shares, (float(totals[0]), float(totals[1]), m), before)


def merged(rows: Floats) -> Ints:
    """The group of each bin."""
    middle = (np.cumsum(rows) - rows / 2) / rows.sum()
    found: Ints = np.minimum((middle * GROUPS).astype(np.int64), GROUPS - 1)
    return found


def mixture(f0: Floats, f1: Floats, q: Floats, n: tuple[float, float, float], before: float) -> LabelShift | None:
    """Fit q = (1 - r) f0 + r f1 by least squares weighted by the inverse variance of what is left over."""
    held = (f0 + f1 + q) > 0
    f0, f1, q = f0[held], f1[held], q[held]
    apart, rate = f1 - f0, before
    if float(np.abs(apart).sum()) < 1e-9 or held.sum() < 3:
        return None
    for _ in range(10):
        noise = left_over(f0, f1, rate, n)
        rate = float((apart * (q - f0) / noise).sum() / (apart * apart / noise).sum())
        rate = min(max(rate, 0.0), 1.0)
    noise = left_over(f0, f1, rate, n)
    error = float(1 / (apart * apart / noise).sum()) ** 0.5
    statistic = float(((q - f0 - rate * apart) ** 2 / noise).sum())
    both = math.hypot(error, (before * (1 - before) / (n[0] + n[1])) ** 0.5)
    moved = math.erfc(abs(rate - before) / both / 2**0.5)
    interval = max(rate - Z * error, 0.0), min(rate + Z * error, 1.0)
    return LabelShift(rate, interval, before, moved, tail(statistic, q.size - 2))


def left_over(f0: Floats, f1: Floats, rate: float, n: tuple[float, float, float]) -> Floats:
    """float64[groups]: the variance of the window's share less the mixture's, all three of them counted."""
    mixed = np.maximum((1 - rate) * f0 + rate * f1, 0.5 / n[2])
    noise: Floats = mixed / n[2] + (1 - rate) ** 2 * f0 / n[0] + rate**2 * f1 / n[1]
    return noise


def tail(statistic: float, degrees: int) -> float:
    """The chance that chi-square exceeds a value."""
    from scipy.special import chdtrc

    return float(chdtrc(max(degrees, 1), statistic))
