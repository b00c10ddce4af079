"""Root mean squared error."""

from __future__ import annotations

from math import sqrt

from retrue.core.outcome import RegressionOutcome
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import single, without
from retrue.metrics.performance.intervals import of_positive
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "rmse",
    family="performance",
    of="outcome",
    tasks=(Task.REGRESSION,),
    range=(0, None),
    unit="value",
    better="lower",
    source="sklearn.metrics.root_mean_squared_error",
)
def rmse(outcome: RegressionOutcome) -> Measure:
    """Square root of the mean of (prediction - label)^2.

    Its interval is by the delta method on the logarithm: the standard error of ln RMSE is half that of ln MSE.

    >>> from retrue.metrics.performance.arrays import regression
    >>> rmse(regression([1.0, 2.0], [4.0, 6.0])).value
    3.535...
    """
    sums = outcome.losses["mse"]
    if sums.mean is None:
        return without(outcome)
    value = sqrt(sums.mean)
    error = (sums.standard_error or 0.0) / (2 * value) if value else 0.0
    return Measure(value, interval=of_positive(value, error, sums.n), note=single(sums.n))
