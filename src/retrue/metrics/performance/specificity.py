"""Specificity."""

from __future__ import annotations

from retrue.metrics.measure import Measure
from retrue.metrics.performance.confusion import PARAMETERS, Confusion, Labelled, measure_ratio
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "specificity",
    family="performance",
    of="outcome",
    tasks=(Task.BINARY,),
    range=(0, 1),
    unit="share",
    better="higher",
    error="exact; at a threshold inside a score bin, bracketed",
    source="Yerushalmy 1947; sklearn.metrics.recall_score(pos_label=0)",
    at=PARAMETERS,
)
def specificity(outcome: Labelled, at: str | None = None) -> Measure:
    """Share of negatives that are predicted so.

    TN / (TN + FP): one minus the false positive rate.

    >>> from retrue.metrics.performance.arrays import binary
    >>> specificity(binary([0, 0, 1], predictions=[0, 1, 1])).value
    0.5
    """
    return measure_ratio(outcome, at, spared, lacking="no negatives among {n} labels")


def spared(table: Confusion) -> tuple[float, float]:
    """Ones left alone among the negatives."""
    return table.tn, table.tn + table.fp
