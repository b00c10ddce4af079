"""How sure a multiclass model was: counts of predicted class x its own score's bin x what the label says.

Rows without a label are counted too, so that profiles tell how well a window will have been predicted before its
labels come (`retrue.estimate.cbpe_classes`). Scores of the classes that weren't predicted aren't held here.
"""

from __future__ import annotations

import numpy as np

from retrue.core.count import bin_amounts
from retrue.core.state import Counts, Floats, Ints
from retrue.core.weighing import only

BINS = 128
"""Of the score's cuts about so many are used: confidence is a smooth thing, and every class has bins of its own."""


def few(cuts: Floats) -> Floats:
    """Every so-many-th cut.

    >>> few(np.arange(600.0)).size, few(np.arange(3.0)).tolist()
    (120, [0.0, 1.0, 2.0])
    """
    return cuts[:: max(-(-cuts.size // BINS), 1)]


def count_chosen(
    label: Ints, predicted: Ints, probabilities: Floats, cuts: Floats, weights: Floats | None = None
) -> Counts:
    """[C + 1, k + 2, 3]: predicted class (last: any other) x its score's bin (last: no score) x label.

    Args:
        label: int64[n], the class, C for any other, C + 1 where there is none.
        predicted: int64[n], coded alike.
        probabilities: float64[n, C], NaN where there is no score.
        cuts: float64[m] of every class's score, of which `few` are used.
        weights: float64[n], what each row counts for; None: one.
    """
    c, edges = probabilities.shape[1], few(cuts)
    rows = np.flatnonzero(predicted <= c)
    which, truth = predicted[rows], label[rows]
    score = np.where(which < c, probabilities[rows, np.minimum(which, c - 1)], np.nan)
    bins = np.where(np.isnan(score), edges.size + 1, np.searchsorted(edges, score, side="right"))
    state = np.where(truth > c, 2, (truth == which).astype(np.int64))
    shape = (c + 1, edges.size + 2, 3)
    cell = (which * shape[1] + bins) * 3 + state
    return bin_amounts(cell, shape[0] * shape[1] * shape[2], only(weights, rows)).reshape(shape)
