"""Brier score."""

from __future__ import annotations

from retrue.core.outcome import BinaryOutcome
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import mean_fraction, without
from retrue.metrics.performance.probabilities import improbable, no_probabilities
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "brier",
    family="performance",
    of="outcome",
    tasks=(Task.BINARY,),
    range=(0, 1),
    better="lower",
    source="Brier 1950; sklearn.metrics.brier_score_loss",
)
def brier(outcome: BinaryOutcome) -> Measure:
    """Mean squared difference between the score and the label (0 or 1).

    A few rows whose score is no probability are left out; where there are more, there is no value.

    >>> from retrue.metrics.performance.arrays import binary
    >>> brier(binary([0, 1], scores=[0.5, 1.0])).value
    0.125
    """
    sums = outcome.losses["brier"]
    if sums.n == 0:
        return no_probabilities(outcome) or without(outcome, "probabilities")
    return no_probabilities(outcome) or mean_fraction(sums, improbable(outcome))
