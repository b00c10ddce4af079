"""Recall."""

from __future__ import annotations

from retrue.metrics.measure import Measure
from retrue.metrics.performance.confusion import PARAMETERS, Confusion, Labelled, measure_ratio
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "recall",
    family="performance",
    of="outcome",
    tasks=(Task.BINARY,),
    range=(0, 1),
    unit="share",
    better="higher",
    error="exact; at a threshold inside a score bin, bracketed",
    source="sklearn.metrics.recall_score",
    at=PARAMETERS,
)
def recall(outcome: Labelled, at: str | None = None) -> Measure:
    """Share of positives that are predicted so.

    TP / (TP + FN), at the model's own predictions, at a threshold (`recall@0.3`) or of a class (`recall@cat`).

    >>> from retrue.metrics.performance.arrays import multiclass
    >>> recall(multiclass(["cat", "cat", "dog"], ["cat", "dog", "dog"]), at="cat").value
    0.5
    """
    return measure_ratio(outcome, at, found, lacking="no positives among {n} labels")


def found(table: Confusion) -> tuple[float, float]:
    """Found ones among the positives."""
    return table.tp, table.tp + table.fn
