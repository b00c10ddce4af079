"""Mean absolute error."""

from __future__ import annotations

from retrue.core.outcome import RegressionOutcome
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import mean, without
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "mae",
    family="performance",
    of="outcome",
    tasks=(Task.REGRESSION,),
    range=(0, None),
    unit="value",
    better="lower",
    source="sklearn.metrics.mean_absolute_error",
)
def mae(outcome: RegressionOutcome) -> Measure:
    """Mean of |prediction - label|.

    >>> from retrue.metrics.performance.arrays import regression
    >>> mae(regression([1.0, 2.0], [1.5, 1.0])).value
    0.75
    """
    sums = outcome.losses["mae"]
    return mean(sums, low=0.0) if sums.n else without(outcome)
