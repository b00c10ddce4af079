"""Bias."""

from __future__ import annotations

from retrue.core.outcome import RegressionOutcome
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import mean, without
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric("bias", family="performance", of="outcome", tasks=(Task.REGRESSION,), unit="value", source="mean signed error")
def bias(outcome: RegressionOutcome) -> Measure:
    """Mean of prediction - label: above 0, the model predicts too much.

    >>> from retrue.metrics.performance.arrays import regression
    >>> bias(regression([1.0, 2.0], [1.5, 1.0])).value
    -0.25
    """
    sums = outcome.losses["bias"]
    return mean(sums) if sums.n else without(outcome)
