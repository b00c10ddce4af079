"""Accuracy."""

from __future__ import annotations

from retrue.core.outcome import MulticlassOutcome
from retrue.core.state import added
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import counted, without
from retrue.metrics.performance.confusion import Confusion, Labelled, measure_ratio
from retrue.metrics.performance.intervals import wilson
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "accuracy",
    family="performance",
    of="outcome",
    tasks=(Task.BINARY, Task.MULTICLASS),
    range=(0, 1),
    unit="share",
    better="higher",
    error="exact; at a threshold inside a score bin, bracketed",
    source="sklearn.metrics.accuracy_score",
    at={Task.BINARY: "threshold"},
)
def accuracy(outcome: Labelled, at: str | None = None) -> Measure:
    """Share of labelled rows whose prediction is the label.

    (TP + TN) / n. A class that the reference never had counts as wrong where it is predicted, since all such classes
    are counted together; how many rows might be right all the same is the error.

    >>> from retrue.metrics.performance.arrays import binary
    >>> accuracy(binary([0, 0, 1, 1], predictions=[0, 1, 1, 1])).value
    0.75
    """
    if isinstance(outcome, MulticlassOutcome) and at is None:
        return of_classes(outcome)
    return measure_ratio(outcome, at, right, lacking="no rows")


def right(table: Confusion) -> tuple[float, float]:
    """Rows predicted as labelled, of all."""
    return table.tp + table.tn, table.n


def of_classes(outcome: MulticlassOutcome) -> Measure:
    """The diagonal's share of a matrix of any number of classes."""
    n, c = added(outcome.matrix), len(outcome.classes)
    if n == 0:
        return without(outcome)
    hits, new = added(outcome.matrix.diagonal()[:c]), added(outcome.matrix[c, c])
    note = f"{counted(new, 'row')} with a class that the reference never had, in label and prediction" if new else None
    return Measure(hits / n, error=new / n if new else None, interval=wilson(hits, n), note=note)
