"""CBPE of several classes from profiles: how often the predicted class is right, by its own score.

    reference: predicted class x score bin x label ──isotonic, class by class──> P(right | predicted class, its score)
    window: predicted class x score bin            ──> an expected confusion matrix ──> metrics made of one

Which class is right where the prediction is wrong comes from the reference's mistakes of the same predicted class.
What needs the scores of the other classes (ROC AUC of each against the rest, log loss) can't be told: it needs rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from retrue.core.outcome import MulticlassOutcome
from retrue.core.state import Bools, Counts, Floats, Ints
from retrue.errors import ProfileError
from retrue.estimate import caution
from retrue.estimate.answer import Answer, Belief, Widening, ask, blend, extremes
from retrue.estimate.calibrate import FOLDS, Calibration, Curve, isotonic, thinned
from retrue.estimate.chosen_cells import ChosenCells
from retrue.estimate.estimate import Estimate, refuse
from retrue.estimate.expected import Reading
from retrue.estimate.record import Matured, stretch, withhold
from retrue.metrics.performance.basis import counted

HOW = "CBPE from the predicted class's score bins: the calibrated score says how likely each prediction is right"
NEEDS_ROWS = "profiles hold the score of the predicted class only: needs rows"
NOT_COUNTED = "doesn't hold the predicted class's score (an older version counted it)"


def cbpe_classes(
    window: MulticlassOutcome, reference: MulticlassOutcome, names: Sequence[str], past: Sequence[Matured] = ()
) -> Estimate:
    """Estimate the performance of a window of a multiclass model; see `retrue.estimate.cbpe.cbpe`.

    Raises:
        ProfileError: the two are on different grids, or of different classes.
    """
    if window.classes != reference.classes or not np.array_equal(window.cuts, reference.cuts):
        raise ProfileError("outcomes of different grids", where="cbpe", hint="count both on the reference's grid")
    if window.chosen is None or reference.chosen is None:
        which = "the window's profile" if window.chosen is None else "the reference's profile"
        hint = "recount it" if window.chosen is None else "register it again"
        return refuse("cbpe", f"{which} {NOT_COUNTED}: {hint}", names)
    rows = round(float(window.chosen[:-1, :-1].sum()))
    reason = no_question(window, rows) or unusable(reference.chosen)
    if reason is not None:
        return refuse("cbpe", reason, names, rows)
    cells = ChosenCells.of(window, window.chosen, reference)
    alone = outside(cells, reference.chosen)
    apart = float(cells.weight[alone].sum() / cells.weight.sum())
    if apart > caution.MOST:
        return refuse("cbpe", caution.unlike_anything(apart, rows), names, rows)
    belief = Belief.of(believed(reference, cells))
    bounds, said = {}, []
    if apart > caution.LEAST:
        said.append(caution.some_unlike(apart, rows))
        bounds = extremes(cells, belief.chance, alone, names)
    total = round(window.labelled + window.unlabelled)
    said += caution.left_out(total - rows, total)
    answers = ask(cells, belief, names, float(cells.weight.sum()))
    widening = Widening(bounds, {name: stretch(past, name) for name in names})
    said += caution.past_misses(widening.stretch)
    found = {name: blend(name, [told(answers[name])], [1.0], widening) for name in names}
    return withhold(Estimate("cbpe", HOW, rows, found, tuple(said), stretched=widening.stretch), past)


def told(answer: Answer) -> Answer:
    """The answer, with the reason where a metric needs more than a confusion matrix."""
    return answer if answer.reading.value is not None else Answer(Reading(None, note=NEEDS_ROWS))


def no_question(window: MulticlassOutcome, scored: int) -> str | None:
    """Why a window has nothing to estimate from, None where it has."""
    rows = round(window.labelled + window.unlabelled)
    if rows == 0:
        return "the window has no rows"
    if scored == 0:
        return f"none of the {rows:,} rows has a score for its predicted class"
    if scored < caution.ROWS:
        return f"the window has {counted(scored, 'row')} with a score for the predicted class, needs {caution.ROWS}"
    return None


def unusable(chosen: Counts) -> str | None:
    """Why the reference allows no estimate, None where it does."""
    labelled = chosen[:-1, :-1, :2]
    n = round(float(labelled.sum()))
    if n < caution.LABELS:
        return f"the reference has {n:,} rows with a label and a score for the predicted class, needs {caution.LABELS}"
    if (labelled.sum(axis=(0, 2)) > 0).sum() == 1:
        return "all scores of the reference lie in one bin"
    return None


def outside(cells: ChosenCells, chosen: Counts) -> Bools:
    """bool[g]: groups whose score lies below or above all that the reference has labels for, in that class."""
    held = chosen[:-1, :-1, :2].sum(axis=2) > 0
    first, last = held.argmax(axis=1), held.shape[1] - 1 - held[:, ::-1].argmax(axis=1)
    first[~held.any(axis=1)] = held.shape[1]  # a class that the reference never predicted
    found: Bools = (cells.bins < first[cells.predicted]) | (cells.bins > last[cells.predicted])
    return found


def believed(reference: MulticlassOutcome, cells: ChosenCells) -> Floats:
    """float64[folds, g]: P(right) of each group by the calibration without each fold."""
    found = np.zeros((FOLDS, cells.bins.size))
    for which, calibration in enumerate(calibrations(reference)):
        own = cells.predicted == which
        if own.any():
            found[:, own] = calibration.each(cells.bins[own].astype(np.float64))
    return found


@lru_cache(maxsize=64)
def calibrations(reference: MulticlassOutcome) -> tuple[Calibration, ...]:
    """For each predicted class P(right) by the bin of its score; of rare ones, that of all classes together."""
    labels = np.zeros((0, 0, 2), np.int64)
    if reference.chosen is not None:
        labels = np.rint(reference.chosen[:-1, :-1, :2]).astype(np.int64)  # weighted ones count in parts of rows
    pooled = by_bin(labels.sum(axis=0))
    return tuple(by_bin(own) if own.sum() >= caution.LABELS else pooled for own in labels)


def by_bin(labels: Ints) -> Calibration:
    """Learn a calibration from counts of bins: int64[bins, 2], wrong and right."""
    return Calibration(tuple(curve(labels - part) for part in thinned(labels, FOLDS)))


def curve(labels: Ints) -> Curve:
    """The isotonic curve over bins."""
    n = labels.sum(axis=1).astype(np.float64)
    held = np.flatnonzero(n)
    return isotonic(held.astype(np.float64), labels[held, 1] / n[held], n[held])
