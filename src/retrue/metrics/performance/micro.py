"""Micro averages: the classes' counts are added up first. Without new classes all three are the accuracy."""

from __future__ import annotations

from functools import partial

from retrue.core.outcome import MulticlassOutcome
from retrue.core.state import added
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import without
from retrue.metrics.performance.confusion import Confusion
from retrue.metrics.performance.intervals import wilson
from retrue.metrics.registry import metric
from retrue.schema import Task

averaged = partial(metric, family="performance", of="outcome", tasks=(Task.MULTICLASS,), range=(0, 1), better="higher")


@averaged("precision_micro", unit="share", source="sklearn.metrics.precision_score(average='micro')")
def precision_micro(outcome: MulticlassOutcome) -> Measure:
    """Share of predictions of known classes that are right.

    >>> from retrue.metrics.performance.arrays import multiclass
    >>> precision_micro(multiclass(["a", "a", "b", "b"], ["a", "b", "b", "b"])).value
    0.75
    """
    table = together(outcome)
    return share_of(outcome, table.tp, table.tp + table.fp, "no prediction is a class of the reference")


@averaged("recall_micro", unit="share", source="sklearn.metrics.recall_score(average='micro')")
def recall_micro(outcome: MulticlassOutcome) -> Measure:
    """Share of labels of known classes that are found.

    >>> from retrue.metrics.performance.arrays import multiclass
    >>> recall_micro(multiclass(["a", "a", "b", "b"], ["a", "b", "b", "b"])).value
    0.75
    """
    table = together(outcome)
    return share_of(outcome, table.tp, table.tp + table.fn, "no label is a class of the reference")


@averaged("f1_micro", source="sklearn.metrics.f1_score(average='micro')")
def f1_micro(outcome: MulticlassOutcome) -> Measure:
    """Harmonic mean of the micro averages of precision and recall: 2 TP / (2 TP + FP + FN), added up over classes.

    A wrong row counts as FP of one class and FN of another, so the interval is that of TP of (TP + (FP + FN) / 2) rows.

    >>> from retrue.metrics.performance.arrays import multiclass
    >>> f1_micro(multiclass(["a", "a", "b", "b"], ["a", "b", "b", "b"])).value
    0.75
    """
    table = together(outcome)
    of = table.tp + (table.fp + table.fn) / 2
    if not of:
        return share_of(outcome, 0, 0, "no label or prediction is a class of the reference")
    return Measure(table.tp / of, interval=wilson(table.tp, of))


def together(outcome: MulticlassOutcome) -> Confusion:
    """The known classes' TP, FP and FN, added up (TN has no meaning here)."""
    known = outcome.matrix[:-1, :-1]
    tp = added(known.diagonal())
    return Confusion(tp, added(outcome.matrix[:, :-1]) - tp, added(outcome.matrix[:-1]) - tp, 0)


def share_of(outcome: MulticlassOutcome, hits: float, of: float, lacking: str) -> Measure:
    """A share of rows with Wilson's interval, `lacking` as the note where it is a share of nothing."""
    if not outcome.matrix.any():
        return without(outcome)
    return Measure(hits / of, interval=wilson(hits, of)) if of else Measure(None, note=lacking)
