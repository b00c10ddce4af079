"""Coefficient of determination."""

from __future__ import annotations

from retrue.core.outcome import RegressionOutcome
from retrue.metrics.measure import Interval, Measure
from retrue.metrics.performance.basis import counted, without
from retrue.metrics.performance.intervals import of_positive
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "r2",
    family="performance",
    of="outcome",
    tasks=(Task.REGRESSION,),
    range=(None, 1),
    better="higher",
    source="sklearn.metrics.r2_score",
)
def r2(outcome: RegressionOutcome) -> Measure:
    """Share of the labels' variance that the predictions explain; below 0, their mean would do better.

    1 - sum (prediction - label)^2 / sum (label - mean label)^2. The interval is by the delta method on ln(1 - R2); for
    what the profile doesn't hold it takes labels to spread like a normal distribution and errors not to depend on
    predictions, so it is too narrow where labels have heavy tails.

    >>> from retrue.metrics.performance.arrays import regression
    >>> r2(regression([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])).value
    0.5
    """
    n, spread = outcome.labels.n, outcome.labels.m2
    if n == 0:
        return without(outcome)
    if n <= 1 or spread <= 0:
        return Measure(None, note=f"all labels are equal among {counted(n, 'row')}")
    unexplained = outcome.losses["mse"].total / spread
    return Measure(1 - unexplained, interval=interval(outcome, unexplained))


def interval(outcome: RegressionOutcome, unexplained: float) -> Interval | None:
    """From Var ln(MSE / s2) = Var ln MSE + Var ln s2 - 2 Cov, with Cov = (MSE / s2) Var ln MSE, Var ln s2 = 2 / n."""
    mse = outcome.losses["mse"]
    if not mse.mean or mse.standard_error is None:
        return None
    of_error = (mse.standard_error / mse.mean) ** 2
    # s2 contains the errors, so it can't vary less than they make it.
    of_spread = max(2 / mse.n, unexplained * (unexplained * of_error))
    relative = max(of_error + of_spread - 2 * unexplained * of_error, 0.0) ** 0.5
    ends = of_positive(unexplained, unexplained * relative, mse.n)
    return None if ends is None else (1 - ends[1], 1 - ends[0])
