"""Base rate."""

from __future__ import annotations

from retrue.core.outcome import MulticlassOutcome
from retrue.core.state import added
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import without
from retrue.metrics.performance.confusion import Labelled, class_index
from retrue.metrics.performance.intervals import wilson
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "base_rate",
    family="performance",
    of="outcome",
    tasks=(Task.BINARY,),
    range=(0, 1),
    unit="share",
    source="also called prevalence",
    at={Task.MULTICLASS: "class"},
)
def base_rate(outcome: Labelled, at: str | None = None) -> Measure:
    """Share of positives among the known labels, or of one class (`base_rate@cat`).

    (TP + FN) / n, rows without a score or prediction included (of a class: rows with a prediction).

    >>> from retrue.metrics.performance.arrays import binary
    >>> base_rate(binary([0, 1, 1, None])).value
    0.6666666666666666
    """
    if isinstance(outcome, MulticlassOutcome):
        positives, n = added(outcome.matrix[class_index(outcome, at)]), added(outcome.matrix)
    else:
        positives, n = added(outcome.counts[:, 1]), outcome.labelled
    return Measure(positives / n, interval=wilson(positives, n)) if n else without(outcome)
