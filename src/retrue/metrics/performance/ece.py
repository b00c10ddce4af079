"""Expected calibration error."""

from __future__ import annotations

from functools import cache

import numpy as np

from retrue.core.outcome import BinaryOutcome
from retrue.core.state import Bools, Counts, Floats, added
from retrue.metrics.measure import Interval, Measure
from retrue.metrics.performance.basis import without
from retrue.metrics.performance.intervals import wilson
from retrue.metrics.performance.probabilities import improbable, no_probabilities
from retrue.metrics.registry import metric
from retrue.schema import Task

TENTHS = np.arange(11) / 10
"""The ends of the ten equal groups of scores; 1 belongs to the last."""
DRAWS, SEED, HALVINGS = 1000, 7, 24


@metric(
    "ece",
    family="performance",
    of="outcome",
    tasks=(Task.BINARY,),
    range=(0, 1),
    better="lower",
    error="exact on its ten equal groups: tenths are cuts of the score grid, and sums of scores are kept",
    source="Naeini, Cooper and Hauskrecht 2015",
)
def ece(outcome: BinaryOutcome) -> Measure:
    """Expected calibration error: how far scores lie from the share of positives, in ten equal groups of scores.

    sum over [0, 0.1), [0.1, 0.2) ... [0.9, 1] of |positives - sum of scores| / n. Noise alone makes it greater than 0
    in small windows: the interval allows for that (it inverts a test, with 1,000 seeded draws of the noise).

    >>> from retrue.metrics.performance.arrays import binary
    >>> ece(binary([0, 1, 1, 1], scores=[0.25, 0.25, 0.75, 0.75])).value
    0.25
    """
    counts, sums = outcome.scored, outcome.score_sums[:-1, :2]
    scored = added(counts)
    if scored == 0:
        return without(outcome, "scores")
    missing = no_probabilities(outcome)
    if missing is not None:
        return missing
    if not np.isin(TENTHS, outcome.cuts).all():
        return Measure(None, note="the reference's scores are no probabilities: they reach outside 0 to 1")
    inside = probable(outcome.cuts)
    n = added(counts[inside])
    gaps, noise = gaps_of(outcome.cuts[:-1], counts[inside], sums[inside], n)
    return Measure(float(np.abs(gaps).sum()), interval=interval(gaps, noise, n), note=improbable(outcome))


def probable(cuts: Floats) -> Bools:
    """bool[m + 1]: the score bins within 0 and 1: all but the outer two."""
    inside = np.ones(cuts.size + 1, np.bool_)
    inside[[0, -1]] = False
    return inside


def gaps_of(low: Floats, counts: Counts, sums: Floats, n: float) -> tuple[Floats, Floats]:
    """float64[10] each: (positives - sum of scores) / n of each group, and its standard error.

    A row contributes label - score; its square is taken at the mean score of its bin and label, or, where that is more,
    as expected of the bin's mean score (a small group with no positive would else look certain).
    """
    group = np.searchsorted(TENTHS[1:-1], low, side="right")
    mean = np.divide(sums, counts, out=np.zeros(sums.shape), where=counts > 0)
    n_bin, sum_bin = counts.sum(axis=1), sums.sum(axis=1)
    expected = np.bincount(group, sum_bin - np.divide(sum_bin**2, n_bin, out=np.zeros(n_bin.size), where=n_bin > 0), 10)
    squares = (counts * (np.array([0.0, 1.0]) - mean) ** 2).sum(axis=1)
    gaps = np.bincount(group, counts[:, 1] - sum_bin, minlength=10) / n
    spread = np.maximum(np.bincount(group, squares, minlength=10), expected) / n - gaps**2
    return gaps, np.sqrt(np.maximum(spread, 0.0) / n)


def interval(gaps: Floats, noise: Floats, n: float) -> Interval | None:
    """All calibration errors under which the one seen is not too extreme.

    The true gaps are taken to be the seen ones, all shrunk or grown by one factor; the factor at which 2.5 % of draws
    reach the value seen is the lower end, the one at which 97.5 % do the upper end. Scores that fit better than chance
    allows get an interval that ends at the value seen.
    """
    seen = float(np.abs(gaps).sum())
    if not noise.any():
        return wilson(seen * n, n)
    shape = gaps / seen if seen > 0 else noise / noise.sum()
    return min(at_level(0.025, seen, shape, noise), seen), max(at_level(0.975, seen, shape, noise), seen)


def at_level(level: float, seen: float, shape: Floats, noise: Floats) -> float:
    """The true error, spread like `shape`, under which a share `level` of draws reach what was seen."""
    wobble = draws() * noise
    low, high = 0.0, min(seen + 6 * float(noise.sum()), 1.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        reached = float((np.abs(middle * shape + wobble).sum(axis=1) >= seen).mean())
        low, high = (low, middle) if reached >= level else (middle, high)
    return low


@cache
def draws() -> Floats:
    """float64[1000, 10]: standard normal draws, always the same."""
    return np.random.default_rng(SEED).standard_normal((DRAWS, 10))
