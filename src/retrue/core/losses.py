"""What single events lose: by the probability that was given to what happened, or by their error."""

from __future__ import annotations

import numpy as np

from retrue.core.state import Counts, Fields, Floats, Ints, Sums
from retrue.core.weighing import only

TINY = float(np.finfo(np.float64).eps)
"""Probabilities are clipped to [TINY, 1 - TINY] before the logarithm, as scikit-learn does."""


def losses_of_probability(probability: Floats) -> Floats:
    """-log of the probability that was given to what happened."""
    return -np.log(np.clip(probability, TINY, 1 - TINY))


def binary_losses(label: Ints, scores: Floats, weights: Floats | None = None) -> dict[str, Sums]:
    """Log loss and Brier score of labelled events with a score in [0, 1]."""
    valid = (label < 2) & (scores >= 0) & (scores <= 1)
    y, p, own = label[valid].astype(np.float64), scores[valid], only(weights, valid)
    return {
        "log_loss": Sums.of(losses_of_probability(np.where(y == 1, p, 1 - p)), own),
        "brier": Sums.of((p - y) ** 2, own),
    }


def own_loss(label: Ints, probabilities: Floats) -> tuple[Ints, Floats]:
    """Labelled events with scores, and -log of what their own class got, normalised to sum 1 over the classes."""
    rows = np.flatnonzero(label < probabilities.shape[1])
    given = probabilities[rows]
    valid = ~np.isnan(given).any(axis=1) & (given >= 0).all(axis=1) & (given.sum(axis=1) > 0)
    rows, given = rows[valid], given[valid]
    return rows, losses_of_probability(given[np.arange(rows.size), label[rows]] / given.sum(axis=1))


def regression_losses(label: Floats, error: Floats, weights: Floats | None = None) -> dict[str, Sums]:
    """Sums of |e|, e^2, e, and |e| / |label| where the label isn't 0."""
    size, nonzero = np.abs(error), label != 0
    return {
        "mae": Sums.of(size, weights),
        "mse": Sums.of(error * error, weights),
        "bias": Sums.of(error, weights),
        "mape": Sums.of(size[nonzero] / np.abs(label[nonzero]), only(weights, nonzero)),
    }


WORTH = "value"
"""The name of the sums of what predictions are worth."""


def worth_sums(matrix: Counts, worth: Floats | None) -> dict[str, Sums]:
    """What the predictions of a confusion matrix are worth, event by event; nothing where nobody said.

    Args:
        matrix: [K, K], events by label and prediction.
        worth: float64[K, K], what each is worth.

    >>> worth_sums(np.array([[5, 2], [1, 2]]), np.array([[0.0, -1.0], [0.0, 10.0]]))
    {'value': Sums(n=10, total=18.0, squares=202.0)}
    """
    if worth is None:
        return {}
    return {WORTH: Sums(matrix.sum().item(), float((matrix * worth).sum()), float((matrix * worth**2).sum()))}


def pack_worth(worth: Floats | None) -> dict[str, Ints | Floats | list[str]]:
    """Write what predictions are worth as a field."""
    return {} if worth is None else {"worth": worth.ravel()}


def unpack_worth(fields: Fields) -> Floats | None:
    """Read what `pack_worth` wrote."""
    if "worth" not in fields:
        return None
    worth = np.asarray(fields["worth"], np.float64)
    return worth.reshape(round(worth.size**0.5), -1)
