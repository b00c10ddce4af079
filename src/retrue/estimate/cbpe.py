"""CBPE from profiles: estimated performance of any window and slice as arithmetic on score bins, without a row read.

Confidence-based performance estimation: where scores are calibrated, the share of rows with score s that are
positive is s, and so the expected confusion matrix follows from the window's scores alone. Here the calibration comes
from the reference's bins (isotonic), and every registered metric from the expected outcome. Right as long as
P(y | score) stays: rows, and `retrue.estimate.fitting.fit`, can tell more. Several classes: `cbpe_classes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from retrue.core.outcome import BinaryOutcome, MulticlassOutcome, Outcome
from retrue.core.outcome_grid import THRESHOLD
from retrue.core.state import Bools, Floats, Ints
from retrue.errors import ProfileError
from retrue.estimate import caution
from retrue.estimate.answer import Belief, Widening, ask, blend, extremes
from retrue.estimate.calibrate import BinScale, Calibration, calibrate_bins
from retrue.estimate.cbpe_classes import cbpe_classes
from retrue.estimate.estimate import Estimate, metric_names, refuse
from retrue.estimate.expected import Cells
from retrue.estimate.record import Matured, stretch, withhold
from retrue.estimate.shift import label_shift
from retrue.metrics.performance.confusion import Confusion, at_threshold, confusion
from retrue.schema import Task

HOW = "CBPE from score bins: the calibrated score says how likely each prediction is right"
NO_THRESHOLD = "predictions aren't scores cut at a threshold: needs rows"


def cbpe(
    window: Outcome, reference: Outcome, metrics: Sequence[str] | None = None, past: Sequence[Matured] = ()
) -> Estimate:
    """Estimate the performance of a window from score bins.

    Args:
        window: its outcome; labels in it aren't looked at.
        reference: the outcome of labelled reference rows that the model wasn't trained on, on the same grid.
        metrics: names of registered metrics; all of the task, unless given.
        past: earlier estimates of this kind whose labels have matured, oldest first: they widen intervals that were too
            narrow, and forbid estimates that labels have refuted.

    Raises:
        ProfileError: the two are on different grids.

    >>> from retrue.metrics.performance.arrays import binary
    >>> rng = np.random.default_rng(1)
    >>> scores = np.round(rng.random(4000), 2)
    >>> labelled = binary((rng.random(4000) < scores).astype(int), scores=scores)
    >>> found = cbpe(labelled, labelled)["accuracy"]
    >>> abs(found.value - 0.75) < 0.02, found.interval[0] < 0.75 < found.interval[1]
    (True, True)
    """
    if isinstance(window, MulticlassOutcome) and isinstance(reference, MulticlassOutcome):
        return cbpe_classes(window, reference, metrics or metric_names(Task.MULTICLASS), past)
    if not isinstance(window, BinaryOutcome) or not isinstance(reference, BinaryOutcome):
        task = Task(reference.task)
        names = metrics or metric_names(task)
        return refuse("cbpe", f"the profiles of a {task} hold nothing of rows without a label: needs rows", names)
    names = tuple(metrics) if metrics is not None else metric_names(Task.BINARY)
    if not np.array_equal(window.cuts, reference.cuts):
        raise ProfileError("score bins of different grids", where="cbpe", hint="count both on the reference's grid")
    scale, own = BinScale.of(window), BinScale.of(reference)
    rows = int(scale.rows.sum())
    reason = no_question(window, rows) or unusable(own)
    if reason is not None:
        return refuse("cbpe", reason, names, rows)
    apart = share_outside(scale, own)
    if apart > caution.MOST:
        return refuse("cbpe", caution.unlike_anything(apart, rows), names, rows)
    return estimated(window, reference, scale, names, past)


def no_question(window: BinaryOutcome, scored: int) -> str | None:
    """Why a window has nothing to estimate from, None where it has."""
    rows = int(window.counts.sum())
    if rows == 0:
        return "the window has no rows"
    if scored == 0:
        return f"none of the {rows:,} rows has a score"
    return None if scored >= caution.ROWS else f"the window has {scored:,} rows with a score, needs {caution.ROWS}"


def unusable(own: BinScale) -> str | None:
    """Why the reference allows no estimate, None where it does."""
    labels = own.labels.sum(axis=0)
    if labels.sum() < caution.LABELS:
        return f"the reference has {labels.sum():,} rows with a label and a score, needs {caution.LABELS}"
    if labels.min() < caution.OF_EACH:
        which = "positive" if labels[1] < labels[0] else "negative"
        return f"the reference has {labels.min():,} {which} labels, needs {caution.OF_EACH}"
    if (own.labels.sum(axis=1) > 0).sum() == 1:
        return "all scores of the reference lie in one bin"
    return None


def outside(scale: BinScale, own: BinScale) -> Bools:
    """The window's bins below or above all that the reference has labels in."""
    held = own.bins[own.labels.sum(axis=1) > 0]
    return np.asarray((scale.bins < held[0]) | (scale.bins > held[-1]))


def share_outside(scale: BinScale, own: BinScale) -> float:
    """The share of the window's rows in such bins."""
    return float(scale.rows[outside(scale, own)].sum() / scale.rows.sum())


def estimated(
    window: BinaryOutcome, reference: BinaryOutcome, scale: BinScale, names: Sequence[str], past: Sequence[Matured]
) -> Estimate:
    """The estimate of a window that allows one."""
    threshold = threshold_of(reference)
    cells = cells_of(window, scale, threshold)
    rows = float(scale.rows.sum())
    belief = Belief.of(calibration_of(reference).each(scale.scores))
    answers = ask(cells, belief, names, rows)
    bounds, warnings = widened(cells, belief.chance, window, reference, names)
    widening = Widening(bounds, {name: stretch(past, name) for name in names})
    found = {name: blend(name, [answers[name]], [1.0], widening) for name in names}
    warnings = (*warnings, *caution.past_misses(widening.stretch))
    return withhold(Estimate("cbpe", HOW, round(rows), found, warnings, stretched=widening.stretch), past)


@lru_cache(maxsize=64)
def calibration_of(reference: BinaryOutcome) -> Calibration:
    """The calibration of a reference, learned once for all its windows."""
    return calibrate_bins(reference)


@lru_cache(maxsize=64)
def threshold_of(reference: BinaryOutcome) -> float | None:
    """The cut from which scores were predicted positive in the reference; None where no cut gives its predictions."""
    told = confusion(reference)
    positive = told.tp + told.fp
    above = np.append(reference.scored.sum(axis=1)[::-1].cumsum()[::-1], 0)  # rows in bin b and above
    if fits(told, at_threshold(reference, THRESHOLD)):
        return THRESHOLD
    place = int(np.abs(above - positive).argmin())
    cut = float(reference.cuts[place - 1]) if 0 < place <= reference.cuts.size else None
    return cut if cut is not None and fits(told, at_threshold(reference, cut), slack=0.005) else None


def fits(told: Confusion, cut: Confusion, slack: float = 0.0) -> bool:
    """Whether predictions are what a cut gives, but for a share of rows."""
    off = max(abs(told.tp - cut.tp), abs(told.fp - cut.fp), abs(told.fn - cut.fn), abs(told.tn - cut.tn))
    return told.n > 0 and off <= slack * told.n


def cells_of(window: BinaryOutcome, scale: BinScale, threshold: float | None) -> Cells:
    """The window's bins as cells; without a threshold no prediction is known."""
    if threshold is None:
        predicted: Ints = np.full(scale.bins.size, 2)
    else:
        first = int(np.searchsorted(window.cuts, threshold, side="right"))
        predicted = (scale.bins >= first).astype(np.int64)
    return Cells(window.cuts, scale.bins, scale.scores, predicted, scale.rows)


def widened(
    cells: Cells, chance: Floats, window: BinaryOutcome, reference: BinaryOutcome, names: Sequence[str]
) -> tuple[dict[str, list[float]], tuple[str, ...]]:
    """What the intervals must hold besides, and why in words."""
    bounds: dict[str, list[float]] = {name: [] for name in names}
    said = []
    scale, own = BinScale.of(window), BinScale.of(reference)
    alone, apart = outside(scale, own), share_outside(scale, own)
    if apart > caution.LEAST:
        said.append(caution.some_unlike(apart, int(cells.weight.sum())))
        for name, values in extremes(cells, chance, alone, names).items():
            bounds[name] += values
    shift = label_shift(window, reference)
    if shift is not None and shift.evident:
        said.append(caution.rates_moved(shift))
        for name, values in caution.with_base_rate(cells, chance, shift, names).items():
            bounds[name] += values
    scored, total = int(cells.weight.sum()), int(window.counts.sum())
    said += caution.left_out(total - scored, total)
    return bounds, tuple(said)
