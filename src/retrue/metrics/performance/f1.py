"""F1."""

from __future__ import annotations

from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import without
from retrue.metrics.performance.confusion import PARAMETERS, Confusion, Labelled, confusion, reach, unpredicted
from retrue.metrics.performance.intervals import wilson
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "f1",
    family="performance",
    of="outcome",
    tasks=(Task.BINARY,),
    range=(0, 1),
    better="higher",
    error="exact; at a threshold inside a score bin, bracketed",
    source="van Rijsbergen 1979; sklearn.metrics.f1_score",
    at=PARAMETERS,
)
def f1(outcome: Labelled, at: str | None = None) -> Measure:
    """Harmonic mean of precision and recall.

    2 TP / (2 TP + FP + FN) = 2 J / (1 + J), where J = TP / (TP + FP + FN) is a share of rows: J's Wilson interval,
    put through the same formula, is F1's.

    >>> from retrue.metrics.performance.arrays import binary
    >>> f1(binary([0, 0, 1, 1], predictions=[0, 1, 1, 1])).value
    0.8
    """
    table, missing = confusion(outcome, at), unpredicted(outcome, at)
    if missing is not None:
        return missing
    if table.n == 0:
        return without(outcome, "predictions" if table.threshold is None else "scores")
    value = harmonic(table)
    if value is None:
        return Measure(None, note=f"no positives among {table.n:,.0f} labels and predictions")
    return Measure(value, error=reach(table, harmonic), interval=of_jaccard(table))


def harmonic(table: Confusion) -> float | None:
    """F1 of four counts, None without positives."""
    of = 2 * table.tp + table.fp + table.fn
    return 2 * table.tp / of if of else None


def of_jaccard(table: Confusion) -> tuple[float, float] | None:
    """F1's interval from that of TP / (TP + FP + FN)."""
    ends = wilson(table.tp, table.tp + table.fp + table.fn)
    return None if ends is None else (2 * ends[0] / (1 + ends[0]), 2 * ends[1] / (1 + ends[1]))
