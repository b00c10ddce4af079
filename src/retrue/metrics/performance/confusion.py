"""Labels against predictions: the four counts of the confusion matrix, at any threshold, or of one class.

Counts at a threshold are read off the score's bins: exact at every cut, the hundredths among them. A threshold inside a
bin takes the nearest cut and says the worst and the best that the counts could be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from retrue.core.outcome import BinaryOutcome, MulticlassOutcome
from retrue.core.state import Counts, added
from retrue.errors import MetricError, nearest
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import without
from retrue.metrics.performance.intervals import wilson
from retrue.metrics.performance.probabilities import no_probabilities
from retrue.schema import Task

Labelled = BinaryOutcome | MulticlassOutcome
"""The outcomes that have a confusion matrix."""
PARAMETERS = {Task.BINARY: "threshold", Task.MULTICLASS: "class"}
"""What may follow `@` in the name of a metric of one class."""


@dataclass(frozen=True)
class Confusion:
    """Labelled rows by label and prediction, in rows.

    Attributes:
        tp, fp, fn, tn: positives predicted so, negatives predicted positive, positives predicted negative, negatives
            predicted so.
        threshold: the score from which a row counts as predicted positive; None for the model's own predictions.
        worst, best: the least and the most right that the counts could be, where the threshold lies inside a score bin.
    """

    tp: float
    fp: float
    fn: float
    tn: float
    threshold: float | None = None
    worst: Confusion | None = None
    best: Confusion | None = None

    @property
    def n(self) -> float:
        """All rows."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def exact(self) -> bool:
        """Whether the counts are exact."""
        return self.worst is None


Ratio = Callable[[Confusion], tuple[float, float]]
"""Hits and of how many, from a confusion matrix."""


def confusion(outcome: Labelled, at: str | float | None = None) -> Confusion:
    """The confusion matrix: of the model's own predictions, at a threshold (binary), or of a class against the rest.

    Raises:
        MetricError: `at` is no number (binary), or no class of the reference or missing (multiclass).

    >>> from retrue.metrics.performance.arrays import binary
    >>> confusion(binary([0, 0, 1, 1], scores=[0.1, 0.6, 0.4, 0.9]), at=0.3)
    Confusion(tp=2, fp=1, fn=0, tn=1, threshold=0.3, worst=None, best=None)
    """
    if isinstance(outcome, MulticlassOutcome):
        return one_against_rest(outcome, at)
    if at is None:
        (tn, fp), (fn, tp) = outcome.matrix.tolist()
        return Confusion(tp, fp, fn, tn)
    return at_threshold(outcome, parse_threshold(at))


def parse_threshold(at: str | float) -> float:
    """Read a threshold.

    Raises:
        MetricError: not a finite number.
    """
    try:
        threshold = float(at)
    except ValueError:
        threshold = float("nan")
    if not np.isfinite(threshold):
        raise MetricError(f"{at!r} is no threshold", expected="a number such as 0.3")
    return threshold


def at_threshold(outcome: BinaryOutcome, threshold: float) -> Confusion:
    """Count labelled rows with a score by label and by score >= threshold."""
    bins = outcome.scored
    inside = int(np.searchsorted(outcome.cuts, threshold, side="right"))
    if inside > 0 and outcome.cuts[inside - 1] == threshold:
        return split(bins, inside, threshold)
    # The bin's rows lie on both sides: all of them go to the side whose cut is nearer.
    edges = np.concatenate([[-np.inf], outcome.cuts, [np.inf]])
    first = inside if threshold - edges[inside] < edges[inside + 1] - threshold else inside + 1
    doubtful = bins[inside].copy()
    bins = bins.copy()
    bins[inside] = 0
    sure = split(bins, first, threshold)
    found = move(sure, *doubtful.tolist(), predicted=first == inside)
    if not doubtful.any():
        return found
    negatives, positives = doubtful.tolist()
    worst = move(move(sure, negatives, 0, predicted=True), 0, positives, predicted=False)
    best = move(move(sure, negatives, 0, predicted=False), 0, positives, predicted=True)
    return Confusion(found.tp, found.fp, found.fn, found.tn, threshold, worst, best)


def split(bins: Counts, first: int, threshold: float) -> Confusion:
    """Count score bins [bins, 2] from `first` up as predicted positive."""
    (tn, fn), (fp, tp) = bins[:first].sum(axis=0).tolist(), bins[first:].sum(axis=0).tolist()
    return Confusion(tp, fp, fn, tn, threshold)


def move(counts: Confusion, negatives: float, positives: float, *, predicted: bool) -> Confusion:
    """Add rows by label, all predicted positive or all predicted negative."""
    c = counts
    if predicted:
        return Confusion(c.tp + positives, c.fp + negatives, c.fn, c.tn, c.threshold)
    return Confusion(c.tp, c.fp, c.fn + positives, c.tn + negatives, c.threshold)


def one_against_rest(outcome: MulticlassOutcome, at: object) -> Confusion:
    """Count one class as positive and everything else as negative."""
    which = class_index(outcome, at)
    matrix = outcome.matrix
    tp, rest = added(matrix[which, which]), np.arange(len(matrix)) != which
    fn, fp, tn = added(matrix[which, rest]), added(matrix[rest, which]), added(matrix[rest][:, rest])
    return Confusion(tp, fp, fn, tn)


def class_index(outcome: MulticlassOutcome, at: object) -> int:
    """The place of a class among the reference's.

    Raises:
        MetricError: there is no such class; names the nearest.
    """
    if at not in outcome.classes:
        known = ", ".join(outcome.classes[:8])
        raise MetricError(f"{at!r} is no class", expected=f"one of {known}", hint=nearest(str(at), outcome.classes))
    return outcome.classes.index(str(at))


THRESHOLD = 0.5
"""The score from which a row is predicted positive where no prediction column says so."""


def unpredicted(outcome: Labelled, at: str | None) -> Measure | None:
    """No value, because the predictions are scores cut at 0.5 and the scores are no probabilities; else None."""
    if at is not None or not isinstance(outcome, BinaryOutcome):
        return None
    missing = no_probabilities(outcome, "; give probabilities, or prediction=")
    return missing if missing is not None and cut_at_half(outcome) else None


def cut_at_half(outcome: BinaryOutcome) -> bool:
    """Whether the predictions are what a threshold of 0.5 makes of the scores."""
    told, cut = confusion(outcome), at_threshold(outcome, THRESHOLD)
    worst, best = cut.worst or cut, cut.best or cut
    slack = 1e-9 * told.n  # sums of weights depend on the order of adding
    right = worst.tp - slack <= told.tp <= best.tp + slack
    return abs(told.n - cut.n) <= slack and right and best.fp - slack <= told.fp <= worst.fp + slack


def measure_ratio(outcome: Labelled, at: str | None, ratio: Ratio, lacking: str) -> Measure:
    """A share of the confusion matrix with Wilson's interval; `lacking` is the note where it is a share of nothing."""
    table, missing = confusion(outcome, at), unpredicted(outcome, at)
    if missing is not None:
        return missing
    if table.n == 0:
        return without(outcome, "predictions" if table.threshold is None else "scores")
    hits, of = ratio(table)
    if of == 0:
        return Measure(None, note=lacking.format(n=f"{table.n:,.0f}"))
    return Measure(hits / of, error=reach(table, lambda c: quotient(ratio(c))), interval=wilson(hits, of))


def quotient(pair: tuple[float, float]) -> float | None:
    """Hits as a share, None of nothing."""
    return pair[0] / pair[1] if pair[1] else None


def reach(table: Confusion, value: Callable[[Confusion], float | None]) -> float | None:
    """How far a value may be off at this threshold; None where no threshold was read."""
    if table.threshold is None:
        return None
    here = value(table)
    others = [value(c) for c in (table.worst, table.best) if c is not None]
    return max((abs(other - here) for other in others if other is not None and here is not None), default=0.0)
