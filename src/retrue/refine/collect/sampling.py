"""Sampling with known probabilities: the same rows whenever it is asked again, in whatever order they come.

Each row has a number between 0 and 1 that its id alone decides (a permanent random number: Ohlsson 1995, "Coordination
of samples using permanent random numbers"). A share takes the rows whose number is below it. A budget of k takes the
rows with the k lowest ratios of number to weight: priority sampling (Duffield, Lund and Thorup 2007, "Priority sampling
for estimation of arbitrary subset sums", JACM 54(6), section 2), which for equal weights is the bottom-k sample. Given
the (k + 1)-th lowest ratio t, a row of weight w is in the sample with probability min(1, w t), and sums weighted by the
inverse are unbiased and uncorrelated from row to row (their theorem 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrue.core.state import Floats, Ints

LEAST = 0.1
"""No row weighs less than this share of the mean: what the sample says is never carried by a few rows."""


@dataclass(frozen=True, eq=False)
class Draw:
    """A sample.

    Args:
        rows: int64[k], which rows, those that come first under any smaller budget first.
        probability: float64[k], above 0 and at most 1: how probable it was that each is in.
    """

    rows: Ints
    probability: Floats


def by_share(number: Floats, share: float) -> Draw:
    """Take each row with the same probability, by itself (Poisson sampling).

    >>> by_share(np.array([0.05, 0.5, 0.9]), 0.6).rows.tolist()
    [0, 1]
    """
    order = np.argsort(number, kind="stable")
    chosen = order[number[order] < share]
    return Draw(chosen, np.full(chosen.size, share))


def by_budget(number: Floats, budget: int, weight: Floats | None = None) -> Draw:
    """Take at most so many rows, each the more probably the more it weighs.

    Args:
        number: float64[n], inside (0, 1).
        budget: the most rows.
        weight: float64[n], above 0; None: all weigh the same.

    >>> draw = by_budget(np.array([0.1, 0.9, 0.4]), 2)
    >>> draw.rows.tolist(), draw.probability.tolist()
    ([0, 2], [0.9, 0.9])
    """
    heavy = np.ones(number.size) if weight is None else weight
    ratio = number / heavy
    order = np.argsort(ratio, kind="stable")
    chosen = order[:budget]
    if number.size <= budget:
        return Draw(chosen, np.ones(chosen.size))
    return Draw(chosen, np.minimum(1.0, heavy[chosen] * ratio[order[budget]]))


def bounded(benefit: Floats, look: Ints | None = None) -> Floats:
    """float64[n], above 0: what rows weigh by what they bring, rows that look alike together no more than one.

    Args:
        benefit: float64[n]; what is no number, or below 0, brings nothing.
        look: int64[n]: rows of the same number look alike; None: no two do.

    >>> bounded(np.array([1.0, 1.0, 1.0]), np.array([7, 7, 8])).tolist()
    [0.5, 0.5, 1.0]
    """
    known = np.where(np.isfinite(benefit) & (benefit > 0), benefit, 0.0)
    mean = math.fsum(known) / known.size if known.size else 0.0  # to the last bit the same in any order of rows
    weight: Floats = np.maximum(known, LEAST * mean) / mean if mean > 0 else np.ones(known.size)
    if look is None:
        return weight
    _, place, count = np.unique(look, return_inverse=True, return_counts=True)
    return np.asarray(weight / count[place], np.float64)
