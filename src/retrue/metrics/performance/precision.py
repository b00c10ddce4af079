"""Precision."""

from __future__ import annotations

from retrue.metrics.measure import Measure
from retrue.metrics.performance.confusion import PARAMETERS, Confusion, Labelled, measure_ratio
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "precision",
    family="performance",
    of="outcome",
    tasks=(Task.BINARY,),
    range=(0, 1),
    unit="share",
    better="higher",
    error="exact; at a threshold inside a score bin, bracketed",
    source="sklearn.metrics.precision_score",
    at=PARAMETERS,
)
def precision(outcome: Labelled, at: str | None = None) -> Measure:
    """Share of predicted positives that are right.

    TP / (TP + FP), at the model's own predictions, at a threshold (`precision@0.3`) or of a class (`precision@cat`).

    >>> from retrue.metrics.performance.arrays import binary
    >>> precision(binary([0, 0, 1, 1], scores=[0.1, 0.6, 0.4, 0.9]), at="0.3").value
    0.6666666666666666
    """
    return measure_ratio(
        outcome, at, right_of_predicted, lacking="nothing is predicted positive among {n} labelled rows"
    )


def right_of_predicted(table: Confusion) -> tuple[float, float]:
    """Right ones among the predicted positives."""
    return table.tp, table.tp + table.fp
