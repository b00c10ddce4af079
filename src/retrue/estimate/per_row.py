"""What a model's outputs say of single rows: how sure it is, and how wrong it is expected to be.

    confidence     the greatest probability: of p and 1 - p, or of all classes
    entropy        -sum p log2 p over the classes, in bits: 0 where one is certain (Shannon 1948, section 6)
    expected loss  P(the prediction is wrong | score, features), or E|prediction - label| of a regression

Scores that are no probabilities (below 0, above 1; of several classes all 0) have neither confidence nor entropy: NaN.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, OutcomeGrid, score_rows
from retrue.core.state import Floats
from retrue.errors import MetricError
from retrue.estimate.auto import Classifier
from retrue.estimate.dle import Regressor
from retrue.estimate.estimator import Estimator, Refusing
from retrue.estimate.events import look
from retrue.estimate.loss_cells import MAE


def confidence(grid: OutcomeGrid | None, frame: pl.DataFrame) -> Floats:
    """float64[rows]: the greatest probability, 1 / classes to 1; NaN where there are none.

    Raises:
        MetricError: the model gives no probabilities.
    """
    return np.asarray(probabilities(grid, frame).max(axis=1))


def entropy(grid: OutcomeGrid | None, frame: pl.DataFrame) -> Floats:
    """float64[rows]: bits, 0 to log2(classes); NaN where there are no probabilities.

    Raises:
        MetricError: the model gives no probabilities.
    """
    p = probabilities(grid, frame)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(p > 0, -p * np.log2(p), np.where(np.isnan(p), np.nan, 0.0))
    return np.asarray(parts.sum(axis=1))


def probabilities(grid: OutcomeGrid | None, frame: pl.DataFrame) -> Floats:
    """float64[rows, classes]: the probability of each class, which sum to 1; NaN where scores are none.

    Raises:
        MetricError: the model gives no probabilities.
    """
    if isinstance(grid, BinaryGrid) and grid.score is not None:
        score = score_rows(frame, grid.score)
        inside = np.where((score >= 0) & (score <= 1), score, np.nan)
        return np.column_stack([1 - inside, inside])
    if isinstance(grid, MulticlassGrid) and grid.scores:
        scores = grid.probabilities(frame)
        with np.errstate(invalid="ignore", divide="ignore"):
            usable = (scores >= 0).all(axis=1) & (scores.sum(axis=1) > 0) & np.isfinite(scores).all(axis=1)
            return np.where(usable[:, None], scores / scores.sum(axis=1, keepdims=True), np.nan)
    raise MetricError(
        "the model gives no probabilities", expected="a classifier with a score", hint="ask for expected_loss instead"
    )


def expected_loss(estimator: Estimator, frame: pl.DataFrame) -> Floats:
    """float64[rows]: how wrong each row is expected to be; NaN where it has no score or prediction.

    Of a classifier the chance that its prediction is wrong, by the outcome model (see `estimate.auto`); of a regression
    the expected absolute error, in the label's units (see `estimate.dle`).

    Raises:
        MetricError: the reference doesn't allow it, with the reason.
    """
    if isinstance(estimator, Classifier):
        return chance_of_error(estimator, frame)
    if isinstance(estimator, Regressor):
        return expected_error(estimator, frame)
    reason = estimator.reason if isinstance(estimator, Refusing) else "nobody knows how to"
    raise MetricError(f"the loss can't be expected: {reason}", where="expected_loss")


def chance_of_error(estimator: Classifier, frame: pl.DataFrame) -> Floats:
    """float64[rows]: P(the prediction is wrong)."""
    found = np.full(frame.height, np.nan)
    events = look(estimator.learned.grid, frame)
    if not events.n:
        return found
    chance = estimator.ask(frame, ()).believe("outcome model").chance
    each = np.column_stack([1 - chance, chance]) if chance.ndim == 1 else chance
    predicted = np.asarray(events.cells.predicted)
    known = np.flatnonzero(predicted < each.shape[1])
    found[events.places[known]] = 1 - each[known, predicted[known]]
    return found


def expected_error(estimator: Regressor, frame: pl.DataFrame) -> Floats:
    """float64[rows]: E|prediction - label|."""
    found = np.full(frame.height, np.nan)
    usable = np.flatnonzero(np.isfinite(score_rows(frame, estimator.learned.grid.prediction)))
    if usable.size:
        codes = estimator.learned.features.codes(frame)[usable]
        found[usable] = np.maximum(estimator.learned.believe(codes).chance[:, MAE], 0.0)
    return found
