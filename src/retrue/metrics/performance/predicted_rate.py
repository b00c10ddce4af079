"""Predicted rate."""

from __future__ import annotations

from retrue.metrics.measure import Measure
from retrue.metrics.performance.confusion import PARAMETERS, Confusion, Labelled, measure_ratio
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "predicted_rate",
    family="performance",
    of="outcome",
    tasks=(Task.BINARY,),
    range=(0, 1),
    unit="share",
    error="exact; at a threshold inside a score bin, bracketed",
    source="also called selection rate",
    at=PARAMETERS,
)
def predicted_rate(outcome: Labelled, at: str | None = None) -> Measure:
    """Share of labelled rows that are predicted positive: above the base rate, the model predicts too many.

    (TP + FP) / n.

    >>> from retrue.metrics.performance.arrays import binary
    >>> predicted_rate(binary([0, 0, 1, 1], predictions=[0, 1, 1, 1])).value
    0.75
    """
    return measure_ratio(outcome, at, predicted, lacking="no rows")


def predicted(table: Confusion) -> tuple[float, float]:
    """Predicted positives, of all."""
    return table.tp + table.fp, table.n
