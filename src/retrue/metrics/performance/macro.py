"""Macro averages: every class that occurs counts the same, however rare."""

from __future__ import annotations

from functools import partial

from retrue.core.outcome import MulticlassOutcome
from retrue.metrics.measure import Measure
from retrue.metrics.performance.averages import F1, PRECISION, RECALL, average
from retrue.metrics.registry import metric
from retrue.schema import Task

averaged = partial(metric, family="performance", of="outcome", tasks=(Task.MULTICLASS,), range=(0, 1), better="higher")


@averaged("precision_macro", source="sklearn.metrics.precision_score(average='macro')")
def precision_macro(outcome: MulticlassOutcome) -> Measure:
    """Mean of the classes' precisions, each class counting the same.

    >>> from retrue.metrics.performance.arrays import multiclass
    >>> precision_macro(multiclass(["a", "a", "b", "b"], ["a", "b", "b", "b"])).value
    0.83...
    """
    return average(outcome, PRECISION, weighted=False)


@averaged("recall_macro", source="sklearn.metrics.recall_score(average='macro')")
def recall_macro(outcome: MulticlassOutcome) -> Measure:
    """Mean of the classes' recalls, each class counting the same; also called balanced accuracy.

    >>> from retrue.metrics.performance.arrays import multiclass
    >>> recall_macro(multiclass(["a", "a", "b", "b"], ["a", "b", "b", "b"])).value
    0.75
    """
    return average(outcome, RECALL, weighted=False)


@averaged("f1_macro", source="sklearn.metrics.f1_score(average='macro')")
def f1_macro(outcome: MulticlassOutcome) -> Measure:
    """Mean of the classes' F1, each class counting the same.

    >>> from retrue.metrics.performance.arrays import multiclass
    >>> f1_macro(multiclass(["a", "a", "b", "b"], ["a", "b", "b", "b"])).value
    0.73...
    """
    return average(outcome, F1, weighted=False)
