"""Which metrics judge a model: its task's, but for a regression whose errors have such tails that a mean tells little.

The mean of errors drowns in a few absurd labels: it wanders with them, so a real degradation stays within chance. Their
median doesn't. Which of the two is the sharper is read off the reference: where all errors grow by a tenth both do, so
the sharper is the one whose relative standard error is less (the mean of normal or Laplace errors, .76 : 1.17 and
1 : 1.44 over sqrt(n); the median of lognormal ones with sigma above about 1.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from retrue.core.outcome import Outcome, RegressionOutcome
from retrue.judge.verdict import Verdict
from retrue.metrics import Measure
from retrue.metrics.measure import Z95
from retrue.metrics.performance.median_absolute_error import size_quantile

MAIN = {
    "binary": ("roc_auc", "accuracy"),
    "multiclass": ("accuracy",),
    "regression": ("mae", "median_absolute_error"),
    "ranking": ("ndcg",),
}
"""The metrics that judge a model unless told otherwise. Few: each one more costs the budget."""

MEAN, MEDIAN = MAIN["regression"]

NEAR = (0.45, 0.55)
"""Where sizes of errors are the same at these quantiles, they come in steps, and their median jumps by chance."""

HEAVY = "judged instead of MAE, which hangs on a few huge errors"
"""Why there is no verdict on MAE, in words."""


def judged(outcome: Outcome | None, own: Mapping[str, Measure]) -> tuple[str, ...]:
    """The metrics that judge windows once their labels are known.

    Args:
        outcome: the reference's.
        own: its performance.

    >>> from retrue.metrics.performance.arrays import regression
    >>> from retrue.judge.measured import measure_outcome
    >>> small = [x / 10 for x in range(100)]
    >>> for errors in (small, [*small, 1e6], [1.0, -1.0] * 50):
    ...     outcome = regression([0.0] * len(errors), errors)
    ...     print(*judged(outcome, measure_outcome(outcome)))
    mae median_absolute_error
    median_absolute_error
    mae
    """
    names = () if outcome is None else tuple(name for name in MAIN[outcome.task] if name in own)
    if not isinstance(outcome, RegressionOutcome) or MEDIAN not in names:
        return names
    if in_steps(outcome):
        return (MEAN,)
    return (MEDIAN,) if heavy_tailed(own) else names


def worded(verdicts: Sequence[Verdict], names: Sequence[str]) -> list[Verdict]:
    """The same; of a median that judges alone, that it does and why."""
    if MEDIAN not in names or MEAN in names:
        return list(verdicts)
    return [replace(one, reason=f"{one.reason}; {HEAVY}") if one.metric == MEDIAN else one for one in verdicts]


def estimated(outcome: Outcome | None, own: Mapping[str, Measure]) -> tuple[str, ...]:
    """The metrics that judge windows before: no median can be estimated, for what is expected of a row is a mean."""
    names = () if outcome is None else MAIN[outcome.task]
    return tuple(name for name in names if name in own and name != MEDIAN)


def in_steps(outcome: RegressionOutcome) -> bool:
    """Whether so many errors are of one size that their median jumps from one to the next.

    >>> from retrue.metrics.performance.arrays import regression
    >>> in_steps(regression([0, 0, 0, 0], [0, 1, 1, 2])), in_steps(regression([0] * 40, range(40)))
    (True, False)
    """
    low, high = (size_quantile(outcome, share).value for share in NEAR)
    return low is None or high is None or low >= high


def heavy_tailed(own: Mapping[str, Measure]) -> bool:
    """Whether the median of the reference's errors is known more sharply than their mean."""
    mean, median = (relative_error(own.get(name)) for name in (MEAN, MEDIAN))
    return mean is not None and median is not None and median < mean


def relative_error(measure: Measure | None) -> float | None:
    """The standard error of a metric over its value; None where either isn't known.

    >>> round(relative_error(Measure(2.0, interval=(1.0, 3.0))), 3)
    0.255
    """
    if measure is None or not measure.value or measure.interval is None:
        return None
    return (measure.interval[1] - measure.interval[0]) / (2 * Z95 * measure.value)
