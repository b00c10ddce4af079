"""Mean absolute percentage error."""

from __future__ import annotations

from retrue.core.outcome import RegressionOutcome
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import counted, left_out, mean, without
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "mape",
    family="performance",
    of="outcome",
    tasks=(Task.REGRESSION,),
    range=(0, None),
    unit="share",
    better="lower",
    source="sklearn.metrics.mean_absolute_percentage_error, without labels of 0",
)
def mape(outcome: RegressionOutcome) -> Measure:
    """Mean of |prediction - label| / |label|, over labels that aren't 0.

    >>> from retrue.metrics.performance.arrays import regression
    >>> mape(regression([2.0, 4.0, 0.0], [1.0, 5.0, 1.0])).value
    0.375
    """
    sums, predicted = outcome.losses["mape"], outcome.losses["mae"].n
    if predicted == 0:
        return without(outcome)
    if sums.n == 0:
        return Measure(None, note=f"every label is 0 among {counted(predicted, 'row')}")
    return mean(sums, low=0.0, note=left_out(predicted - sums.n, predicted, "have a label of 0"))
