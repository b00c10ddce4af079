"""Log loss."""

from __future__ import annotations

from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import mean, without
from retrue.metrics.performance.confusion import Labelled
from retrue.metrics.performance.probabilities import improbable, no_probabilities
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "log_loss",
    family="performance",
    of="outcome",
    tasks=(Task.BINARY, Task.MULTICLASS),
    range=(0, None),
    unit="nats",
    better="lower",
    source="Good 1952; sklearn.metrics.log_loss",
)
def log_loss(outcome: Labelled) -> Measure:
    """Mean of -ln(probability given to what happened).

    Probabilities are clipped to [2.2e-16, 1 - 2.2e-16]; those of several classes are first made to sum to 1. A few rows
    whose scores are no probabilities are left out; where there are more, there is no value.

    >>> from retrue.metrics.performance.arrays import binary
    >>> round(log_loss(binary([0, 1], scores=[0.5, 0.5])).value, 4)
    0.6931
    """
    sums = outcome.losses["log_loss"]
    if sums.n == 0:
        return no_probabilities(outcome) or without(outcome, "probabilities")
    return no_probabilities(outcome) or mean(sums, low=0.0, note=improbable(outcome))
