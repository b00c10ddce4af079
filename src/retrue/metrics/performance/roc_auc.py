"""Area under the ROC curve, of a binary score or of several classes, each against the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrue.core.outcome import MulticlassOutcome
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import one_class, without
from retrue.metrics.performance.confusion import PARAMETERS, Labelled
from retrue.metrics.performance.intervals import of_logit
from retrue.metrics.performance.score_bins import ScoreBins, named, score_bins, unscored
from retrue.metrics.registry import metric
from retrue.schema import Task


@metric(
    "roc_auc",
    family="performance",
    of="outcome",
    tasks=(Task.BINARY,),
    range=(0, 1),
    better="higher",
    error="half the share of pairs of a positive and a negative in one score bin, single-valued bins exempt",
    source="DeLong, DeLong and Clarke-Pearson 1988; sklearn.metrics.roc_auc_score",
    at={Task.MULTICLASS: PARAMETERS[Task.MULTICLASS]},
)
def roc_auc(outcome: Labelled, at: str | None = None) -> Measure:
    """Probability that a positive has a higher score than a negative, ties counting half.

    sum over bins of positives x (negatives below + half the negatives in the bin) / (all positives x all negatives).
    The interval is DeLong's, from the same counts, symmetric on the logit scale. `roc_auc@cat` is of a class against
    the rest.

    >>> from retrue.metrics.performance.arrays import binary
    >>> roc_auc(binary([0, 0, 1, 1], scores=[0.1, 0.6, 0.4, 0.9])).value
    0.75
    """
    bins = score_bins(outcome, at)
    area = area_of(bins)
    if area is None:
        return unscored(outcome, bins)
    interval = of_logit(area.value, area.variance, min(bins.n0, bins.n1))
    return Measure(area.value, error=area.error, interval=interval)


@metric(
    "roc_auc_macro",
    family="performance",
    of="outcome",
    tasks=(Task.MULTICLASS,),
    range=(0, 1),
    better="higher",
    error="the mean of the classes' errors",
    source="sklearn.metrics.roc_auc_score(multi_class='ovr', average='macro')",
)
def roc_auc_macro(outcome: MulticlassOutcome) -> Measure:
    """Mean over classes of the ROC AUC of each against the rest.

    Classes with no labels, or nothing else, are left out. The classes' areas share rows: the interval takes them to
    vary together, which can only be too wide.

    >>> from retrue.metrics.performance.arrays import multiclass
    >>> scores = {"a": [0.9, 0.2, 0.4], "b": [0.1, 0.8, 0.6]}
    >>> roc_auc_macro(multiclass(["a", "b", "a"], scores=scores)).value
    1.0
    """
    bins = {name: score_bins(outcome, name) for name in outcome.classes}
    areas = {name: area for name, b in bins.items() if (area := area_of(b)) is not None}
    if not areas:
        scored = max((b.n0 + b.n1 for b in bins.values()), default=0)
        return one_class(scored) if scored else without(outcome, "scores")
    found = list(areas.values())
    value, spread = float(np.mean([a.value for a in found])), float(np.mean([a.variance**0.5 for a in found]))
    fewest = min(min(bins[name].n0, bins[name].n1) for name in areas)
    return Measure(
        value,
        error=float(np.mean([a.error for a in found])),
        interval=of_logit(value, spread**2, fewest),
        note=named([name for name in outcome.classes if name not in areas], "left out, one class only:"),
    )


@dataclass(frozen=True)
class Area:
    """An area under the curve with its sampling variance and its greatest reading error."""

    value: float
    variance: float
    error: float


def area_of(bins: ScoreBins) -> Area | None:
    """The area under the ROC curve; None unless there are positives and negatives.

    DeLong: a positive's placement is the share of negatives below it, a negative's the share of positives above; the
    variance is that of the positives' placements over their number, plus the same of the negatives.
    """
    n0, n1, neg, pos = bins.n0, bins.n1, bins.negatives, bins.positives
    if not n0 or not n1:
        return None
    of_positive = (np.cumsum(neg) - neg / 2) / n0
    of_negative = 1 - (np.cumsum(pos) - pos / 2) / n1
    value = float((pos * of_positive).sum()) / n1
    spread1 = float((pos * (of_positive - value) ** 2).sum()) / max(n1 - 1, 1)
    spread0 = float((neg * (of_negative - value) ** 2).sum()) / max(n0 - 1, 1)
    ties = float((neg * pos)[~bins.single].sum())
    return Area(min(max(value, 0.0), 1.0), spread1 / n1 + spread0 / n0, ties / (2 * n0 * n1))
