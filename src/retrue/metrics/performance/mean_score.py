"""Mean score."""

from __future__ import annotations

from retrue.core.outcome import BinaryOutcome
from retrue.core.state import Sums, added
from retrue.metrics.measure import NOTHING, Measure
from retrue.metrics.performance.basis import counted, mean
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric("mean_score", family="performance", of="outcome", tasks=(Task.BINARY,), source="arithmetic mean")
def mean_score(outcome: BinaryOutcome) -> Measure:
    """Mean score of all rows that have one, labelled or not.

    sum of scores / n. The interval's variance is that between the score's bins: what lies within a bin is too little
    to matter.

    >>> from retrue.metrics.performance.arrays import binary
    >>> mean_score(binary([0, 1, None], scores=[0.25, 0.5, 0.75])).value
    0.5
    """
    n, sums = outcome.counts[:-1].sum(axis=1), outcome.score_sums[:-1].sum(axis=1)
    if n.sum() == 0:
        rows = outcome.labelled + outcome.unlabelled
        return Measure(None, note=f"no scores among {counted(rows, 'row')}") if rows else NOTHING
    held = n > 0
    squares = float((sums[held] ** 2 / n[held]).sum())
    return mean(Sums(added(n), float(sums.sum()), squares))
