"""Scores of one class against the rest, by bin: what ranking metrics of a classifier are read from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrue.core.outcome import BinaryOutcome
from retrue.core.state import Bools, Floats
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import counted, one_class, without
from retrue.metrics.performance.confusion import Labelled, class_index

TELLING = 5
"""Rows of each label that a bin needs for equal mean scores to be no coincidence."""
EQUAL = 1e-9
"""Means of scores that are this near, relatively, are equal but for rounding."""


@dataclass(frozen=True)
class ScoreBins:
    """Labelled rows with a score, by score bin from low to high.

    Attributes:
        negatives, positives: float64[bins], rows whose label isn't and is the class.
        single: bool[bins], bins that hold one single score: their order is known to be a tie.
    """

    negatives: Floats
    positives: Floats
    single: Bools

    @property
    def n0(self) -> float:
        """All negatives."""
        return float(self.negatives.sum())

    @property
    def n1(self) -> float:
        """All positives."""
        return float(self.positives.sum())


def score_bins(outcome: Labelled, at: str | None = None) -> ScoreBins:
    """The score bins of a binary outcome, or of the class `at` against the rest.

    Raises:
        MetricError: `at` is no class of a multiclass outcome.
    """
    bins = outcome.scored if isinstance(outcome, BinaryOutcome) else outcome.one_vs_rest[class_index(outcome, at)]
    cuts = outcome.cuts
    single = np.zeros(cuts.size + 1, np.bool_)
    single[1:-1] = np.nextafter(cuts[:-1], np.inf) == cuts[1:]
    if isinstance(outcome, BinaryOutcome):
        single |= alike(outcome)
    held = bins.any(axis=1)
    counts = bins[held].astype(np.float64)
    return ScoreBins(counts[:, 0], counts[:, 1], single[held])


def alike(outcome: BinaryOutcome) -> Bools:
    """bool[bins]: bins whose rows all seem to have one score: in them, positives and negatives have the same mean.

    A model that answers with a constant has such a bin, wherever the cuts lie. Scores that differ have means that
    differ, unless there are next to none: fewer than `TELLING` of a label don't tell.
    """
    means = outcome.score_sums[:-1, :2] / np.where(outcome.scored > 0, outcome.scored, 1)
    apart = np.abs(means[:, 0] - means[:, 1])
    return np.asarray((apart <= EQUAL * np.abs(means).max(axis=1)) & (outcome.scored >= TELLING).all(axis=1))


def unscored(outcome: Labelled, bins: ScoreBins) -> Measure:
    """No value, because there are no scores or only one class."""
    n = bins.n0 + bins.n1
    return one_class(n) if n else without(outcome, "scores")


def named(names: list[str], why: str) -> str | None:
    """A note that lists classes, None where there are none.

    >>> named(["cat"], "no labels of")
    'no labels of cat'
    """
    if not names:
        return None
    more = f" and {counted(len(names) - 5, 'other')}" if len(names) > 5 else ""
    return f"{why} {', '.join(names[:5])}{more}"
