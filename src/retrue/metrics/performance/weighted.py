"""Weighted averages: every class counts as often as it is the label."""

from __future__ import annotations

from functools import partial

from retrue.core.outcome import MulticlassOutcome
from retrue.metrics.measure import Measure
from retrue.metrics.performance.averages import F1, PRECISION, RECALL, average
from retrue.metrics.registry import metric
from retrue.schema import Task

averaged = partial(metric, family="performance", of="outcome", tasks=(Task.MULTICLASS,), range=(0, 1), better="higher")


@averaged("precision_weighted", source="sklearn.metrics.precision_score(average='weighted')")
def precision_weighted(outcome: MulticlassOutcome) -> Measure:
    """Mean of the classes' precisions, each counting as often as its label.

    >>> from retrue.metrics.performance.arrays import multiclass
    >>> precision_weighted(multiclass(["a", "a", "b", "b"], ["a", "b", "b", "b"])).value
    0.83...
    """
    return average(outcome, PRECISION, weighted=True)


@averaged("recall_weighted", source="sklearn.metrics.recall_score(average='weighted')")
def recall_weighted(outcome: MulticlassOutcome) -> Measure:
    """Mean of the classes' recalls, each counting as often as its label: the share of labels of known classes found.

    >>> from retrue.metrics.performance.arrays import multiclass
    >>> recall_weighted(multiclass(["a", "a", "b", "b"], ["a", "b", "b", "b"])).value
    0.75
    """
    return average(outcome, RECALL, weighted=True)


@averaged("f1_weighted", source="sklearn.metrics.f1_score(average='weighted')")
def f1_weighted(outcome: MulticlassOutcome) -> Measure:
    """Mean of the classes' F1, each counting as often as its label.

    >>> from retrue.metrics.performance.arrays import multiclass
    >>> f1_weighted(multiclass(["a", "a", "b", "b"], ["a", "b", "b", "b"])).value
    0.73...
    """
    return average(outcome, F1, weighted=True)
