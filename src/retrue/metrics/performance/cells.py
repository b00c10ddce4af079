"""The four cells of the confusion matrix, as shares of the labelled rows, so that windows of any size compare.

Fewer wrong ones are better; the right ones move with the base rate as well, so neither way is better.
"""

from __future__ import annotations

from functools import partial

from retrue.metrics.measure import Measure
from retrue.metrics.performance.confusion import PARAMETERS, Labelled, measure_ratio
from retrue.metrics.registry import metric
from retrue.schema import Task

cell = partial(
    metric,
    family="performance",
    of="outcome",
    tasks=(Task.BINARY,),
    range=(0, 1),
    unit="share",
    error="exact; at a threshold inside a score bin, bracketed",
    source="sklearn.metrics.confusion_matrix(normalize='all')",
    at=PARAMETERS,
)


@cell("true_positives")
def true_positives(outcome: Labelled, at: str | None = None) -> Measure:
    """Positives predicted so, as a share of all labelled rows: TP / n.

    >>> from retrue.metrics.performance.arrays import binary
    >>> true_positives(binary([0, 0, 1, 1], predictions=[0, 1, 1, 1])).value
    0.5
    """
    return measure_ratio(outcome, at, lambda table: (table.tp, table.n), "no rows")


@cell("false_positives", better="lower")
def false_positives(outcome: Labelled, at: str | None = None) -> Measure:
    """Negatives predicted positive, as a share of all labelled rows: FP / n.

    >>> from retrue.metrics.performance.arrays import binary
    >>> false_positives(binary([0, 0, 1, 1], predictions=[0, 1, 1, 1])).value
    0.25
    """
    return measure_ratio(outcome, at, lambda table: (table.fp, table.n), "no rows")


@cell("false_negatives", better="lower")
def false_negatives(outcome: Labelled, at: str | None = None) -> Measure:
    """Positives predicted negative, as a share of all labelled rows: FN / n.

    >>> from retrue.metrics.performance.arrays import binary
    >>> false_negatives(binary([0, 0, 1, 1], predictions=[0, 1, 1, 1])).value
    0.0
    """
    return measure_ratio(outcome, at, lambda table: (table.fn, table.n), "no rows")


@cell("true_negatives")
def true_negatives(outcome: Labelled, at: str | None = None) -> Measure:
    """Negatives predicted so, as a share of all labelled rows: TN / n.

    >>> from retrue.metrics.performance.arrays import binary
    >>> true_negatives(binary([0, 0, 1, 1], predictions=[0, 1, 1, 1])).value
    0.25
    """
    return measure_ratio(outcome, at, lambda table: (table.tn, table.n), "no rows")
